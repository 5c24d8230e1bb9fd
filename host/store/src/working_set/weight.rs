//! What a profile holds in memory, in bytes. Everything that is kept or forgotten by size is
//! measured here, so what this leaves out is what the process grows by.

use crosspoint_model::profile::{
    Expiry, Fact, FactLine, Fragment, FragmentConsent, FragmentTrait, HandedOver, Membership,
    Profile,
};
use crosspoint_model::record::ConsentTopic;
use crosspoint_model::{Identifier, Symbol, Value};
use smol_str::SmolStr;

/// Facts of a fragment that are looked at; the rest is taken to be like them. A profile is weighed
/// whenever it changes, and some have thousands of facts.
const SAMPLE: usize = 8;

/// What an allocation takes beyond what was asked for: size classes are an eighth apart, and half
/// of that is lost on average.
fn allocated(bytes: usize) -> usize {
    if bytes == 0 {
        0
    } else {
        bytes + bytes / 16 + 8
    }
}

fn many<T>(vec: &Vec<T>) -> usize {
    allocated(vec.capacity() * size_of::<T>())
}

/// Bytes of a profile and of everything that hangs off it.
pub(super) fn weight(profile: &Profile) -> usize {
    allocated(size_of::<Profile>())
        + many::<Fragment>(&profile.fragments)
        + profile.fragments.iter().map(fragment).sum::<usize>()
        + many::<Membership>(&profile.memberships)
        + many::<Expiry>(&profile.expiries)
        + many::<HandedOver>(&profile.handed_over)
}

/// Gives back the room that growing lists took in advance: a first fact makes room for four.
pub(super) fn trim(profile: &mut Profile) {
    profile.fragments.shrink_to_fit();
    for fragment in &mut profile.fragments {
        fragment.identifiers.shrink_to_fit();
        fragment.traits.shrink_to_fit();
        fragment.consents.shrink_to_fit();
        fragment.facts.shrink_to_fit();
    }
    profile.memberships.shrink_to_fit();
    profile.expiries.shrink_to_fit();
    profile.handed_over.shrink_to_fit();
}

fn fragment(fragment: &Fragment) -> usize {
    let consent = |consent: &FragmentConsent| {
        let topic = match &consent.topic {
            ConsentTopic::Other(word) => text(word),
            _ => 0,
        };
        topic + consent.evidence.as_ref().map_or(0, text)
    };
    let held = |held: &FragmentTrait| value(&held.value) + value(&held.first_value);
    identifier(&fragment.key)
        + many::<Identifier>(&fragment.identifiers)
        + fragment.identifiers.iter().map(identifier).sum::<usize>()
        + many::<FragmentTrait>(&fragment.traits)
        + fragment.traits.iter().map(held).sum::<usize>()
        + many::<FragmentConsent>(&fragment.consents)
        + fragment.consents.iter().map(consent).sum::<usize>()
        + many::<Fact>(&fragment.facts)
        + facts(&fragment.facts)
}

/// What hangs off facts, from a sample spread over all of them.
fn facts(facts: &[Fact]) -> usize {
    let sampled = facts.len().min(SAMPLE);
    let step = facts.len().div_ceil(SAMPLE).max(1);
    let sample = facts.iter().step_by(step);
    let (mut bytes, mut looked_at) = (0, 0);
    for one in sample {
        bytes += fact(one);
        looked_at += 1;
    }
    debug_assert!(looked_at <= sampled);
    bytes * facts.len() / looked_at.max(1)
}

fn fact(fact: &Fact) -> usize {
    text(&fact.id)
        + many::<(Symbol, Value)>(&fact.properties)
        + fact.properties.iter().map(|it| value(&it.1)).sum::<usize>()
        + many::<FactLine>(&fact.lines)
        + fact.lines.iter().map(line).sum::<usize>()
}

fn line(line: &FactLine) -> usize {
    let texts = [&line.product, &line.sku, &line.name, &line.category];
    texts.into_iter().flatten().map(text).sum()
}

fn identifier(identifier: &Identifier) -> usize {
    match identifier {
        Identifier::Vendor { system, id } => text(system) + text(id),
        Identifier::UserId(id)
        | Identifier::Email(id)
        | Identifier::Phone(id)
        | Identifier::AnonymousId(id)
        | Identifier::Cookie(id) => text(id),
    }
}

fn value(value: &Value) -> usize {
    match value {
        Value::Text(held) => text(held),
        Value::Json(json) => allocated(json.len()),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Decimal(_) | Value::Instant(_) => 0,
    }
}

/// A shared text counts each time: who else holds it is not known.
fn text(text: &SmolStr) -> usize {
    const COUNTERS_BYTES: usize = 16;
    if text.is_heap_allocated() {
        allocated(text.len() + COUNTERS_BYTES)
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use crosspoint_model::Instant;
    use crosspoint_model::profile::FactKind;
    use crosspoint_model::record::Version;

    use super::super::model::fragment;
    use super::*;

    fn fact(at: i64, properties: usize) -> Fact {
        let property = |number: usize| {
            let words = format!("property {number} of a fact in a test about size");
            (Symbol(number as u32), Value::text(words))
        };
        Fact {
            kind: FactKind::Event,
            name: Symbol(1),
            at: Instant(at),
            stream: Symbol(2),
            id: SmolStr::new(format!("an id too long to stand inline: {at}")),
            version: Version::default(),
            counts: true,
            total: None,
            properties: (0..properties).map(property).collect(),
            lines: Vec::new(),
        }
    }

    #[test]
    fn what_hangs_off_facts_is_weighed() {
        let mut one = fragment(1, 0);
        one.facts.push(fact(0, 0));
        let bare = weight(&Profile::alone(one.clone()));
        one.facts[0] = fact(0, 100);
        let laden = weight(&Profile::alone(one));
        let properties = 100 * (size_of::<(Symbol, Value)>() + 40);
        assert!(laden - bare > properties, "{bare} {laden}");
    }

    #[test]
    fn sample_stands_for_the_rest() {
        let mut one = fragment(1, 0);
        one.facts = (0..1_000).map(|at| fact(at, 3)).collect();
        let exact: usize = one.facts.iter().map(super::fact).sum();
        let sampled = facts(&one.facts);
        assert!(sampled.abs_diff(exact) < exact / 20, "{sampled} {exact}");
    }

    #[test]
    fn trimming_gives_back_room() {
        let mut one = fragment(1, 0);
        one.facts.reserve(100);
        let mut profile = Profile::alone(one);
        let before = weight(&profile);
        trim(&mut profile);
        assert!(weight(&profile) + 100 * size_of::<Fact>() <= before);
    }
}
