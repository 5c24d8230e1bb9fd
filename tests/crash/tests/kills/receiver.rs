//! An HTTP receiver that remembers every delivery by its idempotency key.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// What came in under one key.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// What was asked for, without what differs between runs.
    pub content: String,
    /// How often it came.
    pub times: u32,
}

/// Says what a delivery asks for.
pub type Content = fn(&Value) -> String;

/// A receiver on a port of its own.
pub struct Receiver {
    pub port: u16,
    seen: Arc<Mutex<BTreeMap<String, Effect>>>,
}

impl Receiver {
    pub fn start(read: Content) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(BTreeMap::new()));
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&shared);
                std::thread::spawn(move || while serve(&stream, &seen, read).is_some() {});
            }
        });
        Self { port, seen }
    }

    pub fn effects(&self) -> BTreeMap<String, Effect> {
        self.seen.lock().unwrap().clone()
    }

    /// What took effect, whatever the keys; sorted.
    pub fn contents(&self) -> Vec<String> {
        let mut contents: Vec<_> = self
            .effects()
            .into_values()
            .map(|effect| effect.content)
            .collect();
        contents.sort();
        contents
    }
}

/// One request; `None` once the sender is gone.
fn serve(stream: &TcpStream, seen: &Mutex<BTreeMap<String, Effect>>, read: Content) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut key, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ") {
            match name.to_ascii_lowercase().as_str() {
                "webhook-id" => key = value.to_owned(),
                "content-length" => length = value.parse().ok()?,
                _ => {}
            }
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body: Value = serde_json::from_slice(&body).ok()?;
    let content = read(&body);
    {
        let mut seen = seen.lock().unwrap();
        let effect = seen.entry(key).or_insert_with(|| Effect {
            content: content.clone(),
            times: 0,
        });
        assert_eq!(effect.content, content, "one key, two effects");
        effect.times += 1;
    }
    let mut writer = stream;
    writer
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .ok()
}
