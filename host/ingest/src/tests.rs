use std::sync::Mutex;

use crosspoint_ledger::{Ledger, Options};
use crosspoint_model::entry::What;
use crosspoint_model::record::{Body, Event, Record};
use crosspoint_model::{ConnectorId, Identifier, Instant};

use crate::{Budget, Error, Page, Source, SourceFault, StreamContext, read_stream};

/// Answers with prepared pages in turn, and remembers the cursors it was called with.
struct Scripted {
    answers: Mutex<Vec<Result<Page, SourceFault>>>,
    cursors: Mutex<Vec<Option<Vec<u8>>>>,
}

impl Scripted {
    fn new(mut answers: Vec<Result<Page, SourceFault>>) -> Self {
        answers.reverse();
        Self {
            answers: Mutex::new(answers),
            cursors: Mutex::default(),
        }
    }
}

impl Source for Scripted {
    async fn read(
        &self,
        _stream: &str,
        cursor: Option<&[u8]>,
        _budget: Budget,
    ) -> Result<Page, SourceFault> {
        self.cursors
            .lock()
            .unwrap()
            .push(cursor.map(<[u8]>::to_vec));
        self.answers
            .lock()
            .unwrap()
            .pop()
            .expect("called more often than scripted")
    }
}

fn event(id: &str, name: &str) -> Record {
    Record {
        id: id.into(),
        updated_at: Instant(1),
        identifiers: vec![Identifier::user_id("u").unwrap()],
        attributes: Vec::new(),
        body: Body::Event(Event {
            name: name.into(),
            occurred_at: Instant(1),
        }),
    }
}

fn page(records: Vec<Record>, next: &[u8], more: bool) -> Page {
    Page {
        records,
        next_cursor: next.to_vec(),
        more,
        ..Page::default()
    }
}

async fn read(source: &Scripted, ledger: &Ledger) -> Result<crate::ReadSummary, Error> {
    let connector = ConnectorId::from("shop");
    let ctx = StreamContext {
        ledger,
        connector: &connector,
        stream: "events",
        keeps_cursor: true,
        stamp: &|_| Instant(5),
        progress: &|_, _| {},
        budget: Budget::default(),
    };
    read_stream(source, &ctx, Some(b"old".to_vec())).await
}

fn entries(ledger: &Ledger) -> Vec<What> {
    let mut reader = ledger.reader(1);
    let mut all = Vec::new();
    while let Some((_, entry)) = reader.next().unwrap() {
        all.push(entry.what);
    }
    all
}

fn open() -> (tempfile::TempDir, Ledger) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), Options::default()).unwrap();
    (dir, ledger)
}

#[tokio::test]
async fn cursor_and_records_are_one_entry() {
    let (_dir, ledger) = open();
    let source = Scripted::new(vec![
        Ok(page(vec![event("1", "A")], b"c1", true)),
        Ok(page(vec![event("2", "B")], b"c2", false)),
    ]);
    let summary = read(&source, &ledger).await.unwrap();
    assert_eq!((summary.records, summary.pages, summary.rejects), (2, 2, 0));
    let cursors: Vec<_> = entries(&ledger)
        .into_iter()
        .map(|what| match what {
            What::Records(records) => (records.records.len(), records.cursor),
            other => panic!("unexpected {other:?}"),
        })
        .collect();
    assert_eq!(
        cursors,
        [(1, Some(b"c1".to_vec())), (1, Some(b"c2".to_vec()))]
    );
}

#[tokio::test]
async fn a_bad_record_is_kept_beside_its_neighbours() {
    let (_dir, ledger) = open();
    let bad = vec![event("1", "A"), event("2", ""), event("", "C")];
    let source = Scripted::new(vec![Ok(page(bad, b"c1", false))]);
    let summary = read(&source, &ledger).await.unwrap();
    assert_eq!((summary.records, summary.rejects), (1, 2));
    let What::Records(records) = entries(&ledger).remove(0) else {
        panic!("no records")
    };
    let fields: Vec<_> = records
        .rejects
        .iter()
        .map(|reject| reject.field.clone())
        .collect();
    assert_eq!(fields, [Some("name".into()), Some("id".into())]);
}

#[tokio::test]
async fn a_source_that_does_not_move_on_is_stopped() {
    let (_dir, ledger) = open();
    let source = Scripted::new(vec![Ok(page(Vec::new(), b"old", true))]);
    let error = read(&source, &ledger).await.unwrap_err();
    assert!(matches!(error, Error::StandsStill { .. }), "{error}");
}

#[tokio::test]
async fn an_expired_cursor_starts_the_stream_over_once() {
    let (_dir, ledger) = open();
    let source = Scripted::new(vec![
        Err(SourceFault::CursorExpired("too old".into())),
        Ok(page(vec![event("1", "A")], b"c1", false)),
    ]);
    read(&source, &ledger).await.unwrap();
    assert_eq!(
        *source.cursors.lock().unwrap(),
        [Some(b"old".to_vec()), None]
    );
}

#[tokio::test]
async fn a_vendor_that_asks_for_patience_is_asked_again() {
    let (_dir, ledger) = open();
    let source = Scripted::new(vec![
        Ok(page(vec![event("1", "A")], b"c1", true)),
        Err(SourceFault::RateLimited(Some(1))),
        Err(SourceFault::RateLimited(Some(0))),
        Ok(page(vec![event("2", "B")], b"c2", false)),
    ]);
    let summary = read(&source, &ledger).await.unwrap();
    assert_eq!((summary.records, summary.pages), (2, 2));
    let cursors = source.cursors.lock().unwrap().clone();
    let asked: Vec<_> = cursors.iter().flatten().map(Vec::as_slice).collect();
    assert_eq!(asked, [b"old".as_slice(), b"c1", b"c1", b"c1"]);
}

#[tokio::test]
async fn patience_ends() {
    let (_dir, ledger) = open();
    let hour = SourceFault::RateLimited(Some(3_600_000));
    let source = Scripted::new(vec![Err(hour)]);
    let error = read(&source, &ledger).await.unwrap_err();
    let Error::Source { fault, .. } = error else {
        panic!("another error: {error}")
    };
    assert!(matches!(fault, SourceFault::RateLimited(Some(3_600_000))));
}
