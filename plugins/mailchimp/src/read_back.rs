//! Whether Mailchimp has what a delivery asked for.

use crosspoint_sdk::serde_json::Value;
use crosspoint_sdk::{ActionKind, Context, Error, Found, Item};

use crate::client::{api, member_path, read};
use crate::requests::{ADD_TAG, REMOVE_TAG, email, upsert};
use crate::settings::Settings;

/// One answer per item, from the member as it is now.
///
/// # Errors
/// The class of the answer.
pub fn read_back(
    ctx: &Context,
    settings: &Settings,
    action: &ActionKind,
    items: &[Item],
) -> Result<Vec<Found>, Error> {
    let one = |item: &Item| {
        let Ok(email) = email(item) else {
            return Ok(Found::Absent);
        };
        let in_list = matches!(action, ActionKind::AddToList | ActionKind::RemoveFromList);
        let list = item.list.as_deref().filter(|_| in_list);
        let path = member_path(list.unwrap_or(&settings.list_id), &email, "");
        let sent = api(ctx, settings)
            .get(&path)
            .query("exclude_fields", "_links")
            .send();
        let member = match read(sent) {
            Ok(member) => Some(member).filter(|member| member["status"] != "archived"),
            Err(Error::Gone(_)) => None,
            Err(error) => return Err(error),
        };
        Ok(found(settings, action, item, member.as_ref()))
    };
    items.iter().map(one).collect()
}

fn found(settings: &Settings, action: &ActionKind, item: &Item, member: Option<&Value>) -> Found {
    let id = member.and_then(|member| member["id"].as_str().map(str::to_owned));
    let is_so = match (action, member) {
        (ActionKind::RemoveFromList | ActionKind::DeleteContact, member) => member.is_none(),
        (ActionKind::AddToList, member) => member.is_some(),
        (ActionKind::UpsertContact, Some(member)) => holds(settings, item, member),
        (ActionKind::Suppress, Some(member)) => member["status"] == "unsubscribed",
        (ActionKind::Suppress, None) => true,
        (ActionKind::Custom(name), Some(member)) if name == ADD_TAG => has_tag(item, member),
        (ActionKind::Custom(name), member) if name == REMOVE_TAG => {
            member.is_none_or(|member| !has_tag(item, member))
        }
        (ActionKind::UpsertContact | ActionKind::Custom(_), None) => false,
        _ => return Found::Undecided,
    };
    if is_so {
        Found::Present(id)
    } else {
        Found::Absent
    }
}

fn has_tag(item: &Item, member: &Value) -> bool {
    let tags = member["tags"].as_array().into_iter().flatten();
    let wanted = item.list.as_deref().map(str::trim);
    tags.into_iter().any(|tag| tag["name"].as_str() == wanted)
}

/// Every field that was sent reads the same.
fn holds(settings: &Settings, item: &Item, member: &Value) -> bool {
    let Ok(sent) = upsert(settings, &settings.list_id, item) else {
        return false;
    };
    let body = sent.body.unwrap_or_default();
    let fields = body["merge_fields"].as_object().into_iter().flatten();
    let mut fields = fields.into_iter();
    fields.all(|(tag, value)| {
        let text = |value: &Value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        member["merge_fields"]
            .get(tag)
            .is_some_and(|held| text(held) == text(value))
    })
}
