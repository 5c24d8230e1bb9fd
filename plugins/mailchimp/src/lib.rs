//! Members, consent and campaign activity of one Mailchimp list, and deliveries to it, over the
//! Marketing API 3.0. Start reading at [`Mailchimp`]; `cursor` says how members are read without
//! loss, `requests` what is asked for one item, `bulk` how many are asked for at once.
//!
//! # Invariants
//! - No member is lost while others change, whatever the page size (`tests::source::no_member_is_lost_while_others_change`).
//! - No update changes the status of a member, except to pass on a withdrawal
//!   (`tests::destination::an_update_never_subscribes_again`).
//! - Every item has the outcome that Mailchimp gave it, though the answer to all of them is 200
//!   (`tests::destination::one_refused_member_leaves_its_neighbours`).
//!
//! # Not here
//! Mailchimp Transactional (Mandrill), which is another API with other keys. Ecommerce.

mod activity;
mod bulk;
mod client;
mod cursor;
mod deliver;
mod hook;
mod mapping;
mod members;
mod read_back;
mod requests;
mod settings;
#[cfg(test)]
mod tests;

use crosspoint_sdk::serde_json;
use crosspoint_sdk::{
    Action, ActionKind, Batch, Budget, Context, Deletes, Destination, Error, Field, Found,
    Idempotency, Item, Outcome, Page, Received, RecordKind, Reject, Source, Stream, WebhookRequest,
};

use members::View;
pub use settings::{NewMemberStatus, Settings};

/// The plugin.
pub struct Mailchimp;

/// People.
const MEMBERS: &str = "members";
/// What they decided about email.
const CONSENTS: &str = "consents";
/// Addresses that Mailchimp gave up.
const BOUNCES: &str = "bounces";
/// Opens, clicks and bounces of campaigns.
const ACTIVITY: &str = "activity";

/// Most members that Mailchimp takes in one call.
const MAX_BATCH: u32 = 500;

fn view(stream: &str) -> Option<View> {
    match stream {
        MEMBERS => Some(View::Contact),
        CONSENTS => Some(View::Consent),
        BOUNCES => Some(View::Bounce),
        _ => None,
    }
}

impl Source for Mailchimp {
    type Settings = Settings;

    fn streams(_: &Context, settings: &Settings) -> Result<Vec<Stream>, Error> {
        settings.validate()?;
        let stream = |name: &str, kind, description: &str, webhook| Stream {
            name: name.to_owned(),
            kind,
            description: description.to_owned(),
            incremental: true,
            webhook,
            deletes: Deletes::NotReported,
        };
        Ok(vec![
            stream(
                MEMBERS,
                RecordKind::Contact,
                "Members of the list with their merge fields and tags.",
                true,
            ),
            stream(
                CONSENTS,
                RecordKind::Consent,
                "What the status of each member says of consent to email.",
                true,
            ),
            stream(
                BOUNCES,
                RecordKind::Engagement,
                "Members whose address Mailchimp gave up (cleaned).",
                true,
            ),
            stream(
                ACTIVITY,
                RecordKind::Engagement,
                "Opens, clicks and bounces of recent campaigns.",
                false,
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
        match (view(stream), stream) {
            (Some(view), _) => members::page(ctx, settings, view, cursor, budget),
            (None, ACTIVITY) => activity::page(ctx, settings, cursor, budget),
            _ => Err(Error::Unsupported(format!("there is no stream `{stream}`"))),
        }
    }

    fn receive(
        _: &Context,
        settings: &Settings,
        request: WebhookRequest,
    ) -> Result<Received, Error> {
        Ok(hook::receive(settings, &request))
    }

    fn retry(_: &Context, _: &Settings, stream: &str, raw: Vec<Vec<u8>>) -> Result<Page, Error> {
        let mut page = Page::empty();
        for raw in raw {
            let row: serde_json::Value = serde_json::from_slice(&raw).unwrap_or_default();
            let again = match view(stream) {
                Some(view) => view.map(&row),
                None => activity::again(&row).map(Some),
            };
            match again {
                Ok(record) => page.records.extend(record),
                Err((field, reason)) => page.rejects.push(Reject {
                    raw,
                    ..members::reject(&row, field, reason)
                }),
            }
        }
        Ok(page)
    }

    fn check(ctx: &Context, settings: &Settings) -> Result<(), Error> {
        check(ctx, settings)
    }
}

impl Destination for Mailchimp {
    type Settings = Settings;

    fn actions(_: &Context, settings: &Settings) -> Result<Vec<Action>, Error> {
        settings.validate()?;
        let field = |name: &str, description: &str, required| Field {
            name: name.to_owned(),
            description: description.to_owned(),
            required,
        };
        let email = || {
            field(
                "email",
                "Address of the member, where not the profile's first.",
                false,
            )
        };
        let action = |kind, description: &str, batch_size| Action {
            batch_size,
            fields: vec![email()],
            open: false,
            ..Action::new(kind, description)
        };
        let mut upsert_fields = vec![email()];
        for (name, description) in [
            ("language", "Language code such as `de`."),
            ("vip", "Whether the member is a VIP."),
            (
                "interests.ID",
                "Whether the member has the interest (group) of that id.",
            ),
            (
                "marketing_permissions.ID",
                "Whether the member gives the marketing permission of that id.",
            ),
        ] {
            upsert_fields.push(field(name, description, false));
        }
        let custom = |name: &str| ActionKind::Custom(name.to_owned());
        Ok(vec![
            Action {
                read_back: true,
                open: true,
                fields: upsert_fields.clone(),
                ..action(
                    ActionKind::UpsertContact,
                    "Create or update a member; other fields are merge fields by their tag",
                    MAX_BATCH,
                )
            },
            Action {
                erases: true,
                read_back: true,
                ..action(
                    ActionKind::DeleteContact,
                    "Delete a member permanently; Mailchimp never takes the address again",
                    10,
                )
            },
            Action {
                read_back: true,
                open: true,
                needs_list: true,
                fields: upsert_fields,
                reverse: Some(ActionKind::RemoveFromList),
                ..action(
                    ActionKind::AddToList,
                    "Make the person a member of the Mailchimp list of that id",
                    MAX_BATCH,
                )
            },
            Action {
                read_back: true,
                needs_list: true,
                reverse: Some(ActionKind::AddToList),
                ..action(
                    ActionKind::RemoveFromList,
                    "Archive the member of the Mailchimp list of that id",
                    MAX_BATCH,
                )
            },
            Action {
                read_back: true,
                needs_list: true,
                reverse: Some(custom(requests::REMOVE_TAG)),
                ..action(
                    custom(requests::ADD_TAG),
                    "Tag the member; the list is the tag",
                    MAX_BATCH,
                )
            },
            Action {
                read_back: true,
                needs_list: true,
                reverse: Some(custom(requests::ADD_TAG)),
                ..action(
                    custom(requests::REMOVE_TAG),
                    "Take the tag off the member; the list is the tag",
                    MAX_BATCH,
                )
            },
            Action {
                idempotency: Idempotency::AtMostOnce,
                open: true,
                fields: vec![
                    email(),
                    field("name", "Name of the event, 2 to 30 characters.", true),
                ],
                ..action(
                    ActionKind::TrackEvent,
                    "Hand over an event; other fields are its properties",
                    10,
                )
            },
            Action {
                read_back: true,
                reverse: Some(ActionKind::Unsuppress),
                ..action(ActionKind::Suppress, "Unsubscribe the member", MAX_BATCH)
            },
            Action {
                reverse: Some(ActionKind::Suppress),
                ..action(
                    ActionKind::Unsuppress,
                    "Subscribe the member again, where the profile grants it",
                    10,
                )
            },
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
        bulk::poll(ctx, settings, job, keys)
    }

    fn read_back(
        ctx: &Context,
        settings: &Settings,
        action: ActionKind,
        items: Vec<Item>,
    ) -> Result<Vec<Found>, Error> {
        read_back::read_back(ctx, settings, &action, &items)
    }

    fn check(ctx: &Context, settings: &Settings) -> Result<(), Error> {
        check(ctx, settings)
    }
}

/// The list itself: proves address, key and list id in one request.
fn check(ctx: &Context, settings: &Settings) -> Result<(), Error> {
    settings.validate()?;
    let path = format!("/lists/{}", settings.list_id);
    let sent = client::api(ctx, settings)
        .get(&path)
        .query("fields", "id,name")
        .send();
    match client::read(sent) {
        Err(Error::Gone(_)) => Err(Error::invalid(
            "list_id",
            "Mailchimp has no list of this id in this account",
        )),
        Ok(answer) if answer["id"].is_string() => Ok(()),
        Ok(_) => Err(Error::invalid("base_url", "the answer is not Mailchimp's")),
        Err(error) => Err(error),
    }
}

crosspoint_sdk::connector!(Mailchimp);
