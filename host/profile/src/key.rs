//! Which fragment a record belongs to.

use crosspoint_model::Identifier;
use crosspoint_model::record::{Body, Record, RecordKind};

/// The identifier that names the fragment of the record's person at `connector`: the strongest it
/// carries, and of several equally strong ones the smallest. The connector's own vendor id is
/// strongest, then user id, email, phone, another system's vendor id, anonymous id, cookie.
///
/// A contact without a vendor id of its own connector is named by the record's id. `None` where
/// there is no person: products and content, or a record about a person that names nobody.
pub fn fragment_key(connector: &str, record: &Record) -> Option<Identifier> {
    fragment_key_among(connector, record, |_| true)
}

/// Like [`fragment_key`], passing over identifiers that are not `usable`: a placeholder such as
/// `user-id:null` must not name a fragment, which would then hold everybody who has it, and what
/// is in one fragment cannot be taken apart.
pub fn fragment_key_among(
    connector: &str,
    record: &Record,
    usable: impl Fn(&Identifier) -> bool,
) -> Option<Identifier> {
    if matches!(kind(record), RecordKind::Product | RecordKind::Content) {
        return None;
    }
    let implied = implied_identifier(connector, record);
    let carried = record.identifiers.iter().chain(&implied);
    let candidates = carried.filter(|identifier| usable(identifier));
    candidates
        .min_by_key(|identifier| (strength(connector, identifier), *identifier))
        .cloned()
}

/// All identifiers that the record brings to its fragment: those that it lists and, for a contact
/// without a vendor id of its own connector, the record's id as one.
pub fn carried_identifiers<'a>(
    connector: &str,
    record: &'a Record,
) -> impl Iterator<Item = Identifier> + use<'a> {
    record
        .identifiers
        .iter()
        .cloned()
        .chain(implied_identifier(connector, record))
}

fn implied_identifier(connector: &str, record: &Record) -> Option<Identifier> {
    let named = || {
        record
            .identifiers
            .iter()
            .any(|identifier| is_own(connector, identifier))
    };
    if kind(record) == RecordKind::Contact && !named() {
        Identifier::vendor(connector, &record.id)
    } else {
        None
    }
}

/// What the record is about; for a tombstone, what it removes.
pub(crate) fn kind(record: &Record) -> RecordKind {
    match &record.body {
        Body::Tombstone(tombstone) => tombstone.kind,
        body => body.kind(),
    }
}

fn is_own(connector: &str, identifier: &Identifier) -> bool {
    matches!(identifier, Identifier::Vendor { system, .. } if system == connector)
}

fn strength(connector: &str, identifier: &Identifier) -> u8 {
    match identifier {
        Identifier::Vendor { .. } if is_own(connector, identifier) => 0,
        Identifier::UserId(_) => 1,
        Identifier::Email(_) => 2,
        Identifier::Phone(_) => 3,
        Identifier::Vendor { .. } => 4,
        Identifier::AnonymousId(_) => 5,
        Identifier::Cookie(_) => 6,
    }
}
