//! Sends requests on a schedule that answers cannot slow down.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::latency::Latencies;
use super::site::READ_TOKEN;

/// In place of a status: the connection ended before the answer.
const BROKEN: u16 = 0;

/// One request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    /// A GET where it is empty.
    pub body: Bytes,
}

impl Asked {
    pub fn post(path: &str, body: String) -> Self {
        Self {
            path: path.to_owned(),
            body: body.into(),
        }
    }
}

/// When requests leave.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// So many a second, each at its instant or, with all connections taken, as soon as one is
    /// free; its latency begins at its instant all the same.
    PerSecond(u32),
    /// Each as soon as a connection is free.
    Unbounded,
}

/// What came of a load.
#[derive(Debug, Default)]
pub struct Answers {
    pub latencies: Latencies,
    /// By status.
    pub statuses: BTreeMap<u16, u64>,
    /// When it was to begin.
    pub start: Option<Instant>,
    /// Until the last answer.
    pub wall: Duration,
    /// When each request was due.
    pub due: Vec<Instant>,
}

impl Answers {
    pub fn all(&self) -> u64 {
        self.statuses.values().sum()
    }

    pub fn with(&self, status: u16) -> u64 {
        self.statuses.get(&status).copied().unwrap_or(0)
    }
}

/// What all connections share.
struct Queue {
    requests: Vec<Asked>,
    next: AtomicUsize,
    /// One permit for each request that is due.
    due: Semaphore,
    start: Instant,
    pace: Pace,
    host: String,
    address: SocketAddr,
}

impl Queue {
    fn due_at(&self, index: usize) -> Option<Instant> {
        match self.pace {
            Pace::PerSecond(rate) => {
                Some(self.start + Duration::from_secs_f64(index as f64 / f64::from(rate)))
            }
            Pace::Unbounded => None,
        }
    }
}

/// Sends all requests over so many connections, and reads every answer to its end.
pub async fn send(
    address: SocketAddr,
    pace: Pace,
    connections: usize,
    requests: Vec<Asked>,
) -> Result<Answers> {
    let mut senders = Vec::new();
    for _ in 0..connections {
        senders.push(connect(address).await?);
    }
    // Time to get ready, so that the first requests are no later than others.
    let start = Instant::now() + Duration::from_millis(20);
    let queue = Arc::new(Queue {
        next: AtomicUsize::new(0),
        due: Semaphore::new(0),
        start,
        pace,
        host: address.to_string(),
        address,
        requests,
    });
    let metronome = Arc::clone(&queue);
    // A thread of its own: timers of async tasks are a millisecond apart.
    let metronome = thread::spawn(move || {
        for index in 0..metronome.requests.len() {
            if let Some(due) = metronome.due_at(index) {
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            metronome.due.add_permits(1);
        }
        // Whoever waits for more learns that there is none.
        metronome.due.add_permits(Semaphore::MAX_PERMITS / 2);
    });
    let mut lanes = JoinSet::new();
    for sender in senders {
        lanes.spawn(lane(Arc::clone(&queue), sender));
    }
    let (mut latencies, mut statuses) = (Vec::new(), BTreeMap::<u16, u64>::new());
    while let Some(lane) = lanes.join_next().await {
        for (status, latency) in lane?? {
            latencies.push(latency);
            *statuses.entry(status).or_default() += 1;
        }
    }
    let wall = start.elapsed();
    _ = metronome.join();
    let due = (0..queue.requests.len()).filter_map(|index| queue.due_at(index));
    Ok(Answers {
        latencies: Latencies::new(latencies),
        statuses,
        start: Some(start),
        wall,
        due: due.collect(),
    })
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// One connection, a request at a time.
async fn lane(
    queue: Arc<Queue>,
    mut sender: SendRequest<Full<Bytes>>,
) -> Result<Vec<(u16, Duration)>> {
    let mut answers = Vec::new();
    loop {
        queue.due.acquire().await?.forget();
        let index = queue.next.fetch_add(1, Ordering::Relaxed);
        let Some(asked) = queue.requests.get(index) else {
            return Ok(answers);
        };
        let due = queue.due_at(index).unwrap_or_else(Instant::now);
        // A server may close after an answer, most of all after one before it has read the whole
        // request.
        if sender.ready().await.is_err() {
            sender = connect(queue.address).await?;
        }
        let status = ask(&mut sender, &queue.host, asked).await;
        answers.push((status.unwrap_or(BROKEN), due.elapsed()));
    }
}

async fn ask(sender: &mut SendRequest<Full<Bytes>>, host: &str, asked: &Asked) -> Result<u16> {
    let method = match asked.body.is_empty() {
        true => Method::GET,
        false => Method::POST,
    };
    let request = Request::builder()
        .method(method)
        .uri(&asked.path)
        .header(HOST, host)
        .header(CONTENT_TYPE, "application/json")
        .header(AUTHORIZATION, format!("Bearer {READ_TOKEN}"))
        .body(Full::new(asked.body.clone()))?;
    let mut answer = sender.send_request(request).await?;
    while let Some(frame) = answer.body_mut().frame().await {
        frame?;
    }
    Ok(answer.status().as_u16())
}
