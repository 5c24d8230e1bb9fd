//! Requests to the API and what its answers mean.

use crosspoint_sdk::http::{Call, Http, HttpError, Reply};
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::serde_json::{self, Value};
use crosspoint_sdk::{Context, Error, Outcome};

use crate::settings::Settings;

/// The API, in the configured revision and no other.
pub fn api<'a>(ctx: &'a Context, settings: &Settings) -> Http<'a> {
    ctx.http_at(settings.base_url.clone())
        .header("accept", "application/vnd.api+json")
        .header("revision", settings.revision.clone())
        .header("x-klaviyo-revision-fall-forward-opt-out", "1")
}

/// Sends a JSON:API document.
///
/// # Errors
/// It does not encode. What the vendor said is within.
pub fn send(call: Call<'_>, body: &Value) -> Result<Result<Reply, HttpError>, Error> {
    let bytes = serde_json::to_vec(body)
        .map_err(|error| Error::Fatal(format!("could not encode the request: {error}")))?;
    Ok(call.body("application/vnd.api+json", bytes).send())
}

/// A successful answer, or the error of its class for reading. `scope` is what the request needs.
///
/// # Errors
/// The class of status or fault.
pub fn read(sent: Result<Reply, HttpError>, scope: &str) -> Result<Value, Error> {
    let reply = sent?;
    match reply.status() {
        401 => Err(Error::Auth("Klaviyo refuses the key or token".to_owned())),
        403 => Err(Error::Auth(format!(
            "the key or token lacks the scope `{scope}`"
        ))),
        410 => Err(retired()),
        _ => {
            let reply = reply.success()?;
            // A proxy's page in place of an answer may pass.
            exact(reply.body())
                .ok_or_else(|| Error::Transient("the answer is not Klaviyo's".to_owned()))
        }
    }
}

/// JSON without a digit lost.
pub fn exact(bytes: &[u8]) -> Option<Value> {
    let json = Json::parse(std::str::from_utf8(bytes).ok()?).ok()?;
    Some(Value::from(&json))
}

fn retired() -> Error {
    Error::invalid("revision", "Klaviyo has retired this revision of its API")
}

/// What an answer means for the items of a request: `Done` with the id of what the answer is about.
/// `success` are the statuses by which Klaviyo says that it took this kind of request.
pub fn outcome(sent: Result<Reply, HttpError>, scope: &str, success: &[u16]) -> Outcome {
    let reply = match sent {
        Ok(reply) => reply,
        Err(error) => return error.into(),
    };
    let text = reply.status_line();
    match reply.status() {
        status @ 200..=299 if !success.contains(&status) => {
            Outcome::Unknown(format!("{text}, which Klaviyo does not say here"))
        }
        200..=299 if reply.body().iter().all(u8::is_ascii_whitespace) => Outcome::Done(None),
        200..=299 => match serde_json::from_slice::<Value>(reply.body()) {
            Ok(answer) => Outcome::Done(answer["data"]["id"].as_str().map(str::to_owned)),
            Err(_) => Outcome::Unknown("the answer is not Klaviyo's".to_owned()),
        },
        403 => Outcome::Auth(format!("the key or token lacks the scope `{scope}`")),
        410 => Outcome::Auth("Klaviyo has retired the configured `revision`".to_owned()),
        400..=499 => match (reply.outcome(), Refusal::of(reply.body())) {
            (Outcome::Rejected(_), Some(refusal)) => refusal.rejection(&text),
            (outcome, _) => outcome,
        },
        _ => reply.outcome(),
    }
}

/// The first of Klaviyo's errors. Its `detail` may name the person and is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A word such as `invalid` or `duplicate_profile`.
    pub code: String,
    /// JSON pointer to what is at fault.
    pub pointer: String,
}

impl Refusal {
    /// The refusal in a body, if it is one.
    pub fn of(body: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(body).ok()?;
        Some(Self::from_error(answer["errors"].get(0)?))
    }

    /// One of several.
    pub fn from_error(error: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            code: text(&error["code"]),
            pointer: text(&error["source"]["pointer"]),
        }
    }

    /// The rejection of the item, with the last part of the pointer as its field.
    pub fn rejection(&self, text: &str) -> Outcome {
        let last = self.pointer.rsplit('/').next().unwrap_or_default();
        let is_name = !last.is_empty() && !last.bytes().all(|byte| byte.is_ascii_digit());
        let field = Some(last).filter(|_| is_name);
        Outcome::rejected(field, format!("{text}: {}", self.code))
    }
}
