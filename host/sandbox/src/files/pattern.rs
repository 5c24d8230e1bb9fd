//! Glob patterns: `*` within a part of a path, `**` across parts, `?` for one character.

/// A pattern over the path below the prefix.
pub(super) struct Pattern {
    parts: Vec<String>,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = if text.is_empty() { "**" } else { text };
        let parts: Vec<String> = text.split('/').map(str::to_owned).collect();
        if parts.iter().any(|part| part.is_empty() || part == "..") || parts.len() > 32 {
            return Err(format!("`{text}` is no pattern of names joined by `/`"));
        }
        Ok(Self { parts })
    }

    /// Whether anything below the first level can match.
    pub(super) fn is_deep(&self) -> bool {
        self.parts.len() > 1 || self.parts[0].contains("**")
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        let path: Vec<&str> = path.split('/').collect();
        matches_parts(&self.parts, &path)
    }
}

fn matches_parts(pattern: &[String], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "**" => {
            (0..=path.len()).any(|skipped| {
                // A closing `**` stands for at least one part.
                (!rest.is_empty() || skipped == path.len() && skipped > 0)
                    && matches_parts(rest, &path[skipped..])
            })
        }
        (Some((first, rest)), Some((name, below))) => {
            matches_name(first.as_bytes(), name.as_bytes()) && matches_parts(rest, below)
        }
        _ => false,
    }
}

/// Linear time: on a mismatch only the last `*` grows.
fn matches_name(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, n));
            p += 1;
        } else if pattern
            .get(p)
            .is_some_and(|it| *it == b'?' || *it == name[n])
        {
            p += 1;
            n += 1;
        } else if let Some((star_p, star_n)) = star {
            star = Some((star_p, star_n + 1));
            p = star_p + 1;
            n = star_n + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|it| *it == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_shells_do() {
        for (pattern, path, wanted) in [
            ("*.csv", "orders.csv", true),
            ("*.csv", "2026/orders.csv", false),
            ("**/*.csv", "orders.csv", true),
            ("**/*.csv", "2026/11/orders.csv", true),
            ("**", "2026/11/orders.csv", true),
            ("", "2026/orders.csv", true),
            ("2026/*/o*.csv", "2026/11/orders.csv", true),
            ("2026/*/o*.csv", "2026/11/12/orders.csv", false),
            ("order?.csv", "orders.csv", true),
            ("order?.csv", "order.csv", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
        ] {
            assert_eq!(
                Pattern::parse(pattern).unwrap().matches(path),
                wanted,
                "{pattern} {path}"
            );
        }
        assert!(Pattern::parse("../x").is_err());
        assert!(Pattern::parse("a//b").is_err());
    }
}
