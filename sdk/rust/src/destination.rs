//! The destination role: what a plugin implements to take deliveries.

use serde::de::DeserializeOwned;

use crate::bindings::destination_plugin::exports::crosspoint::connector::destination as wit;
use crate::bindings::source_plugin::crosspoint::connector::errors;
use crate::context::Context;
use crate::{Error, settings};

pub use wit::{Action, ActionKind, Batch, Field, Found, Idempotency, Item, Outcome, Rejected};

/// Takes deliveries. Every call runs in a fresh instance: nothing is kept in memory in between.
///
/// Exported by [`destination!`](crate::destination!) or [`connector!`](crate::connector!).
pub trait Destination {
    /// The connector's settings, as the manifest declares them. Parsed before every call; what
    /// does not parse never reaches the plugin.
    type Settings: DeserializeOwned;

    /// What this destination offers. Called after load and after every configuration change;
    /// without effect and without reaching out.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a setting that makes no sense.
    fn actions(ctx: &Context, settings: &Self::Settings) -> Result<Vec<Action>, Error>;

    /// Does one batch: one outcome per item, in the items' order.
    ///
    /// # Errors
    /// Speaks for the whole batch and means that nothing of it was done, except
    /// [`Error::Transient`], which leaves the fate of every item unknown.
    fn deliver(
        ctx: &Context,
        settings: &Self::Settings,
        batch: Batch,
    ) -> Result<Vec<Outcome>, Error>;

    /// Asks for a job that `deliver` left queued: one outcome per key.
    ///
    /// # Errors
    /// Any; the host asks again later.
    fn poll(
        ctx: &Context,
        settings: &Self::Settings,
        job: &str,
        keys: &[String],
    ) -> Result<Vec<Outcome>, Error> {
        let _ = (ctx, settings, job, keys);
        Err(Error::Unsupported(
            "this plugin leaves nothing queued".to_owned(),
        ))
    }

    /// Finds out what became of items whose fate is unknown.
    ///
    /// # Errors
    /// Any; the items stay unknown.
    fn read_back(
        ctx: &Context,
        settings: &Self::Settings,
        action: ActionKind,
        items: Vec<Item>,
    ) -> Result<Vec<Found>, Error> {
        let _ = (ctx, settings, action);
        Ok(items.iter().map(|_| Found::Undecided).collect())
    }

    /// Cheap proof, without effect, that settings and credentials work.
    ///
    /// # Errors
    /// What stands in the way.
    fn check(ctx: &Context, settings: &Self::Settings) -> Result<(), Error>;
}

impl Outcome {
    /// [`Outcome::Rejected`] with a field where one is at fault.
    pub fn rejected(field: Option<&str>, reason: impl Into<String>) -> Self {
        Self::Rejected(Rejected {
            field: field.map(str::to_owned),
            reason: reason.into(),
        })
    }
}

impl ActionKind {
    /// The word in configuration; a custom action's own name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::UpsertContact => "upsert-contact",
            Self::DeleteContact => "delete-contact",
            Self::AddToList => "add-to-list",
            Self::RemoveFromList => "remove-from-list",
            Self::SendMessage => "send-message",
            Self::TrackEvent => "track-event",
            Self::Suppress => "suppress",
            Self::Unsuppress => "unsuppress",
            Self::Custom(name) => name,
        }
    }
}

impl Action {
    /// An idempotent action for one item at a time that takes any field.
    pub fn new(kind: ActionKind, description: impl Into<String>) -> Self {
        Self {
            kind,
            description: description.into(),
            idempotency: Idempotency::Idempotent,
            batch_size: 1,
            batch_bytes: None,
            read_back: false,
            erases: false,
            fields: Vec::new(),
            open: true,
            needs_list: false,
            reverse: None,
        }
    }
}

/// Joins a [`Destination`] to the generated export. Used by the macros.
#[doc(hidden)]
pub struct Exported<D>(std::marker::PhantomData<D>);

fn prepare<D: Destination>() -> Result<(Context, D::Settings), errors::Error> {
    let json = crate::bindings::imports::crosspoint::connector::settings::get();
    Ok((Context::host(), settings::parse(&json)?))
}

impl<D: Destination> Exported<D> {
    pub fn actions() -> Result<Vec<Action>, errors::Error> {
        let (ctx, settings) = prepare::<D>()?;
        Ok(D::actions(&ctx, &settings)?)
    }

    pub fn deliver(batch: Batch) -> Result<Vec<Outcome>, errors::Error> {
        let (ctx, settings) = prepare::<D>()?;
        Ok(D::deliver(&ctx, &settings, batch)?)
    }

    pub fn poll(job: String, keys: Vec<String>) -> Result<Vec<Outcome>, errors::Error> {
        let (ctx, settings) = prepare::<D>()?;
        Ok(D::poll(&ctx, &settings, &job, &keys)?)
    }

    pub fn read_back(action: ActionKind, items: Vec<Item>) -> Result<Vec<Found>, errors::Error> {
        let (ctx, settings) = prepare::<D>()?;
        Ok(D::read_back(&ctx, &settings, action, items)?)
    }

    pub fn check() -> Result<(), errors::Error> {
        let (ctx, settings) = prepare::<D>()?;
        Ok(D::check(&ctx, &settings)?)
    }
}
