//! Syncs: which change leads to which delivery.

use std::collections::BTreeSet;

use crosspoint_model::delivery::{Action, Delivery, DeliveryId, DeliveryStatus};
use crosspoint_model::profile::{HandedOver, Profile};
use crosspoint_model::record::{Attribute, Consent, Version};
use crosspoint_model::state::{Counter, State};
use crosspoint_model::touched::Touched;
use crosspoint_model::{DeliveryKey, Instant, Symbol, Value};
use crosspoint_profile::consent;
use crosspoint_segment::{ProfileView, Program, Timed, Transition, set_expiry};

use crate::Error;
use crate::compiled::{Compiled, CompiledSync};
use crate::identity::{add_handed_over, remove_handed_over};
use crate::stepper::Context;

/// What may have consequences for one profile.
pub(crate) struct Changes<'a> {
    /// Which data.
    pub touched: &'a Touched,
    /// Segments entered and left.
    pub transitions: &'a [Transition],
    /// What could change by itself by now, as in [`Profile::expiries`].
    pub due: &'a [Symbol],
    /// The profile is new or made of others, or the configuration is another.
    pub everything: bool,
}

impl Compiled {
    /// Writes the deliveries that follow from the transitions and changed traits of a profile, and
    /// from watched values that are `due` to change by themselves.
    ///
    /// A sync whose action leaves the vendor holding something (a list member, a contact) is kept
    /// true to the profile: what was handed over is noted on the profile, and `everything` brings
    /// up to date what an earlier configuration could not know. A sync whose action happens once
    /// (a message, an event, a tag) follows transitions and changes only. It comes after the former
    /// when a segment is entered and before them when it is left, so that it finds the contact there.
    pub(crate) fn run_syncs(
        &self,
        state: &mut impl State,
        profile: &mut Profile,
        changes: &Changes<'_>,
        ctx: &mut Context,
    ) -> Result<(), Error> {
        let Changes {
            touched,
            transitions,
            due,
            everything,
        } = *changes;
        self.run_once(state, profile, transitions, false, ctx)?;
        for transition in transitions.iter().filter(|_| !everything) {
            for sync in self.of_segment(transition.segment) {
                if sync.is_state() {
                    self.hold(state, profile, sync, transition.entered, ctx)?;
                }
            }
        }
        if everything {
            for sync in self.syncs.iter().filter(|sync| sync.is_state()) {
                if let (Some(segment), true) = (sync.segment, sync.watched.is_empty()) {
                    let member = profile.is_member(segment);
                    self.hold(state, profile, sync, member, ctx)?;
                }
            }
        }
        for &index in &self.by_trait {
            let sync = &self.syncs[index];
            let turned = transitions
                .iter()
                .any(|turn| Some(turn.segment) == sync.segment || sync.watches(turn.segment));
            let changed = sync
                .watched
                .iter()
                .any(|program| program.depends_on(touched));
            if everything || turned || changed || due.contains(&sync.expiry) {
                self.follow_fields(state, profile, sync, ctx)?;
            }
        }
        self.run_once(state, profile, transitions, true, ctx)
    }

    /// Syncs whose action happens once, of the segments entered or of those left.
    fn run_once(
        &self,
        state: &mut impl State,
        profile: &Profile,
        transitions: &[Transition],
        entered: bool,
        ctx: &mut Context,
    ) -> Result<(), Error> {
        for transition in transitions.iter().filter(|it| it.entered == entered) {
            for sync in self.of_segment(transition.segment) {
                if !sync.is_state() {
                    self.once(state, profile, sync, entered, ctx)?;
                }
            }
        }
        Ok(())
    }

    /// Syncs that follow a segment without watching values.
    fn of_segment(&self, segment: Symbol) -> impl Iterator<Item = &CompiledSync> {
        let indexes = self.by_segment.get(&segment).into_iter().flatten();
        indexes.map(|&index| &self.syncs[index])
    }

    /// Something that happens once per transition.
    fn once(
        &self,
        state: &mut impl State,
        profile: &Profile,
        sync: &CompiledSync,
        entered: bool,
        ctx: &mut Context,
    ) -> Result<(), Error> {
        let action = if entered {
            Some(&sync.action)
        } else {
            sync.on_exit.as_ref()
        };
        match action {
            Some(action) => self.cause(state, profile, sync, action, ctx),
            None => Ok(()),
        }
    }

    /// Something that the vendor holds for as long as the profile is a member.
    fn hold(
        &self,
        state: &mut impl State,
        profile: &mut Profile,
        sync: &CompiledSync,
        member: bool,
        ctx: &mut Context,
    ) -> Result<(), Error> {
        let held = profile
            .handed_over
            .iter()
            .any(|handed| handed.sync == sync.name);
        if member && !held {
            let handed_over = HandedOver {
                sync: sync.name,
                fields: 0,
            };
            add_handed_over(&mut profile.handed_over, handed_over);
            self.cause(state, profile, sync, &sync.action, ctx)?;
        } else if !member && held {
            remove_handed_over(&mut profile.handed_over, sync.name);
            if let Some(action) = &sync.on_exit {
                self.cause(state, profile, sync, action, ctx)?;
            }
        }
        Ok(())
    }

    /// Fields that are handed over whenever what is watched changes, be it by data or by time: when
    /// that can next be is noted on the profile.
    fn follow_fields(
        &self,
        state: &mut impl State,
        profile: &mut Profile,
        sync: &CompiledSync,
        ctx: &mut Context,
    ) -> Result<(), Error> {
        if sync
            .segment
            .is_some_and(|segment| !profile.is_member(segment))
        {
            set_expiry(profile, sync.expiry, None);
            return Ok(());
        }
        let mut watched = Vec::with_capacity(sync.watched.len());
        let mut next_change: Option<Instant> = None;
        for program in &sync.watched {
            let timed = self.timed(state, profile, program, ctx);
            watched.push(timed.value.unwrap_or(Value::Null));
            let changes = timed.next_change.filter(|_| !program.moves());
            next_change = next_change.into_iter().chain(changes).min();
        }
        set_expiry(profile, sync.expiry, next_change);
        let nothing_yet = watched.iter().all(|value| *value == Value::Null);
        let fields = fingerprint(&watched);
        let before = profile
            .handed_over
            .iter()
            .find(|handed| handed.sync == sync.name);
        let unchanged = match before {
            Some(before) => before.fields == fields,
            None => nothing_yet,
        };
        if unchanged {
            return Ok(());
        }
        add_handed_over(
            &mut profile.handed_over,
            HandedOver {
                sync: sync.name,
                fields,
            },
        );
        self.cause(state, profile, sync, &sync.action, ctx)
    }

    fn value(
        &self,
        state: &impl State,
        profile: &Profile,
        program: &Program,
        ctx: &Context,
    ) -> Value {
        let timed = self.timed(state, profile, program, ctx);
        timed.value.unwrap_or(Value::Null)
    }

    fn timed(
        &self,
        state: &impl State,
        profile: &Profile,
        program: &Program,
        ctx: &Context,
    ) -> Timed<Option<Value>> {
        let names = |symbol| state.name(symbol);
        let view = ProfileView {
            survivorship: &self.survivorship,
            names,
        };
        program.value(profile, ctx.now, &view)
    }

    fn cause(
        &self,
        state: &mut impl State,
        profile: &Profile,
        sync: &CompiledSync,
        action: &Action,
        ctx: &mut Context,
    ) -> Result<(), Error> {
        let ordinal = ctx.next_ordinal(sync.connector);
        let id = DeliveryId {
            connector: sync.connector,
            seq: ctx.seq,
            ordinal,
        };
        let fields = sync
            .fields
            .iter()
            .map(|(name, program)| Attribute {
                name: name.clone(),
                value: self.value(state, profile, program, ctx),
            })
            .collect();
        let delivery = Delivery {
            id,
            key: DeliveryKey::of(&self.project.name, &sync.connector_name, ctx.seq, ordinal),
            sync: sync.name,
            profile: profile.id,
            action: action.clone(),
            list: sync.list.clone(),
            fields,
            identifiers: identifiers(profile),
            consents: decisions(profile),
            occurred_at: ctx.now,
            status: DeliveryStatus::Pending,
            attempts: 0,
            last_reason: None,
        };
        state.put_delivery(&delivery)?;
        state.add_to_counter(Counter::Caused(sync.connector), 1)?;
        state.add_to_counter(Counter::Waiting(sync.connector), 1)?;
        ctx.effects.outboxes.insert(sync.connector);
        Ok(())
    }
}

fn identifiers(profile: &Profile) -> Vec<crosspoint_model::Identifier> {
    let parts = &profile.fragments;
    let mut all: Vec<_> = parts
        .iter()
        .flat_map(|part| &part.identifiers)
        .cloned()
        .collect();
    all.sort();
    all.dedup();
    all
}

/// The newest decision per topic, sorted by topic.
pub fn decisions(profile: &Profile) -> Vec<Consent> {
    let parts = &profile.fragments;
    let topics: BTreeSet<_> = parts
        .iter()
        .flat_map(|part| &part.consents)
        .map(|decision| &decision.topic)
        .collect();
    let newest = topics
        .into_iter()
        .filter_map(|topic| consent(profile, topic));
    newest
        .map(|decision| Consent {
            topic: decision.topic.clone(),
            state: decision.state,
            decided_at: decision.version.updated_at,
            evidence: decision.evidence.clone(),
        })
        .collect()
}

/// Tells whether watched values changed; equal values give equal numbers on every machine.
fn fingerprint(values: &[Value]) -> u64 {
    let text: String = values
        .iter()
        .map(|value| format!("{}:{value}\u{1f}", tag(value)))
        .collect();
    Version::of(Instant(0), text.as_bytes()).content
}

fn tag(value: &Value) -> char {
    match value {
        Value::Null => 'n',
        Value::Bool(_) => 'b',
        Value::Int(_) => 'i',
        Value::Decimal(_) => 'd',
        Value::Text(_) => 't',
        Value::Instant(_) => '@',
        Value::Json(_) => 'j',
    }
}
