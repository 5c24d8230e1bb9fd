//! What real clients sent, and what it becomes.

use std::path::Path;

use super::*;

/// One line of the recording.
#[derive(serde::Deserialize)]
struct Recorded {
    client: String,
    path: String,
    body: Json,
}

fn endpoint(path: &str) -> Endpoint {
    let word = path.rsplit('/').next().unwrap();
    CallKind::from_word(word).map_or(Endpoint::Batch, Endpoint::One)
}

#[test]
fn recorded_requests_become_the_records_of_the_golden() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let recording = std::fs::read_to_string(folder.join("tracking-requests.jsonl")).unwrap();
    let mut text = String::new();
    for line in recording.lines() {
        let request: Recorded = serde_json::from_str(line).unwrap();
        let body = request.body.to_string();
        let batch = parse(endpoint(&request.path), body.as_bytes(), Limits::default()).unwrap();
        let sent_at = batch.sent_at.expect("every client says when it sent");
        let converted = convert_batch(
            &batch,
            Source {
                received_at: sent_at.plus_ms(2_000),
                sent_at: Some(sent_at),
                historical: batch.historical,
                orders: true,
            },
        );
        assert_eq!(converted.rejects, [], "{line}");
        for records in converted.records.values() {
            for record in records {
                crate::check(record).unwrap();
            }
        }
        text += &format!(
            "# {}, {} calls to {}\n",
            request.client,
            batch.calls.len(),
            request.path
        );
        let records = converted.records.into_iter();
        let records: Vec<_> = records
            .flat_map(|(stream, records)| records.into_iter().map(move |record| (stream, record)))
            .collect();
        text += &(lines(&records).join("\n") + "\n");
    }
    let golden = folder.join("tracking-requests.records");
    if std::env::var_os("CROSSPOINT_BLESS").is_some() {
        std::fs::write(&golden, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&golden).unwrap();
    assert_eq!(text, expected, "CROSSPOINT_BLESS=1 accepts it");
}
