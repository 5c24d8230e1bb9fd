use std::fs;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use crosspoint_runtime::admin::{self, Reply};
use crosspoint_runtime::{Host, HostOptions};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::http::{Ctx, router};

const PROJECT: &str = r#"
[project]
name = "test"

[server]
listen = "127.0.0.1:0"

[tracking.website]
write_keys = ["website-1"]
origins = ["https://www.example.com"]

[tracking.server]
write_keys = ["server-key"]
"#;

struct Rig {
    host: Arc<Host>,
    tokio: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("crosspoint.toml"), PROJECT).unwrap();
        let options = HostOptions {
            project: folder.path().to_owned(),
            data: None,
            edges: true,
        };
        Self {
            host: Host::open(options, &|_| {}).unwrap(),
            tokio: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            _folder: folder,
        }
    }

    fn ask(&self, request: Request<Body>) -> Answer {
        let ctx = Ctx {
            host: Arc::clone(&self.host),
            stopping: watch::channel(false).1,
        };
        self.tokio.block_on(async {
            let response = router(ctx).oneshot(request).await.unwrap();
            let (status, headers) = (response.status(), response.headers().clone());
            let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
            Answer {
                status,
                headers,
                body: body.to_vec(),
            }
        })
    }

    fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.ask(request.body(body.into()).unwrap())
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.ask(request.body(Body::empty()).unwrap())
    }

    /// Names of the person's events, sorted; empty while there is no such person.
    fn events(&self, who: &str) -> Vec<String> {
        let request = admin::Request::ProfileShow {
            profile: who.into(),
            facts: 100,
        };
        match self.host.ask(request, &|_| {}) {
            Ok(Reply::Profile(profile)) => {
                let mut names: Vec<_> = profile.facts.into_iter().map(|fact| fact.name).collect();
                names.sort();
                names
            }
            _ => Vec::new(),
        }
    }

    /// As [`Self::events`], once there are as many: the step comes after the answer.
    fn events_when(&self, who: &str, count: usize) -> Vec<String> {
        for _ in 0..100_000 {
            let events = self.events(who);
            if events.len() >= count {
                return events;
            }
            std::thread::yield_now();
        }
        panic!("the events of {who} were never stepped")
    }
}

fn call(message_id: &str) -> Json {
    json!({
        "type": "track", "event": "Signed Up", "userId": "u1", "messageId": message_id,
        "timestamp": "2026-01-02T03:04:05Z", "writeKey": "website-1",
    })
}

/// `name:` in base64, as Basic has it.
const BASIC_WK: (&str, &str) = ("authorization", "Basic d2Vic2l0ZS0xOg==");

#[test]
fn every_address_takes_its_calls() {
    let rig = Rig::new();
    let body = |kind: &str| {
        json!({
            "userId": "u1", "event": "Signed Up", "previousId": "u0", "groupId": "g",
            "messageId": kind, "timestamp": "2026-01-02T03:04:05Z",
        })
    };
    let mut paths = vec![
        "/v1/batch".to_owned(),
        "/v1/b".to_owned(),
        "/v1/import".to_owned(),
        "/beacon/v1/batch".to_owned(),
    ];
    let kinds = ["alias", "group", "identify", "page", "screen", "track"];
    for kind in kinds {
        paths.push(format!("/v1/{kind}"));
        paths.push(format!("/v1/{}", &kind[..1]));
        paths.push(format!("/api/s/{kind}"));
        paths.push(format!("/api/s/s2s/{kind}"));
    }
    for path in &paths {
        let answer = rig.post(path, &[BASIC_WK], body(path).to_string());
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.json(), json!({ "success": true }), "{path}");
    }
    let events = rig.events_when("user-id:u1", paths.len());
    for kind in kinds.into_iter().filter(|kind| *kind != "track") {
        let count = events.iter().filter(|name| *name == kind).count();
        assert_eq!(count, 4, "{kind}");
    }
    assert_eq!(events.iter().filter(|name| *name == "Signed Up").count(), 8);
    rig.host.close().unwrap();
}

#[test]
fn a_write_key_may_stand_anywhere() {
    let rig = Rig::new();
    let plain = || {
        let mut call = call("m");
        call.as_object_mut().unwrap().remove("writeKey");
        call
    };
    for (path, headers) in [
        ("/v1/track", vec![BASIC_WK]),
        ("/v1/track", vec![("authorization", "Bearer website-1")]),
        (
            "/v1/track",
            vec![("authorization", "Basic d2Vic2l0ZS0xOnNlY3JldA==")],
        ),
        ("/v1/track", vec![("x-write-key", "website-1:secret")]),
        ("/v1/track?writeKey=website-1", vec![]),
        (
            "/v1/track",
            vec![
                ("authorization", "Basic bm9ib2R5Og=="),
                ("x-write-key", "website-1"),
            ],
        ),
    ] {
        let answer = rig.post(path, &headers, plain().to_string());
        assert_eq!(answer.status, StatusCode::OK, "{path} {headers:?}");
    }
    assert_eq!(
        rig.post("/v1/track", &[], call("m").to_string()).status,
        StatusCode::OK
    );
    let masked = json!({ "writeKey": "website-1:***", "type": "page", "userId": "u" }).to_string();
    let jitsu = rig.post(
        "/api/s/page",
        &[("x-write-key", "website-1:secret")],
        masked,
    );
    assert_eq!(jitsu.status, StatusCode::OK);
    for headers in [vec![], vec![("x-write-key", "other")]] {
        let answer = rig.post("/v1/track", &headers, plain().to_string());
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.code(), "unknown-write-key");
    }
    rig.host.close().unwrap();
}

#[test]
fn only_pages_that_the_source_names_may_call() {
    let rig = Rig::new();
    let page = ("origin", "https://www.example.com");
    let answer = rig.post("/v1/t", &[page], call("m").to_string());
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("access-control-allow-origin"), page.1);
    assert!(answer.header("vary").contains("origin"));

    let stranger = ("origin", "https://evil.example");
    let answer = rig.post("/v1/t", &[stranger], call("m2").to_string());
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.code(), "origin-not-allowed");
    assert_eq!(answer.header("access-control-allow-origin"), "");
    let other_source = [page, ("authorization", "Bearer server-key")];
    let answer = rig.post("/v1/t", &other_source, call("m3").to_string());
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "it names no page");

    let preflight = |origin| {
        let request = Request::options("/v1/t")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,x-retry-count",
            );
        rig.ask(request.body(Body::empty()).unwrap())
    };
    let answer = preflight(page.1);
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.header("access-control-allow-origin"), page.1);
    assert_eq!(
        answer.header("access-control-allow-headers"),
        "authorization,x-retry-count"
    );
    assert_eq!(
        preflight(stranger.1).header("access-control-allow-origin"),
        ""
    );
    rig.host.close().unwrap();
}

#[test]
fn the_pixel_is_an_image_and_an_event() {
    let rig = Rig::new();
    let data = "eyJ1c2VySWQiOiJ1MSIsImV2ZW50IjoiT3BlbmVkIiwibWVz\
        c2FnZUlkIjoibTEiLCJ3cml0ZUtleSI6IndlYnNpdGUtMSJ9";
    let answer = rig.get(&format!("/v1/pixel/track?data={data}"), &[]);
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "image/gif");
    assert!(answer.body.starts_with(b"GIF89a") && answer.body.ends_with(b";"));
    assert_eq!(rig.events_when("user-id:u1", 1), ["Opened"]);
    for query in ["", "?data=", "?data=%7B", "?data=e30"] {
        let status = rig.get(&format!("/v1/pixel/track{query}"), &[]).status;
        assert!(status.is_client_error(), "{query}: {status}");
    }
    rig.host.close().unwrap();
}

#[test]
fn settings_send_a_browser_back_here() {
    let rig = Rig::new();
    let headers = [
        ("host", "cdp.example.com:8080"),
        ("origin", "https://www.example.com"),
    ];
    let answer = rig.get("/v1/projects/website-1/settings", &headers);
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "https://www.example.com"
    );
    let segment = &answer.json()["integrations"]["Segment.io"];
    assert_eq!(segment["apiKey"], "website-1");
    assert_eq!(segment["apiHost"], "cdp.example.com:8080/v1");
    assert_eq!(segment["protocol"], "http");
    let unknown = rig.get("/v1/projects/other/settings", &headers);
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    rig.host.close().unwrap();
}

#[test]
fn what_cannot_be_used_is_refused_with_a_reason() {
    let rig = Rig::new();
    let large = vec![b' '; 600_000];
    for (body, status, code) in [
        (b"{".to_vec(), StatusCode::BAD_REQUEST, "not-json"),
        (b"\xff".to_vec(), StatusCode::BAD_REQUEST, "not-utf-8"),
        (b"1".to_vec(), StatusCode::BAD_REQUEST, "not-a-call"),
        (
            b"\x1f\x8b\x08\x00".to_vec(),
            StatusCode::BAD_REQUEST,
            "bad-compression",
        ),
        (large, StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
    ] {
        let answer = rig.post("/v1/batch", &[BASIC_WK], body);
        assert_eq!((answer.status, &*answer.code()), (status, code));
    }
    let mixed = json!({ "batch": [7, call("m1"), { "type": "track" }] }).to_string();
    let answer = rig.post("/v1/batch", &[BASIC_WK], mixed);
    assert_eq!(
        answer.status,
        StatusCode::OK,
        "a bad call does not spoil its batch"
    );
    assert_eq!(rig.events_when("user-id:u1", 1), ["Signed Up"]);
    assert_eq!(
        rig.get("/v1/batch", &[]).status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    rig.host.close().unwrap();
}

#[test]
fn clients_are_told_to_come_back_when_there_is_no_room() {
    let rig = Rig::new();
    let mut held = Vec::new();
    while let Ok(admitted) = rig.host.admit_tracking() {
        held.push(admitted);
        assert!(held.len() < 1_000_000, "nothing bounds what is under way");
    }
    let answer = rig.post("/v1/track", &[], call("m1").to_string());
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.header(header::RETRY_AFTER.as_str()), "1");
    drop(held);
    assert_eq!(
        rig.post("/v1/track", &[], call("m1").to_string()).status,
        StatusCode::OK
    );
    rig.host.close().unwrap();
    let answer = rig.post("/v1/track", &[], call("m2").to_string());
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_ne!(answer.header(header::RETRY_AFTER.as_str()), "");
}

#[test]
fn no_mutation_of_a_request_fails_the_host() {
    let rig = Rig::new();
    let whole = json!({
        "batch": [call("m1"), { "type": "identify", "userId": "u1", "traits": { "email": "a@b.c" } }],
        "sentAt": "2026-01-02T03:04:06Z", "writeKey": "website-1",
    });
    let whole = whole.to_string().into_bytes();
    let mutation = (0..whole.len(), any::<u8>(), 0..4u8);
    let mutations = proptest::collection::vec(mutation, 1..4);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(300));
    let result = runner.run(&mutations, |mutations| {
        let mut body = whole.clone();
        for (at, byte, kind) in mutations {
            let at = at.min(body.len().saturating_sub(1));
            match kind {
                0 if !body.is_empty() => body[at] = byte,
                1 => body.insert(at, byte),
                2 if !body.is_empty() => _ = body.remove(at),
                _ => body.truncate(at),
            }
        }
        let status = rig.post("/v1/batch", &[BASIC_WK], body).status;
        prop_assert!(
            status == StatusCode::OK || status.is_client_error(),
            "{}",
            status
        );
        Ok(())
    });
    result.unwrap();
    rig.host.close().unwrap();
}
