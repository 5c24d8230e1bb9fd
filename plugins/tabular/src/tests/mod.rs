mod archive;
mod cdnow;
mod files;
mod kinds;
mod packed;
mod property;
mod rows;
mod workbook;

use crosspoint_sdk::model::{Instant, Value};
use crosspoint_sdk::serde_json::{self, Value as Json, json};
use crosspoint_sdk::testing::TestContext;
use crosspoint_sdk::{Body, Budget, Error, Page, Record, Source, settings};

use crate::{Settings, Tabular};

const LARGE: Budget = Budget {
    records: 100_000,
    bytes: 1 << 30,
};

/// Settings of orders with the given changes on top.
fn orders(changes: Json) -> Settings {
    let mut base = json!({
        "currency": "EUR",
        "records": {
            "kind": "order",
            "id": "order",
            "identifiers": { "email": "email" },
            "fields": { "placed_at": "date", "total": "total" },
        },
    });
    merge(&mut base, changes);
    parse(&base)
}

fn merge(base: &mut Json, changes: Json) {
    match (base, changes) {
        (Json::Object(base), Json::Object(changes)) => {
            for (name, value) in changes {
                merge(base.entry(name).or_insert(Json::Null), value);
            }
        }
        (base, changes) => *base = changes,
    }
}

fn parse(json: &Json) -> Settings {
    settings::parse(&json.to_string()).unwrap()
}

fn stream_of(settings: &Settings) -> String {
    Tabular::streams(&TestContext::default().context(), settings)
        .unwrap()
        .remove(0)
        .name
}

fn read_page(
    test: &TestContext,
    settings: &Settings,
    cursor: Option<&[u8]>,
    budget: Budget,
) -> Result<Page, Error> {
    Tabular::read(
        &test.context(),
        settings,
        &stream_of(settings),
        cursor,
        budget,
    )
}

/// Everything that is there, in pages of the given budget, and the last cursor.
fn read_all(
    test: &TestContext,
    settings: &Settings,
    cursor: Option<Vec<u8>>,
    budget: Budget,
) -> Page {
    let mut all = Page::empty();
    let mut cursor = cursor;
    loop {
        let page = read_page(test, settings, cursor.as_deref(), budget).unwrap();
        assert!(page.records.len() + page.rejects.len() <= budget.records.max(1) as usize);
        all.records.extend(page.records);
        all.rejects.extend(page.rejects);
        all.notices.extend(page.notices);
        cursor = Some(page.next_cursor.clone());
        all.next_cursor = page.next_cursor;
        if !page.more {
            return all;
        }
    }
}

/// One file read whole.
fn read(settings: &Settings, content: impl Into<Vec<u8>>) -> Page {
    let test = TestContext::default();
    test.files.put("feed.csv", content);
    read_all(&test, settings, None, LARGE)
}

/// What a test of orders usually looks at: id, total, and attributes.
fn summary(page: &Page) -> Vec<String> {
    page.records.iter().map(line).collect()
}

fn line(record: &Record) -> String {
    let head = match &record.body {
        Body::Order(order) => format!("{} {}", record.id, order.total.amount),
        Body::Tombstone(_) => format!("{} deleted", record.id),
        _ => record.id.clone(),
    };
    record.attributes.iter().fold(head, |line, attribute| {
        let value = serde_json::Value::from(&attribute.value);
        format!("{line} {}={value}", attribute.name)
    })
}

/// Locator, field and reason.
type Rejected = (String, Option<String>, String);

fn rejects(page: &Page) -> Vec<Rejected> {
    page.rejects
        .iter()
        .map(|reject| {
            (
                reject.locator.clone(),
                reject.field.clone(),
                reject.reason.clone(),
            )
        })
        .collect()
}

fn attribute<'a>(record: &'a Record, name: &str) -> &'a Value {
    &record
        .attributes
        .iter()
        .find(|attribute| attribute.name == name)
        .unwrap()
        .value
}

const DAY_MS: Instant = 86_400_000;
