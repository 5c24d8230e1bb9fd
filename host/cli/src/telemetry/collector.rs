//! The HTTP client that reaches the collector.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::ExporterBuildError;
use tokio::runtime::Runtime;

/// Longest time for one batch of spans.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Sends spans from the exporter's own thread, which knows no tokio.
#[derive(Debug)]
pub struct Collector {
    /// For the log.
    address: String,
    tokio: Runtime,
    client: reqwest::Client,
    /// Whether the last batch did not arrive.
    fails: AtomicBool,
}

impl Collector {
    /// A client for the collector at `address`.
    pub fn new(address: &str) -> Result<Self, ExporterBuildError> {
        let broken = |error: &dyn std::error::Error| {
            ExporterBuildError::InternalFailure(format!("no HTTP client: {error}"))
        };
        let tokio = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| broken(&error))?;
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| broken(&error))?;
        Ok(Self {
            address: address.to_owned(),
            tokio,
            client,
            fails: AtomicBool::new(false),
        })
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, reqwest::Error> {
        let answer = self.client.execute(request.try_into()?).await?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        *response.body_mut() = answer.bytes().await?;
        Ok(response)
    }

    /// One line when it stops working, one when it works again.
    fn tell(&self, problem: Option<String>) {
        let failed = self.fails.swap(problem.is_some(), Ordering::Relaxed);
        let address = &self.address;
        match problem {
            Some(problem) if !failed => tracing::warn!(
                address,
                problem,
                "traces do not reach the collector and are dropped until they do"
            ),
            None if failed => tracing::info!(address, "traces reach the collector again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        // The exporter's thread waits for nothing else meanwhile.
        let answer = self.tokio.block_on(self.send(request));
        self.tell(match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answered with status {}", answer.status())),
            Err(error) => Some(in_words(error)),
        });
        Ok(answer?)
    }
}

/// An error with its causes.
fn in_words(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<_> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}
