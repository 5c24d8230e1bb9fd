//! Clients as they are: they send until they are answered.

use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use crosspoint_harness::Caller;

use super::plan::Send;
use super::world::HOOK_SECRET;

/// How often the host's process is looked at. Decides nothing.
const LOOK: Duration = Duration::from_millis(2);

#[derive(Default)]
struct State {
    /// Where the host is, and which life of it this is.
    host: Option<(SocketAddr, u64)>,
    answered: u64,
    /// Requests that were sent again.
    repeated: u64,
    /// Clients that go on.
    sending: u64,
    begun: u64,
    /// No other host follows this one.
    is_last: bool,
}

/// What all clients share.
#[derive(Default)]
pub struct Clients {
    state: Mutex<State>,
    changed: Condvar,
}

/// Lets clients go where a test fails that they wait for.
pub struct Rescue<'a>(pub &'a Clients);

impl Drop for Rescue<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.state().is_last = true;
            self.0.changed.notify_all();
        }
    }
}

/// Why a wait has ended.
pub enum Seen {
    /// So many requests were answered.
    Answered,
    /// The host's process has ended.
    Dead,
    /// Nobody sends any more.
    Done,
}

impl Clients {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says where the host is from now on, and whether no other follows it.
    pub fn host_is(&self, address: SocketAddr, is_last: bool) {
        let mut state = self.state();
        state.is_last = is_last;
        let life = state.host.map_or(1, |(_, life)| life + 1);
        state.host = Some((address, life));
        self.changed.notify_all();
    }

    /// How many requests had to be sent again.
    pub fn repeated(&self) -> u64 {
        self.state().repeated
    }

    /// Waits for so many more answers, or for the end.
    pub fn wait(&self, answers: u64, mut is_dead: impl FnMut() -> bool) -> Seen {
        let mut state = self.state();
        let enough = state.answered + answers;
        loop {
            if is_dead() {
                return Seen::Dead;
            }
            if state.answered >= enough {
                return Seen::Answered;
            }
            if state.begun > 0 && state.sending == 0 {
                return Seen::Done;
            }
            let waited = self.changed.wait_timeout(state, LOOK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Sends everything, each until it is answered with 200.
    pub fn send_all(&self, sends: &[Send]) {
        let _sending = Sending::begin(self);
        let mut caller: Option<(Caller, u64)> = None;
        for send in sends {
            let mut tries = 0;
            loop {
                let (address, life) = self.state().host.unwrap();
                if caller.as_ref().is_none_or(|(_, of)| *of != life) {
                    caller = Some((Caller::new(address), life));
                }
                let (open, _) = caller.as_mut().unwrap();
                tries += 1;
                match open.send(&bytes(send)) {
                    Ok(answer) if answer.status == 200 => break,
                    Ok(answer) if answer.status == 429 || answer.status >= 500 => {
                        std::thread::yield_now()
                    }
                    Ok(answer) => panic!("refused: {} {}", answer.status, answer.text()),
                    Err(_) => {
                        let mut state = self.state();
                        while state.host.is_some_and(|(_, now)| now == life) {
                            assert!(!state.is_last, "a host that lives did not answer");
                            state = self
                                .changed
                                .wait(state)
                                .unwrap_or_else(PoisonError::into_inner);
                        }
                    }
                }
            }
            let mut state = self.state();
            state.answered += 1;
            state.repeated += u64::from(tries > 1);
            self.changed.notify_all();
        }
    }
}

/// A client that goes on; ends with it, however that ends.
struct Sending<'a>(&'a Clients);

impl<'a> Sending<'a> {
    fn begin(clients: &'a Clients) -> Self {
        let mut state = clients.state();
        state.begun += 1;
        state.sending += 1;
        Self(clients)
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.0.state().sending -= 1;
        self.0.changed.notify_all();
    }
}

/// The request; a vendor signs each attempt anew, under the same id.
fn bytes(send: &Send) -> Vec<u8> {
    let (path, body, headers) = match send {
        Send::Track { path, body } => (*path, body, "x-write-key: website-1\r\n".to_owned()),
        Send::Hook { id, body } => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            let at_s = now.as_secs();
            let key = Key::new(HMAC_SHA256, HOOK_SECRET.as_bytes());
            let digest = hex::encode(sign(&key, format!("{at_s}.{id}.{body}").as_bytes()));
            let headers = format!(
                "x-shop-id: {id}\r\nx-shop-timestamp: {at_s}\r\nx-shop-signature: sha256={digest}\r\n"
            );
            ("/hooks/shop", body, headers)
        }
    };
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: h\r\n{headers}content-length: {length}\r\n\r\n{body}")
        .into_bytes()
}
