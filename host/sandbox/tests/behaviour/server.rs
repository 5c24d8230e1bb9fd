//! A vendor on loopback that behaves as the path says, and remembers what it was sent.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub struct Server {
    pub port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = requests.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, seen.clone()));
            }
        });
        Self { port, requests }
    }

    /// One that others serve.
    pub fn bare(port: u16) -> Self {
        let requests = Arc::default();
        Self { port, requests }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Everything received, as it came.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// One request, head and body.
pub async fn read_request(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    let mut wanted = usize::MAX;
    while bytes.len() < wanted {
        let mut chunk = [0; 8192];
        let read = stream.read(&mut chunk).await?;
        if read == 0 {
            break;
        }
        bytes.extend_from_slice(&chunk[..read]);
        if let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
            wanted = end + 4 + length(&String::from_utf8_lossy(&bytes[..end]));
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// One request a connection. Errors mean that the other side has left.
async fn serve(mut stream: TcpStream, seen: Arc<Mutex<Vec<String>>>) -> std::io::Result<()> {
    let request = read_request(&mut stream).await?;
    let all = {
        let mut seen = seen.lock().unwrap();
        seen.push(request.clone());
        seen.len()
    };
    let path = request.split_whitespace().nth(1).unwrap_or("/").to_owned();
    let path = path.split('?').next().unwrap();
    match path {
        "/redirect" => {
            let head = "HTTP/1.1 302 Found\r\nlocation: http://denied.example.com/\r\n\
                        content-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(head.as_bytes()).await
        }
        "/long" => {
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 157286400\r\nconnection: close\r\n\r\n";
            stream.write_all(head.as_bytes()).await
        }
        "/endless" => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
                .await?;
            loop {
                stream.write_all(&[b'x'; 65536]).await?;
            }
        }
        "/silent" => stream.read(&mut [0; 1]).await.map(drop),
        "/reset" => Ok(()),
        "/token" => {
            let body = format!(r#"{{"access_token":"canary-token-{all}","expires_in":3600}}"#);
            answer(&mut stream, "200 OK", "", &body).await
        }
        // Takes tokens fetched as the third request or later: the first one has been revoked.
        "/revoked" if request.contains("Bearer canary-token-1\r\n") => {
            answer(&mut stream, "401 Unauthorized", "", "revoked").await
        }
        _ => {
            let auth = header(&request, "authorization").unwrap_or_default();
            let extra = format!(
                "set-cookie: session=canary-cookie\r\nauthorization: {auth}\r\nx-seen: {auth}\r\n"
            );
            answer(&mut stream, "200 OK", &extra, &request).await
        }
    }
}

/// Answers and closes.
pub async fn answer(
    stream: &mut TcpStream,
    status: &str,
    extra: &str,
    body: &str,
) -> std::io::Result<()> {
    let text = format!(
        "HTTP/1.1 {status}\r\n{extra}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await
}

fn length(head: &str) -> usize {
    header(head, "content-length")
        .and_then(|it| it.parse().ok())
        .unwrap_or(0)
}

/// A header's value; names are compared in lower case.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let line = |line: &'a str| line.split_once(':');
    let (_, value) = head
        .lines()
        .filter_map(line)
        .find(|(it, _)| it.eq_ignore_ascii_case(name))?;
    Some(value.trim())
}
