//! One REST call and what its answer means.

use crosspoint_sdk::http::{Call, HttpError, Method, Reply};
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::{Context, Error, Outcome, serde_json};

use crate::Settings;

/// Asks the shop.
pub(crate) struct Client<'a> {
    ctx: &'a Context,
    settings: &'a Settings,
}

/// Why there is no data.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No answer.
    Http(HttpError),
    /// A status that is none of success, and the shop's code for it.
    Status(Reply, Refusal),
    /// A success without the JSON that it should bring: a page of the server, or cut short.
    Garbled,
}

/// `{"code":"...","message":"...","data":{"status":400,"params":{"email":"..."}}}`. The message is
/// not kept: it may quote data, and may hold HTML.
#[derive(Debug, Default)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) field: Option<String>,
}

impl<'a> Client<'a> {
    pub(crate) fn new(ctx: &'a Context, settings: &'a Settings) -> Self {
        Self { ctx, settings }
    }

    /// A call below `wc/v3`.
    pub(crate) fn call(&self, method: Method, path: &str) -> Call<'a> {
        let base = self.settings.url.trim_end_matches('/');
        let call = if self.settings.pretty_permalinks {
            let url = format!("{base}/wp-json/wc/v3/{path}");
            self.ctx.http().request(method, &url)
        } else {
            let url = format!("{base}/");
            let call = self.ctx.http().request(method, &url);
            call.query("rest_route", format!("/wc/v3/{path}"))
        };
        let call = call.header("accept", "application/json");
        if self.settings.key_in_query {
            call.query("consumer_key", &self.settings.consumer_key)
        } else {
            call
        }
    }

    pub(crate) fn get(&self, path: &str) -> Call<'a> {
        self.call(Method::Get, path)
    }

    /// A call with a JSON body.
    pub(crate) fn send(
        &self,
        method: Method,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<(Json, Reply), Failure> {
        let call = self.call(method, path);
        answer(call.body("application/json", body.to_string()))
    }
}

/// Sends it and reads the JSON of a success, which is 200 or 201 here: what a proxy accepts with
/// another status, the shop has not done.
pub(crate) fn answer(call: Call<'_>) -> Result<(Json, Reply), Failure> {
    let reply = call.send().map_err(Failure::Http)?;
    let json = std::str::from_utf8(reply.body())
        .ok()
        .and_then(|text| Json::parse(text).ok());
    if !reply.is_success() {
        let refusal = json.as_ref().map(refusal).unwrap_or_default();
        return Err(Failure::Status(reply, refusal));
    }
    match json {
        Some(json @ (Json::Object(_) | Json::List(_))) if matches!(reply.status(), 200 | 201) => {
            Ok((json, reply))
        }
        _ => Err(Failure::Garbled),
    }
}

fn refusal(json: &Json) -> Refusal {
    let is_code = |code: &&str| {
        code.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    let params = json.at("data.params");
    let named = match params {
        Some(Json::Object(members)) => members.first().map(|(name, _)| name.clone()),
        Some(Json::List(names)) => names.first().and_then(Json::text).map(str::to_owned),
        _ => None,
    };
    Refusal {
        code: json
            .text_at("code")
            .filter(is_code)
            .unwrap_or_default()
            .to_owned(),
        field: named,
    }
}

impl Failure {
    /// The shop's code for it.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Status(_, refusal) => &refusal.code,
            _ => "",
        }
    }

    fn no_api(reply: &Reply, refusal: &Refusal) -> Option<Error> {
        match reply.status() {
            300..=399 => Some(Error::invalid(
                "url",
                "the site redirects; use the address that it redirects to",
            )),
            404 if refusal.code == "rest_no_route" || refusal.code.is_empty() => {
                Some(Error::invalid(
                    "url",
                    "there is no WooCommerce API here; without pretty permalinks set \
                     `pretty_permalinks` to false",
                ))
            }
            _ => None,
        }
    }

    /// The error that speaks for everything that would be sent next.
    pub(crate) fn for_all(&self) -> Option<Error> {
        match self {
            Self::Http(HttpError::Denied(what)) => Some(Error::invalid(
                "grants",
                format!("request not granted: {what}"),
            )),
            Self::Http(HttpError::Auth(what)) => Some(Error::Auth(what.clone())),
            Self::Http(HttpError::RateLimited(wait_ms)) => Some(Error::RateLimited(Some(*wait_ms))),
            Self::Status(reply, refusal) => Self::no_api(reply, refusal).or(match reply.status() {
                401 | 403 => Some(Error::Auth(refused(reply, refusal))),
                429 => Some(Error::RateLimited(reply.retry_after_ms())),
                503 if reply.retry_after_ms().is_some() => {
                    Some(Error::RateLimited(reply.retry_after_ms()))
                }
                _ => None,
            }),
            _ => None,
        }
    }
}

/// `the vendor answered 401 unauthorized: woocommerce_rest_cannot_view`
fn refused(reply: &Reply, refusal: &Refusal) -> String {
    let line = reply.status_line();
    match refusal.code.as_str() {
        "" => line,
        "woocommerce_rest_cannot_view" if reply.status() == 401 => format!(
            "{line}: the credentials did not arrive; plain http needs `oauth1_secret`, a server \
             that drops headers `query_secret`"
        ),
        code => format!("{line}: {code}"),
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        if let Some(error) = failure.for_all() {
            return error;
        }
        match failure {
            Failure::Http(error) => error.into(),
            Failure::Garbled => {
                Self::Transient("the answer is not what the API answers".to_owned())
            }
            Failure::Status(reply, refusal) => match reply.status() {
                400 | 422 => Self::Fatal(refused(&reply, &refusal)),
                409 | 423 => Self::Transient(refused(&reply, &refusal)),
                _ => reply.error(),
            },
        }
    }
}

impl From<Failure> for Outcome {
    /// Of one write that was sent: what may have been done is `unknown`.
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Http(error) => error.into(),
            Failure::Garbled => Self::Unknown("the answer is not what the API answers".to_owned()),
            Failure::Status(reply, refusal) => match reply.status() {
                404 => Self::Gone(refused(&reply, &refusal)),
                409 | 423 => Self::Transient(refused(&reply, &refusal)),
                400..=499 if matches!(reply.outcome(), Self::Rejected(_)) => {
                    Self::rejected(refusal.field.as_deref(), refused(&reply, &refusal))
                }
                _ => reply.outcome(),
            },
        }
    }
}
