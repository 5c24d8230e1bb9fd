//! Facts of a whole profile, as rules ask for them.

use crosspoint_model::profile::{Fact, FactKind, Profile};
use crosspoint_model::record::Version;
use crosspoint_model::{Instant, Symbol};

/// All facts of one kind that count. Within a fragment they stand by name, then in the order of
/// time; fragments follow one another.
pub fn facts_of_kind(profile: &Profile, kind: FactKind) -> impl Iterator<Item = &Fact> {
    profile.fragments.iter().flat_map(move |fragment| {
        let facts = &fragment.facts;
        let start = facts.partition_point(|fact| fact.kind < kind);
        let length = facts[start..].partition_point(|fact| fact.kind == kind);
        facts[start..start + length]
            .iter()
            .filter(|fact| fact.counts)
    })
}

/// All facts of one kind and name that count, per fragment in the order of time.
pub fn facts_named(profile: &Profile, kind: FactKind, name: Symbol) -> impl Iterator<Item = &Fact> {
    profile.fragments.iter().flat_map(move |fragment| {
        let facts = &fragment.facts;
        let start = facts.partition_point(|fact| (fact.kind, fact.name) < (kind, name));
        let length = facts[start..].partition_point(|fact| (fact.kind, fact.name) == (kind, name));
        facts[start..start + length]
            .iter()
            .filter(|fact| fact.counts)
    })
}

/// Orders that count: neither cancelled, refunded nor deleted.
pub fn purchases(profile: &Profile) -> impl Iterator<Item = &Fact> {
    facts_of_kind(profile, FactKind::Order)
}

/// Orders facts in time across fragments. Facts of the same millisecond stand in the order of
/// their ids, then of their content, so that the order in which names were first met does not
/// show; the stream only parts facts that say the same.
pub fn chronological_key(fact: &Fact) -> (Instant, &str, Version, Symbol) {
    (fact.at, &fact.id, fact.version, fact.stream)
}

/// The earliest by [`chronological_key`].
pub fn first_fact<'a>(facts: impl Iterator<Item = &'a Fact>) -> Option<&'a Fact> {
    facts.min_by(|a, b| chronological_key(a).cmp(&chronological_key(b)))
}

/// The latest by [`chronological_key`].
pub fn last_fact<'a>(facts: impl Iterator<Item = &'a Fact>) -> Option<&'a Fact> {
    facts.max_by(|a, b| chronological_key(a).cmp(&chronological_key(b)))
}
