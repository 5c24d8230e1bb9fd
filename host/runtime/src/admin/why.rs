//! Why a profile is as it is.

use std::collections::BTreeMap;

use crosspoint_model::profile::Profile;
use crosspoint_model::state::State;
use crosspoint_model::{Identifier, Symbol};
use crosspoint_profile::{Survivorship, SurvivorshipRules, trait_value};

use super::find::{PAGE, json, resolve};
use super::outbox::view as delivery_view;
use super::segment::{compiled, explained};
use super::{AdminError, Join, TraitCandidate, TraitWhy, Why};
use crate::Host;
use crate::core::Core;
use crate::error::not_found;

impl Host {
    pub(super) fn why(&self, query: &str, segment: Option<String>) -> Result<Why, AdminError> {
        let query = query.to_owned();
        self.handle.ask(move |core| {
            let id = resolve(core, &query)?;
            let profile = core.state.profile(id)?;
            let profile = profile.ok_or_else(|| not_found("profile", &query, ""))?;
            why(core, &profile, segment.as_deref())
        })
    }
}

fn why(core: &mut Core, profile: &Profile, segment: Option<&str>) -> Result<Why, AdminError> {
    let names: Vec<String> = match segment {
        Some(segment) => vec![segment.to_owned()],
        None => compiled(core)?
            .project
            .segments
            .keys()
            .map(ToString::to_string)
            .collect(),
    };
    let segments = names
        .iter()
        .map(|name| explained(core, profile, name))
        .collect::<Result<_, _>>()?;
    let own: Vec<_> = profile
        .fragments
        .iter()
        .map(|part| part.id.alone())
        .collect();
    let mut deliveries = Vec::new();
    let mut after = None;
    loop {
        let page = core.state.deliveries(None, after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        let of_profile = page
            .iter()
            .filter(|delivery| own.contains(&delivery.profile));
        deliveries.extend(of_profile.map(|delivery| delivery_view(core, delivery)));
    }
    Ok(Why {
        id: profile.id.to_string(),
        now: core.now().to_string(),
        joins: joins(profile),
        traits: traits(core, profile)?,
        segments,
        deliveries,
    })
}

/// Identifiers that several fragments carry, or that one carries and another is named by.
fn joins(profile: &Profile) -> Vec<Join> {
    let mut carriers: BTreeMap<&Identifier, Vec<String>> = BTreeMap::new();
    for part in &profile.fragments {
        for identifier in &part.identifiers {
            carriers
                .entry(identifier)
                .or_default()
                .push(part.id.to_string());
        }
    }
    let shared = carriers
        .into_iter()
        .filter(|(_, fragments)| fragments.len() > 1);
    shared
        .map(|(identifier, fragments)| Join {
            identifier: identifier.to_string(),
            fragments,
        })
        .collect()
}

fn traits(core: &Core, profile: &Profile) -> Result<Vec<TraitWhy>, AdminError> {
    let rules = &compiled(core)?.survivorship;
    let mut names: Vec<Symbol> = profile
        .fragments
        .iter()
        .flat_map(|part| &part.traits)
        .map(|said| said.name)
        .collect();
    names.sort_unstable();
    names.dedup();
    let mut all: Vec<_> = names
        .into_iter()
        .map(|name| one(core, profile, rules, name))
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

fn one(core: &Core, profile: &Profile, rules: &SurvivorshipRules, name: Symbol) -> TraitWhy {
    let value = trait_value(profile, name, rules);
    let said = profile.fragments.iter().flat_map(|part| {
        part.traits
            .iter()
            .filter(move |said| said.name == name)
            .map(move |said| (part, said))
    });
    let mut said: Vec<_> = said.collect();
    said.sort_by_key(|(_, said)| {
        let chosen = value.as_deref() == Some(&said.value);
        (!chosen, std::cmp::Reverse(said.version))
    });
    let candidates = said.into_iter().map(|(part, said)| TraitCandidate {
        connector: core.state.name(part.connector).to_string(),
        value: json(&said.value),
        at: said.version.updated_at.to_string(),
    });
    TraitWhy {
        name: core.state.name(name).to_string(),
        rule: rule_word(core, rules.rule(name)),
        candidates: candidates.collect(),
        value: value.map_or(serde_json::Value::Null, |value| json(&value)),
    }
}

fn rule_word(core: &Core, rule: &Survivorship) -> String {
    match rule {
        Survivorship::Newest => "newest".to_owned(),
        Survivorship::SourcePriority(connectors) => {
            let names: Vec<_> = connectors.iter().map(|it| core.state.name(*it)).collect();
            format!("source-priority: {}", names.join(", "))
        }
        Survivorship::FirstSeen => "first-seen".to_owned(),
        Survivorship::Min => "min".to_owned(),
        Survivorship::Max => "max".to_owned(),
        Survivorship::Sum => "sum".to_owned(),
    }
}
