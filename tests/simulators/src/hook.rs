//! Webhooks: what waits, and how it is sent. Vendors send at least once and in no certain order, so
//! a sender may repeat and shuffle; what is not accepted with a 2xx waits for the next round.

use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// One call to a subscriber.
#[derive(Clone, Debug)]
pub struct Hook {
    pub method: Method,
    /// `http://` on loopback.
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// What the last attempt was answered with.
    pub answer: Bytes,
}

impl Hook {
    /// A POST of JSON.
    #[must_use]
    pub fn json(url: &str, body: String) -> Self {
        Self {
            method: Method::POST,
            url: url.to_owned(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.into(),
            answer: Bytes::new(),
        }
    }

    /// A POST of a form.
    #[must_use]
    pub fn form(url: &str, body: String) -> Self {
        let kind = "application/x-www-form-urlencoded".to_owned();
        Self {
            headers: vec![("content-type".to_owned(), kind)],
            ..Self::json(url, body)
        }
    }

    /// A GET, as vendors probe an address.
    #[must_use]
    pub fn get(url: &str) -> Self {
        Self {
            method: Method::GET,
            headers: Vec::new(),
            ..Self::json(url, String::new())
        }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// What waits to be sent, and counts.
#[derive(Debug, Default)]
pub struct Hooks {
    waiting: Vec<Hook>,
    /// Calls made, repetitions included.
    pub sent: u64,
    /// Calls answered with a 2xx.
    pub accepted: u64,
}

impl Hooks {
    pub fn push(&mut self, hook: Hook) {
        self.waiting.push(hook);
    }

    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Takes all that waits; each is repeated with this probability, and the order is lost if asked.
    pub(crate) fn take(
        &mut self,
        rng: &mut fastrand::Rng,
        duplicates: f64,
        shuffle: bool,
    ) -> Vec<Hook> {
        let mut round = Vec::new();
        for hook in self.waiting.drain(..) {
            if rng.f64() < duplicates {
                round.push(hook.clone());
            }
            round.push(hook);
        }
        if shuffle {
            rng.shuffle(&mut round);
        }
        round
    }
}

/// Status and body of the answer; an error where there is none.
pub(crate) async fn send(hook: &Hook) -> anyhow::Result<(u16, Bytes)> {
    let uri: Uri = hook.url.parse()?;
    let authority = uri
        .authority()
        .ok_or_else(|| anyhow::anyhow!("no host in the address"))?;
    let stream = TcpStream::connect((authority.host(), authority.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let target = uri.path_and_query().map_or("/", |it| it.as_str());
    let mut request = Request::builder()
        .method(hook.method.clone())
        .uri(target)
        .header("host", authority.as_str());
    for (name, value) in &hook.headers {
        request = request.header(name, value);
    }
    let answer = sender
        .send_request(request.body(Full::new(hook.body.clone()))?)
        .await?;
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await?.to_bytes();
    driver.abort();
    Ok((status, body))
}
