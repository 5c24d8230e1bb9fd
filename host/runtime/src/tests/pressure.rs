//! What waits is bounded, however slow the state is.

use std::fmt::Write as _;
use std::fs;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;

use super::{open, project};
use crate::Host;
use crate::connector::MAX_PAGES_AHEAD;
use crate::handle::MAX_WAITING;

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
