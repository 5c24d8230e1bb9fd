//! The REST API: addresses, lists, and what its errors mean.

use crosspoint_sdk::http::{Call, Http, Reply};
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::{Context, Error, Instant};

use crate::settings::Settings;

/// Most rows that the vendor returns at once.
pub const MAX_ROWS: u32 = 100;

/// Speaks with one site.
pub struct Client<'a> {
    http: Http<'a>,
    is_plain: bool,
    context: &'static str,
}

/// One page of a list.
pub struct List {
    /// The rows.
    pub rows: Vec<Json>,
    /// Rows of all pages, where the vendor says.
    pub total: Option<u64>,
    /// Pages, where the vendor says.
    pub pages: Option<u32>,
    /// When the vendor answered, by its own clock.
    pub date: Option<Instant>,
}

/// Why there is no list.
#[derive(Debug)]
pub enum Fault {
    /// The page is past the end: there are fewer rows than before.
    PastEnd,
    /// Any other.
    Other(Error),
}

impl<'a> Client<'a> {
    /// A client for the site that the settings name.
    pub fn new(ctx: &'a Context, settings: &Settings) -> Self {
        Self {
            http: ctx.http_at(settings.site()),
            is_plain: settings.plain_permalinks,
            context: if settings.is_edit() { "edit" } else { "view" },
        }
    }

    /// `GET` below `wp/v2`, with what may be seen.
    pub fn get(&self, path: &str) -> Call<'a> {
        let call = if self.is_plain {
            self.http
                .get("/")
                .query("rest_route", format!("/wp/v2/{path}"))
        } else {
            self.http.get(&format!("/wp-json/wp/v2/{path}"))
        };
        call.query("context", self.context)
    }

    /// One page of a list.
    ///
    /// # Errors
    /// The vendor's.
    pub fn list(&self, call: Call<'_>) -> Result<List, Fault> {
        let reply = call.send().map_err(|error| Fault::Other(error.into()))?;
        if !reply.is_success() {
            return Err(fault(&reply));
        }
        let Json::List(rows) = reply.json().map_err(|error| Fault::Other(passing(error)))? else {
            let text = "the vendor's answer is no list";
            return Err(Fault::Other(Error::Transient(text.to_owned())));
        };
        Ok(List {
            rows,
            total: number(&reply, "x-wp-total"),
            pages: number(&reply, "x-wp-totalpages"),
            date: reply.date(),
        })
    }

    /// One object.
    ///
    /// # Errors
    /// The vendor's.
    pub fn object(&self, call: Call<'_>) -> Result<Json, Error> {
        let reply = call.send()?;
        if reply.is_success() {
            reply.json().map_err(passing)
        } else {
            Err(fault(&reply).into())
        }
    }
}

/// What is no JSON at all comes from something in between: a cache, a firewall, a warning of PHP.
fn passing(error: Error) -> Error {
    match error {
        Error::Fatal(text) => Error::Transient(text),
        other => other,
    }
}

fn number<T: std::str::FromStr>(reply: &Reply, header: &str) -> Option<T> {
    reply.header(header)?.trim().parse().ok()
}

/// The class of an answer that is no success. The message is left where it is; the code is enough.
fn fault(reply: &Reply) -> Fault {
    let json = reply.json::<Json>().unwrap_or(Json::Null);
    let code: String = json
        .text_at("code")
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .take(80)
        .collect();
    if code.ends_with("invalid_page_number") {
        return Fault::PastEnd;
    }
    let said = if code.is_empty() {
        reply.status_line()
    } else {
        format!("{} ({code})", reply.status_line())
    };
    let blocked = "a firewall or security plugin seems to block the REST API";
    Fault::Other(match reply.status() {
        300..=399 => Error::invalid("url", format!("{said}; set the site's final address")),
        401 if code == "incorrect_password" || code == "invalid_username" => Error::Auth(format!(
            "{said}: check `username` and the application password"
        )),
        401 if code == "rest_not_logged_in" => Error::Auth(format!(
            "{said}: check `username` and the application password; or the web server strips the \
             authorization header"
        )),
        401 | 403 if code.is_empty() => Error::Auth(format!("{said}: {blocked}")),
        401 | 403 => Error::Auth(format!("{said}: the user lacks a capability")),
        404 if code.is_empty() => Error::invalid(
            "url",
            format!("{said}: there is no REST API; with plain permalinks set `plain_permalinks`"),
        ),
        404 | 410 => Error::Gone(format!("{said}: the site does not offer this in its API")),
        408 | 425 | 429 | 500..=599 => reply.error(),
        _ => Error::Fatal(said),
    })
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::PastEnd => Self::Transient("the list became shorter meanwhile".to_owned()),
            Fault::Other(error) => error,
        }
    }
}
