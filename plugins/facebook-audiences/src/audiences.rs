//! Audiences by number or name.

use crosspoint_sdk::http::Http;
use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::{Context, Error, Outcome};

use crate::fault::{Answer, answer, read};
use crate::settings::{Settings, is_number};

/// The API in the configured version.
pub fn api<'a>(ctx: &'a Context, settings: &Settings) -> Http<'a> {
    let base = settings.base_url.trim_end_matches('/');
    ctx.http_at(format!("{base}/{}", settings.api_version))
        .header("accept", "application/json")
}

fn path(settings: &Settings) -> String {
    format!("/{}/customaudiences", settings.account())
}

/// Token, permission and account.
///
/// # Errors
/// What stands in the way.
pub fn check(ctx: &Context, settings: &Settings) -> Result<(), Error> {
    let call = api(ctx, settings)
        .get(&path(settings))
        .query("fields", "id,name")
        .query("limit", 1);
    read(call.send()).map(drop)
}

/// The number of the audience that a delivery names. What was found by name is noted. One that is
/// not there is made if `make`, and is `None` else.
///
/// The inner error is the outcome of the items that name it.
///
/// # Errors
/// The request does not encode.
pub fn number(
    ctx: &Context,
    settings: &Settings,
    name: &str,
    make: bool,
) -> Result<Result<Option<String>, Outcome>, Error> {
    if is_number(name) {
        return Ok(Ok(Some(name.to_owned())));
    }
    let noted = ctx.notes().get(&note(name));
    if let Some(id) = noted.and_then(|note| String::from_utf8(note).ok()) {
        return Ok(Ok(Some(id)));
    }
    let found = match find(ctx, settings, name) {
        Ok(Some(id)) => Ok(id),
        Ok(None) if make && settings.create => create(ctx, settings, name)?,
        Ok(None) if make => Err(Outcome::rejected(
            Some("list"),
            "the ad account has no audience of this name, and `create` is off",
        )),
        Ok(None) => return Ok(Ok(None)),
        Err(outcome) => Err(outcome),
    };
    Ok(found.map(|id| {
        ctx.notes().set(&note(name), id.as_bytes());
        Some(id)
    }))
}

/// Looks the name up anew next time: the audience behind it is gone.
pub fn forget(ctx: &Context, name: &str) {
    ctx.notes().delete(&note(name));
}

fn note(name: &str) -> String {
    // A key has at most 256 bytes.
    let short: String = name.chars().take(60).collect();
    format!(
        "audience:{short}:{}",
        crate::normalize::sha256(name).get(..8).unwrap_or_default()
    )
}

fn find(ctx: &Context, settings: &Settings, name: &str) -> Result<Option<String>, Outcome> {
    let http = api(ctx, settings);
    let mut call = http
        .get(&path(settings))
        .query("fields", "id,name")
        .query("limit", 500);
    let mut after = String::new();
    loop {
        let body = match answer(call.send()) {
            Answer::Done(body) => body,
            Answer::Stopped(Outcome::Unknown(text)) => return Err(Outcome::Transient(text)),
            Answer::Stopped(outcome) => return Err(outcome),
            // Where audiences cannot be listed, making one finds that of its name.
            Answer::Refused(_) => return Ok(None),
        };
        let rows = body["data"].as_array().map_or(&[][..], Vec::as_slice);
        let found = rows.iter().find(|row| row["name"] == name);
        if let Some(id) = found.and_then(|row| row["id"].as_str()) {
            return Ok(Some(id.to_owned()));
        }
        let next = body["paging"]["cursors"]["after"].as_str();
        match next.filter(|next| *next != after && body["paging"]["next"].is_string()) {
            Some(next) => next.clone_into(&mut after),
            None => return Ok(None),
        }
        call = http
            .get(&path(settings))
            .query("fields", "id,name")
            .query("limit", 500)
            .query("after", &after);
    }
}

fn create(
    ctx: &Context,
    settings: &Settings,
    name: &str,
) -> Result<Result<String, Outcome>, Error> {
    let body = json!({
        "name": name,
        "subtype": "CUSTOM",
        "description": "Kept by Crosspoint",
        "customer_file_source": settings.customer_file_source,
        "is_value_based": settings.value_based,
        // A repeat after a lost answer finds the first.
        "enable_fetch_or_create": true,
    });
    let sent = api(ctx, settings)
        .post(&path(settings))
        .json_body(&body)?
        .send();
    Ok(match answer(sent) {
        Answer::Done(body) => match body["id"].as_str() {
            Some(id) => Ok(id.to_owned()),
            None => Err(Outcome::Unknown("the audience has no id".to_owned())),
        },
        Answer::Refused(Outcome::Rejected(rejected)) => {
            Err(Outcome::rejected(Some("list"), rejected.reason))
        }
        Answer::Refused(outcome) | Answer::Stopped(outcome) => Err(outcome),
    })
}
