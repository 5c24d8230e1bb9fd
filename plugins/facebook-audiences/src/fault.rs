//! Meta's errors and what they mean. The HTTP status says little: most are 400.

use crosspoint_sdk::http::{HttpError, Reply};
use crosspoint_sdk::serde_json::{self, Value};
use crosspoint_sdk::{Error, Outcome};

/// How long to leave an account alone that Meta blocked for policy, in milliseconds.
const BLOCKED_MS: u64 = 3_600_000;

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// JSON of a success.
    Done(Value),
    /// Meta refuses what was sent; fewer rows may pass.
    Refused(Outcome),
    /// Anything else: it is so for every row.
    Stopped(Outcome),
}

/// Reads an answer.
pub fn answer(sent: Result<Reply, HttpError>) -> Answer {
    let reply = match sent {
        Ok(reply) => reply,
        Err(error) => return Answer::Stopped(error.into()),
    };
    let body: Option<Value> = serde_json::from_slice(reply.body()).ok();
    let Some(body) = body else {
        return Answer::Stopped(match reply.outcome() {
            Outcome::Done(_) => Outcome::Unknown("the answer is not Meta's".to_owned()),
            other => other,
        });
    };
    let error = &body["error"];
    if error.is_null() {
        return match reply.outcome() {
            Outcome::Done(_) => Answer::Done(body),
            other => Answer::Stopped(other),
        };
    }
    let code = error["code"].as_i64().unwrap_or_default();
    let subcode = error["error_subcode"].as_i64().unwrap_or_default();
    let text = match subcode {
        0 => format!("Meta answered error {code}"),
        _ => format!("Meta answered error {code} ({subcode})"),
    };
    // Which of the two numbers carries these differs by edge.
    let is = |number: i64| code == number || subcode == number;
    Answer::Stopped(match (code, subcode) {
        (4 | 17 | 32 | 613 | 80_000..=80_014, _) => Outcome::RateLimited(wait_ms(&reply)),
        (368, _) => Outcome::RateLimited(Some(BLOCKED_MS)),
        (102 | 190, _) => Outcome::Auth(format!("{text}: the access token is invalid or expired")),
        // The only one of its kind that no number tells from a wrong parameter.
        (100, _) if names_proof(error) => Outcome::Auth(format!(
            "{text}: `app_secret` is not that of the token's app, or missing"
        )),
        (10 | 200..=299, _) => Outcome::Auth(format!(
            "{text}: the token lacks `ads_management` for the ad account, or the terms of Custom \
             Audiences are not accepted"
        )),
        _ if is(2655) => Outcome::Auth(format!("{text}: accept the terms of Custom Audiences")),
        _ if is(2635) => Outcome::Auth(format!("{text}: the configured `api_version` has ended")),
        (100, 33) => Outcome::Gone(format!("{text}: the audience is not there, or not yours")),
        _ if is(1_487_301) || is(1_487_366) => {
            Outcome::Gone(format!("{text}: the audience is not there, or not shared"))
        }
        _ if is(1_713_230) || is(2650) => Outcome::Gone(format!(
            "{text}: the audience takes no people; look at its status in Ads Manager"
        )),
        _ if error["is_transient"] == true => Outcome::Transient(text),
        (1 | 2 | 21_009, _) => Outcome::Transient(text),
        (100 | 105, _) => return Answer::Refused(Outcome::rejected(None, text)),
        _ => match reply.outcome() {
            Outcome::Rejected(_) | Outcome::Done(_) => {
                return Answer::Refused(Outcome::rejected(None, text));
            }
            Outcome::Auth(_) => Outcome::Auth(text),
            other => other,
        },
    })
}

/// The proof of the request by the app secret is missing or wrong.
fn names_proof(error: &Value) -> bool {
    let message = error["message"].as_str();
    message.is_some_and(|text| text.contains("appsecret_proof"))
}

/// As the error of a call that reads.
///
/// # Errors
/// The class of the answer.
pub fn read(sent: Result<Reply, HttpError>) -> Result<Value, Error> {
    Err(match answer(sent) {
        Answer::Done(body) => return Ok(body),
        Answer::Refused(outcome) | Answer::Stopped(outcome) => match outcome {
            Outcome::RateLimited(wait_ms) => Error::RateLimited(wait_ms),
            Outcome::Auth(text) => Error::Auth(text),
            Outcome::Gone(_) => Error::invalid(
                "ad_account_id",
                "Meta has no such ad account, or not for this token",
            ),
            Outcome::Transient(text) | Outcome::Unknown(text) => Error::Transient(text),
            Outcome::Rejected(rejected) => Error::invalid("ad_account_id", rejected.reason),
            other => Error::Fatal(format!("unexpected answer of Meta: {other:?}")),
        },
    })
}

/// What `X-Business-Use-Case-Usage` says of when to come back (minutes), else `Retry-After`.
fn wait_ms(reply: &Reply) -> Option<u64> {
    let usage = reply
        .header("x-business-use-case-usage")
        .and_then(|text| serde_json::from_str::<Value>(text).ok());
    let accounts = usage.as_ref().and_then(Value::as_object);
    let minutes = accounts
        .into_iter()
        .flat_map(|map| map.values())
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(|one| one["estimated_time_to_regain_access"].as_u64())
        .max()
        .filter(|minutes| *minutes > 0);
    minutes
        .map(|minutes| minutes.saturating_mul(60_000))
        .or_else(|| reply.retry_after_ms())
}
