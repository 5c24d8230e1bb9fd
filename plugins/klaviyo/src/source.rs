//! The streams: two views of profiles, two of events.

use std::collections::BTreeMap;

use crosspoint_sdk::serde_json::{self, Value, json};
use crosspoint_sdk::{Budget, Context, Error, Page, Received, Record, Reject, WebhookRequest};

use crate::client::{api, exact, read};
use crate::mapping;
use crate::settings::Settings;
use crate::walk::{Cursor, Walk};
use crate::{CONSENTS, ENGAGEMENTS, EVENTS, PROFILES};

/// Note with the names of metrics by id.
const METRICS_NOTE: &str = "metrics";

const BY_PROFILE: Walk = Walk {
    path: "/api/profiles",
    by: "updated",
    operator: "greater-than",
    most: 100,
    per_row: 1,
    query: &[("additional-fields[profile]", "subscriptions")],
    scope: "profiles:read",
};

const BY_EVENT: Walk = Walk {
    path: "/api/events",
    by: "datetime",
    operator: "greater-or-equal",
    most: 1000,
    per_row: 1,
    query: &[],
    scope: "events:read",
};

type Mapped = Result<Vec<Record>, (&'static str, String)>;

/// One page of a stream.
///
/// # Errors
/// The class of the answer.
pub fn page(
    ctx: &Context,
    settings: &Settings,
    stream: &str,
    cursor: Option<&[u8]>,
    budget: Budget,
) -> Result<Page, Error> {
    let cursor = Cursor::decode(cursor)?;
    let walk = match stream {
        PROFILES => BY_PROFILE,
        CONSENTS => Walk {
            per_row: 2,
            ..BY_PROFILE
        },
        ENGAGEMENTS | EVENTS => BY_EVENT,
        _ => return Err(Error::Unsupported(format!("there is no stream `{stream}`"))),
    };
    let found = walk.rows(ctx, settings, cursor, budget)?;
    let metrics = match stream {
        ENGAGEMENTS | EVENTS => metrics(ctx, settings, &found.rows)?,
        _ => BTreeMap::new(),
    };
    let mut page = Page::empty();
    for mut row in found.rows {
        if let Some(name) = metric_id(&row).and_then(|id| metrics.get(id)) {
            row["metric_name"] = json!(name);
        }
        put(&mut page, stream, &row, None);
    }
    page.next_cursor = found.cursor.encode()?;
    page.more = found.more;
    Ok(page)
}

/// Puts what a row becomes; a reject holds `raw` as it was, else the row.
fn put(page: &mut Page, stream: &str, row: &Value, raw: Option<&[u8]>) {
    match map(stream, row) {
        Ok(records) => page.records.extend(records),
        Err((field, reason)) => page.rejects.push(Reject {
            locator: format!("{stream} {}", row["id"].as_str().unwrap_or("without id")),
            field: Some(field.to_owned()),
            reason,
            raw: raw.map_or_else(|| row.to_string().into_bytes(), <[u8]>::to_vec),
        }),
    }
}

/// The records of a row in a stream; an event's row carries its metric's name.
fn map(stream: &str, row: &Value) -> Mapped {
    match stream {
        PROFILES => Ok(vec![mapping::contact(row)?]),
        CONSENTS => mapping::consents(row),
        _ => {
            let metric = mapping::filled(&row["metric_name"])
                .ok_or_else(|| ("metric", "Klaviyo does not tell its name".to_owned()))?;
            let is_engagement = mapping::engagement_kind(&metric).is_some();
            if is_engagement != (stream == ENGAGEMENTS) {
                return Ok(Vec::new());
            }
            Ok(vec![mapping::event(row, &metric)?])
        }
    }
}

/// Quarantined rows, as they were kept.
pub fn retry(stream: &str, raw: &[Vec<u8>]) -> Page {
    let mut page = Page::empty();
    for raw in raw {
        let row = serde_json::from_slice(raw).unwrap_or_default();
        put(&mut page, stream, &row, Some(raw));
    }
    page
}

fn metric_id(row: &Value) -> Option<&str> {
    row["relationships"]["metric"]["data"]["id"].as_str()
}

/// Names of the metrics of these rows: noted ones, asked for anew where one is not among them.
fn metrics(
    ctx: &Context,
    settings: &Settings,
    rows: &[Value],
) -> Result<BTreeMap<String, String>, Error> {
    let noted = ctx.notes().get(METRICS_NOTE);
    let mut names: BTreeMap<String, String> = noted
        .and_then(|note| serde_json::from_slice(&note).ok())
        .unwrap_or_default();
    let is_known = |id: &str| names.contains_key(id);
    if rows.iter().filter_map(metric_id).all(is_known) {
        return Ok(names);
    }
    let http = api(ctx, settings);
    let mut next = Some("/api/metrics".to_owned());
    while let Some(link) = next {
        let answer = read(http.get(&link).send(), "metrics:read")?;
        for row in answer["data"].as_array().into_iter().flatten() {
            if let (Some(id), Some(name)) = (row["id"].as_str(), row["attributes"]["name"].as_str())
            {
                names.insert(id.to_owned(), name.to_owned());
            }
        }
        let more = answer["links"]["next"].as_str();
        next = more
            .and_then(|link| link.find("/api/").map(|at| link[at..].to_owned()))
            .filter(|more| *more != link);
    }
    let note = serde_json::to_vec(&names).unwrap_or_default();
    if note.len() <= 60 << 10 {
        ctx.notes().set(METRICS_NOTE, &note);
    }
    Ok(names)
}

/// What a webhook call brings: engagements as they are, all else as streams to read.
pub fn receive(request: &WebhookRequest) -> Received {
    let mut received = Received::empty();
    let body = exact(&request.body).unwrap_or_default();
    let Some(calls) = body["data"].as_array() else {
        received.part(ENGAGEMENTS).rejects.push(Reject {
            locator: "webhook".to_owned(),
            field: Some("data".to_owned()),
            reason: "expected JSON with a list `data`".to_owned(),
            raw: request.body.clone(),
        });
        return received;
    };
    let mut poke = Vec::new();
    for call in calls {
        let topic = call["topic"].as_str().unwrap_or_default();
        let topic = topic.strip_prefix("event:klaviyo.").unwrap_or(topic);
        let metric = match topic {
            "received_email" => "Received Email",
            "opened_email" => "Opened Email",
            "clicked_email" => "Clicked Email",
            "bounced_email" => "Bounced Email",
            "dropped_email" => "Dropped Email",
            "marked_email_as_spam" => "Marked Email as Spam",
            "unsubscribed_from_email_marketing" => "Unsubscribed from Email Marketing",
            _ => "",
        };
        if topic.contains("subscribed") || topic.contains("suppressed") {
            poke.extend([CONSENTS, PROFILES]);
        }
        if metric.is_empty() {
            poke.push(EVENTS);
            continue;
        }
        let payload = &call["payload"];
        let row = payload.get("data").unwrap_or(payload);
        match mapping::event(row, metric) {
            Ok(record) if !record.identifiers.is_empty() => {
                received.part(ENGAGEMENTS).records.push(record);
            }
            // Less than the event itself: it is read.
            _ => poke.push(ENGAGEMENTS),
        }
    }
    poke.sort_unstable();
    poke.dedup();
    received.poke = poke.into_iter().map(str::to_owned).collect();
    received
}
