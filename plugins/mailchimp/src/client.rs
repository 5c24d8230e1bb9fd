//! Requests to the Marketing API and what its answers mean.

use crosspoint_sdk::http::{Call, Http, HttpError, Method, Reply, encode_component};
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::serde_json::{self, Value};
use crosspoint_sdk::{Context, Error, Outcome};
use md5::{Digest, Md5};
use serde::Deserialize;

use crate::settings::Settings;

/// The API below the configured address.
pub fn api<'a>(ctx: &'a Context, settings: &Settings) -> Http<'a> {
    ctx.http_at(settings.base_url.clone())
        .header("accept", "application/json")
}

/// How a member is addressed: MD5 of the trimmed, lower-cased address.
pub fn subscriber_hash(email: &str) -> String {
    let digest = Md5::digest(email.trim().to_lowercase().as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a 404 means for the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// What was asked for is so already.
    IsDone,
    /// There is nobody to do it to.
    IsRejected,
}

/// One request that speaks for one item; sent by itself or as part of a batch operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// `PUT`, `POST`, `PATCH` or `DELETE`.
    pub method: Method,
    /// Below the base address.
    pub path: String,
    /// Further parameters.
    pub query: Vec<(&'static str, &'static str)>,
    /// JSON body.
    pub body: Option<Value>,
    /// Meaning of a 404.
    pub absent: Absent,
    /// Sending it twice changes nothing.
    pub repeatable: bool,
}

impl Operation {
    /// Sends it by itself.
    ///
    /// # Errors
    /// There was no answer.
    pub fn send(&self, http: &Http<'_>) -> Result<Outcome, Error> {
        let mut call: Call<'_> = http.request(self.method, &self.path);
        for (name, value) in &self.query {
            call = call.query(name, value);
        }
        if let Some(body) = &self.body {
            call = call.json_body(body)?;
        }
        Ok(match call.send() {
            Ok(reply) if self.method == Method::Delete && reply.status() == UNARCHIVABLE => {
                archived(http, &self.path)
            }
            Ok(reply) => self.outcome(reply.status(), reply.body(), reply.retry_after_ms()),
            Err(error) => error.into(),
        })
    }

    /// What is written is answered with all of it, what is done to it with 204.
    fn names_id(&self) -> bool {
        matches!(self.method, Method::Put | Method::Patch)
    }

    /// What a status and body mean for the item.
    pub fn outcome(&self, status: u16, body: &[u8], retry_after_ms: Option<u64>) -> Outcome {
        let text = format!("Mailchimp answered {status}");
        let problem = Problem::of(body);
        match status {
            200..=299 if !self.names_id() && body.iter().all(u8::is_ascii_whitespace) => {
                Outcome::Done(None)
            }
            200..=299 => {
                let answer: Value = serde_json::from_slice(body).unwrap_or_default();
                match answer["id"].as_str() {
                    Some(id) => Outcome::Done(Some(id.to_owned())),
                    None => Outcome::Unknown("the answer is not Mailchimp's".to_owned()),
                }
            }
            401 => Outcome::Auth(text),
            403 => match problem {
                Some(problem) => Outcome::Auth(format!("{text}: {}", problem.title)),
                // At very high volume Mailchimp refuses so, without saying why.
                None => Outcome::RateLimited(retry_after_ms),
            },
            404 if self.absent == Absent::IsDone => Outcome::Done(None),
            404 => Outcome::rejected(Some("email"), "not a member of the list"),
            429 => Outcome::RateLimited(retry_after_ms),
            503 if retry_after_ms.is_some() => Outcome::RateLimited(retry_after_ms),
            408 | 425 | 503 => Outcome::Transient(text),
            410 => Outcome::Gone(text),
            500..=599 if self.repeatable => Outcome::Transient(text),
            500..=599 => Outcome::Unknown(text),
            _ => match problem {
                Some(problem) => problem.rejection(&text),
                None => Outcome::rejected(None, text),
            },
        }
    }
}

/// The status of the answer where a member is archived already, or is one that cannot be.
pub const UNARCHIVABLE: u16 = 405;

/// Which of the two the member at `path` is.
pub fn archived(http: &Http<'_>, path: &str) -> Outcome {
    match read(http.get(path).query("fields", "id,status").send()) {
        Ok(member) if member["status"] == "archived" => {
            Outcome::Done(member["id"].as_str().map(str::to_owned))
        }
        Ok(_) => Outcome::rejected(
            Some("email"),
            "Mailchimp archives no member who bounced or has not confirmed",
        ),
        Err(Error::Gone(_)) => Outcome::Done(None),
        Err(Error::Auth(text)) => Outcome::Auth(text),
        Err(Error::RateLimited(wait_ms)) => Outcome::RateLimited(wait_ms),
        Err(error) => Outcome::Transient(error.to_string()),
    }
}

/// Mailchimp's `application/problem+json`. Its `detail` may name the person and is not read.
#[derive(Debug, Deserialize)]
pub struct Problem {
    /// One of a closed list of phrases.
    pub title: String,
    #[serde(default)]
    errors: Vec<FieldProblem>,
}

#[derive(Debug, Deserialize)]
struct FieldProblem {
    #[serde(default)]
    field: String,
}

impl Problem {
    /// The problem in a body, if it is one.
    pub fn of(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    fn rejection(&self, text: &str) -> Outcome {
        let field = self.errors.iter().map(|error| error.field.as_str());
        let field = field
            .map(|name| name.strip_prefix("merge_fields.").unwrap_or(name))
            .find(|name| !name.is_empty());
        let reason = match self.title.as_str() {
            "Member In Compliance State" => {
                "the person unsubscribed or bounced; only a confirmation mail brings them back"
                    .to_owned()
            }
            "Forgotten Email Not Subscribed" => {
                "the address was permanently deleted and cannot be written again".to_owned()
            }
            title => format!("{text}: {title}"),
        };
        Outcome::rejected(field, reason)
    }
}

/// A successful answer, or the error of its class for reading.
///
/// # Errors
/// The class of status or fault.
pub fn read(sent: Result<Reply, HttpError>) -> Result<Value, Error> {
    let reply = sent?;
    match reply.status() {
        401 => Err(Error::Auth(
            "Mailchimp refuses the API key; check it, and that `base_url` names its data center"
                .to_owned(),
        )),
        403 => Err(match Problem::of(reply.body()) {
            Some(problem) => Error::Auth(format!("{}: {}", reply.status_line(), problem.title)),
            None => Error::RateLimited(reply.retry_after_ms()),
        }),
        426 => Err(Error::Fatal("Mailchimp asks for a newer TLS".to_owned())),
        _ => {
            let reply = reply.success()?;
            // A proxy's page in place of an answer may pass.
            let json = std::str::from_utf8(reply.body())
                .ok()
                .and_then(|text| Json::parse(text).ok());
            json.map(|json| Value::from(&json))
                .ok_or_else(|| Error::Transient("the answer is not Mailchimp's".to_owned()))
        }
    }
}

/// The path of a member; `suffix` starts with `/` or is empty.
pub fn member_path(list_id: &str, email: &str, suffix: &str) -> String {
    let list = encode_component(list_id);
    format!("/lists/{list}/members/{}{suffix}", subscriber_hash(email))
}
