//! A real plugin behind a real server: what a vendor sees, and what becomes of its calls.

mod rig;

use crosspoint_runtime::admin::{Reply, Request};

use super::*;
use rig::{Call, Rig, order};

#[test]
fn the_path_below_the_address_stays_as_it_came() {
    for (path, connector, rest) in [
        ("/hooks/shop", "shop", ""),
        ("/hooks/shop/", "shop", "/"),
        ("/hooks/shop/a%2Fb/c?x=1", "shop", "/a%2Fb/c"),
    ] {
        assert_eq!(place(&path.parse().unwrap()), (connector, rest));
    }
}

#[test]
fn a_call_and_a_poll_tell_of_one_object() {
    let rig = Rig::new();
    let newer = order("1", "ana", "20.00", 2);
    let told = Call::of("call-1", &format!(r#"{{"topic":"order","value":{newer}}}"#));
    assert_eq!(rig.send(&told).status, 200);
    assert_eq!(rig.send(&told).status, 200);
    let shop = rig.shop();
    assert_eq!(
        (shop.received, shop.duplicates),
        (1, 0),
        "the replay changed nothing"
    );

    // The poll still shows the older version, then nothing that is new.
    rig.vendor.list(vec![order("1", "ana", "10.00", 1)]);
    rig.sync();
    let late = Call::of("call-2", &format!(r#"{{"topic":"order","value":{newer}}}"#));
    assert_eq!(rig.send(&late).status, 200);
    let shop = rig.shop();
    assert_eq!((shop.received, shop.duplicates), (3, 2));
    assert_eq!(rig.totals("shop:ana"), ["20.00"]);

    let deleted = newer.replace("\"updated_at\":2", "\"updated_at\":3,\"deleted\":true");
    let gone = Call::of(
        "call-3",
        &format!(r#"{{"topic":"order","value":{deleted}}}"#),
    );
    assert_eq!(rig.send(&gone).status, 200);
    assert_eq!(rig.totals("shop:ana"), [""; 0]);

    let hook = rig.shop().usage.hook.unwrap();
    assert_eq!((hook.taken, hook.repeated, hook.failed), (3, 1, 0));
}

#[test]
fn a_forged_call_never_reaches_the_plugin() {
    let rig = Rig::new();
    let body = r#"{"topic":"panic"}"#;
    let mut forged = Call::of("call-1", body);
    forged.headers[2].1 = format!("sha256={}", "0".repeat(64));
    assert_eq!(rig.send(&forged).status, 401);
    let mut unsigned = Call::of("call-2", body);
    unsigned.headers.truncate(2);
    assert_eq!(rig.send(&unsigned).status, 401);
    let old = Call::sent_at("call-3", body, rig::now_s() - 3_600);
    assert_eq!(rig.send(&old).status, 401);
    let mut changed = Call::of("call-4", r#"{"topic":"changed"}"#);
    changed.body = body.to_owned();
    assert_eq!(rig.send(&changed).status, 401);

    let hook = rig.shop().usage.hook.unwrap();
    assert_eq!((hook.taken, hook.failed), (0, 0));
    let refused: Vec<_> = hook
        .refused
        .iter()
        .map(|(why, count)| (why.as_str(), *count))
        .collect();
    assert_eq!(
        refused,
        [
            ("bad-signature", 2),
            ("missing-signature", 1),
            ("too-old", 1)
        ]
    );
}

#[test]
fn a_call_that_failed_is_no_replay_when_it_comes_again() {
    let rig = Rig::new();
    for topic in ["fail", "panic", "foreign-stream"] {
        let call = Call::of(topic, &format!(r#"{{"topic":"{topic}"}}"#));
        for _ in 0..2 {
            let answer = rig.send(&call);
            assert_eq!(answer.status, 503, "{topic}");
            assert_eq!(answer.header("retry-after"), Some("30"));
        }
    }
    let told = Call::of(
        "call-1",
        &format!(
            r#"{{"topic":"order","value":{}}}"#,
            order("1", "ana", "5.00", 1)
        ),
    );
    let connector = "shop".to_owned();
    rig.ask(Request::ConnectorPause {
        connector: connector.clone(),
    });
    assert_eq!(rig.send(&told).status, 503);
    rig.ask(Request::ConnectorResume { connector });
    assert_eq!(rig.send(&told).status, 200);
    assert_eq!(rig.totals("shop:ana"), ["5.00"]);
    let hook = rig.shop().usage.hook.unwrap();
    assert_eq!((hook.taken, hook.repeated, hook.failed), (1, 0, 7));
}

#[test]
fn what_is_no_delivery_is_answered_without_the_plugin() {
    let rig = Rig::new();
    let asked = "/hooks/shop?hub.mode=subscribe&hub.challenge=42&hub.verify_token=hook-secret-1";
    let answer = rig.get(asked);
    assert_eq!((answer.status, answer.body.as_str()), (200, "42"));
    assert_eq!(rig.get("/hooks/shop").status, 401);
    assert_eq!(rig.get("/hooks/nobody").status, 404);
    assert_eq!(
        rig.get("/hooks/silent").status,
        404,
        "a connector that takes no calls"
    );
    let long = Call::of("call-1", &" ".repeat(2 << 10));
    assert_eq!(rig.send(&long).status, 413, "`limits.hook` is 1KiB");
}

#[test]
fn what_the_plugin_rejects_waits_in_quarantine() {
    let rig = Rig::new();
    let unknown = Call::of("call-1", &order("1", "ana", "5.00", 1));
    assert_eq!(rig.send(&unknown).status, 200);
    assert_eq!(rig.shop().quarantined, 1);
    let retry = Request::QuarantineRetry {
        items: Vec::new(),
        connector: Some("shop".to_owned()),
    };
    let Reply::Retried(retried) = rig.ask(retry) else {
        panic!("another reply")
    };
    assert_eq!((retried.accepted, retried.refused_again), (1, 0));
    assert_eq!(rig.totals("shop:ana"), ["5.00"]);
}

#[test]
fn a_poke_reads_the_stream_soon() {
    let rig = Rig::new();
    rig.vendor.list(vec![order("1", "ana", "5.00", 1)]);
    assert_eq!(
        rig.send(&Call::of("call-1", r#"{"topic":"changed"}"#))
            .status,
        200
    );
    rig.until(|rig| rig.totals("shop:ana") == ["5.00"]);
    assert_eq!(rig.vendor.reads(), ["/orders?after=0"]);
}

#[test]
fn status_tells_of_freshness_and_cost() {
    let mut rig = Rig::new();
    rig.vendor.list(vec![order("1", "ana", "5.00", 1_000)]);
    rig.sync();
    let usage = rig.shop().usage;
    assert_eq!((usage.requests_since_start, usage.requests_today), (2, 2));
    let quota = usage.quota.as_ref().unwrap();
    assert_eq!((quota.remaining, quota.limit), (8, Some(40)));
    let orders = &usage.streams[0];
    assert_eq!(orders.stream, "orders");
    assert_eq!(orders.cursor.as_deref(), Some("1000"));
    assert_eq!(
        orders.newest_record_at.as_deref(),
        Some("1970-01-01T00:00:01Z")
    );
    assert!(usage.last_read_at.is_some() && usage.lag_ms.is_some());

    rig.restart();
    let again = rig.shop().usage;
    assert_eq!((again.requests_since_start, again.requests_30_days), (0, 2));
    assert_eq!((again.streams, again.quota), (usage.streams, usage.quota));
    assert_eq!(again.last_read_at, usage.last_read_at);
}
