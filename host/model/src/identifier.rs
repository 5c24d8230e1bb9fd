//! Typed keys that join fragments to one person.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;

/// A normalized identifier. Build one with the functions of this type, which normalize; `None`
/// means that nothing is left to join on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Identifier {
    /// A vendor's id of the person, namespaced by the system that gave it (the connector's id).
    Vendor {
        /// Connector id, or the name of a system.
        system: SmolStr,
        /// The vendor's id.
        id: SmolStr,
    },
    /// The id that the operator's own login gives.
    UserId(SmolStr),
    /// Lower-cased and trimmed.
    Email(SmolStr),
    /// Digits with a leading `+` where the source had one (E.164).
    Phone(SmolStr),
    /// Made up by a tracking client.
    AnonymousId(SmolStr),
    /// A first-party cookie.
    Cookie(SmolStr),
}

/// What kind an identifier is. The order is its strength: an earlier kind joins first and names
/// the fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentifierKind {
    /// See [`Identifier::Vendor`].
    Vendor,
    /// See [`Identifier::UserId`].
    UserId,
    /// See [`Identifier::Email`].
    Email,
    /// See [`Identifier::Phone`].
    Phone,
    /// See [`Identifier::AnonymousId`].
    AnonymousId,
    /// See [`Identifier::Cookie`].
    Cookie,
}

impl IdentifierKind {
    /// The word in configuration, on the command line and in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vendor => "vendor",
            Self::UserId => "user-id",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::AnonymousId => "anonymous-id",
            Self::Cookie => "cookie",
        }
    }
}

/// Longest identifier that is kept, in bytes; RFC 5321 allows 254 for an address.
pub const MAX_IDENTIFIER_BYTES: usize = 512;

impl Identifier {
    /// The id `id` at `system`.
    pub fn vendor(system: &str, id: &str) -> Option<Self> {
        Some(Self::Vendor {
            system: SmolStr::new(system),
            id: opaque(id)?,
        })
    }

    /// The operator's own id.
    pub fn user_id(id: &str) -> Option<Self> {
        opaque(id).map(Self::UserId)
    }

    /// An address with exactly one `@` between two non-empty parts and no white space.
    pub fn email(address: &str) -> Option<Self> {
        let address = address.trim();
        let (local, domain) = address.split_once('@')?;
        let plausible = !local.is_empty()
            && !domain.is_empty()
            && !domain.contains('@')
            && !address.contains(char::is_whitespace)
            && address.len() <= MAX_IDENTIFIER_BYTES;
        plausible.then(|| Self::Email(SmolStr::new(address.to_lowercase())))
    }

    /// A number of 6 to 15 digits (ITU-T E.164); `00` at the start is read as `+`.
    pub fn phone(number: &str) -> Option<Self> {
        let number = number.trim();
        let mut text = String::with_capacity(number.len());
        let mut rest = number;
        if let Some(after) = number
            .strip_prefix('+')
            .or_else(|| number.strip_prefix("00"))
        {
            text.push('+');
            rest = after;
        }
        for character in rest.chars() {
            match character {
                '0'..='9' => text.push(character),
                ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}' => {}
                _ => return None,
            }
        }
        let digits = text.trim_start_matches('+').len();
        (6..=15)
            .contains(&digits)
            .then(|| Self::Phone(SmolStr::new(text)))
    }

    /// A tracking client's id.
    pub fn anonymous_id(id: &str) -> Option<Self> {
        opaque(id).map(Self::AnonymousId)
    }

    /// A cookie's value.
    pub fn cookie(value: &str) -> Option<Self> {
        opaque(value).map(Self::Cookie)
    }

    /// Its kind.
    pub fn kind(&self) -> IdentifierKind {
        match self {
            Self::Vendor { .. } => IdentifierKind::Vendor,
            Self::UserId(_) => IdentifierKind::UserId,
            Self::Email(_) => IdentifierKind::Email,
            Self::Phone(_) => IdentifierKind::Phone,
            Self::AnonymousId(_) => IdentifierKind::AnonymousId,
            Self::Cookie(_) => IdentifierKind::Cookie,
        }
    }

    /// The key without its kind and system.
    pub fn value(&self) -> &str {
        match self {
            Self::Vendor { id, .. } => id,
            Self::UserId(value)
            | Self::Email(value)
            | Self::Phone(value)
            | Self::AnonymousId(value)
            | Self::Cookie(value) => value,
        }
    }

    /// Reads `email:a@example.com`, `phone:+31…`, `user-id:…`, `anonymous-id:…`, `cookie:…`, or
    /// `CONNECTOR:ID` for a vendor's id.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, value) = text.split_once(':')?;
        match kind {
            "email" => Self::email(value),
            "phone" => Self::phone(value),
            "user-id" => Self::user_id(value),
            "anonymous-id" => Self::anonymous_id(value),
            "cookie" => Self::cookie(value),
            system => Self::vendor(system, value),
        }
    }

    pub(crate) fn hash_into(&self, hash: &mut Sha256) {
        hash.update([self.kind() as u8]);
        if let Self::Vendor { system, .. } = self {
            hash.update((system.len() as u32).to_be_bytes());
            hash.update(system.as_bytes());
        }
        hash.update(self.value());
    }
}

impl fmt::Display for Identifier {
    /// The form that [`Identifier::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vendor { system, id } => write!(f, "{system}:{id}"),
            other => write!(f, "{}:{}", other.kind().as_str(), other.value()),
        }
    }
}

fn opaque(text: &str) -> Option<SmolStr> {
    let text = text.trim();
    (!text.is_empty() && text.len() <= MAX_IDENTIFIER_BYTES).then(|| SmolStr::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalizing_is_idempotent() {
        let cases = [
            Identifier::email("  Jane.Doe@Example.COM "),
            Identifier::phone("0031 (0)20-123 45"),
            Identifier::phone("+31 20 123 45 67"),
            Identifier::vendor("shop", " 42 "),
            Identifier::user_id("u1"),
        ];
        for identifier in cases.into_iter().flatten() {
            assert_eq!(Identifier::parse(&identifier.to_string()), Some(identifier));
        }
    }

    #[test]
    fn refuses_what_cannot_join() {
        assert_eq!(Identifier::email("no at sign"), None);
        assert_eq!(Identifier::email("a@b@c"), None);
        assert_eq!(Identifier::email("@example.com"), None);
        assert_eq!(Identifier::phone("12345"), None);
        assert_eq!(Identifier::phone("call me"), None);
        assert_eq!(Identifier::user_id("   "), None);
    }
}
