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

/// Shorter values are not looked for, since they would blot out ordinary text; so no connector is
/// made with a shorter secret.
pub(crate) const SHORTEST_NEEDLE_BYTES: usize = 6;

/// Shorter words within a secret's text may be ordinary ones.
const SHORTEST_WORD_BYTES: usize = 16;

/// Blots out known secrets in texts and bodies, in the forms in which they travel.
#[derive(Default)]
pub(crate) struct Scrubber {
    needles: RwLock<Vec<Needle>>,
}

struct Needle {
    bytes: Zeroizing<Vec<u8>>,
    /// How often it was added and not removed: values share forms.
    added: usize,
}

impl Scrubber {
    /// Adds a value with its base64, percent-encoded and JSON-escaped forms.
    pub(crate) fn add(&self, value: &str) {
        let Ok(mut needles) = self.needles.write() else {
            return;
        };
        for form in forms(value) {
            let known = needles
                .iter_mut()
                .find(|needle| needle.bytes.as_slice() == form.as_bytes());
            match known {
                Some(needle) => needle.added += 1,
                None if form.len() >= SHORTEST_NEEDLE_BYTES => needles.push(Needle {
                    bytes: Zeroizing::new(form.into_bytes()),
                    added: 1,
                }),
                None => {}
            }
        }
        needles.sort_by_key(|needle| std::cmp::Reverse(needle.bytes.len()));
    }

    /// Adds a value and its long words: a secret's text may hold several values.
    pub(crate) fn add_all(&self, text: &str) {
        self.add(text);
        let words = text.split_whitespace();
        words
            .filter(|word| word.len() >= SHORTEST_WORD_BYTES)
            .for_each(|word| self.add(word));
    }

    /// Undoes one [`Self::add`] of a value that is of no use to anybody any more.
    pub(crate) fn remove(&self, value: &str) {
        let Ok(mut needles) = self.needles.write() else {
            return;
        };
        for form in forms(value) {
            let known = needles
                .iter_mut()
                .find(|needle| needle.bytes.as_slice() == form.as_bytes());
            if let Some(needle) = known {
                needle.added -= 1;
            }
            needles.retain(|needle| needle.added > 0);
        }
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
            let finder = memmem::Finder::new(needle.bytes.as_slice());
            let mut from = 0;
            loop {
                let hay: &[u8] = changed.as_deref().unwrap_or(&body);
                let Some(found) = finder.find(&hay[from..]).map(|at| at + from) else {
                    break;
                };
                let copy = changed.get_or_insert_with(|| BytesMut::from(&body[..]));
                copy[found..found + needle.bytes.len()].fill(b'*');
                from = found + needle.bytes.len();
            }
        }
        changed.map_or(body, BytesMut::freeze)
    }
}

/// How a value may be written.
fn forms(value: &str) -> Vec<String> {
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
    forms
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
    fn a_removed_value_is_let_through_and_its_neighbours_are_not() {
        let scrubber = Scrubber::default();
        scrubber.add_all("first-long-value-1 second-long-value");
        scrubber.add("third value");
        scrubber.remove("third value");
        scrubber.add("second-long-value");
        scrubber.remove("second-long-value");
        let text = scrubber.text("first-long-value-1, second-long-value, third value");
        assert_eq!(text, "******************, *****************, third value");
    }

    #[test]
    fn short_values_leave_ordinary_text_alone() {
        let scrubber = Scrubber::default();
        scrubber.add("a");
        assert_eq!(scrubber.text("a banana"), "a banana");
    }
}
