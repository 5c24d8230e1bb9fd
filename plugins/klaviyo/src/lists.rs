//! Klaviyo's lists by id or name.

use crosspoint_sdk::{Context, Error, Outcome};

use crate::client::{api, read};
use crate::settings::Settings;

/// The note that holds the id of a list.
fn lists_note(name: &str) -> String {
    format!("list:{name}")
}

/// The id of a list by id or name, noted once found.
///
/// The inner error is the outcome of the items that name the list.
///
/// # Errors
/// The class of the answer, where it stops the connector.
pub fn id(
    ctx: &Context,
    settings: &Settings,
    name: &str,
) -> Result<Result<String, Outcome>, Error> {
    let key = lists_note(name);
    if let Some(id) = ctx
        .notes()
        .get(&key)
        .and_then(|note| String::from_utf8(note).ok())
    {
        return Ok(Ok(id));
    }
    let http = api(ctx, settings);
    let mut next = Some("/api/lists".to_owned());
    let mut by_name = Vec::new();
    while let Some(link) = next.take() {
        let answer = match read(http.get(&link).send(), "lists:read") {
            Ok(answer) => answer,
            Err(Error::Auth(text)) => return Ok(Err(Outcome::Auth(text))),
            Err(Error::RateLimited(wait_ms)) => return Ok(Err(Outcome::RateLimited(wait_ms))),
            Err(Error::Transient(text)) => return Ok(Err(Outcome::Transient(text))),
            Err(error) => return Err(error),
        };
        let rows = answer["data"].as_array().into_iter().flatten();
        for row in rows {
            let Some(id) = row["id"].as_str() else {
                continue;
            };
            if id == name {
                ctx.notes().set(&key, id.as_bytes());
                return Ok(Ok(id.to_owned()));
            }
            if row["attributes"]["name"].as_str() == Some(name) {
                by_name.push(id.to_owned());
            }
        }
        let more = answer["links"]["next"].as_str();
        next = more
            .and_then(|more| more.find("/api/").map(|at| more[at..].to_owned()))
            .filter(|more| *more != link);
    }
    Ok(match by_name.as_slice() {
        [id] => {
            ctx.notes().set(&key, id.as_bytes());
            Ok(id.clone())
        }
        [] => Err(Outcome::rejected(
            Some("list"),
            "Klaviyo has no list of this id or name",
        )),
        _ => Err(Outcome::rejected(
            Some("list"),
            "Klaviyo has several lists of this name; use the id",
        )),
    })
}

/// Looks the list up anew next time: a request did not find it.
pub fn forget(ctx: &Context, name: &str) {
    ctx.notes().delete(&lists_note(name));
}
