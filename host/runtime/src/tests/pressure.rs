//! What waits is bounded, however slow the state is.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;

use crosspoint_ingest::tracking::{Endpoint, Limits, parse};
use crosspoint_ledger::disk::Disk;
use crosspoint_ledger::testing::SimulatedDisk;
use crosspoint_model::{ConnectorId, Identifier};

use super::{open, project};
use crate::Host;
use crate::connector::MAX_PAGES_AHEAD;
use crate::handle::MAX_WAITING;
use crate::live::{Fields, Found, TrackError, Who};

/// A core thread that waits.
struct Held {
    go_on: Sender<()>,
    asker: JoinHandle<()>,
}

impl Held {
    /// Returns once the core thread waits.
    fn hold(host: &Arc<Host>) -> Self {
        let (go_on, may_go_on): (Sender<()>, Receiver<()>) = channel();
        let (reached, is_reached) = channel();
        let host = Arc::clone(host);
        let asker = std::thread::spawn(move || {
            let question = move |_: &mut _| {
                reached.send(()).unwrap();
                // The sender going means the same.
                _ = may_go_on.recv();
                Ok(())
            };
            host.handle.ask(question).unwrap();
        });
        is_reached.recv().unwrap();
        Self { go_on, asker }
    }

    fn go_on(self) {
        drop(self.go_on);
        self.asker.join().unwrap();
    }
}

#[test]
fn questions_that_nobody_waits_for_any_more_are_bounded() {
    let folder = project();
    let host = open(folder.path());
    let held = Held::hold(&host);
    let answered = Arc::new(AtomicUsize::new(0));
    for _ in 0..3 * MAX_WAITING {
        let count = Arc::clone(&answered);
        let question = host.handle.ask_async(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        // Asked, and gone before the answer: what a caller does who hangs up.
        let polled = pin!(question).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Pending));
    }
    held.go_on();
    host.handle.ask(|_| Ok(())).unwrap();
    assert_eq!(answered.load(Ordering::SeqCst), MAX_WAITING);
    let again = host.tokio.block_on(host.handle.ask_async(|_| Ok(7)));
    assert_eq!(again.unwrap(), 7, "there is room again");
    host.close().unwrap();
}

thread_local! {
    static DISK: RefCell<Option<SimulatedDisk>> = const { RefCell::new(None) };
}

/// Where hosts that this thread opens have their ledger, if not on the disk.
pub(crate) fn disk() -> Option<Arc<dyn Disk>> {
    let disk = DISK.with_borrow(Clone::clone);
    disk.map(|disk| Arc::new(disk) as Arc<dyn Disk>)
}

/// A request of 15 calls that is close to the longest.
fn long_request(number: usize) -> String {
    let text = "x".repeat(30_000);
    let call = |call| {
        format!(
            r#"{{"type":"track","event":"Read","userId":"ana","messageId":"{number}-{call}",
                "timestamp":"2026-01-02T03:04:05Z","properties":{{"text":"{text}"}}}}"#
        )
    };
    let calls: Vec<_> = (0..15).map(call).collect();
    format!(r#"{{"batch":[{}]}}"#, calls.join(","))
}

/// What a look at the person of [`long_request`] finds.
fn events_of_ana(host: &Host) -> usize {
    let who = Who::Identifier(Identifier::UserId("ana".into()));
    let fields = Fields {
        events: 1_000,
        ..Fields::default()
    };
    match host
        .tokio
        .block_on(host.look_up(who, fields))
        .unwrap()
        .found
    {
        Found::One(seen) => seen.events.unwrap_or_default().len(),
        _ => 0,
    }
}

#[test]
fn a_disk_that_stalls_refuses_what_does_not_fit_and_loses_nothing_of_the_rest() {
    let folder = project();
    let disk = SimulatedDisk::new();
    DISK.set(Some(disk.clone()));
    let host = open(folder.path());
    let source = ConnectorId::from("website");
    let bodies: Vec<_> = (0..100).map(long_request).collect();
    let batches = bodies
        .iter()
        .map(|body| parse(Endpoint::Batch, body.as_bytes(), Limits::default()).unwrap());
    let batches: Vec<_> = batches.collect();
    disk.stall();
    let mut waiting = Vec::new();
    for batch in &batches {
        let mut tracked = Box::pin(host.track(&source, batch));
        match tracked
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Pending => waiting.push(tracked),
            Poll::Ready(refused) => {
                assert!(
                    matches!(refused, Err(TrackError::Busy { .. })),
                    "{refused:?}"
                );
                break;
            }
        }
    }
    let taken = waiting.len();
    assert!(taken > 0);
    // One group that is being written, and one that fills up.
    assert!(taken * 450_000 < 12 << 20, "{taken}");
    assert_eq!(
        events_of_ana(&host),
        0,
        "questions are answered all the same"
    );
    disk.go_on();
    for tracked in waiting {
        assert_eq!(host.tokio.block_on(tracked).unwrap().accepted, 15);
    }
    let again = host.tokio.block_on(host.track(&source, &batches[99]));
    assert_eq!(again.unwrap().accepted, 15, "there is room again");
    host.close().unwrap();
    drop(host);
    let host = open(folder.path());
    assert_eq!(events_of_ana(&host), (taken + 1) * 15);
    host.close().unwrap();
}

#[test]
fn a_source_is_not_read_far_ahead_of_the_state() {
    let folder = project();
    let pages = 2 * MAX_PAGES_AHEAD;
    let mut text = "order,customer,email,date,total\n".to_owned();
    for number in 0..pages * 1_000 {
        writeln!(text, "{number},c{},,2026-01-01,10.00", number % 100).unwrap();
    }
    fs::write(folder.path().join("feeds/orders.csv"), text).unwrap();
    let host = open(folder.path());
    let held = Mutex::new(None);
    let (seen, furthest) = (AtomicU64::new(0), AtomicU64::new(0));
    let progress = |_| {
        let page = seen.fetch_add(1, Ordering::SeqCst);
        let mut held = held.lock().unwrap();
        if page == 0 {
            *held = Some(Held::hold(&host));
        } else if page == MAX_PAGES_AHEAD
            && let Some(held) = held.take()
        {
            held.go_on();
        }
        let ahead = host.ledger.last_appended() - host.handle.applied_position();
        furthest.fetch_max(ahead, Ordering::SeqCst);
    };
    let synced = host.tokio.block_on(host.sync("shop", None, &progress));
    assert_eq!(synced.unwrap().records, pages * 1_000);
    assert!(seen.into_inner() >= pages);
    let furthest = furthest.into_inner();
    assert!(furthest <= MAX_PAGES_AHEAD + 1, "{furthest}");
    host.close().unwrap();
}
