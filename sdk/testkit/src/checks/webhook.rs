//! The vendor's calls to the hook address, through the host's own verification.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use crosspoint_model::Instant;
use crosspoint_sandbox::WebhookRequest;
use crosspoint_sandbox::webhook::{Call, Verdict};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::source::{checked_streams, equals};
use crate::error::{Checked, Fault, fail, skip};
use crate::fold::Fold;
use crate::rig::{Instead, PAGE, Rig, Session};

/// Changes between two rounds of calls.
const CHANGES: u32 = 15;

/// A call as it came.
#[derive(Clone, Debug)]
pub(super) struct Came {
    method: String,
    query: String,
    pub headers: HeaderMap,
    body: Vec<u8>,
}

/// Takes every call down and answers 200; challenges are answered by the host's verifier.
pub(super) struct Listener {
    url: String,
    calls: Arc<Mutex<Vec<Came>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) async fn listen() -> Checked<Listener> {
    let fault = |error: std::io::Error| Fault::Failed(format!("cannot listen: {error}"));
    let socket = TcpListener::bind("127.0.0.1:0").await.map_err(fault)?;
    let url = format!(
        "http://{}/hooks/testkit",
        socket.local_addr().map_err(fault)?
    );
    let calls = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&calls);
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = socket.accept().await {
            let kept = Arc::clone(&kept);
            let service = service_fn(move |request| take(request, Arc::clone(&kept)));
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    Ok(Listener { url, calls, task })
}

async fn take(
    request: Request<Incoming>,
    kept: Arc<Mutex<Vec<Came>>>,
) -> Result<Response<Full<bytes::Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(|body| body.to_bytes().to_vec())
        .unwrap_or_default();
    let came = Came {
        method: head.method.to_string(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body,
    };
    kept.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(came);
    Ok(Response::new(Full::default()))
}

/// Subscribes, and gives a session that verifies with the secret that the vendor made up.
pub(super) async fn subscribe<'r>(rig: &'r Rig<'_>, listener: &Listener) -> Checked<Session<'r>> {
    let Some(webhook) = &rig.subject.webhook else {
        return skip("conformance.toml has no `[webhook]`");
    };
    let ask = json!({ "url": listener.url, "args": webhook.args });
    let answer = rig.sim.ask("POST", "/subscribe", Some(&ask)).await?;
    let mut instead = Instead {
        settings: webhook.settings.clone(),
        ..Instead::default()
    };
    if let Some((secret, field)) = &webhook.secret
        && let Some(value) = answer[field].as_str()
    {
        instead.secrets.insert(secret.clone(), value.to_owned());
    }
    rig.session(instead).await
}

/// What came since the last time.
pub(super) async fn round(rig: &Rig<'_>, listener: &Listener, how: Value) -> Checked<Vec<Came>> {
    rig.sim.ask("POST", "/hooks", Some(&how)).await?;
    let mut calls = listener
        .calls
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *calls))
}

pub(super) fn verdict(
    session: &Session<'_>,
    listener: &Listener,
    came: &Came,
    at: Instant,
) -> Checked<Verdict> {
    let Some(verifier) = session.connector.webhook() else {
        return fail("the manifest has `[webhook]`, and nothing verifies with these secrets");
    };
    let url = match came.query.as_str() {
        "" => listener.url.clone(),
        query => format!("{}?{query}", listener.url),
    };
    Ok(verifier.verify(&Call {
        method: &came.method,
        path: "",
        query: &came.query,
        headers: &came.headers,
        body: &came.body,
        url: Some(&url),
        received_at: at,
    }))
}

/// The vendor's clock, which is the host's too.
pub(super) async fn instant(rig: &Rig<'_>) -> Checked<Instant> {
    Ok(Instant(rig.now_ms().await?))
}

pub(super) async fn proof(rig: &Rig<'_>) -> Checked {
    let listener = listen().await?;
    let session = subscribe(rig, &listener).await?;
    rig.sim.change(20).await?;
    let calls = round(rig, &listener, json!({})).await?;
    if calls.is_empty() {
        return fail("20 changes at the vendor, and no call came");
    }
    let at = instant(rig).await?;
    for came in &calls {
        match verdict(&session, &listener, came, at)? {
            Verdict::Refused(refusal) => {
                return fail(format!("a call of the vendor's is refused: {refusal}"));
            }
            Verdict::Challenge(_) | Verdict::Ignored(_) => continue,
            Verdict::Accepted { .. } => {}
        }
        let mut changed = came.clone();
        match changed.body.last_mut() {
            Some(byte) => *byte ^= 1,
            None => continue,
        }
        // A shared value proves the caller, not the content.
        let is_signed = rig
            .manifest()
            .webhook
            .as_ref()
            .is_some_and(|it| it.signature_header.is_some());
        if is_signed
            && matches!(
                verdict(&session, &listener, &changed, at)?,
                Verdict::Accepted { .. }
            )
        {
            return fail("a call whose body was changed is accepted");
        }
        let mut bare = came.clone();
        bare.headers.clear();
        bare.query.clear();
        if is_signed
            && matches!(
                verdict(&session, &listener, &bare, at)?,
                Verdict::Accepted { .. }
            )
        {
            return fail("a call without a signature is accepted");
        }
    }
    Ok(())
}

pub(super) async fn same_records(rig: &Rig<'_>) -> Checked {
    let listener = listen().await?;
    let mut session = subscribe(rig, &listener).await?;
    let streams = checked_streams(rig, &mut session).await?;
    let (mut folds, mut cursors) = (Vec::new(), Vec::new());
    for stream in &streams {
        let drained = session.drain(&stream.name, None, PAGE).await?;
        folds.push(Fold::of(drained.records()));
        cursors.push(drained.cursor);
    }
    rig.sim.advance(60_000).await?;
    for _ in 0..4 {
        for _ in 0..CHANGES {
            // One thing that changes twice within one instant has no newer version.
            rig.sim.change(1).await?;
            rig.sim.advance(2_000).await?;
        }
        let calls = round(
            rig,
            &listener,
            json!({ "duplicates": 0.3, "shuffle": true }),
        )
        .await?;
        let at = instant(rig).await?;
        for came in calls {
            if !matches!(
                verdict(&session, &listener, &came, at)?,
                Verdict::Accepted { .. }
            ) {
                continue;
            }
            receive(&mut session, &streams, &mut folds, came, at).await?;
        }
    }
    for (place, stream) in streams.iter().enumerate() {
        rig.sim.advance(2_000).await?;
        let mut cursor = cursors[place].clone();
        for _ in 0..2 {
            let rest = session.drain(&stream.name, cursor, PAGE).await?;
            folds[place].extend(rest.records());
            cursor = rest.cursor;
            rig.sim.advance(10 * 60_000).await?;
        }
        equals(rig, stream, &folds[place]).await?;
    }
    Ok(())
}

pub(super) async fn receive(
    session: &mut Session<'_>,
    streams: &[crosspoint_sandbox::Stream],
    folds: &mut [Fold],
    came: Came,
    at: Instant,
) -> Checked {
    let headers = came.headers.iter();
    let request = WebhookRequest {
        method: came.method,
        path: String::new(),
        query: came.query,
        headers: headers
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect(),
        body: came.body,
        received_at: at,
    };
    let output = session.connector.receive(request, session.input()).await?;
    let received = session.keep(output);
    for part in &received.parts {
        let place = streams.iter().position(|stream| stream.name == part.stream);
        let Some(place) = place.filter(|&it| streams[it].webhook) else {
            return fail(format!(
                "`receive` yields stream `{}`, which has no `webhook`",
                part.stream
            ));
        };
        if !part.rejects.is_empty() {
            return fail(format!(
                "a call of the vendor's is rejected: {}",
                part.rejects[0].reason
            ));
        }
        folds[place].extend(&part.records);
    }
    match received
        .poke
        .iter()
        .find(|poke| !streams.iter().any(|stream| stream.name == **poke))
    {
        Some(poke) => fail(format!(
            "`receive` pokes stream `{poke}`, which is not there"
        )),
        None => Ok(()),
    }
}
