//! `/v1/segments/{name}/changes` and `/members`: who is in a segment, and who enters and leaves it
//! while it happens.

use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use crosspoint_runtime::Host;
use crosspoint_runtime::admin::AdminError;
use crosspoint_runtime::live::{Change, Heard, Listener, Place};
use hyper::body::{Bytes, Frame};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::Ctx;
use super::readers::{Caller, POSITION, Parameters, Refusal, guard, preflight};

/// Listeners at once: each holds a connection for as long as it likes.
const MOST_LISTENERS: usize = 256;
/// Silence after which something is said: below the minute after which proxies commonly give up.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Members on a page where nothing is said.
const USUAL_MEMBERS: u64 = 100;
/// Members on a page at most.
const MOST_MEMBERS: u64 = 1_000;

pub(super) fn routes(ctx: &Ctx) -> Router<Ctx> {
    Router::new()
        .route(
            "/v1/segments/{name}/changes",
            get(changes).options(preflight),
        )
        .route(
            "/v1/segments/{name}/members",
            get(members).options(preflight),
        )
        .layer(Extension(Arc::new(Semaphore::new(MOST_LISTENERS))))
        .route_layer(from_fn_with_state(ctx.clone(), guard))
}

async fn members(
    State(ctx): State<Ctx>,
    Path(segment): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    Caller::trusted(&ctx, &headers)?;
    let parameters = Parameters::read(query.as_deref(), &["after", "limit", "traits"])?;
    let after = match parameters.text("after") {
        None => None,
        Some(text) => {
            let id = text.parse();
            Some(id.map_err(|_| Refusal::bad("`after` is the `next` of the page before"))?)
        }
    };
    let limit = parameters.number("limit", MOST_MEMBERS)?;
    let limit = limit.unwrap_or(USUAL_MEMBERS).max(1) as usize;
    let traits = trait_names(&parameters)?;
    let page = ctx.host.member_page(&segment, after, limit).await?;
    let page = page.ok_or_else(Refusal::not_found)?;
    let ids = page.members.iter().map(|member| member.profile.as_str());
    let traits = traits_of(&ctx.host, ids, &traits).await?;
    let members = page.members.iter().zip(traits).map(|(member, traits)| {
        let mut shown = json!({ "profile": member.profile, "since": member.since });
        if let Some(traits) = traits {
            shown["traits"] = traits;
        }
        shown
    });
    let members: Vec<_> = members.collect();
    let body = json!({ "segment": segment, "members": members, "next": page.next });
    let position = HeaderValue::from(page.position);
    Ok(([(POSITION, position)], Json(body)).into_response())
}

async fn changes(
    State(ctx): State<Ctx>,
    Extension(room): Extension<Arc<Semaphore>>,
    Path(segment): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    Caller::trusted(&ctx, &headers)?;
    let parameters = Parameters::read(query.as_deref(), &["after", "traits"])?;
    let traits = trait_names(&parameters)?;
    let last_seen = headers.get("last-event-id").map(HeaderValue::as_bytes);
    let from = match last_seen.filter(|text| !text.is_empty()) {
        Some(text) => {
            let text = std::str::from_utf8(text).unwrap_or_default();
            let place = text.parse::<Place>();
            Some(place.map_err(|_| Refusal::bad("`Last-Event-ID` is not an id of this stream"))?)
        }
        None => parameters.number("after", u64::MAX)?.map(Place::behind),
    };
    let permit = room
        .try_acquire_owned()
        .map_err(|_| Refusal::not_now("too-many-listeners", "too many listen already"))?;
    let listener = ctx.host.listen(&segment, from).await?;
    let listener = listener.ok_or_else(Refusal::not_found)?;
    // One chunk waits while another is on its way: what a slow consumer has not taken stays in the
    // host's ring.
    let (chunks, body) = mpsc::channel(1);
    let stream = Stream {
        host: Arc::clone(&ctx.host),
        segment,
        traits,
        listener,
        chunks,
        stopping: ctx.stopping,
        _permit: permit,
    };
    tokio::spawn(stream.run());
    let content_type = HeaderValue::from_static("text/event-stream");
    Ok(([(CONTENT_TYPE, content_type)], Body::new(Chunks(body))).into_response())
}

fn trait_names(parameters: &Parameters) -> Result<Vec<String>, Refusal> {
    let names = parameters.list("traits")?.unwrap_or_default();
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// The named traits of each profile, as JSON; nothing where none are named.
async fn traits_of(
    host: &Host,
    ids: impl Iterator<Item = &str>,
    names: &[String],
) -> Result<Vec<Option<serde_json::Value>>, AdminError> {
    if names.is_empty() {
        return Ok(ids.map(|_| None).collect());
    }
    let ids: Vec<_> = ids.filter_map(|id| id.parse().ok()).collect();
    let names = names.iter().map(Into::into).collect();
    let traits = host.traits_of(ids, names).await?;
    Ok(traits
        .into_iter()
        .map(|traits| Some(json!(traits)))
        .collect())
}

/// The answer to one listener.
struct Stream {
    host: Arc<Host>,
    segment: String,
    traits: Vec<String>,
    listener: Listener,
    chunks: mpsc::Sender<Bytes>,
    stopping: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
}

impl Stream {
    /// Tells what happens until the consumer goes, falls behind, or the host stops.
    async fn run(mut self) {
        // The first id lets a consumer that is cut off at once go on where it began.
        let opening = format!("retry: 1000\nid: {}\n\n", self.listener.place());
        if self.send(opening).await.is_none() {
            return;
        }
        let mut is_new = true;
        let mut silence = interval(KEEP_ALIVE);
        silence.set_missed_tick_behavior(MissedTickBehavior::Delay);
        silence.reset();
        loop {
            let heard = tokio::select! {
                _ = self.stopping.wait_for(|stopping| *stopping) => {
                    // So that it can go on where it was once the host is there again.
                    let text = still_at(self.listener.place());
                    self.chunks.try_send(text.into()).ok();
                    return;
                }
                () = self.chunks.closed() => return,
                heard = self.listener.next() => Some(heard),
                _ = silence.tick() => None,
            };
            let Some(heard) = heard else {
                let text = still_at(self.listener.place());
                if self.send(text).await.is_none() {
                    return;
                }
                continue;
            };
            silence.reset();
            let (text, ends) = match heard {
                None => return,
                // Who asks for what is gone can list the members and listen on; who cannot keep up
                // would fall behind again.
                Some(Heard::Gap(place)) => (gap(place), !is_new),
                Some(Heard::Changes(changes)) => match self.told(&changes).await {
                    Ok(text) => (text, false),
                    Err(error) => {
                        tracing::error!(%error, "could not tell of changes");
                        return;
                    }
                },
            };
            is_new = false;
            if self.send(text).await.is_none() || ends {
                return;
            }
        }
    }

    async fn told(&self, changes: &[Change]) -> Result<String, AdminError> {
        let ids = changes.iter().map(|change| change.profile.as_str());
        let traits = traits_of(&self.host, ids, &self.traits).await?;
        let mut text = String::new();
        for (change, traits) in changes.iter().zip(traits) {
            let name = if change.entered { "entered" } else { "left" };
            let mut data = json!({
                "profile": change.profile,
                "segment": self.segment,
                "at": change.at,
                "cause": change.cause,
            });
            if let Some(traits) = traits {
                data["traits"] = traits;
            }
            // Writing to a text cannot fail.
            _ = write!(
                text,
                "event: {name}\nid: {}\ndata: {data}\n\n",
                change.place
            );
        }
        Ok(text)
    }

    /// `None` where the consumer is gone, or the host stops before it takes the text.
    async fn send(&mut self, text: String) -> Option<()> {
        tokio::select! {
            sent = self.chunks.send(text.into()) => sent.ok(),
            _ = self.stopping.wait_for(|stopping| *stopping) => None,
        }
    }
}

/// An id alone moves the consumer's place on without an event (HTML standard, "Server-sent
/// events").
fn still_at(place: Place) -> String {
    format!(":\nid: {place}\n\n")
}

fn gap(place: Place) -> String {
    format!("event: gap\nid: {place}\ndata: {{}}\n\n")
}

/// A body that is made while it is sent.
struct Chunks(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Chunks {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let chunk = self.0.poll_recv(cx);
        chunk.map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}
