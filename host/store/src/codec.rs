//! Values on disk: one version byte, then postcard.

use std::cell::RefCell;

use crosspoint_model::delivery::Delivery;
use crosspoint_model::profile::Profile;
use crosspoint_model::record::Record;
use crosspoint_model::state::{Carriers, Constraints, Quarantined};
use crosspoint_model::{FragmentId, ProfileId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use smol_str::SmolStr;

use crate::{Error, Result};

/// A value that the store keeps.
///
/// To change the form of one: raise `VERSION`, keep the old form as a private type, and turn it
/// into the new one in `migrate`. Old values are migrated as they are read, and written in the new
/// form when they next change.
pub trait Stored: Serialize + DeserializeOwned {
    /// For errors.
    const WHAT: &'static str;
    /// The version byte that this release writes.
    const VERSION: u8 = 1;

    /// Reads a value whose version byte is smaller than `VERSION`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a version that never was, or bytes that do not fit it.
    fn migrate(version: u8, _bytes: &[u8]) -> Result<Self> {
        Err(Error::Corrupt(format!(
            "a {} has the unknown format {version}",
            Self::WHAT
        )))
    }
}

/// The value's bytes.
///
/// # Errors
/// [`Error::Engine`] when postcard refuses, which no stored type makes it do.
pub fn encode<T: Stored>(value: &T) -> Result<Vec<u8>> {
    // Into a vector that grows, postcard pushes byte by byte.
    SCRATCH.with_borrow_mut(|scratch| {
        if scratch.len() < FIRST_BYTES {
            scratch.resize(FIRST_BYTES, 0);
        }
        let exact = loop {
            scratch[0] = T::VERSION;
            match postcard::to_slice(value, &mut scratch[1..]) {
                Ok(bytes) => {
                    let length = 1 + bytes.len();
                    break Ok(scratch[..length].to_vec());
                }
                Err(postcard::Error::SerializeBufferFull) => {
                    *scratch = vec![0; 2 * scratch.len()];
                }
                Err(error) => {
                    break Err(Error::Engine {
                        operation: "encode a value",
                        detail: error.to_string(),
                    });
                }
            }
        };
        if scratch.len() > MOST_KEPT_BYTES {
            *scratch = Vec::new();
        }
        exact
    })
}

/// Where encoding begins: more than most values take.
const FIRST_BYTES: usize = 8 << 10;
/// What a thread keeps of its scratch between values.
const MOST_KEPT_BYTES: usize = 1 << 20;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Reads [`encode`]'s bytes, of this release or an earlier one.
///
/// # Errors
/// [`Error::Newer`] for a later release's, [`Error::Corrupt`] for anything else.
pub fn decode<T: Stored>(bytes: &[u8]) -> Result<T> {
    match bytes.split_first() {
        None => Err(Error::Corrupt(format!("a {} is empty", T::WHAT))),
        Some((&found, _)) if found > T::VERSION => Err(Error::Newer {
            what: T::WHAT,
            found,
            known: T::VERSION,
        }),
        Some((&found, rest)) if found < T::VERSION => T::migrate(found, rest),
        Some((_, rest)) => match postcard::take_from_bytes(rest) {
            Ok((value, [])) => Ok(value),
            Ok((_, left)) => Err(Error::Corrupt(format!(
                "a {} has {} bytes too many",
                T::WHAT,
                left.len()
            ))),
            Err(error) => Err(Error::Corrupt(format!(
                "a {} does not decode: {error}",
                T::WHAT
            ))),
        },
    }
}

macro_rules! stored {
    ($($type:ty => $what:literal),* $(,)?) => {
        $(impl Stored for $type {
            const WHAT: &'static str = $what;
        })*
    };
}

stored! {
    SmolStr => "name",
    Box<Profile> => "profile",
    ProfileId => "profile id",
    FragmentId => "fragment id",
    Carriers => "list of carriers",
    Constraints => "identity decision",
    Record => "catalogue entry",
    Delivery => "delivery",
    Quarantined => "quarantined item",
    i64 => "counter",
    Bytes => "byte string",
    () => "timer",
}

/// Bytes of a caller: cursors, jobs, notes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub Vec<u8>);

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Point {
        x: i64,
        y: i64,
    }

    impl Stored for Point {
        const WHAT: &'static str = "point";

        fn migrate(version: u8, bytes: &[u8]) -> Result<Self> {
            match version {
                0 => postcard::from_bytes::<i64>(bytes)
                    .map(|x| Self { x, y: 0 })
                    .map_err(|error| Error::Corrupt(error.to_string())),
                other => Err(Error::Corrupt(format!("format {other}"))),
            }
        }
    }

    #[test]
    fn older_value_is_migrated() {
        let mut old = vec![0];
        old.extend(postcard::to_stdvec(&7i64).unwrap());
        assert_eq!(decode::<Point>(&old).unwrap(), Point { x: 7, y: 0 });
    }

    #[test]
    fn newer_value_is_refused() {
        let mut new = encode(&Point { x: 1, y: 2 }).unwrap();
        assert_eq!(decode::<Point>(&new).unwrap(), Point { x: 1, y: 2 });
        new[0] = 2;
        let error = decode::<Point>(&new).unwrap_err();
        assert!(matches!(
            error,
            Error::Newer {
                found: 2,
                known: 1,
                ..
            }
        ));
        assert!(error.to_string().contains("written by a newer version"));
    }

    #[test]
    fn damaged_value_is_refused() {
        let bytes = encode(&Point { x: 1, y: 2 }).unwrap();
        assert!(decode::<Point>(&[]).is_err());
        assert!(decode::<Point>(&bytes[..bytes.len() - 1]).is_err());
        assert!(decode::<Point>(&[bytes.as_slice(), &[0]].concat()).is_err());
    }
}
