//! The fragments of a profile as one person: which value of a trait counts.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crosspoint_model::profile::{Fragment, FragmentConsent, FragmentTrait, Profile};
use crosspoint_model::record::ConsentTopic;
use crosspoint_model::{Decimal, Instant, Symbol, Value};

/// How one value comes from several fragments. Where two are equally good, the later version
/// counts, then the greater fragment id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Survivorship {
    /// The value in the newest version. A source that empties a value it gave before empties the
    /// trait; one that never said anything but "empty" has no say.
    #[default]
    Newest,
    /// The first of these connectors that has a value; all others come after them, newest first.
    SourcePriority(Vec<Symbol>),
    /// The value in the earliest version that had one. What was said before a deletion does not
    /// count; a fragment that only has such an early value counts with its present one.
    FirstSeen,
    /// The smallest of the fragments' values, see [`compare_values`].
    Min,
    /// The greatest of the fragments' values, see [`compare_values`].
    Max,
    /// The sum of the fragments' values, one from each. Values that are no numbers are left out;
    /// none where the sum overflows.
    Sum,
}

/// Which rule holds for which trait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SurvivorshipRules {
    /// For traits without a rule of their own.
    pub default: Survivorship,
    /// Rules of single traits.
    pub per_trait: BTreeMap<Symbol, Survivorship>,
}

impl SurvivorshipRules {
    /// The rule of a trait.
    pub fn rule(&self, name: Symbol) -> &Survivorship {
        self.per_trait.get(&name).unwrap_or(&self.default)
    }
}

/// The value of a trait; `None` where it is empty or nobody said anything.
pub fn trait_value<'a>(
    profile: &'a Profile,
    name: Symbol,
    rules: &SurvivorshipRules,
) -> Option<Cow<'a, Value>> {
    let candidates = || {
        profile
            .fragments
            .iter()
            .filter_map(move |part| candidate(part, name))
    };
    let with_value = || candidates().filter(|candidate| candidate.said.value != Value::Null);
    let chosen = match rules.rule(name) {
        Survivorship::Newest => candidates()
            .filter(|candidate| candidate.said.first_value != Value::Null)
            .max_by_key(Candidate::age)
            .map(|candidate| &candidate.said.value),
        Survivorship::SourcePriority(order) => with_value()
            .max_by_key(|candidate| {
                let connector = candidate.fragment.connector;
                let rank = order.iter().position(|preferred| *preferred == connector);
                (
                    std::cmp::Reverse(rank.unwrap_or(order.len())),
                    candidate.age(),
                )
            })
            .map(|candidate| &candidate.said.value),
        Survivorship::FirstSeen => first_seen_value(with_value()),
        Survivorship::Min => with_value()
            .map(|candidate| (&candidate.said.value, candidate.age()))
            .min_by(|a, b| compare_values(a.0, b.0).then(b.1.cmp(&a.1)))
            .map(|candidate| candidate.0),
        Survivorship::Max => with_value()
            .map(|candidate| (&candidate.said.value, candidate.age()))
            .max_by(|a, b| compare_values(a.0, b.0).then(a.1.cmp(&b.1)))
            .map(|candidate| candidate.0),
        Survivorship::Sum => {
            return sum(with_value().map(|candidate| &candidate.said.value)).map(Cow::Owned);
        }
    };
    chosen
        .filter(|value| **value != Value::Null)
        .map(Cow::Borrowed)
}

/// All traits that have a value, sorted by name.
pub fn all_traits<'a>(
    profile: &'a Profile,
    rules: &SurvivorshipRules,
) -> Vec<(Symbol, Cow<'a, Value>)> {
    let parts = profile.fragments.iter();
    let names: BTreeSet<_> = parts
        .flat_map(|part| &part.traits)
        .map(|said| said.name)
        .collect();
    let valued = names.into_iter();
    valued
        .filter_map(|name| Some((name, trait_value(profile, name, rules)?)))
        .collect()
}

/// The newest decision about a topic.
pub fn consent<'a>(profile: &'a Profile, topic: &ConsentTopic) -> Option<&'a FragmentConsent> {
    let of_part = |part: &'a Fragment| {
        let at = part
            .consents
            .binary_search_by(|decision| decision.topic.cmp(topic))
            .ok()?;
        Some((&part.consents[at], part.id))
    };
    let decisions = profile.fragments.iter().filter_map(of_part);
    decisions
        .max_by_key(|(decision, id)| (decision.version, *id))
        .map(|(decision, _)| decision)
}

/// The earliest instant of anything known of the person.
pub fn first_seen(profile: &Profile) -> Option<Instant> {
    let parts = profile
        .fragments
        .iter()
        .filter(|part| part.first_seen != Instant::MAX);
    parts.map(|part| part.first_seen).min()
}

/// The latest instant of anything known of the person.
pub fn last_seen(profile: &Profile) -> Option<Instant> {
    let parts = profile
        .fragments
        .iter()
        .filter(|part| part.first_seen != Instant::MAX);
    parts.map(|part| part.last_seen).max()
}

/// Orders values: numbers by size whether whole or decimal, everything else by its kind, then
/// within the kind.
pub fn compare_values(a: &Value, b: &Value) -> Ordering {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.cmp(b),
    }
}

struct Candidate<'a> {
    fragment: &'a Fragment,
    said: &'a FragmentTrait,
}

impl Candidate<'_> {
    fn age(&self) -> impl Ord + use<> {
        (self.said.version, self.fragment.id)
    }
}

fn candidate(fragment: &Fragment, name: Symbol) -> Option<Candidate<'_>> {
    let at = fragment
        .traits
        .binary_search_by_key(&name, |said| said.name)
        .ok()?;
    let said = &fragment.traits[at];
    let alive = fragment
        .deleted
        .is_none_or(|deleted| said.version > deleted);
    alive.then_some(Candidate { fragment, said })
}

fn first_seen_value<'a>(candidates: impl Iterator<Item = Candidate<'a>>) -> Option<&'a Value> {
    candidates
        .map(|candidate| {
            let Candidate { fragment, said } = candidate;
            let dead = fragment
                .deleted
                .is_some_and(|deleted| said.first <= deleted);
            if dead {
                (said.version, fragment.id, &said.value)
            } else {
                (said.first, fragment.id, &said.first_value)
            }
        })
        .min_by_key(|(version, id, _)| (*version, *id))
        .map(|(_, _, value)| value)
}

fn number(value: &Value) -> Option<Decimal> {
    match value {
        Value::Int(number) => Some((*number).into()),
        Value::Decimal(number) => Some(*number),
        _ => None,
    }
}

/// Whole as long as all are whole and the sum fits.
fn sum<'a>(values: impl Iterator<Item = &'a Value>) -> Option<Value> {
    let mut total: Option<Value> = None;
    for value in values {
        let Some(addend) = number(value) else {
            continue;
        };
        total = Some(match (&total, value) {
            (None, value) => value.clone(),
            (Some(Value::Int(so_far)), Value::Int(more)) => match so_far.checked_add(*more) {
                Some(whole) => Value::Int(whole),
                None => Value::Decimal(Decimal::from(*so_far).checked_add(addend)?),
            },
            (Some(so_far), _) => Value::Decimal(number(so_far)?.checked_add(addend)?),
        });
    }
    total
}

#[cfg(test)]
mod tests;
