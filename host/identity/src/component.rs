//! Everything that hangs together with some fragments.

use std::collections::{BTreeMap, BTreeSet};

use crosspoint_model::profile::{Fragment, Profile};
use crosspoint_model::state::{Carriers, Constraints, Result, State};
use crosspoint_model::{FragmentId, Identifier, ProfileId};

use crate::guards::Guards;
use crate::partition::Node;

/// Profiles that were taken out of the state, and their fragments as nodes.
pub(crate) struct Component {
    pub profiles: BTreeMap<ProfileId, Box<Profile>>,
    pub nodes: Vec<Node>,
    /// There is more than the guards allow to look at; the rest was not taken.
    pub cut_off: bool,
}

/// Takes out every profile that identifiers or decisions connect with one of `seeds`, directly or
/// through others. Identifiers that join nobody do not connect.
pub(crate) fn gather(
    state: &mut impl State,
    guards: &Guards,
    seeds: &[FragmentId],
) -> Result<Component> {
    let mut component = Component {
        profiles: BTreeMap::new(),
        nodes: Vec::new(),
        cut_off: false,
    };
    let mut joins: BTreeMap<Identifier, bool> = BTreeMap::new();
    let mut reached: BTreeSet<FragmentId> = BTreeSet::new();
    let mut frontier: Vec<FragmentId> = seeds.to_vec();
    while let Some(next) = frontier.pop() {
        if reached.contains(&next) {
            continue;
        }
        let Some(id) = state.profile_of(next)? else {
            continue;
        };
        let Some(profile) = state.take_profile(id)? else {
            continue;
        };
        for fragment in &profile.fragments {
            reached.insert(fragment.id);
            let node = node(state, guards, fragment, &mut joins, &mut frontier)?;
            component.nodes.push(node);
        }
        component.profiles.insert(id, profile);
        if component.nodes.len() > guards.max_component {
            component.cut_off = true;
            break;
        }
    }
    Ok(component)
}

fn node(
    state: &mut impl State,
    guards: &Guards,
    fragment: &Fragment,
    joins: &mut BTreeMap<Identifier, bool>,
    frontier: &mut Vec<FragmentId>,
) -> Result<Node> {
    let mut identifiers = Vec::with_capacity(fragment.identifiers.len());
    for identifier in &fragment.identifiers {
        let joining = match joins.get(identifier) {
            Some(joining) => *joining,
            None => {
                let carriers = joining_carriers(state, guards, identifier)?;
                joins.insert(identifier.clone(), carriers.is_some());
                if let Some(carriers) = &carriers {
                    frontier.extend(&carriers.fragments);
                    frontier.extend(named_by(identifier));
                }
                carriers.is_some()
            }
        };
        if joining {
            identifiers.push(identifier.clone());
        }
    }
    let constraints: Constraints = state.constraints(fragment.id)?;
    frontier.extend(&constraints.together);
    Ok(Node {
        id: fragment.id,
        identifiers,
        constraints,
    })
}

/// The listed carriers of an identifier; `None` where it joins nobody.
fn joining_carriers(
    state: &mut impl State,
    guards: &Guards,
    identifier: &Identifier,
) -> Result<Option<Carriers>> {
    if guards.blocks(identifier) {
        return Ok(None);
    }
    let carriers = state.carriers(identifier)?;
    Ok((carriers.fragments.len() <= guards.max_carriers).then_some(carriers))
}

/// The fragment that a vendor's id names at the connector of that name; it is never listed as a
/// carrier of the id.
pub(crate) fn named_by(identifier: &Identifier) -> Option<FragmentId> {
    match identifier {
        Identifier::Vendor { system, .. } => Some(FragmentId::of(system, identifier)),
        _ => None,
    }
}
