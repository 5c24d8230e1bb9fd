//! The other end of the demo: a small CRM on loopback that believes no request without its
//! signature, and keeps what it got in `received.ndjson`, one delivery a line, so that a repeat is
//! noticed across restarts too.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::project::Project;
use super::signature::{self, Headers, Refusal};

/// Longest request; the plugin sends 256 KB at most.
const MAX_BODY_BYTES: usize = 1 << 20;

/// What the receiver counted since it started, and which lists it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Tally {
    /// Requests with a good signature.
    pub requests: u64,
    /// Requests that were not believed.
    pub refused: u64,
    /// Deliveries that were never seen before.
    pub new: u64,
    /// Deliveries whose key had been seen, in this run or an earlier one.
    pub repeats: u64,
    /// Deliveries of all runs.
    pub total: u64,
    /// How many people are on each list.
    pub lists: BTreeMap<String, u64>,
}

/// A receiver that runs.
pub struct Receiver {
    shared: Arc<Shared>,
    runtime: Runtime,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
}

struct Shared {
    key: Vec<u8>,
    book: Mutex<Book>,
}

/// Everything received. Counts are kept as [`Tally`] has them, without the lists.
struct Book {
    tally: Tally,
    keys: HashSet<String>,
    lists: BTreeMap<String, BTreeSet<String>>,
    file: File,
}

impl Receiver {
    /// Starts at a bound socket.
    pub fn start(socket: TcpListener, project: &Project) -> Result<Self> {
        let key = signature::key(&project.secret)
            .ok_or_else(|| anyhow!("the demo's secret is no `whsec_` secret"))?;
        let shared = Arc::new(Shared {
            key,
            book: Mutex::new(Book::open(&project.received())?),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("could not start the demo's receiver")?;
        socket.set_nonblocking(true)?;
        let app = Router::new()
            .route("/crm", post(receive))
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .with_state(shared.clone());
        let (stop, stopped) = oneshot::channel::<()>();
        let socket = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(socket)?
        };
        let serving = runtime.spawn(async move {
            let server = axum::serve(socket, app);
            tokio::select! {
                ended = server.into_future() => ended,
                _ = stopped => Ok(()),
            }
        });
        Ok(Self {
            shared,
            runtime,
            stop,
            serving,
        })
    }

    /// What was counted so far.
    pub fn tally(&self) -> Tally {
        self.shared.book().tally()
    }

    /// Stops listening.
    pub fn stop(self) -> Result<()> {
        self.stop.send(()).ok();
        self.runtime.block_on(self.serving)??;
        Ok(())
    }
}

impl Shared {
    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let now_s = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    match accept(&shared, &headers, &body, now_s) {
        Ok(()) => (StatusCode::NO_CONTENT, String::new()),
        Err(refusal) => {
            shared.book().tally.refused += 1;
            (StatusCode::UNAUTHORIZED, refusal.to_string())
        }
    }
}

fn accept(shared: &Shared, headers: &HeaderMap, body: &[u8], now_s: u64) -> Result<(), Refusal> {
    let header = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .ok_or(Refusal::NoHeader)
    };
    let headers = Headers {
        id: header("webhook-id")?,
        timestamp: header("webhook-timestamp")?,
        signature: header("webhook-signature")?,
    };
    signature::verify(&shared.key, headers, body, now_s)?;
    let payload = serde_json::from_slice(body).unwrap_or_default();
    let mut book = shared.book();
    book.tally.requests += 1;
    for item in items(&payload) {
        book.enter(item);
    }
    Ok(())
}

/// The deliveries of a payload: those of a batch, or the one that it is.
fn items(payload: &Json) -> Vec<&Json> {
    match payload.pointer("/data/items").and_then(Json::as_array) {
        Some(items) => items.iter().collect(),
        None => vec![payload],
    }
}

impl Book {
    /// Reads what earlier runs received; a torn last line counts for nothing.
    fn open(path: &Path) -> Result<Self> {
        let fail = || format!("could not open `{}`", path.display());
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .open(path)
            .with_context(fail)?;
        let mut book = Self {
            tally: Tally::default(),
            keys: HashSet::new(),
            lists: BTreeMap::new(),
            file: file.try_clone()?,
        };
        for line in BufReader::new(file).lines() {
            if let Ok(item) = serde_json::from_str(&line.with_context(fail)?) {
                book.remember(&item);
            }
        }
        Ok(book)
    }

    fn enter(&mut self, item: &Json) {
        if self.remember(item) {
            self.tally.new += 1;
            if let Err(error) = writeln!(self.file, "{item}") {
                tracing::warn!(%error, "could not keep what the demo's receiver got");
            }
        } else {
            self.tally.repeats += 1;
        }
    }

    /// Whether it is new. Lists follow only what is new, as a careful receiver's do.
    fn remember(&mut self, item: &Json) -> bool {
        let text = |path| item.pointer(path).and_then(Json::as_str);
        let key = text("/data/key").unwrap_or_default();
        if !self.keys.insert(key.to_owned()) {
            return false;
        }
        if let (Some(kind), Some(list), Some(profile)) =
            (text("/type"), text("/data/list"), text("/data/profile_id"))
        {
            let list = self.lists.entry(list.to_owned()).or_default();
            if kind.ends_with("list_added") {
                list.insert(profile.to_owned());
            } else if kind.ends_with("list_removed") {
                list.remove(profile);
            }
        }
        true
    }

    fn tally(&self) -> Tally {
        Tally {
            total: self.keys.len() as u64,
            lists: self
                .lists
                .iter()
                .map(|(name, people)| (name.clone(), people.len() as u64))
                .collect(),
            ..self.tally.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn delivery(key: &str, kind: &str, profile: &str) -> Json {
        json!({
            "type": format!("crosspoint.profile.{kind}"),
            "data": {"key": key, "list": "vip", "profile_id": profile},
        })
    }

    #[test]
    fn repeats_are_noticed_across_restarts_and_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("received.ndjson");
        let mut book = Book::open(&path).unwrap();
        for (key, kind, profile) in [
            ("k1", "list_added", "a"),
            ("k2", "list_added", "b"),
            ("k3", "list_removed", "a"),
            ("k1", "list_added", "a"),
        ] {
            book.enter(&delivery(key, kind, profile));
        }
        let tally = book.tally();
        assert_eq!((tally.new, tally.repeats, tally.total), (3, 1, 3));
        assert_eq!(tally.lists["vip"], 1);

        write!(book.file, "{{\"type\":").unwrap();
        drop(book);
        let mut book = Book::open(&path).unwrap();
        assert_eq!(book.tally().lists["vip"], 1);
        assert_eq!((book.tally().new, book.tally().total), (0, 3));
        book.enter(&delivery("k2", "list_added", "b"));
        assert_eq!((book.tally().new, book.tally().repeats), (0, 1));
    }

    #[test]
    fn batches_and_single_deliveries_are_told_apart() {
        let one = delivery("k1", "list_added", "a");
        assert_eq!(items(&one), [&one]);
        let batch = json!({"type": "profiles.batch", "data": {"items": [one, one]}});
        assert_eq!(items(&batch).len(), 2);
    }
}
