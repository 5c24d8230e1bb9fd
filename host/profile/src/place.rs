//! Where a fact stands in its fragment.

use crosspoint_model::profile::{Fact, FactKind, Fragment};
use crosspoint_model::time::HOUR_MS;
use crosspoint_model::{Instant, Symbol};

/// Position of the fact of the object `id` of `stream`. Linear: orders and carts, which change,
/// stand first.
pub(crate) fn find(facts: &[Fact], stream: Symbol, id: &str) -> Option<usize> {
    facts
        .iter()
        .position(|fact| fact.stream == stream && fact.id == id)
}

/// How far the instants of two tellings of one event may be apart: a client that repeats a request
/// does so within minutes, and only the time on the way makes a difference.
const REPEATED_WITHIN_MS: i64 = HOUR_MS;

/// Position of the fact of the object `id` of `stream` among those of the same kind and name that
/// are near in time.
pub(crate) fn find_near(
    facts: &[Fact],
    (kind, name, at): (FactKind, Symbol, Instant),
    stream: Symbol,
    id: &str,
) -> Option<usize> {
    let first = (kind, name, at.plus_ms(-REPEATED_WITHIN_MS));
    let last = (kind, name, at.plus_ms(REPEATED_WITHIN_MS));
    let start = facts.partition_point(|fact| (fact.kind, fact.name, fact.at) < first);
    facts[start..]
        .iter()
        .take_while(|fact| (fact.kind, fact.name, fact.at) <= last)
        .position(|fact| fact.stream == stream && fact.id == id)
        .map(|near| start + near)
}

/// Takes the object's fact out, where the fragment holds it. Time grows with the number of facts.
pub fn remove_fact(fragment: &mut Fragment, stream: Symbol, id: &str) -> Option<Fact> {
    find(&fragment.facts, stream, id).map(|at| fragment.facts.remove(at))
}

/// Puts a fact at its place, instead of an older version of the same object. False where a newer
/// version is there, which then stays. Time grows with the number of facts.
pub fn insert_fact(fragment: &mut Fragment, fact: Fact) -> bool {
    if let Some(at) = find(&fragment.facts, fact.stream, &fact.id) {
        if fragment.facts[at].version >= fact.version {
            return false;
        }
        fragment.facts.remove(at);
    }
    insert_sorted(&mut fragment.facts, fact);
    true
}

/// Puts a fact at its place; the object must not be there yet.
pub(crate) fn insert_sorted(facts: &mut Vec<Fact>, fact: Fact) {
    let newest = facts
        .last()
        .is_none_or(|last| last.sort_key() < fact.sort_key());
    let at = if newest {
        facts.len()
    } else {
        facts.partition_point(|other| other.sort_key() < fact.sort_key())
    };
    facts.insert(at, fact);
}
