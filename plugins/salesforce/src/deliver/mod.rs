//! What is written: people by their external id, opt-outs, activities, deletions.

mod activity;
pub mod erase;
mod find;
mod people;
mod records;

use crosspoint_sdk::{
    Action, ActionKind, Batch, Context, Error, Field, Found, Idempotency, Item, Outcome,
};

use crate::client::Client;
use crate::settings::Settings;

/// What the settings allow.
pub fn actions(settings: &Settings) -> Vec<Action> {
    let object = settings.person_object.name();
    let mut all = Vec::new();
    if !settings.external_id_field.is_empty() {
        all.push(Action {
            batch_size: records::MAX_RECORDS as u32,
            batch_bytes: Some(4 << 20),
            read_back: true,
            fields: vec![Field {
                name: settings.external_id_field.clone(),
                description: "External id to write by; the profile's id where no sync maps it."
                    .to_owned(),
                required: false,
            }],
            ..Action::new(
                ActionKind::UpsertContact,
                format!("Create or update a {object} by its external id"),
            )
        });
    }
    all.push(Action {
        batch_size: erase::BATCH_SIZE,
        read_back: true,
        erases: settings.hard_delete,
        open: false,
        ..Action::new(
            ActionKind::DeleteContact,
            if settings.hard_delete {
                "Erase every lead and contact that is this person, for good"
            } else {
                "Move every lead and contact that is this person to the recycle bin"
            },
        )
    });
    for (kind, reverse, description) in [
        (
            ActionKind::Suppress,
            ActionKind::Unsuppress,
            "Tick the e-mail opt-out of every lead and contact that is this person",
        ),
        (
            ActionKind::Unsuppress,
            ActionKind::Suppress,
            "Untick the e-mail opt-out of every lead and contact that is this person",
        ),
    ] {
        all.push(Action {
            batch_size: find::MAX_ITEMS as u32,
            open: false,
            reverse: Some(reverse),
            ..Action::new(kind, description)
        });
    }
    let is_keyed = !settings.activity_key_field.is_empty();
    let field = |name: &str, description: &str, required| Field {
        name: name.to_owned(),
        description: description.to_owned(),
        required,
    };
    all.push(Action {
        batch_size: find::MAX_ITEMS as u32,
        idempotency: if is_keyed {
            Idempotency::Idempotent
        } else {
            Idempotency::AtMostOnce
        },
        read_back: is_keyed,
        fields: vec![
            field("Subject", "What happened, as people read it.", true),
            field("Status", "`Completed` where no sync maps it.", false),
            field(
                "ActivityDate",
                "The day of the fact where no sync maps it.",
                false,
            ),
        ],
        ..Action::new(
            ActionKind::TrackEvent,
            "Log a task with the person's contact or lead",
        )
    });
    all
}

/// One outcome per item.
///
/// # Errors
/// [`Error::Unsupported`] for an action that was not offered.
pub fn deliver(ctx: &Context, settings: &Settings, batch: &Batch) -> Result<Vec<Outcome>, Error> {
    let client = Client::new(ctx, settings);
    let items = batch.items.as_slice();
    match &batch.action {
        ActionKind::UpsertContact if !settings.external_id_field.is_empty() => {
            Ok(people::upsert(&client, settings, items))
        }
        ActionKind::DeleteContact => Ok(erase::delete(ctx, &client, settings, items)),
        ActionKind::Suppress => Ok(people::opt_out(&client, settings, items, true)),
        ActionKind::Unsuppress => Ok(people::opt_in(&client, settings, items)),
        ActionKind::TrackEvent => Ok(activity::log(&client, settings, items)),
        other => Err(not_offered(other)),
    }
}

/// Whether it was done: the person is there, or gone, or the activity with the delivery's key is
/// there.
///
/// # Errors
/// The vendor's.
pub fn read_back(
    ctx: &Context,
    settings: &Settings,
    action: &ActionKind,
    items: &[Item],
) -> Result<Vec<Found>, Error> {
    let client = Client::new(ctx, settings);
    match action {
        ActionKind::UpsertContact if !settings.external_id_field.is_empty() => {
            let field = &settings.external_id_field;
            let keys: Vec<_> = items
                .iter()
                .map(|it| people::external_id(settings, it))
                .collect();
            let found = find::by_field(&client, settings.person_object.name(), field, &keys)?;
            Ok(keys
                .iter()
                .map(|key| presence(found.get(&key.to_lowercase())))
                .collect())
        }
        ActionKind::DeleteContact => {
            let found = find::people(&client, settings, items)?;
            let gone = |ids: &Vec<String>| match ids.is_empty() {
                true => Found::Present(None),
                false => Found::Absent,
            };
            Ok(found.iter().map(gone).collect())
        }
        ActionKind::TrackEvent if !settings.activity_key_field.is_empty() => {
            let keys: Vec<_> = items.iter().map(|it| it.key.clone()).collect();
            let found = find::by_field(&client, "Task", &settings.activity_key_field, &keys)?;
            Ok(keys
                .iter()
                .map(|key| presence(found.get(&key.to_lowercase())))
                .collect())
        }
        _ => Ok(items.iter().map(|_| Found::Undecided).collect()),
    }
}

fn presence(id: Option<&String>) -> Found {
    id.map_or(Found::Absent, |id| Found::Present(Some(id.clone())))
}

fn not_offered(action: &ActionKind) -> Error {
    Error::Unsupported(format!(
        "`{}` needs a setting that is not there, or is not offered",
        action.as_str()
    ))
}
