//! Webhook calls: they name leads, whose answers are fetched.

use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::{Context, Error, Page, Received, Reject, WebhookRequest};

use crate::client::{Client, Fault, LEAD_FIELDS};
use crate::map::{self, Problem, View};
use crate::settings::{Settings, is_id};
use crate::{CONSENTS, LEADS};

/// Most leads that are fetched while the vendor waits; a call may name a thousand.
const MAX_FETCHED: usize = 5;

/// What a call brought. Leads that cannot be fetched now are left to polling; one that is not for
/// this token waits in quarantine besides.
///
/// # Errors
/// None that sending again would mend.
pub fn receive(
    ctx: &Context,
    settings: &Settings,
    request: &WebhookRequest,
) -> Result<Received, Error> {
    let mut received = Received::empty();
    let body = std::str::from_utf8(&request.body).ok();
    let Some(json) = body.and_then(|text| Json::parse(text).ok()) else {
        received.part(LEADS).rejects.push(Reject {
            locator: "webhook".to_owned(),
            field: None,
            reason: "expected JSON".to_owned(),
            raw: request.body.clone(),
        });
        return Ok(received);
    };
    let mut changes: Vec<&Json> = json
        .get("entry")
        .map_or(&[][..], Json::items)
        .iter()
        .flat_map(|entry| entry.get("changes").map_or(&[][..], Json::items))
        .filter(|change| change.text_at("field") == Some("leadgen"))
        .filter_map(|change| change.get("value"))
        .filter(|value| {
            // An app has one address for the pages of all its customers.
            let page = value.text_at("page_id");
            page.is_none_or(|page| settings.pages.iter().any(|own| own == page))
        })
        .collect();
    let mut seen = Vec::new();
    changes.retain(|value| {
        let id = value.text_at("leadgen_id").map(str::to_owned);
        let is_new = id.is_none() || !seen.contains(&id);
        seen.push(id);
        is_new
    });
    if changes.len() > MAX_FETCHED {
        received.poke = both();
        return Ok(received);
    }
    let client = Client::new(ctx, settings);
    for change in changes {
        match fetch(ctx, &client, change) {
            Ok((lead, name)) => {
                for (stream, view) in [(LEADS, View::Leads), (CONSENTS, View::Consents)] {
                    match map::records(&lead, name.as_deref(), view, settings) {
                        Ok(records) if records.is_empty() => {}
                        Ok(records) => received.part(stream).records.extend(records),
                        Err(problem) => {
                            let id = lead.text_at("id").unwrap_or_default();
                            let reject = problem.reject(id, &lead.to_string());
                            received.part(stream).rejects.push(reject);
                        }
                    }
                }
            }
            Err(Unread::Later) => received.poke = both(),
            Err(Unread::Never(problem)) => {
                let id = change.text_at("leadgen_id").unwrap_or_default();
                let reject = problem.reject(id, &change.to_string());
                received.part(LEADS).rejects.push(reject);
                received.poke = both();
            }
        }
    }
    Ok(received)
}

fn both() -> Vec<String> {
    vec![LEADS.to_owned(), CONSENTS.to_owned()]
}

/// Why a lead is not there.
enum Unread {
    /// May be there soon.
    Later,
    /// Missing, or not for this token.
    Never(Problem),
}

/// The lead that a change names, and its form's name.
fn fetch(
    ctx: &Context,
    client: &Client<'_>,
    change: &Json,
) -> Result<(Json, Option<String>), Unread> {
    let id = change.text_at("leadgen_id").filter(|id| is_id(id));
    let id =
        id.ok_or_else(|| Unread::Never(Problem::of("leadgen_id", "expected an id in digits")))?;
    let lead = client
        .object(id, LEAD_FIELDS)
        .map_err(|fault| match fault {
            Fault::Missing(said) | Fault::Parameter(said) => Unread::Never(Problem::of(
                "leadgen_id",
                format!("the lead cannot be read: {said}"),
            )),
            Fault::Other(_) => Unread::Later,
        })?;
    let name = lead
        .text_at("form_id")
        .and_then(|form| form_name(ctx, client, form));
    Ok((lead, name))
}

/// The form's name, asked for once.
fn form_name(ctx: &Context, client: &Client<'_>, form: &str) -> Option<String> {
    if !is_id(form) {
        return None;
    }
    let key = format!("form:{form}");
    if let Some(note) = ctx.notes().get(&key) {
        return String::from_utf8(note).ok();
    }
    let json = client.object(form, "id,name").ok()?;
    let name = json.text_at("name")?.to_owned();
    // The contract allows 256 notes; names of further forms are asked for each time.
    if ctx.notes().keys().len() < 200 {
        ctx.notes().set(&key, name.as_bytes());
    }
    Some(name)
}

/// Quarantined input, tried again: a change of a webhook call, or a lead; a form where there is no
/// view.
pub fn retry(ctx: &Context, settings: &Settings, view: Option<View>, raw: Vec<Vec<u8>>) -> Page {
    let client = Client::new(ctx, settings);
    let mut page = Page::empty();
    for raw in raw {
        let json = std::str::from_utf8(&raw)
            .ok()
            .and_then(|text| Json::parse(text).ok());
        let result = match (&json, view) {
            (None, _) => Err(Problem {
                field: None,
                reason: "expected JSON".to_owned(),
            }),
            (Some(form), None) => {
                let id = form.text_at("id").filter(|id| is_id(id));
                let id = id.ok_or_else(|| Problem::of("id", "expected an id in digits"));
                id.and_then(|id| map::form(form, id, None))
                    .map(|record| vec![record])
            }
            (Some(json), Some(view)) if json.get("leadgen_id").is_some() => {
                match fetch(ctx, &client, json) {
                    Ok((lead, name)) => map::records(&lead, name.as_deref(), view, settings),
                    Err(Unread::Never(problem)) => Err(problem),
                    Err(Unread::Later) => Err(Problem {
                        field: None,
                        reason: "the vendor cannot be asked at present".to_owned(),
                    }),
                }
            }
            (Some(lead), Some(view)) => map::records(lead, None, view, settings),
        };
        match result {
            Ok(records) => page.records.extend(records),
            Err(problem) => page.rejects.push(Reject {
                locator: "retry".to_owned(),
                field: problem.field.map(str::to_owned),
                reason: problem.reason,
                raw,
            }),
        }
    }
    page
}
