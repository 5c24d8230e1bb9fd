//! Serves one simulator on loopback and plays the scripted faults of transport.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::call::{Answer, Call};
use crate::fault::{Effect, Script, spoilt, widened};
use crate::sim::{Options, Sim};
use crate::{Vendor, control, vendors};

/// Why a simulator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no simulator of that name.
    #[error("there is no simulator `{0}`; there are: {known}", known = vendors::names().join(", "))]
    Unknown(String),
    /// The port cannot be listened on.
    #[error("could not listen on port {port}")]
    Listen {
        port: u16,
        #[source]
        source: io::Error,
    },
}

/// A call as the journal keeps it.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    pub method: String,
    pub target: String,
    /// 0 where there was no answer.
    pub status: u16,
    /// On the simulator's clock.
    pub at_ms: i64,
    /// Whether a scripted fault struck.
    pub is_fault: bool,
    /// As they came, names in lower case. Told to whoever asks for whole calls.
    #[serde(skip)]
    pub headers: HeaderMap,
    /// As it came.
    #[serde(skip)]
    pub body: Bytes,
    /// Whether the vendor refused it for its rate, whatever the status.
    pub is_refused: bool,
    /// SHA-256 of all that the caller sent but for its credentials, in hexadecimal.
    pub digest: String,
}

/// Makes a vendor as it is at the start.
pub type Make = Box<dyn Fn(&Options) -> Box<dyn Vendor> + Send>;

/// Everything behind the one lock.
pub(crate) struct Core {
    pub name: String,
    pub make: Make,
    pub vendor: Box<dyn Vendor>,
    pub sim: Sim,
    pub script: Script,
    pub journal: Vec<Entry>,
    in_flight: Arc<AtomicUsize>,
}

impl Core {
    /// Everything as it was at the start, with these options.
    pub(crate) fn reset(&mut self, options: &Options) {
        let url = self.sim.url.clone();
        self.vendor = (self.make)(options);
        self.sim = Sim::new(options, url);
        self.script = Script::default();
        self.journal = Vec::new();
    }
}

/// A running simulator; stops when dropped.
pub struct Simulator {
    core: Arc<Mutex<Core>>,
    url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Simulator {
    /// Starts the simulator of that name.
    pub fn start(name: &str, options: &Options) -> Result<Self, StartError> {
        let make = vendors::make(name).ok_or_else(|| StartError::Unknown(name.to_owned()))?;
        Self::serve(name, Box::new(make), options)
    }

    /// Serves a vendor that the caller makes.
    pub fn serve(name: &str, make: Make, options: &Options) -> Result<Self, StartError> {
        let port = options.port;
        let listen = |source| StartError::Listen { port, source };
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(listen)?;
        let url = format!("http://{address}");
        let core = Arc::new(Mutex::new(Core {
            name: name.to_owned(),
            vendor: make(options),
            make,
            sim: Sim::new(options, url.clone()),
            script: Script::default(),
            journal: Vec::new(),
            in_flight: Arc::default(),
        }));
        let (stop, stopped) = oneshot::channel();
        let (shared, auto_hooks) = (core.clone(), options.auto_hooks);
        let thread = std::thread::spawn(move || {
            runtime.block_on(async move {
                if auto_hooks {
                    tokio::spawn(send_hooks(shared.clone()));
                }
                tokio::select! {
                    () = accept(listener, shared) => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(Self {
            core,
            url,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// `http://127.0.0.1:PORT`
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Looks at or changes the vendor between two calls.
    pub fn with<R>(&self, work: impl FnOnce(&mut dyn Vendor, &mut Sim) -> R) -> R {
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        let Core { vendor, sim, .. } = &mut *core;
        vendor.pass_time(sim);
        work(vendor.as_mut(), sim)
    }

    /// Scripts a fault.
    pub fn fault(&self, fault: crate::Fault) {
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        core.script.add([fault]);
    }

    /// All calls so far.
    #[must_use]
    pub fn journal(&self) -> Vec<Entry> {
        let core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        core.journal.clone()
    }

    /// Waits until the process is stopped.
    pub fn join(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: std::net::TcpListener, core: Arc<Mutex<Core>>) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, core.clone()));
        }
    }
}

async fn connection(stream: TcpStream, core: Arc<Mutex<Core>>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let core = core.clone();
        async move { serve(request, &core).await }
    });
    // A connection that a fault or the caller breaks is no news.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Webhooks by themselves; what is refused goes out again a second later.
async fn send_hooks(core: Arc<Mutex<Core>>) {
    loop {
        control::send_round(&core, 0.0, false).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// An error closes the connection without an answer.
async fn serve(
    request: Request<Incoming>,
    core: &Arc<Mutex<Core>>,
) -> io::Result<Response<Payload>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let raw_query = head.uri.query().unwrap_or_default().to_owned();
    let call = Call {
        path: head.uri.path().to_owned(),
        query: form_urlencoded::parse(raw_query.as_bytes())
            .into_owned()
            .collect(),
        raw_query,
        method: head.method,
        headers: head.headers,
        body,
    };
    if call.path == "/_sim" || call.path.starts_with("/_sim/") {
        return Ok(response(control::control(core, &call).await, false));
    }
    let _in_flight = InFlight::enter(core);
    let (answer, effect) = play(core, &call);
    if let Some(Effect::DelayMs(delay_ms)) = effect {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
    if matches!(effect, Some(Effect::Hang | Effect::HangAfter)) {
        std::future::pending::<Infallible>().await;
    }
    let is_cut = matches!(effect, Some(Effect::Truncate));
    match answer {
        Some(answer) => Ok(response(answer, is_cut)),
        None => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
    }
}

/// Counts a call until its answer is on the way or the caller is gone.
struct InFlight(Arc<AtomicUsize>);

impl InFlight {
    fn enter(core: &Mutex<Core>) -> Self {
        let core = core.lock().unwrap_or_else(PoisonError::into_inner);
        core.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(core.in_flight.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the vendor says to a call, and the fault that strikes it.
fn play(core: &Arc<Mutex<Core>>, call: &Call) -> (Option<Answer>, Option<Effect>) {
    let mut core = core.lock().unwrap_or_else(PoisonError::into_inner);
    let core = &mut *core;
    core.sim.in_flight = core.in_flight.load(Ordering::Relaxed);
    let effect = core.script.strike(call);
    let answer = match &effect {
        Some(Effect::Status {
            status,
            headers,
            body,
        }) => {
            let mut answer = match body {
                Some(body) => Answer::json(*status, &serde_json::Value::Null).with_body(body),
                None => core.vendor.error(*status),
            };
            for (name, value) in headers {
                if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), value.parse()) {
                    answer.headers.insert(name, value);
                }
            }
            Some(answer)
        }
        Some(Effect::Html(status)) => Some(Answer::html(*status)),
        Some(Effect::Reset | Effect::Hang) => None,
        Some(Effect::LoseAnswer | Effect::HangAfter) => {
            let _ = core.vendor.handle(call, &mut core.sim);
            None
        }
        Some(Effect::Vendor { name, args }) => {
            core.sim.set_fault(Some((name.clone(), args.clone())));
            let answer = core.vendor.handle(call, &mut core.sim);
            core.sim.set_fault(None);
            Some(answer)
        }
        Some(Effect::Widen { beside, fields }) => {
            let answer = core.vendor.handle(call, &mut core.sim);
            Some(widened(answer, beside, fields))
        }
        Some(Effect::Spoil {
            beside,
            ids,
            field,
            with,
        }) => {
            let answer = core.vendor.handle(call, &mut core.sim);
            Some(spoilt(answer, (beside, ids), field, with))
        }
        Some(Effect::Truncate | Effect::DelayMs(_)) | None => {
            Some(core.vendor.handle(call, &mut core.sim))
        }
    };
    let answer = answer.map(|mut answer| {
        // The vendor's clock, not the machine's.
        let at = UNIX_EPOCH + Duration::from_millis(u64::try_from(core.sim.now_ms()).unwrap_or(0));
        if let Ok(date) = httpdate::fmt_http_date(at).parse() {
            answer.headers.insert("date", date);
        }
        answer
    });
    core.journal.push(Entry {
        method: call.method.to_string(),
        target: match call.raw_query.as_str() {
            "" => call.path.clone(),
            query => format!("{}?{query}", call.path),
        },
        status: answer.as_ref().map_or(0, |answer| answer.status),
        at_ms: core.sim.now_ms(),
        is_fault: effect.is_some(),
        headers: call.headers.clone(),
        body: call.body.clone(),
        is_refused: core.sim.take_refusal(),
        digest: digest(call),
    });
    (answer, effect)
}

/// Of a call, without what its host adds: signatures hold a nonce and an instant.
fn digest(call: &Call) -> String {
    let mut hasher = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    part(call.method.as_str().as_bytes());
    part(call.path.as_bytes());
    for pair in call
        .raw_query
        .split('&')
        .filter(|it| !it.starts_with("oauth_"))
    {
        part(pair.as_bytes());
    }
    let mut headers: Vec<_> = call.headers.iter().collect();
    headers.retain(|(name, _)| **name != http::header::AUTHORIZATION);
    headers.sort_by_key(|(name, _)| name.as_str());
    for (name, value) in headers {
        part(name.as_str().as_bytes());
        part(value.as_bytes());
    }
    part(&call.body);
    hex::encode(hasher.finalize())
}

fn response(answer: Answer, is_cut: bool) -> Response<Payload> {
    let length = answer.body.len() as u64;
    let sent = if is_cut {
        answer.body.slice(..answer.body.len() / 2)
    } else {
        answer.body
    };
    let mut response = Response::new(Payload {
        length,
        sent: Some(sent),
        is_cut,
        is_flushed: false,
    });
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = answer.headers;
    response
}

/// A body that may break off before the length that it announced.
struct Payload {
    length: u64,
    sent: Option<Bytes>,
    is_cut: bool,
    is_flushed: bool,
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        ctx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        // What stands before the break goes out first, while nothing is ready.
        if self.sent.is_none() && self.is_cut && !self.is_flushed {
            self.is_flushed = true;
            ctx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(match self.sent.take() {
            Some(bytes) => Some(Ok(Frame::data(bytes))),
            None if self.is_cut => Some(Err(io::ErrorKind::ConnectionAborted.into())),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.sent.is_none() && !self.is_cut || self.length == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}
