//! Text out of the little HTML of titles and excerpts.

/// What a reader sees: tags left out, entities decoded, white space single.
pub fn text(html: &str) -> String {
    let mut plain = String::with_capacity(html.len());
    let mut is_tag = false;
    for c in html.chars() {
        match c {
            '<' => is_tag = true,
            '>' if is_tag => {
                is_tag = false;
                plain.push(' ');
            }
            _ if is_tag => {}
            other => plain.push(other),
        }
    }
    let mut out = String::with_capacity(plain.len());
    let mut rest = plain.as_str();
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        match tail
            .split_once(';')
            .and_then(|(name, after)| Some((entity(name)?, after)))
        {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push('&');
                rest = tail;
            }
        }
    }
    out.push_str(rest);
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The entities that the vendor writes: numbers, and those of XML.
fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        "hellip" => Some('…'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn readers_see_no_markup() {
        assert_eq!(
            text("Ann&#8217;s <b>caf&#xe9;</b> &amp; more"),
            "Ann’s café & more"
        );
        assert_eq!(text("<p>One</p>\n<p>two &hellip;</p>"), "One two …");
        assert_eq!(text("a & b &unknown; 1 < 2"), "a & b &unknown; 1");
    }
}
