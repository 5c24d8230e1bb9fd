//! A vendor in memory that understands the queries that the plugin sends.

use std::cell::RefCell;
use std::rc::Rc;

use crosspoint_sdk::http::{HttpError, Request, Response};
use crosspoint_sdk::map::instant::{parse, to_rfc3339};
use crosspoint_sdk::serde_json::{self, Value, json};
use crosspoint_sdk::testing::TestContext;

/// A contact: id, stamp in milliseconds, deleted.
pub type Row = (String, i64, bool);

/// What the vendor holds and how it pages.
#[derive(Default)]
pub struct State {
    pub rows: Vec<Row>,
    /// Rows per page; 0: all.
    pub page_rows: usize,
    /// Query locators are stale at once.
    pub is_forgetful: bool,
    locators: Vec<Vec<Row>>,
}

#[derive(Clone, Default)]
pub struct Vendor(pub Rc<RefCell<State>>);

/// An id of the vendor's form.
pub fn id(number: usize) -> String {
    format!("003{number:015}")
}

impl Vendor {
    /// A context that leads here.
    pub fn context(&self) -> TestContext {
        let test = TestContext::default();
        let vendor = self.clone();
        test.http.serve(move |request| vendor.answer(request));
        test
    }

    fn answer(&self, request: &Request) -> Result<Response, HttpError> {
        let path = request.url.strip_prefix(super::BASE).unwrap();
        let (status, body) = if path.ends_with("/describe") {
            let text = include_str!("../../fixtures/describe-contact.json");
            (200, serde_json::from_str(text).unwrap())
        } else if let Some(query) = path.strip_prefix("/queryAll?q=") {
            (200, self.query(&decode(query)))
        } else if let Some(locator) = path.strip_prefix("/query/") {
            let rest = self.0.borrow().locators[locator.parse::<usize>().unwrap()].clone();
            if self.0.borrow().is_forgetful {
                let problem = json!([{ "errorCode": "INVALID_QUERY_LOCATOR", "message": "x" }]);
                (400, problem)
            } else {
                (200, self.page(rest))
            }
        } else {
            panic!("unexpected request: {path}")
        };
        Ok(Response {
            status,
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
        })
    }

    fn query(&self, soql: &str) -> Value {
        assert!(soql.contains(" FROM Contact"), "{soql}");
        let after = match soql.split_once(" WHERE ") {
            None => (i64::MIN, String::new()),
            Some((_, rest)) => {
                let clause = rest.split_once(" ORDER BY ").unwrap().0;
                match clause.strip_prefix("SystemModstamp >= ") {
                    Some(at) => (parse(at, 0).unwrap(), String::new()),
                    None => {
                        let at = clause.split(['>', ')']).nth(1).unwrap();
                        let id = clause.split('\'').nth(1).unwrap();
                        (parse(at, 0).unwrap(), id.to_owned())
                    }
                }
            }
        };
        let limit: usize = soql.rsplit_once(" LIMIT ").unwrap().1.parse().unwrap();
        let mut rows = self.0.borrow().rows.clone();
        rows.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
        let behind = |row: &Row| (row.1, row.0.clone()) > after;
        self.page(rows.into_iter().filter(behind).take(limit).collect())
    }

    fn page(&self, mut rows: Vec<Row>) -> Value {
        let mut state = self.0.borrow_mut();
        let size = if state.page_rows == 0 {
            rows.len()
        } else {
            state.page_rows.min(rows.len())
        };
        let rest = rows.split_off(size);
        let records: Vec<_> = rows
            .iter()
            .map(|(id, at, is_deleted)| {
                json!({ "attributes": { "type": "Contact" }, "Id": id, "LastName": "x",
                    "IsDeleted": is_deleted, "HasOptedOutOfEmail": false, "DoNotCall": true, "CreatedDate": "2020-01-01T00:00:00.000+0000",
                    "SystemModstamp": to_rfc3339(*at).replace('Z', ".000+0000") })
            })
            .collect();
        if rest.is_empty() {
            return json!({ "done": true, "records": records });
        }
        state.locators.push(rest);
        let next = format!("/services/data/v66.0/query/{}", state.locators.len() - 1);
        json!({ "done": false, "records": records, "nextRecordsUrl": next })
    }
}

fn decode(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let hex = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
            }
            plain => plain,
        });
    }
    String::from_utf8(out).unwrap()
}
