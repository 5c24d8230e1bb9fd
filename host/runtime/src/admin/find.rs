//! From what a person types to a profile.

use std::ops::ControlFlow;

use crosspoint_model::profile::Profile;
use crosspoint_model::state::State;
use crosspoint_model::{FragmentId, Identifier, ProfileId, Value};
use crosspoint_profile::{last_seen, trait_value};
use serde_json::Value as Json;

use super::{AdminError, ProfileSummary, Progress};
use crate::Host;
use crate::core::Core;
use crate::error::{bad_argument, not_found};
use crate::live::Who;
use crate::open::OnProgress;

/// Profiles looked at in one go; between two pages the step loop goes on.
pub(super) const PAGE: usize = 1_000;

impl Host {
    pub(super) fn find_profiles(
        &self,
        query: &str,
        limit: u32,
        progress: OnProgress<'_>,
    ) -> Result<Vec<ProfileSummary>, AdminError> {
        let query_owned = query.to_owned();
        let direct = self.handle.ask(move |core| {
            resolve_all(core, &query_owned)?
                .into_iter()
                .map(|id| summary_of(core, id))
                .collect::<Result<Vec<_>, _>>()
        })?;
        let mut found: Vec<_> = direct.into_iter().flatten().collect();
        if !found.is_empty() || looks_exact(query) {
            found.truncate(limit as usize);
            return Ok(found);
        }
        let needle = query.to_lowercase();
        let mut after = None;
        let mut seen = 0;
        while found.len() < limit as usize {
            let needle = needle.clone();
            let room = limit as usize - found.len();
            let (page, last) = self.handle.ask(move |core| {
                let mut hits = Vec::new();
                let last = core.state.scan_profiles(after, PAGE, |profile| {
                    if mentions(profile, &needle) {
                        hits.push(profile.clone());
                    }
                    if hits.len() < room {
                        ControlFlow::Continue(())
                    } else {
                        ControlFlow::Break(())
                    }
                })?;
                let hits: Vec<_> = hits.iter().map(|hit| summary(core, hit)).collect();
                Ok((hits, last))
            })?;
            found.extend(page);
            seen += PAGE as u64;
            progress(Progress {
                label: "looking through profiles".into(),
                done: seen,
                total: None,
            });
            match last {
                Some(last) => after = Some(last),
                None => break,
            }
        }
        Ok(found)
    }
}

/// Whether the query names one thing, so that looking through everything would not help.
fn looks_exact(query: &str) -> bool {
    query.parse::<ProfileId>().is_ok() || query.contains(':') && !query.contains(' ')
}

fn mentions(profile: &Profile, needle: &str) -> bool {
    let text = |value: &Value| match value {
        Value::Text(text) => text.to_lowercase().contains(needle),
        _ => false,
    };
    profile.fragments.iter().any(|part| {
        part.identifiers
            .iter()
            .any(|it| it.value().to_lowercase().contains(needle))
            || part.traits.iter().any(|said| text(&said.value))
    })
}

/// The profiles that an id or identifier names: several where guards keep carriers apart.
fn resolve_all(core: &mut Core, query: &str) -> Result<Vec<ProfileId>, AdminError> {
    match Who::parse(query) {
        Some(who) => profiles_of(core, &who),
        None => Ok(Vec::new()),
    }
}

/// See [`resolve_all`]. The id of a profile that was joined to another finds that one.
pub(crate) fn profiles_of(core: &mut Core, who: &Who) -> Result<Vec<ProfileId>, AdminError> {
    let mut fragments: Vec<FragmentId> = Vec::new();
    match who {
        Who::Profile(id) => fragments.push(FragmentId(id.0)),
        Who::Identifier(identifier) => {
            if let Identifier::Vendor { system, .. } = identifier {
                fragments.push(FragmentId::of(system, identifier));
            }
            fragments.extend(core.state.carriers_of(identifier)?.fragments);
        }
    }
    let mut profiles = Vec::new();
    for fragment in fragments {
        if let Some(id) = core.state.profile_of(fragment)?
            && !profiles.contains(&id)
        {
            profiles.push(id);
        }
    }
    Ok(profiles)
}

/// The one profile that an id or identifier names.
pub(super) fn resolve(core: &mut Core, query: &str) -> Result<ProfileId, AdminError> {
    let found = resolve_all(core, query)?;
    match found.as_slice() {
        [] => Err(not_found(
            "profile",
            query,
            "name it by id, or by an identifier such as `email:ana@example.com` or \
             `CONNECTOR:ID`; `crosspoint profile find TEXT` looks for parts",
        )),
        [one] => Ok(*one),
        several => {
            let ids: Vec<_> = several.iter().map(ToString::to_string).collect();
            Err(bad_argument(
                format!("`{query}` names {} profiles", several.len()),
                &format!("name one by id: {}", ids.join(", ")),
            ))
        }
    }
}

fn summary_of(core: &mut Core, id: ProfileId) -> Result<Option<ProfileSummary>, AdminError> {
    let profile = core.state.profile(id)?;
    Ok(profile.map(|profile| summary(core, &profile)))
}

/// One line about a profile.
pub(super) fn summary(core: &Core, profile: &Profile) -> ProfileSummary {
    let text = |name: &str| {
        let rules = &core.stepper.compiled()?.survivorship;
        let value = trait_value(profile, core.state.symbol(name)?, rules)?;
        Some(value.to_string()).filter(|text| !text.is_empty())
    };
    let name = text("full_name").or_else(|| match (text("first_name"), text("last_name")) {
        (Some(first), Some(last)) => Some(format!("{first} {last}")),
        (first, last) => first.or(last),
    });
    let mut identifiers: Vec<_> = profile
        .fragments
        .iter()
        .flat_map(|part| &part.identifiers)
        .map(ToString::to_string)
        .collect();
    identifiers.sort();
    identifiers.dedup();
    let segments = profile.memberships.iter();
    ProfileSummary {
        id: profile.id.to_string(),
        name,
        identifiers,
        segments: segments
            .map(|it| core.state.name(it.segment).to_string())
            .collect(),
        last_seen: last_seen(profile).map(|at| at.to_string()),
    }
}

/// A value as JSON. Decimals stay text: JSON numbers are floats in most readers.
pub(crate) fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => Json::from(*flag),
        Value::Int(number) => Json::from(*number),
        Value::Json(text) => {
            serde_json::from_str(text).unwrap_or_else(|_| Json::from(text.as_ref()))
        }
        other => Json::from(other.to_string()),
    }
}
