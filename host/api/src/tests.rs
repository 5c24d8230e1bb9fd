use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use crosspoint_runtime::admin::{AdminError, Changed, Progress, Reply, Request};
use proptest::prelude::*;
use tokio::sync::oneshot;

use crate::{Answers, Client, Error, Line, Listener, MAX_REQUEST_BYTES};

/// Answers `connector-pause` with three steps of progress, refuses `connector-resume`, and on
/// `deliver` says that it started and waits until it may go on.
struct StandIn {
    started: SyncSender<()>,
    go_on: Mutex<Receiver<()>>,
}

impl Answers for StandIn {
    fn answer(
        &self,
        request: Request,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Reply, AdminError> {
        match request {
            Request::ConnectorPause { connector } => {
                for done in 1..=3 {
                    progress(Progress {
                        label: connector.clone(),
                        done,
                        total: Some(3),
                    });
                }
                Ok(changed(connector))
            }
            Request::Deliver { .. } => {
                self.started.send(()).unwrap();
                self.go_on.lock().unwrap().recv().unwrap();
                Ok(changed("delivered".to_owned()))
            }
            Request::Status => panic!("asked to"),
            _ => Err(AdminError {
                code: Some("XP-TST-001".to_owned()),
                message: "refused".to_owned(),
                hint: Some("ask otherwise".to_owned()),
            }),
        }
    }
}

fn changed(message: String) -> Reply {
    Reply::Changed(Changed {
        changed: 1,
        message,
    })
}

fn pause(connector: &str) -> Request {
    Request::ConnectorPause {
        connector: connector.to_owned(),
    }
}

/// A host that serves until dropped.
struct Served {
    path: PathBuf,
    started: Receiver<()>,
    go_on: SyncSender<()>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Served {
    fn at(path: &Path) -> Self {
        let (started, when_started) = sync_channel(1);
        let (go_on, may_go_on) = sync_channel(1);
        let (stop, stopped) = oneshot::channel();
        let (ready, when_ready) = sync_channel(1);
        let host = Arc::new(StandIn {
            started,
            go_on: Mutex::new(may_go_on),
        });
        let socket = path.to_owned();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = Listener::bind(&socket).unwrap();
                ready.send(()).unwrap();
                listener
                    .serve(host, async {
                        stopped.await.ok();
                    })
                    .await
                    .unwrap();
            });
        });
        when_ready.recv().unwrap();
        Self {
            path: path.to_owned(),
            started: when_started,
            go_on,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    fn client(&self) -> Client {
        Client::connect(&self.path).unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.take().unwrap().send(()).ok();
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn answers_come_in_order_after_progress() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::at(&folder.path().join("admin.sock"));
    let mut client = served.client();
    for name in ["first", "second"] {
        let steps = Mutex::new(Vec::new());
        let reply = client.ask(&pause(name), &|step| steps.lock().unwrap().push(step));
        assert_eq!(reply.unwrap(), changed(name.to_owned()));
        let steps = steps.into_inner().unwrap();
        assert!(steps.iter().all(|step| step.label == name));
        assert!(steps.is_sorted_by_key(|step| step.done));
    }
}

#[test]
fn refusals_and_failures_keep_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::at(&folder.path().join("admin.sock"));
    let mut client = served.client();
    let refused = client.ask(&Request::SegmentList, &|_| {}).unwrap_err();
    let Error::Refused(error) = refused else {
        panic!("{refused}");
    };
    assert_eq!(error.code.as_deref(), Some("XP-TST-001"));
    assert_eq!(error.hint.as_deref(), Some("ask otherwise"));

    let failed = client.ask(&Request::Status, &|_| {}).unwrap_err();
    assert_eq!(
        failed.to_string(),
        "the host failed while it answered; see its log"
    );
    assert!(client.ask(&pause("x"), &|_| {}).is_ok());
}

#[test]
fn socket_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let served = Served::at(&path);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["admin.sock"], "the nursery is gone");
    drop(served);
    assert!(!path.exists(), "the socket goes with the host");
}

#[test]
fn stale_socket_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let absent = Client::connect(&path).unwrap_err();
    assert!(matches!(absent, Error::NotRunning { .. }), "{absent}");

    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let dead = Client::connect(&path).unwrap_err();
    assert!(matches!(dead, Error::NotRunning { .. }), "{dead}");

    let served = Served::at(&path);
    assert!(served.client().ask(&pause("x"), &|_| {}).is_ok());
}

#[test]
fn folder_may_be_deeper_than_a_socket_address() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("deep".repeat(30));
    std::fs::create_dir(&deep).unwrap();
    let served = Served::at(&deep.join("admin.sock"));
    assert!(served.client().ask(&pause("x"), &|_| {}).is_ok());
}

#[test]
fn nonsense_harms_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::at(&folder.path().join("admin.sock"));
    let mut good = served.client();

    let mut endless = UnixStream::connect(&served.path).unwrap();
    endless
        .write_all(&vec![b'x'; MAX_REQUEST_BYTES + 1])
        .unwrap();
    let mut answer = String::new();
    endless.read_to_string(&mut answer).unwrap();
    assert!(
        answer.contains("message of more than 1048576 bytes"),
        "{answer}"
    );

    let mut torn = UnixStream::connect(&served.path).unwrap();
    torn.write_all(b"{\"ask\":\"sta").unwrap();
    drop(torn);

    assert!(good.ask(&pause("x"), &|_| {}).is_ok());
}

#[test]
fn asker_refuses_to_send_what_is_too_long() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::at(&folder.path().join("admin.sock"));
    let mut client = served.client();
    let long = client.ask(&pause(&"x".repeat(MAX_REQUEST_BYTES)), &|_| {});
    assert!(matches!(long, Err(Error::TooLong { .. })));
    assert!(client.ask(&pause("x"), &|_| {}).is_ok(), "nothing was sent");
}

#[test]
fn shutdown_waits_for_answers_but_not_for_idle_clients() {
    let folder = tempfile::tempdir().unwrap();
    let mut served = Served::at(&folder.path().join("admin.sock"));
    let mut idle = UnixStream::connect(&served.path).unwrap();
    idle.write_all(b"{\"ask\":\"segment-list\"}\n").unwrap();
    let mut first = [0; 1];
    idle.read_exact(&mut first).unwrap();
    let mut busy = served.client();
    let asking =
        std::thread::spawn(move || busy.ask(&Request::Deliver { connector: None }, &|_| {}));
    served.started.recv().unwrap();
    served.stop.take().unwrap().send(()).unwrap();

    let mut rest = String::new();
    idle.read_to_string(&mut rest).unwrap();
    assert_eq!(rest.lines().count(), 1, "one answer, then the end");
    served.go_on.send(()).unwrap();
    let answer = asking.join().unwrap();
    assert_eq!(answer.unwrap(), changed("delivered".to_owned()));

    served.stop = Some(oneshot::channel().0);
}

#[test]
fn oversized_answer_becomes_a_refusal() {
    let line = Line::Ok(changed("x".repeat(crate::MAX_ANSWER_BYTES)));
    let bytes = line.to_bytes();
    assert!(bytes.len() < 1_000);
    let refusal: Line = serde_json::from_slice(&bytes).unwrap();
    assert!(matches!(refusal, Line::Error(_)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any bytes on one line get exactly one answer line, and the next request gets its own.
    #[test]
    fn any_line_gets_one_answer(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        let folder = tempfile::tempdir().unwrap();
        let served = Served::at(&folder.path().join("admin.sock"));
        let mut stream = UnixStream::connect(&served.path).unwrap();
        let mut line: Vec<u8> = line.into_iter().filter(|byte| *byte != b'\n').collect();
        line.push(b'\n');
        stream.write_all(&line).unwrap();
        stream.write_all(b"{\"ask\":\"segment-list\"}\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let answers: Vec<Line> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        prop_assert_eq!(answers.len(), 2);
        prop_assert!(matches!(&answers[1], Line::Error(e) if e.code.is_some()));
    }
}
