//! Over real connections to a real host: calls come in through the tracking API, and are read back.

use std::fs;
use std::sync::Arc;

use crosspoint_runtime::{Host, HostOptions};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::{Afterwards, HttpServer};

const PROJECT: &str = r#"
[project]
name = "test"

[server]
listen = "127.0.0.1:0"

[tracking.website]
write_keys = ["wk-1"]

[traits.loyalty_tier]
type = "text"

[segments.seen]
when = "events('Product Viewed').exists()"

[segments.secret]
when = "events('Product Viewed').exists()"

[lookups]
tokens = ["file:token"]
origins = ["https://www.example.com"]
public_traits = ["first_name", "loyalty_tier"]
public_segments = ["seen"]
"#;

const TOKEN: &str = "authorization: Bearer read-it\r\n";
const PAGE: &str = "origin: https://www.example.com\r\n";

struct Served {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<Afterwards>,
    served: JoinHandle<()>,
    host: Arc<Host>,
    folder: tempfile::TempDir,
}

impl Served {
    fn with(project: &str, tokio: &tokio::runtime::Runtime) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("crosspoint.toml"), project).unwrap();
        fs::write(folder.path().join("token"), "read-it\n").unwrap();
        let options = HostOptions {
            project: folder.path().to_owned(),
            data: None,
            edges: true,
        };
        let host = Host::open(options, &|_| {}).unwrap();
        let _inside = tokio.enter();
        let http = HttpServer::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = http.address().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&host);
        let served = tokio.spawn(async move {
            let shutdown = async { stopped.await.unwrap() };
            http.serve(serving, shutdown).await.unwrap();
        });
        Self {
            address,
            stop,
            served,
            host,
            folder,
        }
    }

    async fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{headers}\
             content-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        let mut stream = self.send(method, path, headers, "").await;
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head[9..12].parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    async fn get(&self, path: &str, headers: &str) -> Answer {
        self.ask("GET", path, headers).await
    }

    async fn track(&self, anonymous: &str, traits: Json) {
        // One after the other: who enters a segment is known by everything by then.
        for call in [
            json!({ "type": "identify", "messageId": format!("i{anonymous}"),
                    "anonymousId": anonymous, "traits": traits }),
            json!({ "type": "track", "messageId": format!("t{anonymous}"),
                    "anonymousId": anonymous, "event": "Product Viewed" }),
        ] {
            let body = json!({ "writeKey": "wk-1", "batch": [call] }).to_string();
            let mut stream = self.send("POST", "/v1/batch", "", &body).await;
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
        }
    }

    async fn stop(self) {
        self.stop.send(Afterwards::Nobody).unwrap();
        self.served.await.unwrap();
        let host = self.host;
        tokio::task::spawn_blocking(move || host.close().unwrap())
            .await
            .unwrap();
        drop(self.folder);
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap()
    }

    fn has(&self, header: &str) -> bool {
        self.head.to_lowercase().contains(header)
    }
}

/// Reads the events of a stream of changes.
struct Events(BufReader<TcpStream>);

#[derive(Debug, Default, PartialEq)]
struct Event {
    name: String,
    id: String,
    data: Json,
}

impl Events {
    async fn open(served: &Served, path: &str, headers: &str) -> Self {
        let headers = format!("{TOKEN}{headers}");
        let stream = served.send("GET", path, &headers, "").await;
        let mut events = Self(BufReader::new(stream));
        let mut line = events.line().await.unwrap();
        assert!(line.starts_with("HTTP/1.1 200 "), "{line}");
        while !line.is_empty() {
            line = events.line().await.unwrap();
        }
        events
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).await.unwrap();
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// The next event that has a name, or the place alone; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        let mut event = Event::default();
        loop {
            let line = self.line().await?;
            // Sizes of chunks and the ends of chunks stand between.
            match line.split_once(": ") {
                Some(("event", name)) => event.name = name.to_owned(),
                Some(("id", id)) => event.id = id.to_owned(),
                Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
                _ if line.is_empty() && !event.id.is_empty() => return Some(event),
                _ => {}
            }
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn a_website_reads_what_is_public_and_a_service_reads_everything() {
    let tokio = runtime();
    let served = Served::with(PROJECT, &tokio);
    tokio.block_on(async {
        let mut events =
            Events::open(&served, "/v1/segments/seen/changes?traits=first_name", "").await;
        let start = events.next().await.unwrap();
        assert_eq!(start.name, "");
        let traits = json!({ "first_name": "Ana", "email": "ana@example.com" });
        served.track("a1", traits).await;
        let entered = events.next().await.unwrap();
        assert_eq!(entered.name, "entered");
        assert_eq!(entered.data["segment"], "seen");
        let position = entered.id.split_once('/').unwrap().0.to_owned();
        // Whoever asks for what was written may not get less.
        let known = format!("after={position}");

        let full = served
            .get(
                &format!("/v1/profiles/email:ana%40example.com?{known}"),
                TOKEN,
            )
            .await;
        assert_eq!(full.status, 200, "{full:?}");
        assert!(
            full.has("cache-control: no-store") && full.has("vary: origin"),
            "{full:?}"
        );
        assert!(full.has("x-crosspoint-position: "), "{full:?}");
        let seen = full.json();
        assert_eq!(seen["id"], entered.data["profile"]);
        assert_eq!(seen["traits"]["first_name"], "Ana");
        assert_eq!(seen["traits"]["orders_count"], 0);
        assert_eq!(seen["events"][0]["name"], "Product Viewed");
        let names: Vec<_> = seen["segments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["name"])
            .collect();
        assert_eq!(names, ["secret", "seen"]);

        let chosen = "/v1/profiles/anonymous-id:a1?fields=traits.first_name,segments.secret";
        let chosen = served.get(chosen, TOKEN).await.json();
        assert_eq!(chosen["traits"], json!({ "first_name": "Ana" }));
        assert_eq!(chosen["segments"][0]["name"], "secret");
        assert_eq!(chosen.as_object().unwrap().len(), 2);

        let public = served.get("/v1/profiles/anonymous-id:a1", PAGE).await;
        assert_eq!(public.status, 200, "{public:?}");
        assert!(
            public.has("access-control-allow-origin: https://www.example.com"),
            "{public:?}"
        );
        assert!(!public.has("x-crosspoint-position: "), "{public:?}");
        let seen = public.json();
        let traits = json!({ "first_name": "Ana", "loyalty_tier": null });
        assert_eq!(seen["traits"], traits);
        assert_eq!(seen["segments"].as_array().unwrap().len(), 1);
        assert_eq!(seen.as_object().unwrap().len(), 2);

        let members = served
            .get("/v1/segments/seen/members?traits=first_name", TOKEN)
            .await;
        let expected = json!([{
            "profile": entered.data["profile"],
            "since": members.json()["members"][0]["since"],
            "traits": { "first_name": "Ana" },
        }]);
        assert_eq!(members.json()["members"], expected);
        drop(events);
        served.stop().await;
    });
}

#[test]
fn strangers_learn_nothing() {
    let tokio = runtime();
    let served = Served::with(PROJECT, &tokio);
    tokio.block_on(async {
        let mut events = Events::open(&served, "/v1/segments/seen/changes", "").await;
        events.next().await.unwrap();
        served
            .track("quiet", json!({ "email": "quiet@example.com" }))
            .await;
        events.next().await.unwrap();
        let path = |rest: &str| format!("/v1/profiles/{rest}");
        let wrong = "authorization: Bearer guessed\r\n";
        for (path, headers, status) in [
            // Somebody there, nobody there: what is not public answers alike.
            (path("email:quiet@example.com"), PAGE, 401),
            (path("email:nobody@example.com"), PAGE, 401),
            (path("anonymous-id:nobody"), PAGE, 404),
            (
                path("anonymous-id:quiet?fields=traits.first_name"),
                PAGE,
                404,
            ),
            (path("anonymous-id:quiet?fields=traits.email"), PAGE, 403),
            (path("anonymous-id:quiet?fields=segments.secret"), PAGE, 403),
            (
                path("anonymous-id:quiet?fields=segments.nonsense"),
                PAGE,
                403,
            ),
            (path("anonymous-id:quiet?fields=id"), PAGE, 403),
            (path("anonymous-id:quiet?events=1"), PAGE, 403),
            (path("anonymous-id:quiet"), "", 403),
            (
                path("anonymous-id:quiet"),
                "origin: https://evil.example\r\n",
                403,
            ),
            (path("anonymous-id:quiet"), wrong, 401),
            (
                path("anonymous-id:quiet"),
                "authorization: Basic cmVhZC1pdA==\r\n",
                401,
            ),
            ("/v1/segments/seen/members".to_owned(), PAGE, 401),
            ("/v1/segments/seen/changes".to_owned(), PAGE, 401),
            ("/v1/segments/seen/changes".to_owned(), wrong, 401),
            ("/v1/segments/nonsense/changes".to_owned(), TOKEN, 404),
            ("/v1/segments/nonsense/members".to_owned(), TOKEN, 404),
        ] {
            let answer = served.get(&path, headers).await;
            assert_eq!(answer.status, status, "{path} {headers} {answer:?}");
            assert!(!answer.body.contains("quiet@example.com"), "{answer:?}");
            assert_eq!(
                answer.has("www-authenticate: bearer"),
                status == 401,
                "{answer:?}"
            );
        }
        let absent = served.get(&path("anonymous-id:nobody"), PAGE).await;
        let silent = served
            .get(&path("anonymous-id:quiet?fields=traits"), PAGE)
            .await;
        assert_eq!((absent.status, &absent.body), (silent.status, &silent.body));
        drop(events);
        served.stop().await;
    });
}

#[test]
fn malformed_requests_are_told_what_is_wrong() {
    let tokio = runtime();
    let served = Served::with(PROJECT, &tokio);
    tokio.block_on(async {
        for (path, said) in [
            ("/v1/profiles/ana@example.com", "KIND:VALUE"),
            ("/v1/profiles/%ff", "UTF-8"),
            (
                "/v1/profiles/user-id:1?fields=trait",
                "`trait` is not a field",
            ),
            ("/v1/profiles/user-id:1?fields=", "1 to 100 names"),
            (
                "/v1/profiles/user-id:1?fields=segments.nonsense",
                "no segment `nonsense`",
            ),
            (
                "/v1/profiles/user-id:1?event=1",
                "`event` is not a parameter",
            ),
            ("/v1/profiles/user-id:1?events=101", "from 0 to 100"),
            ("/v1/profiles/user-id:1?events=1&events=2", "stands twice"),
            (
                "/v1/profiles/user-id:1?after=x",
                "`after` is a whole number",
            ),
            ("/v1/segments/seen/members?after=x", "`after` is the `next`"),
            ("/v1/segments/seen/members?limit=1001", "from 0 to 1000"),
        ] {
            let answer = served.get(path, TOKEN).await;
            assert_eq!(answer.status, 400, "{path} {answer:?}");
            let error = answer.json()["error"].as_str().unwrap().to_owned();
            assert!(error.contains(said), "{path}: {error}");
        }
        let headers = format!("{TOKEN}last-event-id: yesterday\r\n");
        let answer = served.get("/v1/segments/seen/changes", &headers).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        served.stop().await;
    });
}

#[test]
fn preflights_are_for_allowed_pages() {
    let tokio = runtime();
    let served = Served::with(PROJECT, &tokio);
    tokio.block_on(async {
        for (origin, allowed) in [(PAGE, true), ("origin: https://evil.example\r\n", false)] {
            let headers = format!("{origin}access-control-request-method: GET\r\n");
            for path in ["/v1/profiles/cookie:1", "/v1/segments/seen/changes"] {
                let answer = served.ask("OPTIONS", path, &headers).await;
                assert_eq!(answer.status, 204, "{answer:?}");
                assert!(answer.has("vary: origin"), "{answer:?}");
                assert_eq!(
                    answer.has("access-control-allow-origin"),
                    allowed,
                    "{answer:?}"
                );
                assert_eq!(
                    answer.has("access-control-allow-headers"),
                    allowed,
                    "{answer:?}"
                );
            }
        }
        served.stop().await;
    });
    let nothing = PROJECT.replace("public_", "# public_");
    let served = Served::with(&nothing, &tokio);
    tokio.block_on(async {
        let answer = served.get("/v1/profiles/cookie:1", PAGE).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        served.stop().await;
    });
}

#[test]
fn a_consumer_goes_on_where_it_was_and_ends_with_the_host() {
    let tokio = runtime();
    let served = Served::with(PROJECT, &tokio);
    tokio.block_on(async {
        let path = "/v1/segments/seen/changes";
        let mut first = Events::open(&served, path, "").await;
        first.next().await.unwrap();
        served.track("a", json!({})).await;
        let a = first.next().await.unwrap();
        drop(first);
        served.track("b", json!({})).await;
        let resume = format!("last-event-id: {}\r\n", a.id);
        let mut second = Events::open(&served, path, &resume).await;
        assert_eq!(second.next().await.unwrap().id, a.id);
        let b = second.next().await.unwrap();
        assert_eq!(b.name, "entered");
        assert_ne!(b.data["profile"], a.data["profile"]);

        let mut lost = Events::open(&served, path, "last-event-id: 99999/0\r\n").await;
        lost.next().await.unwrap();
        assert_eq!(lost.next().await.unwrap().name, "gap");
        served.track("c", json!({})).await;
        assert_eq!(lost.next().await.unwrap().name, "entered");
        second.next().await.unwrap();

        served.stop().await;
        let last = second.next().await.unwrap();
        assert_eq!((last.name.as_str(), last.data), ("", Json::Null));
        assert_eq!(second.next().await, None);
    });
}
