//! Calls of a destination plugin.

use crosspoint_model::DeliveryKey;
use crosspoint_model::delivery::{Action, Delivery, Outcome};
use smol_str::SmolStr;

use super::{CallInput, CallOutput, Connector};
use crate::bindings::exports::crosspoint::connector::destination as wit;
use crate::convert;
use crate::error::{Error, GuestError, Result};

/// An operation that a destination offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionOffer {
    /// Which.
    pub action: Action,
    /// One sentence.
    pub description: String,
    /// What happens when a delivery arrives twice.
    pub idempotency: Idempotency,
    /// Most items in one batch, at least 1.
    pub batch_size: u32,
    /// Largest sum of item sizes in one batch.
    pub batch_bytes: Option<u64>,
    /// Whether unknown fates can be looked up.
    pub read_back: bool,
    /// Whether it removes every trace of the person.
    pub erases: bool,
    /// Fields with a meaning of their own.
    pub fields: Vec<FieldOffer>,
    /// Takes other fields too.
    pub open: bool,
    /// Needs the vendor's list.
    pub needs_list: bool,
    /// The action that undoes it.
    pub reverse: Option<Action>,
}

/// A field that an action knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldOffer {
    /// The vendor's name for it.
    pub name: SmolStr,
    /// One sentence.
    pub description: String,
    /// Deliveries without it are rejected.
    pub required: bool,
}

/// What happens when the same delivery arrives twice at the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// Nothing.
    Idempotent,
    /// The vendor recognises the key.
    Keyed,
    /// It happens twice.
    AtMostOnce,
}

/// Whether what was asked for is so at the vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is, with the vendor's id where it gives one; also where something was to be taken away, and
    /// is not there.
    Present(Option<SmolStr>),
    /// It is not.
    Absent,
    /// The vendor cannot tell.
    Undecided,
}

impl Connector {
    /// What the destination offers under the current settings.
    ///
    /// # Errors
    /// Any but those of loading and setup.
    pub async fn actions(&self, input: CallInput) -> Result<CallOutput<Vec<ActionOffer>>> {
        let indices = self.destination_indices("actions")?;
        let output = self
            .call("actions", input, move |store, instance| {
                Box::pin(async move {
                    indices
                        .load(&mut *store, &instance)?
                        .call_actions(store)
                        .await
                })
            })
            .await?;
        if let Some(action) = output.value.iter().find(|action| action.batch_size == 0) {
            let name = convert::action(action.kind.clone());
            let reason = format!("action `{}` has a batch size of 0", name.as_str());
            return Err(Error::Contract {
                at: self.at("actions"),
                reason,
            });
        }
        Ok(output.map(|actions| actions.into_iter().map(offer).collect()))
    }

    /// Delivers one batch. As many outcomes as deliveries, in their order: one that the plugin
    /// left out is [`Outcome::Unknown`].
    ///
    /// # Errors
    /// Any but those of loading and setup. Unless the error is the plugin's own and other than
    /// transient, part of the batch may have been delivered.
    pub async fn deliver(
        &self,
        action: &Action,
        deliveries: &[Delivery],
        input: CallInput,
    ) -> Result<CallOutput<Vec<Outcome>>> {
        let indices = self.destination_indices("deliver")?;
        let items = self.items(deliveries);
        let batch = wit::Batch {
            action: convert::action_kind(action),
            items,
        };
        let output = self
            .call("deliver", input, move |store, instance| {
                Box::pin(async move {
                    let destination = indices.load(&mut *store, &instance)?;
                    destination.call_deliver(store, &batch).await
                })
            })
            .await?;
        self.outcomes("deliver", deliveries.len(), output)
    }

    /// Asks what became of a vendor's job; one outcome per key, in their order.
    ///
    /// # Errors
    /// Any but those of loading and setup.
    pub async fn poll(
        &self,
        job: &str,
        keys: &[DeliveryKey],
        input: CallInput,
    ) -> Result<CallOutput<Vec<Outcome>>> {
        let indices = self.destination_indices("poll")?;
        let job = job.to_owned();
        let asked: Vec<_> = keys.iter().map(ToString::to_string).collect();
        let output = self
            .call("poll", input, move |store, instance| {
                Box::pin(async move {
                    let destination = indices.load(&mut *store, &instance)?;
                    destination.call_poll(store, &job, &asked).await
                })
            })
            .await?;
        self.outcomes("poll", keys.len(), output)
    }

    /// Looks up deliveries whose fate is unknown; one answer per delivery, in their order.
    ///
    /// # Errors
    /// Any but those of loading and setup.
    pub async fn read_back(
        &self,
        action: &Action,
        deliveries: &[Delivery],
        input: CallInput,
    ) -> Result<CallOutput<Vec<Found>>> {
        let indices = self.destination_indices("read-back")?;
        let items = self.items(deliveries);
        let kind = convert::action_kind(action);
        let output = self
            .call("read-back", input, move |store, instance| {
                Box::pin(async move {
                    let destination = indices.load(&mut *store, &instance)?;
                    destination.call_read_back(store, &kind, &items).await
                })
            })
            .await?;
        self.check_count("read-back", deliveries.len(), output.value.len())?;
        Ok(output.map(|found| {
            let mut found: Vec<_> = found.into_iter().map(convert::found).collect();
            found.resize(deliveries.len(), Found::Undecided);
            found
        }))
    }

    /// Whether the destination's credentials and settings work.
    ///
    /// # Errors
    /// Any but those of loading and setup.
    pub async fn check_destination(&self, input: CallInput) -> Result<CallOutput<()>> {
        let indices = self.destination_indices("check")?;
        self.call("check", input, move |store, instance| {
            Box::pin(async move {
                indices
                    .load(&mut *store, &instance)?
                    .call_check(store)
                    .await
            })
        })
        .await
    }

    fn destination_indices(&self, call: &'static str) -> Result<wit::GuestIndices> {
        self.plugin
            .destination()
            .cloned()
            .ok_or_else(|| Error::Guest {
                at: self.at(call),
                error: GuestError::Unsupported("the plugin is no destination".to_owned()),
            })
    }

    fn items(&self, deliveries: &[Delivery]) -> Vec<wit::Item> {
        deliveries
            .iter()
            .map(|it| convert::item(&self.shared.connector, it))
            .collect()
    }

    fn outcomes(
        &self,
        call: &'static str,
        wanted: usize,
        output: CallOutput<Vec<wit::Outcome>>,
    ) -> Result<CallOutput<Vec<Outcome>>> {
        self.check_count(call, wanted, output.value.len())?;
        let clean = |text: String| self.shared.scrubber.text(&text);
        Ok(output.map(|outcomes| {
            let convert = |it| convert::outcome(it, clean);
            let mut outcomes: Vec<_> = outcomes.into_iter().map(convert).collect();
            let missing = Outcome::Unknown("the plugin gave no outcome for it".into());
            outcomes.resize(wanted, missing);
            outcomes
        }))
    }

    /// More answers than questions cannot be told apart; fewer are silence, which is not success.
    fn check_count(&self, call: &'static str, wanted: usize, given: usize) -> Result<()> {
        if given > wanted {
            let reason = format!("{given} answers for {wanted} items");
            return Err(Error::Contract {
                at: self.at(call),
                reason,
            });
        }
        Ok(())
    }
}

fn offer(given: wit::Action) -> ActionOffer {
    let field = |field: wit::Field| FieldOffer {
        name: field.name.into(),
        description: field.description,
        required: field.required,
    };
    ActionOffer {
        action: convert::action(given.kind),
        description: given.description,
        idempotency: match given.idempotency {
            wit::Idempotency::Idempotent => Idempotency::Idempotent,
            wit::Idempotency::Keyed => Idempotency::Keyed,
            wit::Idempotency::AtMostOnce => Idempotency::AtMostOnce,
        },
        batch_size: given.batch_size,
        batch_bytes: given.batch_bytes,
        read_back: given.read_back,
        erases: given.erases,
        fields: given.fields.into_iter().map(field).collect(),
        open: given.open,
        needs_list: given.needs_list,
        reverse: given.reverse.map(convert::action),
    }
}
