//! What holds for every request.

use proptest::collection::vec;
use proptest::prelude::*;

use super::draw::{calls, json};
use super::*;

fn all(body: &str, received_at: Instant) -> Converted {
    let batch = parse(Endpoint::Batch, body.as_bytes(), Limits::default()).unwrap();
    let source = Source {
        received_at,
        sent_at: batch.sent_at,
        ..source()
    };
    convert_batch(&batch, source)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_json_panics_and_nothing_is_lost(calls in vec(json(), 0..6)) {
        let body = json!({ "batch": calls }).to_string();
        let converted = all(&body, NOW);
        prop_assert_eq!(converted.accepted + converted.rejects.len(), calls.len());
        let events = converted.records.get(&Stream::Events).map_or(0, Vec::len);
        prop_assert_eq!(events, converted.accepted, "a call that is used is an event");
    }

    #[test]
    fn a_batch_says_the_same_in_parts(calls in vec(json(), 0..9), size in 1..4usize) {
        let body = json!({ "batch": calls, "context": { "ip": "1.2.3.4" } }).to_string();
        let batch = parse(Endpoint::Batch, body.as_bytes(), Limits::default()).unwrap();
        let mut together = Converted::default();
        for first in (0..calls.len()).step_by(size) {
            let part = convert_part(&batch, first..first + size, source());
            for (stream, records) in part.records {
                together.records.entry(stream).or_default().extend(records);
            }
            together.rejects.extend(part.rejects);
            together.accepted += part.accepted;
        }
        prop_assert_eq!(together, convert_batch(&batch, source()));
    }

    #[test]
    fn no_bytes_panic(body in vec(any::<u8>(), 0..300)) {
        if let Ok(unpacked) = unpack(&body, Limits::default()) {
            _ = parse(Endpoint::Batch, &unpacked, Limits::default());
        }
    }

    #[test]
    fn a_request_sent_again_says_the_same(
        calls in vec(calls(), 1..5),
        later in 0..TOLERANCE_MS,
    ) {
        // Nothing here is later than the first receipt allows.
        let body = json!({ "batch": calls, "sentAt": NOW.to_string() }).to_string();
        let (first, second) = (all(&body, NOW.plus_ms(1)), all(&body, NOW.plus_ms(later.max(1))));
        let in_time = |converted: &Converted| {
            let records = converted.records.iter();
            let records = records.flat_map(|(stream, records)| {
                records.iter().map(|record| (*stream, record.clone()))
            });
            records
                .filter(|(_, record)| record.updated_at <= NOW)
                .collect::<Vec<_>>()
        };
        prop_assert_eq!(in_time(&first), in_time(&second));
        let ids = |converted: &Converted| -> Vec<_> {
            let records = converted.records.values().flatten();
            records.map(|record| record.id.clone()).collect()
        };
        prop_assert_eq!(ids(&first), ids(&second));
    }

    #[test]
    fn a_wrong_clock_is_put_right(
        ahead in prop_oneof![-400 * 86_400_000..-TOLERANCE_MS * 3, TOLERANCE_MS * 3..400 * 86_400_000],
        ago in 0..1_000_000_000i64,
        on_the_way in 0..10_000i64,
    ) {
        let sent_at = NOW.plus_ms(-on_the_way);
        let (truly, told) = (sent_at.plus_ms(-ago), sent_at.plus_ms(-ago + ahead));
        let result = corrected(told, Some(sent_at.plus_ms(ahead)), NOW);
        prop_assert_eq!(result, truly.plus_ms(on_the_way));
    }

    #[test]
    fn a_right_clock_is_believed_to_the_millisecond(
        ago in 0..100_000_000_000i64,
        off in -TOLERANCE_MS..=TOLERANCE_MS,
    ) {
        let told = NOW.plus_ms(-ago);
        prop_assert_eq!(corrected(told, Some(NOW.plus_ms(off)), NOW), told);
        prop_assert_eq!(corrected(told, None, NOW), told);
    }

    #[test]
    fn nothing_happens_later_than_it_is_told(
        told in any::<i64>(),
        sent_at in proptest::option::of(any::<i64>()),
    ) {
        let result = corrected(Instant(told), sent_at.map(Instant), NOW);
        prop_assert!(result <= NOW.plus_ms(TOLERANCE_MS));
    }

    #[test]
    fn every_property_is_kept(properties in json()) {
        let Json::Object(given) = &properties else { return Ok(()) };
        let records = converted(track("Signed Up", properties.clone()));
        for (name, json) in given {
            let kept = attribute(event(&records), name);
            prop_assert_eq!(kept, Some(&value::value_of(json)), "{}", name);
        }
    }
}

#[test]
fn history_keeps_its_instants() {
    let then = "2024-01-02T03:04:05Z";
    let call = |sent_at: Json| {
        let mut call = track("Signed Up", json!({}));
        call["timestamp"] = then.into();
        call["sentAt"] = sent_at;
        call
    };
    for sent_at in [json!("2026-11-21T19:59:58Z"), Json::Null] {
        let records = converted(call(sent_at));
        assert_eq!(event(&records).updated_at, then.parse().unwrap());
    }
    let body = call(json!("2024-01-02T03:04:06Z")).to_string();
    let batch = parse(Endpoint::Import, body.as_bytes(), Limits::default()).unwrap();
    let source = Source {
        historical: batch.historical,
        ..source()
    };
    let records = convert(&batch.calls[0], source).unwrap();
    assert_eq!(event(&records).updated_at, then.parse().unwrap());
    let live = converted(call(json!("2024-01-02T03:04:06Z")));
    assert_eq!(
        event(&live).updated_at,
        NOW.plus_ms(-1_000),
        "a device with a wrong clock"
    );
}

#[test]
fn a_call_without_instants_happens_when_it_comes() {
    let records = converted(json!({ "type": "page", "userId": "u" }));
    assert_eq!(event(&records).updated_at, NOW);
    let wrong = json!({ "type": "page", "userId": "u", "timestamp": "yesterday" });
    assert_eq!(fault(wrong), "timestamp");
}

#[test]
fn both_timestamps_mean_that_it_was_corrected_before() {
    let records = converted(json!({
        "type": "page", "userId": "u",
        "timestamp": "2026-11-21T12:00:00Z",
        "originalTimestamp": "2026-11-21T02:00:00Z",
        "sentAt": "2026-11-21T02:00:01Z",
    }));
    assert_eq!(
        event(&records).updated_at.to_string(),
        "2026-11-21T12:00:00Z"
    );
}
