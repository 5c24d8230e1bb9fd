//! Where deliveries go.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Result;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// A destination's address, and when each person's delivery came there.
pub struct Receiver {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<(u64, Instant)>>>,
}

impl Receiver {
    /// Listens on the runtime that this is called in. One that does not answer keeps every request
    /// waiting.
    pub async fn start(answers: bool) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let seen = Arc::<Mutex<Vec<_>>>::default();
        let noted = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                _ = stream.set_nodelay(true);
                let noted = Arc::clone(&noted);
                let take = service_fn(move |request| take(request, Arc::clone(&noted), answers));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), take));
            }
        });
        Ok(Self { address, seen })
    }

    /// Who was delivered, and when the request was whole.
    pub fn seen(&self) -> Vec<(u64, Instant)> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }
}

async fn take(
    request: Request<Incoming>,
    seen: Arc<Mutex<Vec<(u64, Instant)>>>,
    answers: bool,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    if let Ok(body) = request.into_body().collect().await {
        let now = Instant::now();
        let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        let people = people_in(&text).map(|person| (person, now));
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.extend(people);
    }
    if !answers {
        std::future::pending::<()>().await;
    }
    Ok(Response::new(Empty::new()))
}

/// The numbers behind every `person-`.
fn people_in(text: &str) -> impl Iterator<Item = u64> {
    text.split("person-").skip(1).filter_map(|rest| {
        let end = rest.find(|letter: char| !letter.is_ascii_digit());
        rest[..end.unwrap_or(rest.len())].parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_found_in_any_text() {
        let text = r#"{"id":"person-7","list":["person-12"],"other":"person-x"}"#;
        assert_eq!(people_in(text).collect::<Vec<_>>(), [7, 12]);
    }
}
