//! Keys: one byte that names the table, then the parts, numbers big-endian, so that byte order is
//! the order in which they are read.
//!
//! | byte | table       | rest of the key                                  | value            |
//! |------|-------------|--------------------------------------------------|------------------|
//! | 01   | symbols     | number 4                                         | name             |
//! | 02   | profiles    | profile id 16                                    | profile          |
//! | 03   | aliases     | fragment id 16, all but a profile's smallest     | profile id       |
//! | 04   | carriers    | kind 1, system length 2 and system, value        | carriers         |
//! | 05   | constraints | fragment id 16                                   | constraints      |
//! | 06   | locations   | connector 4, stream 4, vendor's id               | fragment id      |
//! | 07   | catalogue   | connector 4, stream 4, vendor's id               | record           |
//! | 08   | timers      | instant 8 with the sign bit flipped, profile 16  | nothing          |
//! | 09   | deliveries  | connector 4, seq 8, ordinal 4                    | delivery         |
//! | 0a   | quarantine  | seq 8, ordinal 4                                 | quarantined      |
//! | 0b   | cursors     | connector 4, stream 4                            | bytes            |
//! | 0c   | jobs        | connector 4, name                                | bytes            |
//! | 0d   | counters    | kind 1, symbol 4 where the kind has one          | number, never 0  |
//! | 0e   | notes       | name                                             | bytes            |
//!
//! Vendor ids stand raw behind connector and stream: objects that arrive together lie together.

use crosspoint_model::delivery::{Delivery, DeliveryId};
use crosspoint_model::profile::Profile;
use crosspoint_model::record::Record;
use crosspoint_model::state::{Carriers, Constraints, Counter, ObjectKey, Quarantined};
use crosspoint_model::{FragmentId, Identifier, Instant, ProfileId, Symbol};
use smol_str::SmolStr;

use crate::codec::{Bytes, decode};
use crate::engine::KeyRange;
use crate::{Error, Result};

/// A table, by the first byte of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Table {
    Symbols = 0x01,
    Profiles = 0x02,
    Aliases = 0x03,
    Carriers = 0x04,
    Constraints = 0x05,
    Locations = 0x06,
    Catalogue = 0x07,
    Timers = 0x08,
    Deliveries = 0x09,
    Quarantine = 0x0a,
    Cursors = 0x0b,
    Jobs = 0x0c,
    Counters = 0x0d,
    Notes = 0x0e,
}

impl Table {
    /// Every table, in key order.
    pub const ALL: [Table; 14] = [
        Table::Symbols,
        Table::Profiles,
        Table::Aliases,
        Table::Carriers,
        Table::Constraints,
        Table::Locations,
        Table::Catalogue,
        Table::Timers,
        Table::Deliveries,
        Table::Quarantine,
        Table::Cursors,
        Table::Jobs,
        Table::Counters,
        Table::Notes,
    ];

    /// All its keys.
    pub fn range(self) -> KeyRange {
        KeyRange::prefix(&[self as u8])
    }

    fn key(self, parts: &[&[u8]]) -> Vec<u8> {
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        let mut key = Vec::with_capacity(length + 1);
        key.push(self as u8);
        parts.iter().for_each(|part| key.extend_from_slice(part));
        key
    }
}

pub(crate) fn symbol(symbol: Symbol) -> Vec<u8> {
    Table::Symbols.key(&[&symbol.0.to_be_bytes()])
}

pub(crate) fn profile(id: ProfileId) -> Vec<u8> {
    Table::Profiles.key(&[&id.0])
}

pub(crate) fn alias(id: FragmentId) -> Vec<u8> {
    Table::Aliases.key(&[&id.0])
}

pub(crate) fn carriers(identifier: &Identifier) -> Vec<u8> {
    let system = match identifier {
        Identifier::Vendor { system, .. } => system.as_str(),
        _ => "",
    };
    Table::Carriers.key(&[
        &[identifier.kind() as u8],
        &(system.len() as u16).to_be_bytes(),
        system.as_bytes(),
        identifier.value().as_bytes(),
    ])
}

pub(crate) fn constraints(id: FragmentId) -> Vec<u8> {
    Table::Constraints.key(&[&id.0])
}

fn object(table: Table, object: &ObjectKey) -> Vec<u8> {
    table.key(&[
        &object.connector.0.to_be_bytes(),
        &object.stream.0.to_be_bytes(),
        object.id.as_bytes(),
    ])
}

pub(crate) fn location(key: &ObjectKey) -> Vec<u8> {
    object(Table::Locations, key)
}

pub(crate) fn catalogue(key: &ObjectKey) -> Vec<u8> {
    object(Table::Catalogue, key)
}

/// Flips the sign bit, so that earlier instants sort first as unsigned bytes.
fn instant(at: Instant) -> [u8; 8] {
    ((at.0 as u64) ^ (1 << 63)).to_be_bytes()
}

pub(crate) fn timer(at: Instant, profile: ProfileId) -> Vec<u8> {
    Table::Timers.key(&[&instant(at), &profile.0])
}

pub(crate) fn parse_timer(key: &[u8]) -> Result<(Instant, ProfileId)> {
    let (at, id) = split::<8, 16>(key)?;
    Ok((
        Instant((u64::from_be_bytes(at) ^ (1 << 63)) as i64),
        ProfileId(id),
    ))
}

pub(crate) fn parse_profile(key: &[u8]) -> Result<ProfileId> {
    split::<16, 0>(key).map(|(id, _)| ProfileId(id))
}

pub(crate) fn parse_symbol(key: &[u8]) -> Result<Symbol> {
    split::<4, 0>(key).map(|(number, _)| Symbol(u32::from_be_bytes(number)))
}

pub(crate) fn delivery(id: DeliveryId) -> Vec<u8> {
    Table::Deliveries.key(&[
        &id.connector.0.to_be_bytes(),
        &id.seq.to_be_bytes(),
        &id.ordinal.to_be_bytes(),
    ])
}

/// Connector and seq of a delivery.
pub(crate) fn parse_delivery(key: &[u8]) -> Result<(Symbol, u64)> {
    let (connector, rest) = split::<4, 12>(key)?;
    let mut seq = [0; 8];
    seq.copy_from_slice(&rest[..8]);
    Ok((
        Symbol(u32::from_be_bytes(connector)),
        u64::from_be_bytes(seq),
    ))
}

pub(crate) fn deliveries_of(connector: Symbol) -> KeyRange {
    KeyRange::prefix(&Table::Deliveries.key(&[&connector.0.to_be_bytes()]))
}

pub(crate) fn quarantined(seq: u64, ordinal: u32) -> Vec<u8> {
    Table::Quarantine.key(&[&seq.to_be_bytes(), &ordinal.to_be_bytes()])
}

pub(crate) fn cursor(connector: Symbol, stream: Symbol) -> Vec<u8> {
    Table::Cursors.key(&[&connector.0.to_be_bytes(), &stream.0.to_be_bytes()])
}

pub(crate) fn job(connector: Symbol, name: &str) -> Vec<u8> {
    Table::Jobs.key(&[&connector.0.to_be_bytes(), name.as_bytes()])
}

pub(crate) fn jobs_of(connector: Symbol) -> KeyRange {
    KeyRange::prefix(&Table::Jobs.key(&[&connector.0.to_be_bytes()]))
}

pub(crate) fn note(name: &str) -> Vec<u8> {
    Table::Notes.key(&[name.as_bytes()])
}

pub(crate) fn counter(counter: Counter) -> Vec<u8> {
    let (kind, symbol) = match counter {
        Counter::Profiles => (0, None),
        Counter::Fragments => (1, None),
        Counter::Received(symbol) => (2, Some(symbol)),
        Counter::Duplicates(symbol) => (3, Some(symbol)),
        Counter::Quarantined(symbol) => (4, Some(symbol)),
        Counter::Members(symbol) => (5, Some(symbol)),
        Counter::Caused(symbol) => (6, Some(symbol)),
        Counter::Done(symbol) => (7, Some(symbol)),
        Counter::Waiting(symbol) => (8, Some(symbol)),
        Counter::Stopped(symbol) => (9, Some(symbol)),
        Counter::KeptApart => (10, None),
    };
    match symbol {
        Some(symbol) => Table::Counters.key(&[&[kind], &symbol.0.to_be_bytes()]),
        None => Table::Counters.key(&[&[kind]]),
    }
}

pub(crate) fn parse_counter(key: &[u8]) -> Result<Counter> {
    let symbol = || split::<1, 4>(key).map(|(_, number)| Symbol(u32::from_be_bytes(number)));
    Ok(match key.get(1) {
        Some(0) => Counter::Profiles,
        Some(1) => Counter::Fragments,
        Some(2) => Counter::Received(symbol()?),
        Some(3) => Counter::Duplicates(symbol()?),
        Some(4) => Counter::Quarantined(symbol()?),
        Some(5) => Counter::Members(symbol()?),
        Some(6) => Counter::Caused(symbol()?),
        Some(7) => Counter::Done(symbol()?),
        Some(8) => Counter::Waiting(symbol()?),
        Some(9) => Counter::Stopped(symbol()?),
        Some(10) => Counter::KeptApart,
        _ => {
            return Err(Error::Corrupt(
                "a counter's key has an unknown kind".to_owned(),
            ));
        }
    })
}

/// The two parts behind the table byte.
fn split<const A: usize, const B: usize>(key: &[u8]) -> Result<([u8; A], [u8; B])> {
    if key.len() != 1 + A + B {
        return Err(Error::Corrupt(format!(
            "a key has {} bytes, not {}",
            key.len(),
            1 + A + B
        )));
    }
    let (mut a, mut b) = ([0; A], [0; B]);
    a.copy_from_slice(&key[1..1 + A]);
    b.copy_from_slice(&key[1 + A..]);
    Ok((a, b))
}

/// Checks that a pair is one that this release can read.
///
/// # Errors
/// [`Error::Corrupt`] or [`Error::Newer`].
pub(crate) fn check(key: &[u8], value: &[u8]) -> Result<()> {
    let table = key
        .first()
        .and_then(|first| Table::ALL.iter().find(|t| **t as u8 == *first));
    let Some(table) = table else {
        return Err(Error::Corrupt("a key belongs to no table".to_owned()));
    };
    match table {
        Table::Symbols => parse_symbol(key).and(decode::<SmolStr>(value).map(drop)),
        Table::Profiles => {
            let id = parse_profile(key)?;
            let profile = decode::<Box<Profile>>(value)?;
            if profile.id == id && !profile.fragments.is_empty() {
                Ok(())
            } else {
                Err(Error::Corrupt(format!("profile {id} holds another one")))
            }
        }
        Table::Aliases => split::<16, 0>(key).and(decode::<ProfileId>(value).map(drop)),
        Table::Carriers => decode::<Carriers>(value).map(drop),
        Table::Constraints => split::<16, 0>(key).and(decode::<Constraints>(value).map(drop)),
        Table::Locations => decode::<FragmentId>(value).map(drop),
        Table::Catalogue => decode::<Record>(value).map(drop),
        Table::Timers => parse_timer(key).and(decode::<()>(value)),
        Table::Deliveries => parse_delivery(key).and(decode::<Delivery>(value).map(drop)),
        Table::Quarantine => split::<8, 4>(key).and(decode::<Quarantined>(value).map(drop)),
        Table::Cursors => split::<4, 4>(key).and(decode::<Bytes>(value).map(drop)),
        Table::Jobs | Table::Notes => decode::<Bytes>(value).map(drop),
        Table::Counters => parse_counter(key).and(decode::<i64>(value).map(drop)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn timers_sort_by_instant_then_profile(
            a in any::<(i64, [u8; 16])>(), b in any::<(i64, [u8; 16])>()
        ) {
            let key = |t: (i64, [u8; 16])| timer(Instant(t.0), ProfileId(t.1));
            prop_assert_eq!(key(a).cmp(&key(b)), a.cmp(&b));
            prop_assert_eq!(parse_timer(&key(a)).unwrap(), (Instant(a.0), ProfileId(a.1)));
        }

        #[test]
        fn deliveries_sort_as_their_ids(
            a in any::<(u32, u64, u32)>(), b in any::<(u32, u64, u32)>()
        ) {
            let id = |(connector, seq, ordinal)| DeliveryId {
                connector: Symbol(connector), seq, ordinal
            };
            prop_assert_eq!(delivery(id(a)).cmp(&delivery(id(b))), id(a).cmp(&id(b)));
            prop_assert_eq!(parse_delivery(&delivery(id(a))).unwrap(), (Symbol(a.0), a.1));
        }

        #[test]
        fn counters_read_back(number in any::<u32>()) {
            let symbol = Symbol(number);
            for one in [
                Counter::Profiles, Counter::Fragments, Counter::Received(symbol),
                Counter::Duplicates(symbol), Counter::Quarantined(symbol),
                Counter::Members(symbol), Counter::Caused(symbol), Counter::Done(symbol),
                Counter::Waiting(symbol), Counter::Stopped(symbol), Counter::KeptApart,
            ] {
                prop_assert_eq!(parse_counter(&counter(one)).unwrap(), one);
            }
        }
    }

    #[test]
    fn identifiers_of_different_systems_differ() {
        let one = Identifier::vendor("ab", "c").unwrap();
        let other = Identifier::vendor("a", "bc").unwrap();
        assert_ne!(carriers(&one), carriers(&other));
    }
}
