//! What the receiver's answer means for each delivery.

use crosspoint_sdk::http::{HttpError, Reply};
use crosspoint_sdk::{Error, Outcome, serde_json};
use serde::Deserialize;

/// An optional answer that speaks of single items.
#[derive(Deserialize)]
struct Answer {
    results: Vec<ItemResult>,
}

#[derive(Deserialize)]
struct ItemResult {
    index: usize,
    status: String,
    #[serde(default)]
    retryable: bool,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    id: Option<String>,
}

/// The longest message of a receiver that goes into a receipt, in characters.
const MAX_MESSAGE: usize = 200;

/// One outcome per item.
///
/// # Errors
/// Where the endpoint as a whole is wrong: gone, moved, not granted, or refusing our credentials.
/// Nothing was done then.
pub fn outcomes(sent: Result<Reply, HttpError>, items: usize) -> Result<Vec<Outcome>, Error> {
    let reply = match sent {
        Ok(reply) => reply,
        Err(HttpError::Denied(what)) => {
            return Err(Error::invalid(
                "url",
                format!("request not granted: {what}"),
            ));
        }
        Err(HttpError::Invalid(what)) => return Err(Error::invalid("url", what)),
        Err(HttpError::Auth(what)) => return Err(Error::Auth(what)),
        Err(HttpError::RateLimited(wait_ms)) => return Err(Error::RateLimited(Some(wait_ms))),
        Err(error) => return Ok(vec![error.into(); items]),
    };
    let whole = match reply.status() {
        300..=399 => {
            return Err(Error::invalid(
                "url",
                format!(
                    "{}; redirects are not followed, set the final address",
                    reply.status_line()
                ),
            ));
        }
        410 => {
            return Err(Error::Gone(
                "the receiver answered 410: the endpoint is gone".to_owned(),
            ));
        }
        401 | 403 => return Err(Error::Auth(reply.status_line())),
        429 => return Err(Error::RateLimited(reply.retry_after_ms())),
        // Asked for patience, and nothing says that the receiver saw it.
        502 | 504 if reply.retry_after_ms().is_none() => Outcome::RateLimited(None),
        _ => reply.outcome(),
    };
    match serde_json::from_slice::<Answer>(reply.body()) {
        Ok(answer) => Ok(per_item(answer, items, &whole)),
        Err(_) => Ok(vec![whole; items]),
    }
}

/// Items that the answer does not name: unknown after a success, else what the status says.
fn per_item(answer: Answer, items: usize, whole: &Outcome) -> Vec<Outcome> {
    let unnamed = match whole {
        Outcome::Done(_) => {
            Outcome::Unknown("the receiver's answer does not name this item".to_owned())
        }
        other => other.clone(),
    };
    let mut outcomes = vec![unnamed; items];
    for result in answer.results {
        let Some(slot) = outcomes.get_mut(result.index) else {
            continue;
        };
        let message = result
            .message
            .filter(|message| !message.trim().is_empty())
            .map_or_else(
                || "the receiver gave no reason".to_owned(),
                |message| message.chars().take(MAX_MESSAGE).collect(),
            );
        *slot = match (result.status.as_str(), result.retryable) {
            ("ok", _) => Outcome::Done(result.id),
            ("error", true) => Outcome::Transient(message),
            ("error", false) => Outcome::rejected(None, message),
            _ => Outcome::Unknown("the receiver's status is neither `ok` nor `error`".to_owned()),
        };
    }
    outcomes
}
