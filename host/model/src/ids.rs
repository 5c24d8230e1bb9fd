//! Ids as types of their own.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;

use crate::Identifier;

/// The operator's name for a configured plugin.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectorId(pub SmolStr);

impl fmt::Display for ConnectorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<&str> for ConnectorId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

macro_rules! id_of_16_bytes {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(into = "IdText", try_from = "IdText")]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            /// 32 hexadecimal digits.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let mut bytes = [0; 16];
                hex::decode_to_slice(text, &mut bytes)
                    .map_err(|_| ParseIdError(text.to_owned()))?;
                Ok(Self(bytes))
            }
        }

        impl From<$name> for IdText {
            fn from(id: $name) -> Self {
                IdText(id.0)
            }
        }

        impl From<IdText> for $name {
            fn from(text: IdText) -> Self {
                Self(text.0)
            }
        }
    };
}

/// Text that is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an id; expected 32 hexadecimal digits")]
pub struct ParseIdError(pub String);

/// Hexadecimal for people, bytes otherwise.
struct IdText([u8; 16]);

impl Serialize for IdText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&hex::encode(self.0))
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for IdText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            let mut bytes = [0; 16];
            hex::decode_to_slice(&text, &mut bytes).map_err(serde::de::Error::custom)?;
            Ok(Self(bytes))
        } else {
            <[u8; 16]>::deserialize(deserializer).map(Self)
        }
    }
}

id_of_16_bytes! {
    /// One source's view of one person: the hash of connector and strongest identifier.
    FragmentId
}

id_of_16_bytes! {
    /// One person: the smallest id among the profile's fragments, so that the same fragments make
    /// the same profile whatever the order in which they came. Every id that a profile ever had
    /// is a fragment's id, so it can always be looked up.
    ProfileId
}

impl FragmentId {
    /// The fragment that `connector` has for the person behind `identifier`.
    pub fn of(connector: &str, identifier: &Identifier) -> Self {
        let mut hash = Sha256::new();
        hash.update((connector.len() as u32).to_be_bytes());
        hash.update(connector);
        identifier.hash_into(&mut hash);
        let digest = hash.finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(bytes)
    }

    /// The profile that this fragment is when it stands alone.
    pub fn alone(self) -> ProfileId {
        ProfileId(self.0)
    }
}

impl ProfileId {
    /// The fragment that gave the profile its id.
    pub fn fragment(self) -> FragmentId {
        FragmentId(self.0)
    }
}

/// Idempotency key of a delivery: 32 characters `[0-9a-f]`. The same at every retry and every
/// replay, different for every effect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeliveryKey(pub SmolStr);

impl DeliveryKey {
    /// The key of the effect number `ordinal` that the ledger entry `seq` has at `connector`.
    /// `project` keeps two installations apart at a vendor that both write to.
    pub fn of(project: &str, connector: &str, seq: u64, ordinal: u32) -> Self {
        let mut hash = Sha256::new();
        for part in [project, connector] {
            hash.update((part.len() as u32).to_be_bytes());
            hash.update(part);
        }
        hash.update(seq.to_be_bytes());
        hash.update(ordinal.to_be_bytes());
        Self(SmolStr::new(hex::encode(&hash.finalize()[..16])))
    }
}

impl fmt::Display for DeliveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
