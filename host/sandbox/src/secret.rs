//! Secrets, and keeping them out of everything that leaves the host.

use std::fmt;
use std::sync::RwLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use memchr::memmem;
use zeroize::Zeroizing;

/// A secret's text. Neither `Debug` nor `Display` shows it; memory is cleared on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a secret in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself, for those who sign or encrypt with it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Shorter values are not looked for: they would blot out ordinary text, and are no secrets.
const SHORTEST_NEEDLE_BYTES: usize = 6;

/// Blots out known secrets in texts and bodies, in the forms in which they travel.
#[derive(Default)]
pub(crate) struct Scrubber {
    needles: RwLock<Vec<Zeroizing<Vec<u8>>>>,
}

impl Scrubber {
    /// Adds a value with its base64, percent-encoded and JSON-escaped forms.
    pub(crate) fn add(&self, value: &str) {
        let mut forms = vec![value.to_owned(), BASE64_STANDARD.encode(value)];
        let percent = percent_encoded(value);
        forms.push(percent.to_lowercase());
        forms.push(percent);
        forms.push(form_encoded(value));
        if let Ok(quoted) = serde_json::to_string(value) {
            forms.push(quoted[1..quoted.len() - 1].to_owned());
        }
        if let Some(encoded) = value.strip_prefix("whsec_") {
            forms.push(encoded.to_owned());
        }
        let Ok(mut needles) = self.needles.write() else {
            return;
        };
        for form in forms {
            let known = needles
                .iter()
                .any(|needle| needle.as_slice() == form.as_bytes());
            if form.len() >= SHORTEST_NEEDLE_BYTES && !known {
                needles.push(Zeroizing::new(form.into_bytes()));
            }
        }
        needles.sort_by_key(|needle| std::cmp::Reverse(needle.len()));
    }

    /// `text` with every secret replaced.
    pub(crate) fn text(&self, text: &str) -> String {
        let clean = self.bytes(Bytes::copy_from_slice(text.as_bytes()));
        String::from_utf8_lossy(&clean).into_owned()
    }

    /// `body` with every secret replaced by as many asterisks, so that lengths stay true.
    pub(crate) fn bytes(&self, body: Bytes) -> Bytes {
        let Ok(needles) = self.needles.read() else {
            return Bytes::new();
        };
        let mut changed: Option<BytesMut> = None;
        for needle in needles.iter() {
            let finder = memmem::Finder::new(needle.as_slice());
            let mut from = 0;
            loop {
                let hay: &[u8] = changed.as_deref().unwrap_or(&body);
                let Some(found) = finder.find(&hay[from..]).map(|at| at + from) else {
                    break;
                };
                let copy = changed.get_or_insert_with(|| BytesMut::from(&body[..]));
                copy[found..found + needle.len()].fill(b'*');
                from = found + needle.len();
            }
        }
        changed.map_or(body, BytesMut::freeze)
    }
}

/// RFC 3986 percent-encoding of everything but unreserved characters.
pub(crate) fn percent_encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                out.push(byte.into());
            } else {
                write!(out, "%{byte:02X}").expect("writing to a string cannot fail");
            }
            out
        })
}

/// As in a form or a query: what percent-encoding does, with `+` for a space.
fn form_encoded(text: &str) -> String {
    percent_encoded(text).replace("%20", "+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show() {
        let secret = Secret::new("hunter2hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "*** Secret(***)");
    }

    #[test]
    fn every_travelling_form_is_blotted_out() {
        let scrubber = Scrubber::default();
        scrubber.add("s3cr3t/+\"key");
        scrubber.add("s3cr3t with spaces");
        let encoded = BASE64_STANDARD.encode("s3cr3t/+\"key");
        for form in [
            "s3cr3t/+\"key",
            &encoded,
            "s3cr3t%2F%2B%22key",
            "s3cr3t/+\\\"key",
        ] {
            let text = scrubber.text(&format!("a {form} b {form}"));
            assert!(!text.contains(form), "{text}");
            assert_eq!(text.len(), 5 + 2 * form.len());
        }
    }

    #[test]
    fn short_values_leave_ordinary_text_alone() {
        let scrubber = Scrubber::default();
        scrubber.add("a");
        assert_eq!(scrubber.text("a banana"), "a banana");
    }
}
