//! Ctrl-C, SIGTERM and SIGHUP, from before a host is opened until the process ends.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::exit::Exit;

/// What a person or supervisor wants of a running host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// End in order.
    Stop,
    /// Read the configuration again.
    Reload,
}

/// All signals so far.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    stop: bool,
    reloads: u64,
}

/// Turns signals into wishes. Until [`Self::take_over`], and from the second one on, a signal to end
/// ends the process at once: ledger and store bear that.
pub struct Signals {
    seen: watch::Receiver<Seen>,
    reloads: u64,
    in_order: Arc<AtomicBool>,
}

impl Signals {
    /// Starts the thread that listens to them: hosts come and go, signals are the process's.
    pub fn install() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let guard = runtime.enter();
        let mut listener = Listener {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            had_terminal: io::stderr().is_terminal(),
        };
        drop(guard);
        let (tell, seen) = watch::channel(Seen::default());
        let in_order = Arc::new(AtomicBool::new(false));
        let taken_over = Arc::clone(&in_order);
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    loop {
                        let Some(exit) = listener.next().await else {
                            tell.send_modify(|seen| seen.reloads += 1);
                            continue;
                        };
                        if tell.borrow().stop || !taken_over.load(Ordering::SeqCst) {
                            std::process::exit(exit.code().into());
                        }
                        tell.send_modify(|seen| seen.stop = true);
                    }
                });
            })?;
        Ok(Self {
            seen,
            reloads: 0,
            in_order,
        })
    }

    /// From now on the first signal to end is for whoever waits in [`Self::next`].
    pub fn take_over(&self) {
        self.in_order.store(true, Ordering::SeqCst);
    }

    /// Waits for a wish. Several reloads at once are one; a stop goes first, and comes again at
    /// every call.
    pub async fn next(&mut self) -> Wish {
        let before = self.reloads;
        let changed = self
            .seen
            .wait_for(|seen| seen.stop || seen.reloads > before);
        // The thread ends with the process.
        let Ok(seen) = changed.await.map(|seen| *seen) else {
            return Wish::Stop;
        };
        if seen.stop {
            return Wish::Stop;
        }
        self.reloads = seen.reloads;
        Wish::Reload
    }
}

struct Listener {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    had_terminal: bool,
}

impl Listener {
    /// The next signal; `None` for one that asks to reload.
    async fn next(&mut self) -> Option<Exit> {
        tokio::select! {
            _ = self.interrupt.recv() => Some(Exit::Interrupted),
            _ = self.terminate.recv() => Some(Exit::Terminated),
            _ = self.hangup.recv() => {
                // What the signal once meant: somebody closed the window.
                let terminal_is_gone = self.had_terminal && !io::stderr().is_terminal();
                terminal_is_gone.then_some(Exit::Terminated)
            }
        }
    }
}
