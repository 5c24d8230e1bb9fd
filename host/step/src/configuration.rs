//! Applied configurations, and bringing everybody up to them.

use std::collections::{BTreeMap, BTreeSet};

use crosspoint_config::project::{Project, Survivorship as ConfiguredSurvivorship, Trigger};
use crosspoint_identity::{Guards, resettle};
use crosspoint_model::entry::Configured;
use crosspoint_model::state::{Counter, State};
use crosspoint_model::touched::Touched;
use crosspoint_model::{ProfileId, Symbol};
use crosspoint_profile::{Survivorship, SurvivorshipRules};
use serde::{Deserialize, Serialize};

use crate::compiled::{Compiled, CompiledSync};
use crate::outbox::{PAUSED_BY_HAND, paused_note};
use crate::stepper::Context;
use crate::timers::{first_expiry, reschedule};
use crate::{Error, Stepper};

/// Profiles that one sweep entry brings up to date: small enough that what arrives meanwhile
/// waits no longer than a few milliseconds.
pub const SWEEP_COUNT: u32 = 1_000;

/// Where the applied configuration stands in the state.
const CONFIGURATION_NOTE: &str = "configuration";
/// Where an unfinished sweep stands in the state: the last profile that it reached.
const SWEEP_NOTE: &str = "sweep";
/// Stands in the state while a sweep also looks at identity again, since the guards changed.
const REGROUP_NOTE: &str = "regroup";

/// The applied configuration as the state keeps it.
#[derive(Serialize, Deserialize)]
struct Applied {
    epoch: u32,
    seq: u64,
    files: Vec<(String, String)>,
}

impl Stepper {
    pub(crate) fn apply_configured(
        &mut self,
        state: &mut impl State,
        configured: &Configured,
        ctx: &mut Context,
    ) -> Result<(), Error> {
        let epoch = self.compiled.as_ref().map_or(0, |compiled| compiled.epoch) + 1;
        let applied = Applied {
            epoch,
            seq: ctx.seq,
            files: configured.files.clone(),
        };
        let bytes = serde_json::to_vec(&applied).map_err(Error::Stored)?;
        state.put_note(CONFIGURATION_NOTE, Some(&bytes))?;
        let compiled = compile(state, &applied)?;
        let before = self.compiled.replace(compiled);
        let guards = |compiled: &Compiled| compiled.project.identity.clone();
        if before.as_ref().map(guards) != self.compiled.as_ref().map(guards) {
            state.put_note(REGROUP_NOTE, Some(&[]))?;
        }
        if state.counter(Counter::Profiles)? > 0 {
            state.put_note(SWEEP_NOTE, Some(&[]))?;
        } else {
            state.put_note(REGROUP_NOTE, None)?;
        }
        self.let_go_on(state)?;
        ctx.effects.configured = true;
        Ok(())
    }

    /// Another configuration may have mended what the host paused a connector for.
    fn let_go_on(&self, state: &mut impl State) -> Result<(), Error> {
        let connectors = self
            .compiled
            .iter()
            .flat_map(|it| it.project.connectors.keys());
        for connector in connectors {
            let reason = Self::paused(state, &connector.0)?;
            if reason.is_some_and(|reason| reason != PAUSED_BY_HAND) {
                state.put_note(&paused_note(&connector.0), None)?;
            }
        }
        Ok(())
    }

    /// The files of the applied configuration, to compare with what is written.
    ///
    /// # Errors
    /// When the store fails or its note does not decode.
    pub fn applied_files(state: &mut impl State) -> Result<Vec<(String, String)>, Error> {
        Ok(applied(state)?
            .map(|applied| applied.files)
            .unwrap_or_default())
    }

    /// Where an unfinished sweep goes on: `Some(None)` from the start; `None`: nothing to sweep.
    ///
    /// # Errors
    /// When the store fails.
    pub fn pending_sweep(state: &mut impl State) -> Result<Option<Option<ProfileId>>, Error> {
        let note = state.note(SWEEP_NOTE)?;
        Ok(note.map(|bytes| bytes.try_into().ok().map(ProfileId)))
    }

    pub(crate) fn reload(&mut self, state: &mut impl State) -> Result<(), Error> {
        self.compiled = match applied(state)? {
            Some(applied) => Some(compile(state, &applied)?),
            None => None,
        };
        Ok(())
    }

    pub(crate) fn guards(&self) -> &Guards {
        static DEFAULT: std::sync::LazyLock<Guards> = std::sync::LazyLock::new(Guards::default);
        self.compiled
            .as_ref()
            .map_or(&DEFAULT, |compiled| &compiled.guards)
    }

    pub(crate) fn apply_sweep(
        &mut self,
        state: &mut impl State,
        after: Option<ProfileId>,
        count: u32,
        ctx: &mut Context,
    ) -> Result<(), Error> {
        // Asked for before a configuration that was applied meanwhile: its sweep begins anew.
        if Self::pending_sweep(state)? != Some(after) {
            return Ok(());
        }
        let regroups = state.note(REGROUP_NOTE)?.is_some();
        let ids = state.profiles_after(after, count as usize)?;
        let last = ids.last().copied();
        let done = ids.len() < count as usize;
        for id in ids {
            // Guards may be others than before: what they joined or kept apart is looked at again.
            if regroups {
                let settled = resettle(state, self.guards(), id)?;
                self.follow(state, settled, ctx)?;
            }
            let Some(mut profile) = state.take_profile(id)? else {
                continue;
            };
            let before = first_expiry(&profile);
            let epoch = self.compiled.as_ref().map_or(0, |compiled| compiled.epoch);
            if profile.epoch != epoch {
                self.evaluate(state, &mut profile, &Touched::everything(), ctx)?;
                reschedule(state, id, before, &profile)?;
            }
            state.put_profile(profile)?;
        }
        if done {
            state.put_note(REGROUP_NOTE, None)?;
        }
        let note = if done { None } else { last.map(|id| id.0) };
        Ok(state.put_note(SWEEP_NOTE, note.as_ref().map(|id| id.as_slice()))?)
    }
}

fn applied(state: &mut impl State) -> Result<Option<Applied>, Error> {
    match state.note(CONFIGURATION_NOTE)? {
        Some(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(Error::Stored),
        None => Ok(None),
    }
}

fn compile(state: &mut impl State, applied: &Applied) -> Result<Compiled, Error> {
    let fail = |problems| Error::Configuration {
        seq: applied.seq,
        problems,
    };
    let project = crosspoint_config::parse(&applied.files).map_err(fail)?;
    let intern = &mut |name: &str| state.intern(name);
    let rules = crosspoint_config::compile_rules(&project, intern).map_err(fail)?;
    let mut syncs = Vec::new();
    for (name, sync) in &project.syncs {
        let programs =
            crosspoint_config::compile_sync(&project, &rules, name, intern).map_err(fail)?;
        syncs.push(CompiledSync {
            name: intern(name),
            connector: intern(&sync.connector.0),
            connector_name: sync.connector.0.clone(),
            action: sync.action.clone(),
            on_exit: sync.on_exit.clone(),
            segment: sync.trigger.segment().map(|segment| intern(segment)),
            list: sync.list.clone(),
            fields: programs.fields,
            watched: programs.watched,
            expiry: intern(&format!("sync:{name}")),
        });
    }
    let mut by_segment: BTreeMap<Symbol, Vec<usize>> = BTreeMap::new();
    let mut by_trait = Vec::new();
    let mut field_syncs = BTreeSet::new();
    for ((index, sync), configured) in syncs.iter().enumerate().zip(project.syncs.values()) {
        match (&configured.trigger, sync.segment) {
            (Trigger::Segment(_), Some(segment)) => {
                by_segment.entry(segment).or_default().push(index);
            }
            _ => {
                by_trait.push(index);
                field_syncs.insert(sync.name);
            }
        }
    }
    Ok(Compiled {
        epoch: applied.epoch,
        rules,
        survivorship: survivorship(&project, intern),
        guards: guards(&project),
        known_segments: project.segments.keys().map(|name| intern(name)).collect(),
        known_syncs: syncs.iter().map(|sync| sync.name).collect(),
        field_syncs,
        syncs,
        by_segment,
        by_trait,
        project,
    })
}

fn guards(project: &Project) -> Guards {
    let mut guards = Guards::default();
    guards
        .blocked
        .extend(project.identity.blocked.iter().cloned());
    if let Some(most) = project.identity.max_fragments {
        guards.max_fragments = most as usize;
    }
    if let Some(most) = project.identity.max_carriers {
        guards.max_carriers = most as usize;
    }
    for (kind, most) in &project.identity.limits {
        guards.max_per_kind.insert(*kind, *most as usize);
    }
    guards
}

fn survivorship(project: &Project, intern: &mut dyn FnMut(&str) -> Symbol) -> SurvivorshipRules {
    let mut rules = SurvivorshipRules::default();
    for (name, declared) in &project.traits {
        let rule = match &declared.survivorship {
            ConfiguredSurvivorship::Newest => continue,
            ConfiguredSurvivorship::SourcePriority(connectors) => Survivorship::SourcePriority(
                connectors
                    .iter()
                    .map(|connector| intern(&connector.0))
                    .collect(),
            ),
            ConfiguredSurvivorship::FirstSeen => Survivorship::FirstSeen,
            ConfiguredSurvivorship::Min => Survivorship::Min,
            ConfiguredSurvivorship::Max => Survivorship::Max,
            ConfiguredSurvivorship::Sum => Survivorship::Sum,
        };
        rules.per_trait.insert(intern(name), rule);
    }
    rules
}
