//! `[syncs.NAME]`.

use std::collections::BTreeMap;

use crosspoint_model::ConnectorId;
use crosspoint_model::delivery::Action;
use crosspoint_model::nearest::did_you_mean;
use smol_str::SmolStr;
use toml::de::DeValue;

use super::description;
use crate::draft::{Draft, Noun};
use crate::error::Code;
use crate::name::is_field;
use crate::project::{ProfileSync, Trigger};
use crate::table::{Table, Text};

pub(super) fn read(table: &Table<'_>, draft: &mut Draft<'_>) -> ProfileSync {
    table.require(
        "connector",
        "name the connector that receives the deliveries",
    );
    let connector = table.text("connector");
    if let Some(connector) = &connector {
        draft.refer(Noun::Connector, connector, table.place());
    }
    let trigger = trigger(table, draft);
    table.require(
        "action",
        "write what to do there, such as `action = \"add-to-list\"`",
    );
    let action = table.text("action").map(|word| action(table, &word));
    let list = list(table);
    let on_exit = on_exit(table, &trigger, action.as_ref());
    if list.is_none() && !table.has("list") {
        let needs_list = action
            .iter()
            .chain(&on_exit)
            .find(|action| takes_list(action));
        if let Some(action) = needs_list {
            let message = format!(
                "{} lacks `list`, and `{}` needs one",
                table.place(),
                action.as_str()
            );
            let hint = "write the vendor's list by name or id, as in `list = \"Newsletter\"`";
            table.report(Code::MissingKey, table.at(), message, Some(hint.to_owned()));
        }
    }
    ProfileSync {
        description: description(table),
        connector: ConnectorId(
            connector
                .map(|text| SmolStr::new(text.text))
                .unwrap_or_default(),
        ),
        trigger,
        action: action.unwrap_or(Action::UpsertContact),
        list,
        on_exit,
        fields: fields(table),
    }
}

fn trigger(table: &Table<'_>, draft: &mut Draft<'_>) -> Trigger {
    let segment = table.text("segment");
    if let Some(segment) = &segment {
        draft.refer(Noun::Segment, segment, table.place());
    }
    let segment = segment.map(|text| SmolStr::new(text.text));
    let texts = table.texts("traits");
    for name in &texts {
        draft.refer(Noun::Trait, name, table.place());
    }
    if !table.has("traits") {
        table.require(
            "segment",
            "name a segment to follow, or `traits = [...]` to watch",
        );
        return Trigger::Segment(segment.unwrap_or_default());
    }
    let empty = table
        .value("traits")
        .is_some_and(|value| matches!(value.get_ref(), DeValue::Array(items) if items.is_empty()));
    if empty {
        let message = format!("`traits` of {} is empty", table.place());
        let hint = "name the traits whose change is to be handed over".to_owned();
        table.report(Code::BadForm, table.key_at("traits"), message, Some(hint));
    }
    let mut traits: Vec<SmolStr> = texts.iter().map(|text| SmolStr::new(text.text)).collect();
    traits.sort();
    traits.dedup();
    Trigger::Traits { traits, segment }
}

/// One of the contract's actions, or the plugin's own, which is allowed with a warning.
fn action(table: &Table<'_>, word: &Text<'_>) -> Action {
    let action = Action::from_word(word.text);
    if let Action::Custom(name) = &action {
        if !is_field(name) {
            let message = format!("`{name}` is not the name of an action");
            let hint = did_you_mean(name, Action::STANDARD.iter().map(Action::as_str))
                .unwrap_or_else(|| "use letters, digits, `_`, `.` and `-`".to_owned());
            table.report(Code::BadName, word.at, message, Some(hint));
            return action;
        }
        let message = format!("`{name}` of {} is no action of the contract", table.place());
        let hint = did_you_mean(name, Action::STANDARD.iter().map(Action::as_str))
            .unwrap_or_else(|| format!("fine if the plugin offers a `{name}` of its own"));
        table.report(Code::CustomAction, word.at, message, Some(hint));
    }
    action
}

fn list(table: &Table<'_>) -> Option<SmolStr> {
    let list = table.text("list")?;
    if list.text.trim().is_empty() {
        let message = format!("`list` of {} is empty", table.place());
        table.report(Code::BadForm, list.at, message, None);
    }
    Some(SmolStr::new(list.text))
}

fn on_exit(table: &Table<'_>, trigger: &Trigger, enter: Option<&Action>) -> Option<Action> {
    let word = table.text("on_exit");
    if table.has("on_exit") && !table.has("segment") {
        let message = format!("{} has `on_exit` and no `segment` to leave", table.place());
        let hint = "name the segment, or remove `on_exit`".to_owned();
        table.report(
            Code::Contradiction,
            table.key_at("on_exit"),
            message,
            Some(hint),
        );
    }
    match word {
        Some(word) if word.text == "none" => None,
        Some(word) => Some(action(table, &word)),
        None => match trigger {
            Trigger::Segment(_) => enter.and_then(reverse),
            Trigger::Traits { .. } => None,
        },
    }
}

/// What undoes an action without harm. Deleting is never implied.
fn reverse(action: &Action) -> Option<Action> {
    match action {
        Action::AddToList => Some(Action::RemoveFromList),
        Action::RemoveFromList => Some(Action::AddToList),
        Action::Suppress => Some(Action::Unsuppress),
        Action::Unsuppress => Some(Action::Suppress),
        Action::UpsertContact
        | Action::DeleteContact
        | Action::SendMessage
        | Action::TrackEvent
        | Action::Custom(_) => None,
    }
}

fn takes_list(action: &Action) -> bool {
    matches!(action, Action::AddToList | Action::RemoveFromList)
}

fn fields(table: &Table<'_>) -> BTreeMap<SmolStr, SmolStr> {
    let Some((fields, entries)) = table.free_entries("fields") else {
        return BTreeMap::new();
    };
    let mut expressions = BTreeMap::new();
    for (name, value) in entries {
        if !is_field(name.text) {
            let message = format!("`{}` is not a field name", name.text);
            let hint = "use letters, digits, `_`, `.` and `-`, a letter or `_` first".to_owned();
            fields.report(Code::BadName, name.at, message, Some(hint));
        }
        match value.get_ref() {
            DeValue::String(text) => {
                let text = Text {
                    text,
                    at: Table::start(value),
                };
                let expression = fields.expression_of(name.text, &text);
                expressions.extend(expression.map(|text| (SmolStr::new(name.text), text)));
            }
            _ => {
                let expected = "an expression in quotes, such as `\"traits.email\"`";
                fields.wrong_type(name.text, value, expected);
            }
        }
    }
    expressions
}
