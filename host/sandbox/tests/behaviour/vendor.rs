//! A vendor whose refresh tokens are good for one use: who spends one twice loses them all.

use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::rig::Rig;
use crate::server::{Server, answer, header, read_request};

pub struct Vendor {
    pub server: Server,
    state: Arc<State>,
}

struct State {
    tokens: Mutex<Tokens>,
    /// Answers of the token endpoint wait for a permit.
    gate: Semaphore,
    /// Gets a permit with every request that the token endpoint sees.
    asked: Semaphore,
}

struct Tokens {
    refresh: String,
    /// The newest is the only one that is taken.
    access: u32,
    renewals: u32,
    refusals: u32,
    refuses_all: bool,
}

impl Vendor {
    /// Gives its first refresh token.
    pub async fn start(seed: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server::bare(listener.local_addr().unwrap().port());
        let state = Arc::new(State {
            tokens: Mutex::new(Tokens {
                refresh: seed.to_owned(),
                access: 0,
                renewals: 0,
                refusals: 0,
                refuses_all: false,
            }),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            asked: Semaphore::new(0),
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { server, state }
    }

    /// A rig that may reach it, with a refresh token and a folder for its successors.
    pub fn rig(&self, seed: &str, folder: &Path) -> Rig {
        Rig::open_to(&self.server)
            .secret("refresh", seed)
            .secret("app", "canary-app-secret")
            .tokens(folder)
    }

    /// A person consents again.
    pub fn consent(&self, seed: &str) {
        self.state.tokens.lock().unwrap().refresh = seed.to_owned();
    }

    /// Ends every access token there is.
    pub fn end_access(&self) {
        self.state.tokens.lock().unwrap().access += 1;
    }

    pub fn refuse_all(&self) {
        self.state.tokens.lock().unwrap().refuses_all = true;
    }

    /// Tokens given, and requests for one refused.
    pub fn counts(&self) -> (u32, u32) {
        let tokens = self.state.tokens.lock().unwrap();
        (tokens.renewals, tokens.refusals)
    }

    pub fn close_gate(&self) {
        self.state.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub fn open_gate(&self) {
        self.state.gate.add_permits(100);
    }

    /// Returns once the token endpoint has seen a request.
    pub async fn was_asked(&self) {
        self.state.asked.acquire().await.unwrap().forget();
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) -> std::io::Result<()> {
    let request = read_request(&mut stream).await?;
    let path = request.split_whitespace().nth(1).unwrap_or("/").to_owned();
    if path != "/token" {
        let (expected, refuses_all) = {
            let tokens = state.tokens.lock().unwrap();
            let expected = format!("Bearer canary-access-{}", tokens.access);
            (expected, tokens.refuses_all)
        };
        let taken = !refuses_all && header(&request, "authorization") == Some(expected.as_str());
        let status = if taken { "200 OK" } else { "401 Unauthorized" };
        return answer(&mut stream, status, "", "").await;
    }
    let given = state.give(&request);
    state.asked.add_permits(1);
    state.gate.acquire().await.unwrap().forget();
    match given {
        Some(body) => answer(&mut stream, "200 OK", "", &body).await,
        None => {
            let body = r#"{"error":"invalid_grant"}"#;
            answer(&mut stream, "400 Bad Request", "", body).await
        }
    }
}

impl State {
    fn give(&self, request: &str) -> Option<String> {
        let mut tokens = self.tokens.lock().unwrap();
        let wanted = [
            "grant_type=refresh_token",
            &format!("refresh_token={}", tokens.refresh),
            "client_id=me",
            "client_secret=canary-app-secret",
        ];
        let body = request.split("\r\n\r\n").nth(1).unwrap_or_default();
        let fields: Vec<_> = body.split('&').collect();
        if !wanted.iter().all(|field| fields.contains(field)) {
            tokens.refusals += 1;
            tokens.refresh = "revoked".to_owned();
            return None;
        }
        tokens.renewals += 1;
        tokens.access += 1;
        tokens.refresh = format!("canary-refresh-{}", tokens.renewals);
        Some(format!(
            r#"{{"access_token":"canary-access-{}","expires_in":3600,"refresh_token":"{}"}}"#,
            tokens.access, tokens.refresh
        ))
    }
}
