//! The REST API: addresses, queries, and what its errors mean.

pub use crosspoint_sdk::http::Call;
use crosspoint_sdk::http::{Http, HttpError, Method, Reply, encode_component};
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::{Context, Error, Instant, Outcome};

use crate::settings::Settings;

/// Longest address that goes into a GET: the vendor takes 16,384 bytes of address and headers.
const MAX_URL_BYTES: usize = 12_000;

/// Most bytes of a name in an error's text.
const MAX_NAME_BYTES: usize = 80;

/// Speaks with one org.
pub struct Client<'a> {
    http: Http<'a>,
    /// `/services/data/v66.0`
    base: String,
}

/// A successful answer.
pub struct Answer {
    /// Its JSON.
    pub json: Json,
    /// When the vendor answered, by its own clock.
    pub date: Option<Instant>,
}

/// Why a call has no successful answer.
#[derive(Debug)]
pub enum Fault {
    /// There was no answer.
    NoAnswer(HttpError),
    /// An answer that is no success.
    Refused {
        /// The class that its status alone has.
        by_status: Error,
        /// HTTP status.
        status: u16,
        /// What the vendor says.
        problems: Vec<Problem>,
    },
    /// A success without readable JSON.
    Unreadable(Error),
}

/// One error in the vendor's form: `errorCode` (`statusCode` for one record of several), `fields`.
/// The message is left where it is: it quotes values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// As in `REQUIRED_FIELD_MISSING`.
    pub code: String,
    /// The fields at fault.
    pub fields: Vec<String>,
}

impl<'a> Client<'a> {
    /// A client for the org that the settings name.
    pub fn new(ctx: &'a Context, settings: &Settings) -> Self {
        Self {
            http: ctx.http_at(settings.origin()),
            base: format!("/services/data/v{}", settings.api_version),
        }
    }

    /// A request below the version's path.
    pub fn call(&self, method: Method, path: &str) -> Call<'a> {
        self.http.request(method, &format!("{}{path}", self.base))
    }

    /// `GET` below the version's path.
    ///
    /// # Errors
    /// No successful answer.
    pub fn get(&self, path: &str) -> Result<Answer, Fault> {
        send(self.call(Method::Get, path))
    }

    /// Sends JSON below the version's path.
    ///
    /// # Errors
    /// No successful answer.
    pub fn send_json(&self, method: Method, path: &str, body: &Json) -> Result<Answer, Fault> {
        send(
            self.call(method, path)
                .body("application/json", body.to_string()),
        )
    }

    /// The first page of a query. One too long for an address goes as a part of `/composite`.
    ///
    /// # Errors
    /// No successful answer.
    pub fn query(&self, resource: &str, soql: &str) -> Result<Answer, Fault> {
        let path = format!("/{resource}?q={}", encode_component(soql));
        if path.len() <= MAX_URL_BYTES {
            return rows(self.get(&path)?);
        }
        let text = |text: &str| Json::Text(text.to_owned());
        let part = Json::Object(vec![
            ("method".to_owned(), text("GET")),
            ("url".to_owned(), text(&format!("{}{path}", self.base))),
            ("referenceId".to_owned(), text("query")),
        ]);
        let body = Json::Object(vec![(
            "compositeRequest".to_owned(),
            Json::List(vec![part]),
        )]);
        let answer = self.send_json(Method::Post, "/composite", &body)?;
        let first = answer.json.get("compositeResponse");
        let first = first.and_then(|list| list.items().first());
        let status = first.and_then(|part| part.text_at("httpStatusCode"));
        let status = status.and_then(|text| text.parse::<u16>().ok());
        match (status, first.and_then(|part| part.get("body"))) {
            (Some(200), Some(body)) => rows(Answer {
                json: body.clone(),
                date: answer.date,
            }),
            (Some(status), Some(body)) => Err(Fault::Refused {
                by_status: by_status(status),
                status,
                problems: problems(body),
            }),
            _ => Err(Fault::Unreadable(Error::Transient(
                "the vendor's composite answer holds no query".to_owned(),
            ))),
        }
    }

    /// A further page of a query, at the address that the vendor gave.
    ///
    /// # Errors
    /// No successful answer, or an address that is not the org's.
    pub fn next_page(&self, locator: &str) -> Result<Answer, Fault> {
        if !locator.starts_with("/services/data/") {
            return Err(Fault::Unreadable(Error::Transient(
                "the vendor's next page is not below its own address".to_owned(),
            )));
        }
        rows(send(self.http.get(locator))?)
    }
}

/// The answer to a query has rows, be they none. Whatever else says success is not of the vendor.
fn rows(answer: Answer) -> Result<Answer, Fault> {
    match answer.json.get("records") {
        Some(_) => Ok(answer),
        None => Err(Fault::Unreadable(Error::Transient(
            "the answer to a query holds no records".to_owned(),
        ))),
    }
}

/// Sends a call and reads its JSON; an empty success is `null`.
///
/// # Errors
/// No successful answer.
pub fn send(call: Call<'_>) -> Result<Answer, Fault> {
    let reply = call.send().map_err(Fault::NoAnswer)?;
    if !reply.is_success() {
        return Err(Fault::of(&reply));
    }
    let json = if reply.body().is_empty() {
        Json::Null
    } else {
        reply.json().map_err(|error| match error {
            Error::Fatal(text) => Fault::Unreadable(Error::Transient(text)),
            other => Fault::Unreadable(other),
        })?
    };
    Ok(Answer {
        json,
        date: reply.date(),
    })
}

fn by_status(status: u16) -> Error {
    let text = format!("the vendor answered {status}");
    match status {
        401 | 403 => Error::Auth(text),
        404 => Error::Gone(text),
        408 | 425 | 500..=599 => Error::Transient(text),
        429 => Error::RateLimited(None),
        _ => Error::Fatal(text),
    }
}

/// What the vendor says is wrong: an array of errors, or a single one.
pub fn problems(json: &Json) -> Vec<Problem> {
    let list = match json {
        Json::List(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    let clean = |text: &str| {
        text.chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))
            .take(MAX_NAME_BYTES)
            .collect::<String>()
    };
    list.iter()
        .filter_map(|one| {
            let code = one
                .text_at("errorCode")
                .or_else(|| one.text_at("statusCode"))?;
            let fields = one.get("fields").map_or(&[][..], Json::items);
            Some(Problem {
                code: clean(code),
                fields: fields.iter().filter_map(Json::text).map(clean).collect(),
            })
        })
        .collect()
}

impl Problem {
    /// For a person: the code and the fields, nothing of the message.
    pub fn describe(&self) -> String {
        if self.fields.is_empty() {
            format!("the vendor says {}", self.code)
        } else {
            format!(
                "the vendor says {} for {}",
                self.code,
                self.fields.join(", ")
            )
        }
    }

    /// May pass by itself.
    pub fn is_passing(&self) -> bool {
        matches!(
            self.code.as_str(),
            "UNABLE_TO_LOCK_ROW"
                | "REQUEST_RUNNING_TOO_LONG"
                | "QUERY_TIMEOUT"
                | "UNKNOWN_EXCEPTION"
                | "SERVER_UNAVAILABLE"
                | "ALL_OR_NONE_OPERATION_ROLLED_BACK"
        )
    }

    /// The org's calls are used up. Comes with 403, not with 429.
    pub fn is_limit(&self) -> bool {
        self.code == "REQUEST_LIMIT_EXCEEDED"
    }

    /// The token is no longer valid.
    pub fn is_session(&self) -> bool {
        self.code == "INVALID_SESSION_ID"
    }
}

impl Fault {
    /// Out of an answer that is no success.
    pub fn of(reply: &Reply) -> Self {
        let json = reply.json::<Json>().unwrap_or(Json::Null);
        let by_status = match reply.status() {
            300..=399 => Error::invalid(
                "url",
                format!("{}; set the org's final address", reply.status_line()),
            ),
            _ => reply.error(),
        };
        Self::Refused {
            by_status,
            status: reply.status(),
            problems: problems(&json),
        }
    }

    /// The vendor named this error.
    pub fn has_code(&self, code: &str) -> bool {
        matches!(self, Self::Refused { problems, .. } if problems.iter().any(|it| it.code == code))
    }

    /// The whole request is refused for what stands in it, not for who asks or when.
    pub fn is_content(&self) -> bool {
        matches!(self, Self::Refused { status: 400 | 413 | 422, problems, .. }
            if !problems.iter().any(|it| it.is_passing() || it.is_limit() || it.is_session()))
    }

    /// What it means for an item of a delivery. `is_repeatable`: sending it twice does no harm, so
    /// that a server's own failure may simply be tried again.
    pub fn outcome(self, is_repeatable: bool) -> Outcome {
        match self {
            Self::NoAnswer(error) => error.into(),
            Self::Unreadable(error) => Outcome::Unknown(error.to_string()),
            Self::Refused {
                status: 500 | 502 | 504,
                ..
            } if !is_repeatable => {
                Outcome::Unknown("the vendor failed and may have done it".to_owned())
            }
            refused @ Self::Refused { .. } => match Error::from(refused) {
                Error::Transient(text) => Outcome::Transient(text),
                Error::RateLimited(wait_ms) => Outcome::RateLimited(wait_ms),
                Error::Auth(text) => Outcome::Auth(text),
                Error::Gone(text) => Outcome::Gone(text),
                Error::Invalid { field, reason } => {
                    Outcome::rejected(None, format!("`{field}`: {reason}"))
                }
                other => Outcome::rejected(None, other.to_string()),
            },
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let (by_status, status, problems) = match fault {
            Fault::NoAnswer(error) => return error.into(),
            Fault::Unreadable(error) => return error,
            Fault::Refused {
                by_status,
                status,
                problems,
            } => (by_status, status, problems),
        };
        let Some(first) = problems.first() else {
            return by_status;
        };
        if problems.iter().any(Problem::is_limit) {
            let wait_ms = match by_status {
                Self::RateLimited(wait_ms) => wait_ms,
                _ => None,
            };
            return Self::RateLimited(wait_ms);
        }
        if problems.iter().any(Problem::is_session) {
            return Self::Auth(first.describe());
        }
        if problems.iter().all(Problem::is_passing) {
            return Self::Transient(first.describe());
        }
        match by_status {
            _ if status == 410 || first.code == "UNSUPPORTED_API_VERSION" => Self::invalid(
                "api_version",
                "the vendor no longer serves this version of its API",
            ),
            Self::Auth(_) => Self::Auth(first.describe()),
            Self::Gone(_) => Self::Gone(first.describe()),
            Self::Fatal(_) => Self::Fatal(first.describe()),
            other => other,
        }
    }
}
