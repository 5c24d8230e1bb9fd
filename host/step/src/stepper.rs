//! Dispatch: which entry goes where.

use std::collections::{BTreeMap, BTreeSet};

use crosspoint_model::entry::{Entry, What};
use crosspoint_model::state::State;
use crosspoint_model::{Instant, ProfileId, Symbol};

use crosspoint_profile::Names;

use crate::{Compiled, Error};

/// A profile entered or left a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentChange {
    /// Who.
    pub profile: ProfileId,
    /// Which.
    pub segment: Symbol,
    /// In, or out.
    pub entered: bool,
    /// When, to the instant.
    pub at: Instant,
    /// Why.
    pub cause: ChangeCause,
}

/// Why a profile entered or left a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeCause {
    /// Its rule gave another result.
    Rule,
    /// People were joined or taken apart: the membership goes on, or ends, under another id, and
    /// nothing is delivered for it.
    Identity,
}

/// What a step did beyond the state: whom to wake.
#[derive(Debug, Default)]
pub struct Effects {
    /// Connectors whose outbox changed.
    pub outboxes: BTreeSet<Symbol>,
    /// Transitions, in the order in which they happened. Those of all entries applied in turn to
    /// the members of a segment give its members now.
    pub transitions: Vec<SegmentChange>,
    /// People were joined or taken apart.
    pub regrouped: bool,
    /// A configuration was applied.
    pub configured: bool,
}

/// What one step carries along.
pub(crate) struct Context {
    pub seq: u64,
    pub now: Instant,
    pub ordinals: BTreeMap<Symbol, u32>,
    /// Items that this entry has put into quarantine.
    pub quarantined: u32,
    pub effects: Effects,
}

/// An entry that is being applied, see [`Stepper::begin`].
pub struct Begun {
    ctx: Context,
    /// Records that are applied.
    records: usize,
}

impl Begun {
    /// What it did, once it is applied whole.
    pub fn effects(self) -> Effects {
        self.ctx.effects
    }
}

impl Context {
    /// The next free place among this entry's effects at a connector.
    pub fn next_ordinal(&mut self, connector: Symbol) -> u32 {
        let next = self.ordinals.entry(connector).or_default();
        *next += 1;
        *next - 1
    }

    /// Notes a transition at this context's instant.
    pub fn changed(
        &mut self,
        profile: ProfileId,
        segment: Symbol,
        entered: bool,
        cause: ChangeCause,
    ) {
        self.effects.transitions.push(SegmentChange {
            profile,
            segment,
            entered,
            at: self.now,
            cause,
        });
    }
}

/// Applies ledger entries to a state. Holds nothing but the compiled configuration, which is
/// itself in the state.
#[derive(Default)]
pub struct Stepper {
    pub(crate) compiled: Option<Compiled>,
    /// Made at the first record, so that a replay numbers them alike.
    pub(crate) names: Option<Names>,
}

impl Stepper {
    /// A stepper for a state as it was found: compiles the configuration that the state holds.
    ///
    /// # Errors
    /// When the store fails or holds a configuration that does not compile.
    pub fn resume(state: &mut impl State) -> Result<Self, Error> {
        let mut stepper = Self::default();
        stepper.reload(state)?;
        Ok(stepper)
    }

    /// The applied configuration, once there is one.
    pub fn compiled(&self) -> Option<&Compiled> {
        self.compiled.as_ref()
    }

    /// Applies the entry with the number `seq`. First fires every timer that is due up to the
    /// entry's instant, each at its own instant, then applies the entry at its own.
    ///
    /// # Errors
    /// When the store fails or an applied configuration does not compile; the state is then
    /// unusable until it is rebuilt.
    pub fn step(
        &mut self,
        state: &mut impl State,
        seq: u64,
        entry: &Entry,
    ) -> Result<Effects, Error> {
        let mut begun = self.begin(state, seq, entry)?;
        while !self.advance(state, entry, &mut begun, usize::MAX)? {}
        Ok(begun.effects())
    }

    /// Begins what [`Self::step`] does at once, up to the timers. Between the calls of
    /// [`Self::advance`] that follow, every profile is whole and may be looked at; nothing may be
    /// changed or made durable before the last of them.
    ///
    /// # Errors
    /// See [`Self::step`].
    pub fn begin(
        &mut self,
        state: &mut impl State,
        seq: u64,
        entry: &Entry,
    ) -> Result<Begun, Error> {
        let mut ctx = Context {
            seq,
            now: entry.at,
            ordinals: BTreeMap::new(),
            quarantined: 0,
            effects: Effects::default(),
        };
        self.fire_timers(state, entry.at, &mut ctx)?;
        ctx.now = entry.at;
        Ok(Begun { ctx, records: 0 })
    }

    /// Goes on with an entry that was begun, by at most so many records; whether it is applied whole
    /// now.
    ///
    /// # Errors
    /// See [`Self::step`].
    pub fn advance(
        &mut self,
        state: &mut impl State,
        entry: &Entry,
        begun: &mut Begun,
        most: usize,
    ) -> Result<bool, Error> {
        let Begun { ctx, records } = begun;
        match &entry.what {
            What::Records(page) => {
                let rest = page.records.len() - *records;
                let end = *records + rest.min(most);
                self.apply_records(state, page, *records..end, ctx)?;
                *records = end;
                return Ok(end == page.records.len());
            }
            What::Tick => {}
            What::Receipts {
                connector,
                receipts,
            } => {
                self.apply_receipts(state, connector, receipts, ctx)?;
            }
            What::Attempts {
                connector,
                deliveries,
            } => {
                self.apply_attempts(state, connector, deliveries)?;
            }
            What::Configured(configured) => self.apply_configured(state, configured, ctx)?,
            What::Sweep { after, count } => self.apply_sweep(state, *after, *count, ctx)?,
            What::OutboxCommand {
                connector,
                deliveries,
                command,
            } => {
                self.apply_outbox_command(state, connector, deliveries, command, ctx)?;
            }
            What::QuarantineCleared { items } => self.clear_quarantine(state, items)?,
            What::Identity(decision) => self.apply_decision(state, decision, ctx)?,
            What::Notes { connector, jobs } => {
                let connector = state.intern(&connector.0);
                for (key, value) in jobs {
                    state.put_job(connector, key, value.as_deref())?;
                }
            }
            What::ConnectorState { connector, paused } => {
                self.apply_connector_state(state, connector, paused.as_deref(), ctx)?;
            }
        }
        Ok(true)
    }
}
