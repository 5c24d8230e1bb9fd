//! Profiles, consent, engagement and events of a Klaviyo account, and deliveries to it. Start
//! reading at [`Klaviyo`]; `walk` says how changes are read without loss, `requests` what an item
//! becomes, `jobs` how many are handed over at once.
//!
//! # Invariants
//! - No row is lost while others change, whatever the page size (`tests::source::no_row_is_lost_while_others_change`).
//! - What Klaviyo accepts and works on later is not done before it says so
//!   (`tests::destination::an_accepted_job_is_not_done`).
//! - Consent is handed over by the actions for it alone
//!   (`tests::destination::an_update_carries_no_consent`).
//!
//! # Not here
//! Coupons, and whatever sends a message: Klaviyo's flows do, triggered by events.

mod client;
mod consents;
mod deliver;
mod jobs;
mod lists;
mod mapping;
mod membership;
mod requests;
mod settings;
mod source;
#[cfg(test)]
mod tests;
mod walk;

use crosspoint_sdk::{
    Action, ActionKind, Batch, Budget, Context, Deletes, Destination, Error, Field, Idempotency,
    Outcome, Page, Received, RecordKind, Source, Stream, WebhookRequest,
};

pub use settings::Settings;

/// The plugin.
pub struct Klaviyo;

/// People.
const PROFILES: &str = "profiles";
/// What they decided about email and SMS.
const CONSENTS: &str = "consents";
/// What became of messages: events of built-in metrics.
const ENGAGEMENTS: &str = "engagements";
/// Events of all other metrics.
const EVENTS: &str = "events";

/// Custom action that subscribes who granted it.
const SUBSCRIBE: &str = "subscribe";
/// Custom action that ends a subscription to email.
const UNSUBSCRIBE: &str = "unsubscribe";

/// Most items of an import job: their keys fit into one note.
const MAX_IMPORT: u32 = 1000;

/// Most items of a job that subscribes: who they are fits into one note.
const MAX_SUBSCRIBE: u32 = 250;

/// Most bytes of items in a batch: Klaviyo takes 5 MB, and JSON is longer than the items.
const MAX_BATCH_BYTES: u64 = 2 << 20;

impl Source for Klaviyo {
    type Settings = Settings;

    fn streams(_: &Context, settings: &Settings) -> Result<Vec<Stream>, Error> {
        settings.validate()?;
        let stream = |name: &str, kind, description: &str| Stream {
            name: name.to_owned(),
            kind,
            description: description.to_owned(),
            incremental: true,
            webhook: true,
            deletes: Deletes::NotReported,
        };
        Ok(vec![
            stream(
                PROFILES,
                RecordKind::Contact,
                "Profiles with their attributes and properties.",
            ),
            stream(
                CONSENTS,
                RecordKind::Consent,
                "What each profile decided about marketing by email and SMS.",
            ),
            stream(
                ENGAGEMENTS,
                RecordKind::Engagement,
                "Deliveries, opens, clicks, bounces, complaints and unsubscribes.",
            ),
            stream(
                EVENTS,
                RecordKind::Event,
                "Events of all other metrics, under the metric's name.",
            ),
        ])
    }

    fn read(
        ctx: &Context,
        settings: &Settings,
        stream: &str,
        cursor: Option<&[u8]>,
        budget: Budget,
    ) -> Result<Page, Error> {
        settings.validate()?;
        source::page(ctx, settings, stream, cursor, budget)
    }

    fn receive(_: &Context, _: &Settings, request: WebhookRequest) -> Result<Received, Error> {
        Ok(source::receive(&request))
    }

    fn retry(_: &Context, _: &Settings, stream: &str, raw: Vec<Vec<u8>>) -> Result<Page, Error> {
        Ok(source::retry(stream, &raw))
    }

    /// One profile and the metrics: what every stream needs.
    fn check(ctx: &Context, settings: &Settings) -> Result<(), Error> {
        settings.validate()?;
        let http = client::api(ctx, settings);
        let profiles = http.get("/api/profiles").query("page[size]", 1);
        client::read(profiles.send(), "profiles:read")?;
        let events = http.get("/api/events").query("page[size]", 1);
        client::read(events.send(), "events:read")?;
        client::read(http.get("/api/metrics").send(), "metrics:read").map(drop)
    }
}

impl Destination for Klaviyo {
    type Settings = Settings;

    fn actions(_: &Context, settings: &Settings) -> Result<Vec<Action>, Error> {
        settings.validate()?;
        let field = |name: &str, description: &str, required| Field {
            name: name.to_owned(),
            description: description.to_owned(),
            required,
        };
        let identity = || {
            vec![
                field("email", "Address, where not the profile's first.", false),
                field("phone_number", "Telephone number in E.164.", false),
            ]
        };
        let action = |kind, description: &str, batch_size| Action {
            batch_size,
            batch_bytes: Some(MAX_BATCH_BYTES),
            fields: identity(),
            open: false,
            ..Action::new(kind, description)
        };
        let mut profile_fields = identity();
        for (name, description) in [
            ("external_id", "Id of the person in your systems."),
            ("first_name", "First name."),
            ("last_name", "Last name."),
            ("organization", "Company."),
            ("title", "Job title."),
            ("locale", "Language and country such as `de-DE`."),
            (
                "location.city",
                "Part of the address; also `address1`, `address2`, `region`, `zip`, `country`, `timezone`.",
            ),
        ] {
            profile_fields.push(field(name, description, false));
        }
        let custom = |name: &str| ActionKind::Custom(name.to_owned());
        let mut event_fields = identity();
        event_fields.push(field(
            "name",
            "Name of the metric, under 128 characters.",
            true,
        ));
        event_fields.push(field("value", "Worth of the event.", false));
        event_fields.push(field("value_currency", "ISO 4217 code of `value`.", false));
        event_fields.push(field(
            "time",
            "Instant, where not that of the cause.",
            false,
        ));
        Ok(vec![
            Action {
                open: true,
                fields: profile_fields.clone(),
                ..action(
                    ActionKind::UpsertContact,
                    "Create or update a profile; other fields are its properties",
                    MAX_IMPORT,
                )
            },
            Action {
                erases: true,
                ..action(
                    ActionKind::DeleteContact,
                    "Ask Klaviyo to delete everything about the person",
                    10,
                )
            },
            Action {
                open: true,
                fields: profile_fields,
                needs_list: true,
                reverse: Some(ActionKind::RemoveFromList),
                ..action(
                    ActionKind::AddToList,
                    "Add the profile to the list of that name or id; gives no consent",
                    MAX_IMPORT,
                )
            },
            Action {
                needs_list: true,
                reverse: Some(ActionKind::AddToList),
                ..action(
                    ActionKind::RemoveFromList,
                    "Take the profile off the list of that name or id",
                    50,
                )
            },
            Action {
                idempotency: Idempotency::Keyed,
                open: true,
                fields: event_fields,
                ..action(
                    ActionKind::TrackEvent,
                    "Hand over an event; other fields are its properties",
                    50,
                )
            },
            Action {
                reverse: Some(ActionKind::Unsuppress),
                ..action(ActionKind::Suppress, "Suppress the person's addresses", 100)
            },
            Action {
                reverse: Some(ActionKind::Suppress),
                ..action(
                    ActionKind::Unsuppress,
                    "End the suppression that the operator made",
                    100,
                )
            },
            Action {
                reverse: Some(custom(UNSUBSCRIBE)),
                ..action(
                    custom(SUBSCRIBE),
                    "Subscribe to the channels that the profile grants; ends unsubscribes and suppressions",
                    MAX_SUBSCRIBE,
                )
            },
            action(custom(UNSUBSCRIBE), "Unsubscribe from email marketing", 100),
        ])
    }

    fn deliver(ctx: &Context, settings: &Settings, batch: Batch) -> Result<Vec<Outcome>, Error> {
        settings.validate()?;
        deliver::deliver(ctx, settings, &batch)
    }

    fn poll(
        ctx: &Context,
        settings: &Settings,
        job: &str,
        keys: &[String],
    ) -> Result<Vec<Outcome>, Error> {
        match consents::is_job(job) {
            true => consents::poll(ctx, settings, job, keys),
            false => jobs::poll(ctx, settings, job, keys),
        }
    }

    /// The lists: what can be proven without an effect. The scopes to write cannot.
    fn check(ctx: &Context, settings: &Settings) -> Result<(), Error> {
        settings.validate()?;
        let http = client::api(ctx, settings);
        client::read(http.get("/api/lists").send(), "lists:read").map(drop)
    }
}

crosspoint_sdk::connector!(Klaviyo);
