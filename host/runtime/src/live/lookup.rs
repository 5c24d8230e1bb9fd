//! One profile as a website or a service reads it while somebody waits.

mod computed;
mod seen;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant as MachineInstant};

use crosspoint_config::Project;
use crosspoint_model::profile::{Fact, FactKind, Profile};
use crosspoint_model::state::State as _;
use crosspoint_model::{Identifier, Instant, ProfileId, Value};
use crosspoint_profile::{all_traits, consent, trait_value};
use crosspoint_segment::View;
use crosspoint_step::Compiled;
use serde_json::Value as Json;
use smol_str::SmolStr;

use crate::Host;
use crate::admin::find::{json, profiles_of};
use crate::admin::profile::NamedFact;
use crate::admin::segment::{compiled, reader};
use crate::admin::{AdminError, FactView};
use crate::core::Core;

pub(crate) use computed::ComputedTraits;
pub use seen::{Happened, InSegment, Seen};

/// Longest wait for an entry that the caller wants to see applied.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Profiles read with one question: lookups that wait behind it have a few milliseconds.
const TOGETHER: usize = 32;

/// Whom a lookup is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// The profile with this id.
    Profile(ProfileId),
    /// Who carries this identifier.
    Identifier(Identifier),
}

impl Who {
    /// Reads a profile's id, plain or behind `profile:`, or an identifier such as
    /// `email:ana@example.com` or `CONNECTOR:ID`; `None` where it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let id = text.strip_prefix("profile:").unwrap_or(text);
        match id.parse() {
            Ok(id) => Some(Self::Profile(id)),
            Err(_) => Identifier::parse(text).map(Self::Identifier),
        }
    }

    /// Whether somebody without a token may ask: only what nobody can guess and a browser keeps
    /// for its own visitor. Addresses and numbers could be tried one after another.
    pub fn is_public(&self) -> bool {
        match self {
            Self::Profile(_) => false,
            Self::Identifier(identifier) => matches!(
                identifier,
                Identifier::AnonymousId(_) | Identifier::Cookie(_)
            ),
        }
    }
}

/// Which names of a kind are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// None.
    #[default]
    Nothing,
    /// All that have a value.
    All,
    /// These.
    Only(Vec<SmolStr>),
}

/// What of a profile is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Its id.
    pub id: bool,
    /// All identifiers.
    pub identifiers: bool,
    /// Traits from sources and computed ones.
    pub traits: Names,
    /// Segments that it is in.
    pub segments: Names,
    /// Decisions by topic.
    pub consents: bool,
    /// So many of the newest events.
    pub events: usize,
    /// So many of the newest orders.
    pub orders: usize,
}

impl Fields {
    /// What anybody may read.
    pub fn public(project: &Project) -> Self {
        let lookups = project.lookups.as_ref();
        let names = |names: Option<&Vec<SmolStr>>| match names {
            Some(names) if !names.is_empty() => Names::Only(names.clone()),
            _ => Names::Nothing,
        };
        Self {
            traits: names(lookups.map(|lookups| &lookups.public_traits)),
            segments: names(lookups.map(|lookups| &lookups.public_segments)),
            ..Self::default()
        }
    }
}

/// What a lookup answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// Number of the newest ledger entry that the answer knows of.
    pub position: u64,
    /// Whom it found.
    pub found: Found,
}

/// Whom a lookup found.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// Nobody.
    Nobody,
    /// One profile.
    One(Box<Seen>),
    /// The ids of several, which guards keep apart although they share the identifier.
    Several(Vec<String>),
}

impl Host {
    /// Looks a profile up as it is at this instant: windows that have ended count as ended, though
    /// the step may not have come to it. One question to the core thread.
    ///
    /// # Errors
    /// When the store fails or the host has stopped.
    pub async fn look_up(&self, who: Who, fields: Fields) -> Result<Looked, AdminError> {
        let raw = self
            .handle
            .look_up(move |core| {
                core.looked_up = Some(MachineInstant::now());
                let position = core.applied;
                find(core, &who, &fields).map(|found| (position, found))
            })
            .await?;
        let (position, found) = raw;
        let found = match found.as_slice() {
            [] => Found::Nobody,
            [_] => match found.into_iter().next().and_then(|it| it.1) {
                Some(seen) => Found::One(Box::new(seen.into_seen())),
                None => Found::Nobody,
            },
            several => Found::Several(several.iter().map(|it| it.0.to_string()).collect()),
        };
        Ok(Looked { position, found })
    }

    /// The traits of several profiles at this instant, in the order of `ids`; `None` where a
    /// profile is no more.
    ///
    /// # Errors
    /// When the store fails or the host has stopped.
    pub async fn traits_of(
        &self,
        ids: Vec<ProfileId>,
        names: Vec<SmolStr>,
    ) -> Result<Vec<Option<BTreeMap<SmolStr, Json>>>, AdminError> {
        let fields = Fields {
            traits: Names::Only(names),
            ..Fields::default()
        };
        let mut all = Vec::with_capacity(ids.len());
        for ids in ids.chunks(TOGETHER) {
            let (ids, fields) = (ids.to_vec(), fields.clone());
            let asked = self.handle.ask_async(move |core| {
                let found = ids.iter().map(|id| find(core, &Who::Profile(*id), &fields));
                found.collect::<Result<Vec<_>, _>>()
            });
            for found in asked.await? {
                let raw = found.into_iter().find_map(|(_, raw)| raw);
                all.push(raw.and_then(|raw| raw.into_seen().traits));
            }
        }
        Ok(all)
    }

    /// Waits until the state holds an entry, at most a second; whether it does.
    ///
    /// # Errors
    /// When the host has stopped.
    pub async fn reaches(&self, position: u64) -> Result<bool, AdminError> {
        let applied = self.handle.applied(position);
        match tokio::time::timeout(LONGEST_WAIT, applied).await {
            Ok(applied) => applied.map(|()| true),
            Err(_) => Ok(false),
        }
    }
}

/// [`Seen`] as the core thread hands it over, with what costs time left to others.
struct Raw {
    id: Option<ProfileId>,
    identifiers: Option<Vec<Identifier>>,
    traits: Option<Vec<(SmolStr, Option<Value>)>>,
    segments: Option<Vec<(SmolStr, Instant)>>,
    consents: Option<BTreeMap<String, String>>,
    events: Option<Vec<NamedFact>>,
    orders: Option<Vec<NamedFact>>,
}

impl Raw {
    fn into_seen(self) -> Seen {
        let value = |value: Option<Value>| value.as_ref().map_or(Json::Null, json);
        let traits = self.traits.map(|traits| {
            let traits = traits.into_iter();
            traits.map(|(name, it)| (name, value(it))).collect()
        });
        let segments = self.segments.map(|segments| {
            let named = segments.into_iter().map(|(name, since)| InSegment {
                name,
                since: since.to_string(),
            });
            let mut named: Vec<_> = named.collect();
            named.sort();
            named
        });
        let identifiers = self.identifiers.map(|mut identifiers| {
            identifiers.sort();
            identifiers.dedup();
            identifiers.iter().map(ToString::to_string).collect()
        });
        Seen {
            id: self.id.map(|id| id.to_string()),
            identifiers,
            traits,
            segments,
            consents: self.consents,
            events: self.events.map(happened),
            orders: self.orders.map(happened),
        }
    }
}

fn happened(facts: Vec<NamedFact>) -> Vec<Happened> {
    let views = facts.into_iter().map(FactView::from);
    views.map(Happened::from).collect()
}

/// Ids of those found; the profile with it where it is one.
fn find(
    core: &mut Core,
    who: &Who,
    fields: &Fields,
) -> Result<Vec<(ProfileId, Option<Raw>)>, AdminError> {
    let ids = profiles_of(core, who)?;
    let [id] = ids.as_slice() else {
        return Ok(ids.into_iter().map(|id| (id, None)).collect());
    };
    // One that is in memory is read where it is.
    let copied = match core.state.held_profile(*id) {
        Some(_) => None,
        None => core.state.profile(*id)?,
    };
    let computed = match fields.traits {
        Names::Nothing => Arc::default(),
        _ => ComputedTraits::of(core)?,
    };
    let Some(profile) = copied.as_ref().or_else(|| core.state.held_profile(*id)) else {
        return Ok(Vec::new());
    };
    let now = core.now();
    let ahead = compiled(core)?.look_ahead(profile, now, |symbol| core.state.name(symbol));
    let profile = ahead.as_ref().unwrap_or(profile);
    let raw = read(core, profile, now, fields, &computed)?;
    Ok(vec![(*id, Some(raw))])
}

fn read(
    core: &Core,
    profile: &Profile,
    now: Instant,
    fields: &Fields,
    computed: &ComputedTraits,
) -> Result<Raw, AdminError> {
    let (compiled, view) = (compiled(core)?, reader(core)?);
    let identifiers = || {
        let parts = profile.fragments.iter();
        parts.flat_map(|part| part.identifiers.clone()).collect()
    };
    Ok(Raw {
        id: fields.id.then_some(profile.id),
        identifiers: fields.identifiers.then(identifiers),
        traits: match &fields.traits {
            Names::Nothing => None,
            Names::All => Some(all(core, profile, now, compiled, computed, &view)),
            Names::Only(names) => {
                let value = |name: &SmolStr| match computed.programs.get(name) {
                    Some(program) => program.value(profile, now, &view).value,
                    None => {
                        let symbol = core.state.symbol(name)?;
                        trait_value(profile, symbol, &compiled.survivorship)
                            .map(|value| value.into_owned())
                    }
                };
                let named = names.iter().map(|name| (name.clone(), value(name)));
                Some(named.collect())
            }
        },
        segments: match &fields.segments {
            Names::Nothing => None,
            asked => {
                let memberships = profile.memberships.iter();
                let named = memberships.map(|it| (core.state.name(it.segment), it.since));
                let named = named.filter(|(name, _)| match asked {
                    Names::Only(names) => names.contains(name),
                    _ => true,
                });
                Some(named.collect())
            }
        },
        consents: fields.consents.then(|| consents(profile)),
        events: newest(core, profile, FactKind::Event, fields.events),
        orders: newest(core, profile, FactKind::Order, fields.orders),
    })
}

/// All traits that have a value; a computed one hides a source's of the same name, as in rules.
fn all(
    core: &Core,
    profile: &Profile,
    now: Instant,
    compiled: &Compiled,
    computed: &ComputedTraits,
    view: &dyn View,
) -> Vec<(SmolStr, Option<Value>)> {
    let said = all_traits(profile, &compiled.survivorship)
        .into_iter()
        .map(|(name, value)| (core.state.name(name), Some(value.into_owned())))
        .filter(|(name, _)| !computed.programs.contains_key(name));
    let derived = computed.programs.iter().filter_map(|(name, program)| {
        let value = program.value(profile, now, view).value?;
        Some((name.clone(), Some(value)))
    });
    said.chain(derived).collect()
}

fn consents(profile: &Profile) -> BTreeMap<String, String> {
    let parts = profile.fragments.iter().flat_map(|part| &part.consents);
    let decided = parts.filter_map(|said| {
        let decision = consent(profile, &said.topic)?;
        let state = format!("{:?}", decision.state).to_lowercase();
        Some((said.topic.as_str().to_owned(), state))
    });
    decided.collect()
}

/// The newest facts of a kind that count; `None` where none are asked for.
fn newest(core: &Core, profile: &Profile, kind: FactKind, most: usize) -> Option<Vec<NamedFact>> {
    if most == 0 {
        return None;
    }
    let of_kind = |fact: &&Fact| fact.kind == kind && fact.counts;
    let mut facts: Vec<_> = profile.facts().filter(of_kind).collect();
    let newest_first = |a: &&Fact, b: &&Fact| {
        let key = |fact: &Fact| (fact.at, fact.stream);
        key(b).cmp(&key(a)).then_with(|| b.id.cmp(&a.id))
    };
    if facts.len() > most {
        facts.select_nth_unstable_by(most, newest_first);
        facts.truncate(most);
    }
    facts.sort_unstable_by(newest_first);
    let named = facts.into_iter().map(|it| NamedFact::of(core, it));
    Some(named.collect())
}

#[cfg(test)]
mod tests;
