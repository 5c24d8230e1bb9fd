//! The vendor's side, as the checks see it: what a simulator has to serve below `/_sim`.
//!
//! | call | |
//! |---|---|
//! | `GET /_sim` | `settings` and `secrets` of a connector that reaches it |
//! | `GET /_sim/truth` | collections by name: lists of objects with `id`, `updated_at_ms`, `deleted` |
//! | `GET /_sim/effects` | every side effect: `kind`, `subject`, `key`, `count` |
//! | `GET /_sim/journal?from=N` | `{"next": N, "calls": [{"method", "target", "status", "at_ms", "is_refused", "digest"}]}`: refused for its rate, and a digest of what was sent but for credentials; with `&whole=1` each has `headers`, a list of pairs, and `body` in base64 |
//! | `POST /_sim/reset` | everything as at the start, with `customers` people, a clock that begins at `now_ms` and, where `frozen`, moves by what it is advanced only |
//! | `POST`, `GET`, `DELETE /_sim/faults` | scripts faults: `{"faults": [{"method", "path", "skip", "times", "do"}]}`, see below; lists those that have not struck yet; removes them |
//! | `POST /_sim/clock` | `{"advance_ms": N}` |
//! | `POST /_sim/change` | `{"count": N}` random changes by the vendor's users |
//! | `POST /_sim/subscribe`, `/_sim/hooks` | webhooks go to `url`; sends what waits |
//! | `POST /_sim/command/NAME` | commands of this vendor |
//!
//! What a fault does: `{"status": {"status", "headers", "body"}}` and `{"html": STATUS}` answer instead
//! of the vendor; `"reset"` breaks the connection before the vendor has done anything, `"lose_answer"`
//! after; `"truncate"` breaks the answer off in the middle; `"hang"` never answers, and the vendor
//! does nothing; `{"widen": {"beside", "fields"}}` writes the text `fields` into every object of the
//! answer that has a field `beside`; `{"spoil": {"beside", "ids", "field", "with"}}` writes the value
//! `with` at the dotted path `field` into those whose field `beside` is one of `ids`; `{"vendor":
//! {"name", "args"}}` is a fault of this vendor alone, such as a batch that fails in part.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::Error;

/// A simulator that runs.
#[derive(Clone, Debug)]
pub struct Simulator {
    url: String,
    client: reqwest::Client,
    /// By how much its clock was advanced.
    advanced_ms: Arc<AtomicU64>,
}

/// One side effect at the vendor.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Effect {
    /// What was done.
    pub kind: String,
    /// To whom or what.
    pub subject: String,
    /// What makes two effects the same.
    pub key: String,
    /// How often.
    pub count: u64,
}

/// One call that reached the vendor.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Called {
    /// As in `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// 0 where there was no answer.
    pub status: u16,
    /// On the simulator's clock.
    #[serde(default)]
    pub at_ms: i64,
    /// Refused because there were too many before it, whatever the status.
    #[serde(default)]
    pub is_refused: bool,
    /// Of what was sent, without credentials.
    #[serde(default)]
    pub digest: String,
}

/// One call as it came.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Whole {
    /// As in `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// 0 where there was no answer.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// In base64.
    pub body: String,
}

#[derive(Deserialize)]
struct Journal<C> {
    next: usize,
    calls: Vec<C>,
}

impl Simulator {
    /// At `http://HOST:PORT`.
    ///
    /// # Errors
    /// [`Error::Simulator`] where that is no address.
    pub fn new(url: &str) -> Result<Self, Error> {
        let url = url.trim_end_matches('/').to_owned();
        let client = reqwest::Client::builder().no_proxy().build();
        let client = client.map_err(|error| Error::Simulator {
            what: url.clone(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            url,
            client,
            advanced_ms: Arc::default(),
        })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Host and port.
    pub fn host(&self) -> &str {
        self.url.split("://").nth(1).unwrap_or(&self.url)
    }

    /// One call below `/_sim`.
    ///
    /// # Errors
    /// [`Error::Simulator`]
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Error> {
        let address = format!("{}/_sim{path}", self.url);
        let fault = |reason: String| Error::Simulator {
            what: format!("{method} /_sim{path}"),
            reason,
        };
        let method = method.parse().map_err(|_| fault("no method".to_owned()))?;
        let mut request = self.client.request(method, &address);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let answer = request
            .send()
            .await
            .map_err(|error| fault(error.to_string()))?;
        let status = answer.status();
        let text = answer
            .text()
            .await
            .map_err(|error| fault(error.to_string()))?;
        if !status.is_success() {
            return Err(fault(format!("{status}: {text}")));
        }
        serde_json::from_str(&text).map_err(|error| fault(error.to_string()))
    }

    pub(crate) async fn truth(&self) -> Result<Value, Error> {
        self.ask("GET", "/truth", None).await
    }

    pub(crate) async fn effects(&self) -> Result<Vec<Effect>, Error> {
        let found = self.ask("GET", "/effects", None).await?;
        self.read("effects", found)
    }

    pub(crate) async fn calls(&self) -> Result<Vec<Called>, Error> {
        Ok(self.calls_from(0).await?.1)
    }

    /// The calls from number `from` on, and the number of the next.
    pub(crate) async fn calls_from(&self, from: usize) -> Result<(usize, Vec<Called>), Error> {
        let path = format!("/journal?from={from}");
        let found = self.ask("GET", &path, None).await?;
        let journal: Journal<Called> = self.read("journal", found)?;
        Ok((journal.next, journal.calls))
    }

    /// The number of the next call.
    pub(crate) async fn next_call(&self) -> Result<usize, Error> {
        Ok(self.calls_from(usize::MAX).await?.0)
    }

    /// Calls from number `from` on, whole.
    pub(crate) async fn whole_calls(&self, from: usize) -> Result<Vec<Whole>, Error> {
        let path = format!("/journal?from={from}&whole=1");
        let found = self.ask("GET", &path, None).await?;
        Ok(self.read::<Journal<Whole>>("journal", found)?.calls)
    }

    pub(crate) async fn change(&self, count: u64) -> Result<(), Error> {
        self.ask("POST", "/change", Some(&json!({ "count": count })))
            .await?;
        Ok(())
    }

    pub(crate) async fn advance(&self, by_ms: u64) -> Result<(), Error> {
        self.ask("POST", "/clock", Some(&json!({ "advance_ms": by_ms })))
            .await?;
        self.advanced_ms.fetch_add(by_ms, Ordering::Relaxed);
        Ok(())
    }

    /// By how much its clock was advanced so far.
    pub(crate) fn advanced_ms(&self) -> u64 {
        self.advanced_ms.load(Ordering::Relaxed)
    }

    /// Scripts one fault.
    pub(crate) async fn fault(&self, fault: Value) -> Result<(), Error> {
        self.ask("POST", "/faults", Some(&json!({ "faults": [fault] })))
            .await?;
        Ok(())
    }

    pub(crate) async fn no_faults(&self) -> Result<(), Error> {
        self.ask("DELETE", "/faults", None).await?;
        Ok(())
    }

    /// Whether nothing that was scripted is left.
    pub(crate) async fn has_struck(&self) -> Result<bool, Error> {
        let left = self.ask("GET", "/faults", None).await?;
        Ok(left.as_array().is_none_or(Vec::is_empty))
    }

    pub(crate) async fn command(&self, name: &str, arguments: &Value) -> Result<(), Error> {
        self.ask("POST", &format!("/command/{name}"), Some(arguments))
            .await?;
        Ok(())
    }

    fn read<T: serde::de::DeserializeOwned>(&self, what: &str, value: Value) -> Result<T, Error> {
        serde_json::from_value(value).map_err(|error| Error::Simulator {
            what: what.to_owned(),
            reason: error.to_string(),
        })
    }
}
