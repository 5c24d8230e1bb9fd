//! One record into one fragment.

use crosspoint_model::profile::{Fact, FactKind, Fragment, FragmentConsent};
use crosspoint_model::record::{Body, Consent, ConsentState, Record, RecordKind, Version};
use crosspoint_model::touched::Touched;
use crosspoint_model::{Identifier, Instant, Symbol};

use crate::contact::{TraitWriter, delete, deletion};
use crate::content::Content;
use crate::key::{carried_identifiers, kind};
use crate::names::Names;
use crate::place::{find, find_near, insert_sorted};

/// Where the state holds the fact of a record's object before the record is folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// No fragment holds one. Must be true, except of events, which are looked for around their
    /// own instant: it saves the search for an older version.
    Nowhere,
    /// The fragment that is folded into.
    Here,
    /// Another fragment, in this version: the object's person changed between two versions.
    Elsewhere(Version),
}

/// What [`fold`] needs to know beside the record.
pub struct FoldContext<'a> {
    /// The name of the record's connector.
    pub connector: &'a str,
    /// The record's stream.
    pub stream: Symbol,
    /// Where the object's fact is; anything for records that are no facts.
    pub held: Held,
    /// Numbers of the fixed names.
    pub names: &'a Names,
    /// Numbers of all other names.
    pub intern: &'a mut dyn FnMut(&str) -> Symbol,
}

/// What [`fold`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// The fragment is not as it was.
    pub changed: bool,
    /// The record brought nothing: it, or newer ones, were there.
    pub duplicate: bool,
    /// The fragment holds the object's fact now. Where another fragment held it, the caller takes
    /// it from there.
    pub holds: bool,
    /// Identifiers that the fragment did not carry before; its key is among them when the record
    /// is the fragment's first.
    pub new_identifiers: Vec<Identifier>,
    /// What depends on it is to be computed again.
    pub touched: Touched,
}

/// The version of a record: its `updated_at`, then its content in a fixed binary form.
pub fn version_of(record: &Record) -> Version {
    let content = postcard::to_extend(record, Vec::with_capacity(256))
        .expect("a record is plain data and the buffer grows");
    Version::of(record.updated_at, &content)
}

/// Folds a record into the fragment that [`crate::fragment_key`] names. Every part of the result
/// is a maximum, a minimum or a union over the records, so the order in which they arrive and how
/// often they do changes nothing.
///
/// - Contacts, and the contact of a submission: fields and attributes become traits, per trait
///   the newest version's; the first email and phone become the traits `email` and `phone`.
/// - Orders, carts, events, submissions, engagements: one fact per object, the newest version's;
///   attributes become its properties. An order's amounts in another currency than its total's
///   are in the property `other_currency`. An event that comes again with an instant that differs
///   by less than an hour, since a client's clock was corrected anew, is the same event.
/// - Consents: per topic the decision with the latest `decided_at`; of two in the same
///   millisecond the more restrictive.
/// - Tombstones: a contact's blanks all traits up to it; a fact's leaves a stub that does not
///   count, so that a late older version changes nothing.
/// - Products and content belong to nobody and change nothing.
pub fn fold(fragment: &mut Fragment, record: &Record, ctx: FoldContext<'_>) -> Folded {
    let mut folded = Folded::default();
    if matches!(kind(record), RecordKind::Product | RecordKind::Content) {
        folded.duplicate = true;
        return folded;
    }
    let fresh = fragment.first_seen == Instant::MAX;
    if fresh {
        folded.new_identifiers.push(fragment.key.clone());
    }
    for identifier in carried_identifiers(ctx.connector, record) {
        if let Err(at) = fragment.identifiers.binary_search(&identifier) {
            fragment.identifiers.insert(at, identifier.clone());
            folded.new_identifiers.push(identifier);
        }
    }
    see(fragment, record, &mut folded.touched);

    let version = version_of(record);
    let touched = &mut folded.touched;
    match &record.body {
        Body::Contact(contact) => {
            let mut traits = TraitWriter {
                fragment,
                version,
                touched,
            };
            traits.addresses(&record.identifiers, ctx.names);
            traits.contact(contact, ctx.names);
            traits.attributes(&record.attributes, ctx.intern);
        }
        Body::Consent(consent) => decide(fragment, consent, version, touched),
        Body::Tombstone(tombstone) if tombstone.kind == RecordKind::Contact => {
            delete(
                fragment,
                deletion(record.updated_at, tombstone.deleted_at),
                touched,
            );
        }
        Body::Submission(submission) => {
            if let Some(contact) = &submission.contact {
                let mut traits = TraitWriter {
                    fragment,
                    version,
                    touched,
                };
                traits.addresses(&record.identifiers, ctx.names);
                traits.contact(contact, ctx.names);
            }
            folded.holds = fold_fact(fragment, record, version, ctx, touched);
        }
        _ => folded.holds = fold_fact(fragment, record, version, ctx, touched),
    }
    folded.changed = fresh || !folded.new_identifiers.is_empty() || !folded.touched.is_empty();
    folded.duplicate = !folded.changed;
    folded
}

/// Widens the span in which the person was seen by the instants of what the record tells, which
/// for all but contacts and carts are not those of later corrections.
fn see(fragment: &mut Fragment, record: &Record, touched: &mut Touched) {
    let (first, last) = match &record.body {
        Body::Contact(contact) => (contact.created_at, record.updated_at),
        Body::Cart(cart) => (cart.created_at, record.updated_at),
        Body::Order(order) => (None, order.placed_at),
        Body::Event(event) => (None, event.occurred_at),
        Body::Submission(submission) => (None, submission.submitted_at),
        Body::Engagement(engagement) => (None, engagement.occurred_at),
        Body::Consent(consent) => (None, consent.decided_at),
        Body::Tombstone(tombstone) => (None, tombstone.deleted_at),
        Body::Product(_) | Body::Content(_) => return,
    };
    for at in first.into_iter().chain([last]) {
        if at < fragment.first_seen {
            fragment.first_seen = at;
            touched.seen = true;
        }
        if at > fragment.last_seen {
            fragment.last_seen = at;
            touched.seen = true;
        }
    }
}

fn decide(fragment: &mut Fragment, consent: &Consent, version: Version, touched: &mut Touched) {
    let restriction = match consent.state {
        ConsentState::Granted => 0,
        ConsentState::Pending => 1,
        ConsentState::Withdrawn => 2,
    };
    let decision = FragmentConsent {
        topic: consent.topic.clone(),
        state: consent.state,
        version: Version {
            updated_at: consent.decided_at,
            content: restriction << 62 | version.content >> 2,
        },
        evidence: consent.evidence.clone(),
    };
    let consents = &mut fragment.consents;
    match consents.binary_search_by(|other| other.topic.cmp(&decision.topic)) {
        Ok(at) if consents[at].version >= decision.version => return,
        Ok(at) => consents[at] = decision,
        Err(at) => consents.insert(at, decision),
    }
    touched.consents = true;
}

/// What is known of a fact before its content is built.
struct Head {
    kind: FactKind,
    name: Symbol,
    at: Instant,
    version: Version,
    counts: bool,
}

fn head(record: &Record, version: Version, ctx: &mut FoldContext<'_>) -> Option<Head> {
    let (kind, name, at, counts) = match &record.body {
        Body::Order(order) => {
            let name = (ctx.intern)(order.status.as_str());
            (
                FactKind::Order,
                name,
                order.placed_at,
                order.status.is_purchase(),
            )
        }
        Body::Cart(cart) => {
            let open = cart.closed_at.is_none();
            let name = if open {
                ctx.names.open
            } else {
                ctx.names.closed
            };
            (FactKind::Cart, name, record.updated_at, true)
        }
        Body::Event(event) => (
            FactKind::Event,
            (ctx.intern)(&event.name),
            event.occurred_at,
            true,
        ),
        Body::Submission(submission) => {
            let name = (ctx.intern)(&submission.form_id);
            (FactKind::Submission, name, submission.submitted_at, true)
        }
        Body::Engagement(engagement) => {
            let name = (ctx.intern)(engagement.kind.as_str());
            (FactKind::Engagement, name, engagement.occurred_at, true)
        }
        Body::Tombstone(tombstone) => {
            let kind = match tombstone.kind {
                RecordKind::Order => FactKind::Order,
                RecordKind::Cart => FactKind::Cart,
                RecordKind::Event => FactKind::Event,
                RecordKind::Submission => FactKind::Submission,
                RecordKind::Engagement => FactKind::Engagement,
                _ => return None,
            };
            let mut version = deletion(record.updated_at, tombstone.deleted_at);
            version.content -= kind as u64;
            let (name, at) = (ctx.names.deleted, version.updated_at);
            return Some(Head {
                kind,
                name,
                at,
                version,
                counts: false,
            });
        }
        _ => return None,
    };
    Some(Head {
        kind,
        name,
        at,
        version,
        counts,
    })
}

/// Whether the fragment holds the object's fact afterwards.
fn fold_fact(
    fragment: &mut Fragment,
    record: &Record,
    version: Version,
    mut ctx: FoldContext<'_>,
    touched: &mut Touched,
) -> bool {
    let Some(head) = head(record, version, &mut ctx) else {
        return false;
    };
    if matches!(ctx.held, Held::Elsewhere(other) if other >= head.version) {
        return false;
    }
    let facts = &mut fragment.facts;
    let sort_key = (
        head.kind,
        head.name,
        head.at,
        ctx.stream,
        record.id.as_str(),
    );
    let same_key = facts
        .binary_search_by(|fact| fact.sort_key().cmp(&sort_key))
        .ok();
    let present = same_key.or_else(|| match ctx.held {
        Held::Here => find(facts, ctx.stream, &record.id),
        Held::Nowhere if head.kind == FactKind::Event => find_near(
            facts,
            (head.kind, head.name, head.at),
            ctx.stream,
            &record.id,
        ),
        _ => None,
    });
    if let Some(at) = present {
        if facts[at].version >= head.version {
            return true;
        }
        let old = facts.remove(at);
        touched.touch_fact(old.kind, old.name);
    }
    let content = match &record.body {
        Body::Tombstone(_) => Content::default(),
        body => Content::of(body, &record.attributes, ctx.names, ctx.intern),
    };
    touched.touch_fact(head.kind, head.name);
    let fact = Fact {
        kind: head.kind,
        name: head.name,
        at: head.at,
        stream: ctx.stream,
        id: record.id.clone(),
        version: head.version,
        counts: head.counts,
        total: content.total,
        properties: content.properties,
        lines: content.lines,
    };
    insert_sorted(facts, fact);
    true
}

#[cfg(test)]
mod tests;
