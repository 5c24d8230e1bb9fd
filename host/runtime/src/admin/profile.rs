//! One profile as a person reads it.

use std::collections::BTreeMap;

use crosspoint_model::entry::{IdentityDecision, What};
use crosspoint_model::profile::{Fact, Fragment, Profile};
use crosspoint_model::state::State;
use crosspoint_model::{FragmentId, Identifier, Instant, Symbol};
use crosspoint_profile::{all_traits, consent};
use serde_json::{Value as Json, json};
use smol_str::SmolStr;

use super::find::{json as value_json, resolve};
use super::segment::reader;
use super::{AdminError, FactView, FragmentView, ProfileView, Unmerged};
use crate::Host;
use crate::core::Core;
use crate::error::{bad_argument, not_found};

impl Host {
    pub(super) fn show_profile(&self, query: &str, facts: u32) -> Result<ProfileView, AdminError> {
        let query = query.to_owned();
        self.handle.ask(move |core| {
            let id = resolve(core, &query)?;
            let profile = core.state.profile(id)?;
            let profile = profile.ok_or_else(|| not_found("profile", &query, ""))?;
            view(core, &profile, facts as usize)
        })
    }

    pub(super) fn unmerge(
        &self,
        query: &str,
        fragments: Vec<String>,
    ) -> Result<Unmerged, AdminError> {
        if fragments.is_empty() {
            return Err(bad_argument(
                "no fragment is named",
                "name the fragments of the other person; `crosspoint profile show` lists them",
            ));
        }
        let query = query.to_owned();
        let (from, decision) = self.handle.ask(move |core| {
            let id = resolve(core, &query)?;
            let profile = core.state.profile(id)?;
            let profile = profile.ok_or_else(|| not_found("profile", &query, ""))?;
            decide(core, &profile, &fragments).map(|decision| (id, decision))
        })?;
        let IdentityDecision::Unmerge {
            fragments,
            from: rest,
        } = &decision
        else {
            unreachable!("`decide` only unmerges")
        };
        let ids: Vec<FragmentId> = fragments.iter().chain(rest).copied().collect();
        let what = What::Identity(decision);
        let seq = self.ledger.append(self.clock.now(), &what)?.seq;
        self.tokio.block_on(self.handle.applied(seq))?;
        let profiles = self.handle.ask(move |core| {
            let mut profiles = Vec::new();
            for id in ids {
                let profile = core.state.profile_of(id)?.map(|id| id.to_string());
                profiles.extend(profile.filter(|id| !profiles.contains(id)));
            }
            Ok(profiles)
        })?;
        Ok(Unmerged {
            from: from.to_string(),
            profiles,
        })
    }
}

/// Which fragments go and which stay.
fn decide(
    core: &Core,
    profile: &Profile,
    named: &[String],
) -> Result<IdentityDecision, AdminError> {
    let mut fragments = Vec::new();
    for name in named {
        let identifier = Identifier::parse(name);
        let goes: Vec<_> = profile
            .fragments
            .iter()
            .filter(|part| part.id.to_string() == *name || identifier.as_ref() == Some(&part.key))
            .map(|part| part.id)
            .collect();
        if goes.is_empty() {
            let known: Vec<_> = profile
                .fragments
                .iter()
                .map(|part| {
                    format!(
                        "{} ({} {})",
                        part.id,
                        core.state.name(part.connector),
                        part.key
                    )
                })
                .collect();
            let hint = format!("its fragments are: {}", known.join(", "));
            return Err(not_found("fragment of this profile", name, &hint));
        }
        fragments.extend(goes);
    }
    let rest = profile.fragments.iter().map(|part| part.id);
    let from: Vec<_> = rest.filter(|id| !fragments.contains(id)).collect();
    if from.is_empty() {
        return Err(bad_argument(
            "these are all fragments of the profile",
            "leave at least one that stays",
        ));
    }
    Ok(IdentityDecision::Unmerge { fragments, from })
}

fn view(core: &mut Core, profile: &Profile, most_facts: usize) -> Result<ProfileView, AdminError> {
    let mut view = ProfileView {
        id: profile.id.to_string(),
        identifiers: super::find::summary(core, profile).identifiers,
        traits: BTreeMap::new(),
        computed: BTreeMap::new(),
        segments: BTreeMap::new(),
        consents: BTreeMap::new(),
        fragments: profile
            .fragments
            .iter()
            .map(|part| fragment(core, part))
            .collect(),
        facts_total: profile.facts().count() as u64,
        facts: Vec::new(),
        waiting_deliveries: 0,
    };
    for membership in &profile.memberships {
        let name = core.state.name(membership.segment).to_string();
        view.segments.insert(name, membership.since.to_string());
    }
    for topic in profile
        .fragments
        .iter()
        .flat_map(|part| &part.consents)
        .map(|it| &it.topic)
    {
        if let Some(decision) = consent(profile, topic) {
            let state = format!("{:?}", decision.state).to_lowercase();
            view.consents.insert(topic.as_str().to_owned(), state);
        }
    }
    let mut facts: Vec<_> = profile.facts().collect();
    facts.sort_by(|a, b| (b.at, b.stream, &b.id).cmp(&(a.at, a.stream, &a.id)));
    view.facts = facts
        .into_iter()
        .take(most_facts)
        .map(|it| fact(core, it))
        .collect();
    if let Some(compiled) = core.stepper.compiled() {
        for (name, value) in all_traits(profile, &compiled.survivorship) {
            view.traits
                .insert(core.state.name(name).to_string(), value_json(&value));
        }
        let reader = reader(core)?;
        let now = core.now();
        for (name, program) in compiled.rules.computed_traits(&mut look_up(core)) {
            if let Some(value) = program.value(profile, now, &reader).value {
                view.computed.insert(name.to_string(), value_json(&value));
            }
        }
    }
    let ids: Vec<_> = profile
        .fragments
        .iter()
        .map(|part| part.id.alone())
        .collect();
    let mut after = None;
    loop {
        let page = core.state.deliveries(None, after, super::find::PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        view.waiting_deliveries += page
            .iter()
            .filter(|delivery| ids.contains(&delivery.profile))
            .count() as u64;
    }
    Ok(view)
}

/// Numbers names without adding any: outside the step nothing may be added, since a replay would
/// number names otherwise. A name that is not there gets a number that nothing carries.
pub(crate) fn look_up(core: &Core) -> impl FnMut(&str) -> Symbol + '_ {
    let mut unknown = u32::MAX;
    move |name| {
        core.state.symbol(name).unwrap_or_else(|| {
            unknown -= 1;
            Symbol(unknown)
        })
    }
}

fn fragment(core: &Core, part: &Fragment) -> FragmentView {
    let seen = part.first_seen != Instant::MAX;
    FragmentView {
        id: part.id.to_string(),
        connector: core.state.name(part.connector).to_string(),
        key: part.key.to_string(),
        identifiers: part.identifiers.iter().map(ToString::to_string).collect(),
        facts: part.facts.len() as u64,
        first_seen: seen.then(|| part.first_seen.to_string()),
        last_seen: seen.then(|| part.last_seen.to_string()),
    }
}

/// A fact with its names, as a person reads it.
fn fact(core: &Core, fact: &Fact) -> FactView {
    NamedFact::of(core, fact).into()
}

/// A copy of a fact with the names that only the core knows: making texts of it is left to others.
pub(crate) struct NamedFact {
    fact: Fact,
    name: SmolStr,
    stream: SmolStr,
    currency: Option<SmolStr>,
    properties: Vec<SmolStr>,
}

impl NamedFact {
    pub fn of(core: &Core, fact: &Fact) -> Self {
        let name = |symbol: Symbol| core.state.name(symbol);
        let properties = fact.properties.iter();
        Self {
            name: name(fact.name),
            stream: name(fact.stream),
            currency: fact.total.map(|(_, currency)| name(currency)),
            properties: properties.map(|(symbol, _)| name(*symbol)).collect(),
            fact: fact.clone(),
        }
    }
}

impl From<NamedFact> for FactView {
    fn from(named: NamedFact) -> Self {
        let fact = named.fact;
        let values = fact.properties.iter().map(|(_, value)| value_json(value));
        let names = named.properties.iter().map(ToString::to_string);
        Self {
            kind: format!("{:?}", fact.kind).to_lowercase(),
            name: named.name.to_string(),
            at: fact.at.to_string(),
            stream: named.stream.to_string(),
            id: fact.id.to_string(),
            counts: fact.counts,
            total: fact.total.map(|(amount, _)| amount.to_string()),
            currency: named.currency.map(|currency| currency.to_string()),
            properties: names.zip(values).collect(),
            lines: fact.lines.iter().map(line).collect(),
        }
    }
}

fn line(line: &crosspoint_model::profile::FactLine) -> Json {
    json!({
        "product": line.product,
        "sku": line.sku,
        "name": line.name,
        "category": line.category,
        "quantity": line.quantity.to_string(),
        "total": line.total.map(|total| total.to_string()),
    })
}
