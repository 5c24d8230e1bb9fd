//! Receipts, attempts and commands: what happens to deliveries that are in an outbox.

use crosspoint_model::ConnectorId;
use crosspoint_model::Symbol;
use crosspoint_model::delivery::{Delivery, DeliveryId, DeliveryStatus, Outcome, Receipt};
use crosspoint_model::entry::OutboxCommand;
use crosspoint_model::record::Attribute;
use crosspoint_model::state::{Counter, State};
use smol_str::{SmolStr, format_smolstr};

use crate::stepper::Context;
use crate::{Error, Stepper};

/// Why a connector is paused that a person paused: such a pause outlasts configurations.
pub const PAUSED_BY_HAND: &str = "paused by hand";

impl Stepper {
    pub(crate) fn apply_receipts(
        &mut self,
        state: &mut impl State,
        connector: &ConnectorId,
        receipts: &[Receipt],
        ctx: &mut Context,
    ) -> Result<(), Error> {
        let connector = state.intern(&connector.0);
        ctx.effects.outboxes.insert(connector);
        for receipt in receipts {
            let id = DeliveryId {
                connector,
                seq: receipt.seq,
                ordinal: receipt.ordinal,
            };
            let Some(mut delivery) = state.delivery(id)? else {
                continue;
            };
            let was_waiting = is_waiting(&delivery.status);
            if let Outcome::Done(_) = receipt.outcome {
                state.delete_delivery(id)?;
                count_leaving(state, connector, was_waiting)?;
                state.add_to_counter(Counter::Done(connector), 1)?;
                continue;
            }
            delivery.status = match (&receipt.outcome, receipt.retry_at) {
                (Outcome::Queued(job), _) => DeliveryStatus::Queued { job: job.clone() },
                (_, Some(not_before)) => DeliveryStatus::Retrying { not_before },
                (Outcome::Auth(_), None) => DeliveryStatus::Pending,
                (Outcome::Unknown(_), None) => DeliveryStatus::Unknown,
                (_, None) => DeliveryStatus::Dead,
            };
            if !matches!(receipt.outcome, Outcome::Queued(_) | Outcome::Auth(_)) {
                delivery.attempts = delivery.attempts.saturating_add(1);
            }
            delivery.last_reason = reason(&receipt.outcome);
            state.put_delivery(&delivery)?;
            count_change(state, connector, was_waiting, is_waiting(&delivery.status))?;
        }
        Ok(())
    }

    pub(crate) fn apply_attempts(
        &mut self,
        state: &mut impl State,
        connector: &ConnectorId,
        deliveries: &[(u64, u32)],
    ) -> Result<(), Error> {
        let connector = state.intern(&connector.0);
        for &(seq, ordinal) in deliveries {
            let id = DeliveryId {
                connector,
                seq,
                ordinal,
            };
            if let Some(mut delivery) = state.delivery(id)? {
                delivery.status = DeliveryStatus::Attempted;
                state.put_delivery(&delivery)?;
            }
        }
        Ok(())
    }

    pub(crate) fn apply_outbox_command(
        &mut self,
        state: &mut impl State,
        connector: &ConnectorId,
        deliveries: &[(u64, u32)],
        command: &OutboxCommand,
        ctx: &mut Context,
    ) -> Result<(), Error> {
        let connector = state.intern(&connector.0);
        ctx.effects.outboxes.insert(connector);
        for &(seq, ordinal) in deliveries {
            let id = DeliveryId {
                connector,
                seq,
                ordinal,
            };
            let Some(mut delivery) = state.delivery(id)? else {
                continue;
            };
            let was_waiting = is_waiting(&delivery.status);
            match command {
                OutboxCommand::Drop | OutboxCommand::Done => {
                    state.delete_delivery(id)?;
                    count_leaving(state, connector, was_waiting)?;
                    if matches!(command, OutboxCommand::Done) {
                        state.add_to_counter(Counter::Done(connector), 1)?;
                    }
                    continue;
                }
                OutboxCommand::Retry => {}
                OutboxCommand::Edit(fields) => edit(&mut delivery, fields),
            }
            delivery.status = DeliveryStatus::Pending;
            delivery.attempts = 0;
            state.put_delivery(&delivery)?;
            count_change(state, connector, was_waiting, true)?;
        }
        Ok(())
    }

    pub(crate) fn apply_connector_state(
        &mut self,
        state: &mut impl State,
        connector: &ConnectorId,
        paused: Option<&str>,
        ctx: &mut Context,
    ) -> Result<(), Error> {
        let symbol = state.intern(&connector.0);
        ctx.effects.outboxes.insert(symbol);
        state.put_note(&paused_note(&connector.0), paused.map(str::as_bytes))?;
        Ok(())
    }

    /// Why a connector is paused, if it is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn paused(state: &mut impl State, connector: &str) -> Result<Option<String>, Error> {
        let reason = state.note(&paused_note(connector))?;
        Ok(reason.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    pub(crate) fn clear_quarantine(
        &mut self,
        state: &mut impl State,
        items: &[(u64, u32)],
    ) -> Result<(), Error> {
        for &(seq, ordinal) in items {
            if let Some(item) = state.quarantined(seq, ordinal)? {
                state.delete_quarantined(seq, ordinal)?;
                state.add_to_counter(Counter::Quarantined(item.connector), -1)?;
            }
        }
        Ok(())
    }
}

pub(crate) fn paused_note(connector: &str) -> SmolStr {
    format_smolstr!("paused/{connector}")
}

/// Whether the delivery still goes on by itself.
fn is_waiting(status: &DeliveryStatus) -> bool {
    !matches!(status, DeliveryStatus::Dead | DeliveryStatus::Unknown)
}

fn count_leaving(
    state: &mut impl State,
    connector: Symbol,
    was_waiting: bool,
) -> Result<(), Error> {
    let counter = if was_waiting {
        Counter::Waiting(connector)
    } else {
        Counter::Stopped(connector)
    };
    Ok(state.add_to_counter(counter, -1)?)
}

fn count_change(
    state: &mut impl State,
    connector: Symbol,
    was_waiting: bool,
    waits: bool,
) -> Result<(), Error> {
    if was_waiting != waits {
        count_leaving(state, connector, was_waiting)?;
        let counter = if waits {
            Counter::Waiting(connector)
        } else {
            Counter::Stopped(connector)
        };
        state.add_to_counter(counter, 1)?;
    }
    Ok(())
}

fn edit(delivery: &mut Delivery, fields: &[Attribute]) {
    for field in fields {
        delivery.fields.retain(|present| present.name != field.name);
        if field.value != crosspoint_model::Value::Null {
            delivery.fields.push(field.clone());
        }
    }
    delivery.fields.sort_by(|a, b| a.name.cmp(&b.name));
}

fn reason(outcome: &Outcome) -> Option<SmolStr> {
    match outcome {
        Outcome::Done(_) => None,
        Outcome::Queued(job) => Some(format_smolstr!("the vendor works on it as job `{job}`")),
        Outcome::Rejected {
            field: Some(field),
            reason,
        } => Some(format_smolstr!("field `{field}`: {reason}")),
        Outcome::Rejected {
            field: None,
            reason,
        } => Some(reason.clone()),
        Outcome::RateLimited(_) => Some("the vendor asked for patience".into()),
        Outcome::Transient(text)
        | Outcome::Unknown(text)
        | Outcome::Auth(text)
        | Outcome::Gone(text)
        | Outcome::Unsupported(text) => Some(text.clone()),
    }
}
