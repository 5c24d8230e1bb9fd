//! Where the next page is, for the three usual ways of paging.

use serde::{Deserialize, Serialize};

use super::Reply;

/// The address with `rel="next"` of the `Link` header (RFC 8288).
pub fn next_link(reply: &Reply) -> Option<String> {
    let mut rest = reply.header("link")?;
    loop {
        let start = rest.find('<')? + 1;
        let end = start + rest[start..].find('>')?;
        let target = &rest[start..end];
        let tail = &rest[end + 1..];
        let parameters = &tail[..tail.find('<').unwrap_or(tail.len())];
        let is_next = parameters.split([';', ',']).any(|parameter| {
            parameter.split_once('=').is_some_and(|(name, value)| {
                name.trim().eq_ignore_ascii_case("rel")
                    && value
                        .trim()
                        .trim_matches('"')
                        .split_ascii_whitespace()
                        .any(|rel| rel.eq_ignore_ascii_case("next"))
            })
        });
        if is_next {
            return Some(target.to_owned());
        }
        rest = tail;
    }
}

/// The text or number at a dotted path such as `paging.next.after`; absent, null and empty text
/// mean that there is no next page.
pub fn next_token(body: &serde_json::Value, path: &str) -> Option<String> {
    let found = path
        .split('.')
        .try_fold(body, |value, key| value.get(key))?;
    match found {
        serde_json::Value::String(text) if !text.is_empty() => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Paging by number: page 1, 2, 3 until one is not full. Serialize it as the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageNumber {
    /// Counts from the vendor's first number on.
    pub number: u32,
    /// Objects on a full page.
    pub size: u32,
}

impl PageNumber {
    /// The page after this one; none where this one held fewer than `size` objects.
    #[must_use]
    pub fn after(self, returned: usize) -> Option<Self> {
        (returned >= self.size as usize).then_some(Self {
            number: self.number + 1,
            size: self.size,
        })
    }
}
