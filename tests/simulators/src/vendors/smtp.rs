//! A mail server that takes mail for the world and keeps it: SMTP (RFC 5321) with PIPELINING, SIZE
//! and AUTH PLAIN, LOGIN and CRAM-MD5 (RFC 4954), without TLS, on a port of its own: see
//! `settings`. What it got is told by `/_sim/truth`, and every message for every recipient is an
//! effect under its `Message-ID`.
//!
//! It holds clients to the protocol: commands out of order, bare line feeds, lines that are too long
//! and mail without a login are refused.
//!
//! Commands: `refuse` `{"at": "AUTH" | "MAIL" | "RCPT" | "DATA" | "CONTENT", "answer": "451 4.3.2
//! later", "recipient": …, "times": 1}`, `hang-up` `{"at": …, "times": 1}` (at `CONTENT` the message
//! is kept, its answer is lost), `set-password` `{"password"}`.

mod message;
mod session;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

use crate::{Answer, Call, Options, Sim, Vendor};
use message::Message;

const USER: &str = "crosspoint@mail.example";
const PASSWORD: &str = "mail-password-1";

/// Something that goes wrong, so many times.
#[derive(Clone, Debug)]
struct Fault {
    /// The command, `AUTH` for the whole login, `CONTENT` for the final dot.
    at: String,
    /// Only for this recipient.
    recipient: Option<String>,
    /// What the client is told; nothing: the connection ends.
    answer: Option<String>,
    times: u64,
}

/// What the connections share.
#[derive(Debug, Default)]
struct Post {
    password: String,
    faults: Vec<Fault>,
    /// Not yet looked at by the simulator.
    arrived: Vec<Message>,
    logins: u64,
    connections: u64,
}

impl Post {
    /// What the script says about this command.
    fn strike(&mut self, at: &str, recipients: &[String]) -> Option<Fault> {
        let strikes = |it: &Fault| {
            let is_meant = it
                .recipient
                .as_ref()
                .is_none_or(|it| recipients.contains(it));
            it.times > 0 && it.at == at && is_meant
        };
        let fault = self.faults.iter_mut().find(|it| strikes(it))?;
        fault.times -= 1;
        Some(fault.clone())
    }
}

fn lock(post: &Mutex<Post>) -> MutexGuard<'_, Post> {
    post.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The server.
pub struct Smtp {
    address: SocketAddr,
    post: Arc<Mutex<Post>>,
    stops: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    /// With the instant at which each was seen here.
    messages: Vec<(i64, Message)>,
}

impl Smtp {
    #[must_use]
    pub fn new(_: &Options) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound");
        let post = Arc::new(Mutex::new(Post {
            password: PASSWORD.to_owned(),
            ..Post::default()
        }));
        let stops = Arc::new(AtomicBool::new(false));
        let (shared, asked) = (post.clone(), stops.clone());
        let thread = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if asked.load(Ordering::Relaxed) {
                    return;
                }
                let (post, stops) = (shared.clone(), asked.clone());
                thread::spawn(move || session::serve(stream, &post, &stops));
            }
        });
        Self {
            address,
            post,
            stops,
            thread: Some(thread),
            messages: Vec::new(),
        }
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.stops.store(true, Ordering::Relaxed);
        // Wakes the one that waits for connections.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Vendor for Smtp {
    fn settings(&self, _: &str) -> Value {
        json!({ "host": self.address.ip().to_string(), "port": self.address.port(), "user": USER, "security": "none" })
    }

    fn secrets(&self) -> Value {
        json!({ "password": lock(&self.post).password })
    }

    fn handle(&mut self, _: &Call, _: &mut Sim) -> Answer {
        Answer::text(404, "mail goes to the other port")
    }

    /// Nothing happens at a relay by itself.
    fn change(&mut self, _: &mut Sim) -> Value {
        json!({ "change": "nothing" })
    }

    fn truth(&self) -> Value {
        let post = lock(&self.post);
        let messages = self.messages.iter().enumerate();
        let messages: Vec<Value> = messages
            .map(|(at, (at_ms, message))| message.told(at, *at_ms))
            .collect();
        json!({ "messages": messages, "logins": [{ "id": USER, "updated_at_ms": 0, "deleted": false, "count": post.logins, "connections": post.connections }] })
    }

    fn pass_time(&mut self, sim: &mut Sim) {
        let arrived = std::mem::take(&mut lock(&self.post).arrived);
        for message in arrived {
            let id = message.header("message-id").unwrap_or_default().to_owned();
            for recipient in &message.recipients {
                let detail = json!({ "subject": message.header("subject") });
                sim.effect("message", recipient, &id, detail);
            }
            self.messages.push((sim.now_ms(), message));
        }
    }

    fn command(&mut self, name: &str, args: &Value, _: &mut Sim) -> Option<Value> {
        let text = |name: &str| args[name].as_str().map(str::to_owned);
        let mut post = lock(&self.post);
        match name {
            "refuse" | "hang-up" => {
                let refusal = || text("answer").unwrap_or("451 4.3.2 Try again later".to_owned());
                post.faults.push(Fault {
                    at: text("at")?,
                    recipient: text("recipient"),
                    answer: (name == "refuse").then(refusal),
                    times: args["times"].as_u64().unwrap_or(1),
                });
            }
            "set-password" => post.password = text("password")?,
            _ => return None,
        }
        Some(json!({}))
    }
}
