//! Bodies as clients send them, and as nobody should.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::*;

const CALL: &str = r#"{"type":"track","event":"E","userId":"u","messageId":"m","writeKey":"wk"}"#;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn refused(body: &[u8]) -> &'static str {
    let limits = Limits::default();
    let refusal = match unpack(body, limits) {
        Ok(body) => parse(Endpoint::Batch, &body, limits).unwrap_err(),
        Err(refusal) => refusal,
    };
    refusal.word()
}

#[test]
fn content_says_what_a_body_is() {
    let encoded = STANDARD.encode(CALL);
    let percent: String = CALL.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let bodies = [
        CALL.as_bytes().to_vec(),
        format!("\u{feff} {CALL}\n").into_bytes(),
        gzip(CALL.as_bytes()),
        [gzip(&CALL.as_bytes()[..20]), gzip(&CALL.as_bytes()[20..])].concat(),
        zlib(CALL.as_bytes()),
        format!("data={}", encoded.replace('=', "%3D")).into_bytes(),
        format!("data={encoded}").into_bytes(),
        format!("data={}&writeKey=x", URL_SAFE_NO_PAD.encode(CALL)).into_bytes(),
        format!("data={percent}").into_bytes(),
        gzip(format!("data={percent}").as_bytes()),
    ];
    for body in bodies {
        let unpacked = unpack(&body, Limits::default()).unwrap();
        let batch = parse(Endpoint::Batch, &unpacked, Limits::default()).unwrap();
        assert_eq!(batch.write_key.as_deref(), Some("wk"));
        assert_eq!(batch.calls.len(), 1);
        assert_eq!(convert(&batch.calls[0], source()).unwrap().len(), 1);
    }
}

#[test]
fn batches_come_in_three_shapes() {
    for (body, expected) in [
        (format!(r#"{{"batch":[{CALL},{CALL}]}}"#), 2),
        (format!("[{CALL},{CALL},{CALL}]"), 3),
        (CALL.to_owned(), 1),
        (r#"{"batch":[]}"#.to_owned(), 0),
        (r#"{"batch":null,"type":"page","userId":5}"#.to_owned(), 1),
    ] {
        for endpoint in [Endpoint::Batch, Endpoint::One(CallKind::Track)] {
            let batch = parse(endpoint, body.as_bytes(), Limits::default()).unwrap();
            assert_eq!(batch.calls.len(), expected, "{body}");
        }
    }
}

#[test]
fn refusals_have_a_word_each() {
    assert_eq!(refused(b""), "not-json");
    assert_eq!(refused(b"{\"batch\":[{]}"), "not-json");
    assert_eq!(refused(b"{} {}"), "not-json");
    assert_eq!(refused(b"\xff\xfe{}"), "not-utf-8");
    assert_eq!(refused(b"7"), "not-a-call");
    assert_eq!(refused(b"{\"batch\":7}"), "not-a-call");
    assert_eq!(refused(&gzip(CALL.as_bytes())[..20]), "bad-compression");
    assert_eq!(
        refused(&vec![b' '; Limits::default().body_bytes + 1]),
        "too-large"
    );
    let many = format!("[{}1]", "1,".repeat(2_500));
    assert_eq!(refused(many.as_bytes()), "too-many-calls");
}

#[test]
fn a_decompression_bomb_is_refused_before_it_goes_off() {
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 100_000);
    assert_eq!(refused(&bomb), "too-large");
    let limits = Limits::default();
    let exact = gzip(&vec![b' '; limits.body_bytes]);
    assert_eq!(unpack(&exact, limits).unwrap().len(), limits.body_bytes);
    assert_eq!(
        refused(&gzip(&vec![b' '; limits.body_bytes + 1])),
        "too-large"
    );
}

#[test]
fn a_bad_call_does_not_harm_its_neighbours() {
    let long = "x".repeat(33 << 10);
    let body = format!(
        r#"{{"sentAt":"2026-11-21T20:00:00Z","context":{{"locale":"de-DE"}},
        "batch":[{CALL}, 7, {{"type":"track","userId":"u"}},
        {{"type":"page","userId":"u","messageId":"big","name":"{long}"}},
        {{"type":"page","userId":"u","name":"\ud800"}},
        {{"type":"page","messageId":"nobody"}}, {CALL}]}}"#
    );
    let batch = parse(Endpoint::Batch, body.as_bytes(), Limits::default()).unwrap();
    let converted = convert_batch(&batch, source());
    assert_eq!(converted.accepted, 2);
    assert_eq!(converted.records[&Stream::Events].len(), 2);
    let rejects: Vec<_> = converted
        .rejects
        .iter()
        .map(|reject| format!("{}: {:?}", reject.locator, reject.field.as_deref().unwrap()))
        .collect();
    assert_eq!(
        rejects,
        [
            "call 2: \"call\"",
            "call 3: \"event\"",
            "call 4: \"call\"",
            "call 5: \"call\"",
            "call 6 (nobody): \"userId\"",
        ]
    );
    let record = &converted.records[&Stream::Events][0];
    assert_eq!(attribute(record, "locale"), Some(&Value::text("de-DE")));
}

#[test]
fn what_was_rejected_is_converted_again_as_when_it_came() {
    let body = r#"{"sentAt":"2026-11-21T18:00:00Z","batch":[
        {"event":"E","timestamp":"2026-11-21T17:59:00Z","messageId":"m"}]}"#;
    let endpoint = Endpoint::One(CallKind::Track);
    let batch = parse(endpoint, body.as_bytes(), Limits::default()).unwrap();
    let first = Source {
        sent_at: batch.sent_at,
        ..source()
    };
    let rejected = convert_batch(&batch, first).rejects;
    let crosspoint_model::entry::RejectedInput::Raw(raw) = &rejected[0].raw else {
        panic!("a call is kept as it is")
    };
    let mended = String::from_utf8(raw.clone())
        .unwrap()
        .replacen('{', "{\"userId\":\"u\",", 1);
    let later = Source {
        received_at: NOW.plus_ms(86_400_000),
        ..source()
    };
    let again = convert_again([mended.as_bytes()], later, Limits::default());
    assert_eq!(again.accepted, 1);
    let record = &again.records[&Stream::Events][0];
    assert_eq!(record.updated_at, NOW.plus_ms(-60_000));
    let unmended = convert_again([raw.as_slice()], later, Limits::default());
    assert_eq!(unmended.rejects, rejected);
}
