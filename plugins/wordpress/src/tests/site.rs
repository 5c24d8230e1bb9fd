//! A site in memory that answers lists as WordPress does.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crosspoint_sdk::http::{Header, HttpError, Request, Response};
use crosspoint_sdk::map::instant::{parse, to_rfc3339};
use crosspoint_sdk::serde_json::{Value, json};
use crosspoint_sdk::testing::TestContext;

/// A row of a list with instants.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: u64,
    /// UTC.
    pub modified: i64,
    /// UTC.
    pub date: i64,
    pub status: &'static str,
    /// Minutes east of UTC that the site had when it wrote the row.
    pub zone: i64,
    /// Whatever else makes its content.
    pub name: String,
}

impl Row {
    pub fn post(id: u64, modified: i64) -> Self {
        Self {
            id,
            modified,
            date: 1_000_000,
            status: "publish",
            zone: 0,
            name: String::new(),
        }
    }
}

type Meanwhile = dyn FnMut(usize, &mut Vec<Row>);

#[derive(Default)]
pub struct State {
    pub rows: Vec<Row>,
    /// Minutes east of UTC at present.
    pub zone: i64,
    /// The answer's `Date`.
    pub now: Option<&'static str>,
    /// Called with the number of each request before it is answered.
    pub meanwhile: Option<Box<Meanwhile>>,
    requests: usize,
}

#[derive(Clone, Default)]
pub struct Site(pub Rc<RefCell<State>>);

impl Site {
    pub fn context(&self) -> TestContext {
        let test = TestContext::default();
        let site = self.clone();
        test.http.serve(move |request| site.answer(request));
        test
    }

    fn answer(&self, request: &Request) -> Result<Response, HttpError> {
        let mut state = self.0.borrow_mut();
        state.requests += 1;
        let number = state.requests;
        if let Some(mut meanwhile) = state.meanwhile.take() {
            meanwhile(number, &mut state.rows);
            state.meanwhile = Some(meanwhile);
        }
        let (path, query) = request.url.split_once('?').unwrap();
        let list = path.rsplit('/').next().unwrap();
        let query: BTreeMap<_, _> = query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(name, value)| (name, value.replace("%3A", ":")))
            .collect();
        let get = |name: &str| query.get(name).map(String::as_str);
        let local = |at: i64, zone: i64| at + zone * 60_000;
        // With a zone it is converted to the site's own, without one it is that already.
        let bound = |text: &str| match text.strip_suffix('Z') {
            Some(_) => local(parse(text, 0).unwrap(), state.zone),
            None => parse(text, 0).unwrap(),
        };
        let mut rows: Vec<&Row> = state
            .rows
            .iter()
            .filter(|row| match get("status") {
                Some("any") => row.status != "trash",
                Some(status) => row.status == status,
                None => true,
            })
            .collect();
        for (name, is_modified, is_after) in [
            ("modified_after", true, true),
            ("modified_before", true, false),
            ("after", false, true),
            ("before", false, false),
        ] {
            let Some(text) = get(name) else { continue };
            let bound = bound(text);
            rows.retain(|row| {
                let at = local(if is_modified { row.modified } else { row.date }, row.zone);
                if is_after { at > bound } else { at < bound }
            });
        }
        rows.sort_by_key(|row| match get("orderby").unwrap() {
            // Ties have no order of their own: it changes from request to request.
            "modified" => (
                local(row.modified, row.zone),
                row.id * number as u64 % 7,
                row.id,
            ),
            "date" => (
                local(row.date, row.zone),
                row.id * number as u64 % 7,
                row.id,
            ),
            "id" => (0, 0, row.id),
            other => panic!("{other}"),
        });
        let size: usize = get("per_page").unwrap().parse().unwrap();
        let page: usize = get("page").map_or(1, |page| page.parse().unwrap());
        let total = rows.len();
        let pages = total.div_ceil(size);
        if page > 1 && page > pages {
            let body =
                json!({ "code": "rest_post_invalid_page_number", "data": { "status": 400 } });
            return Ok(Response {
                status: 400,
                headers: Vec::new(),
                body: body.to_string().into_bytes(),
            });
        }
        let rows: Vec<_> = rows
            .into_iter()
            .skip((page - 1) * size)
            .take(size)
            .map(|row| json(row, list))
            .collect();
        let header = |name: &str, value: String| Header {
            name: name.to_owned(),
            value,
        };
        let mut headers = vec![
            header("x-wp-total", total.to_string()),
            header("x-wp-totalpages", pages.to_string()),
        ];
        headers.extend(state.now.map(|now| header("date", now.to_owned())));
        Ok(Response {
            status: 200,
            headers,
            body: Value::from(rows).to_string().into_bytes(),
        })
    }
}

fn json(row: &Row, list: &str) -> Value {
    let text = |at: i64| to_rfc3339(at).trim_end_matches('Z').to_owned();
    let zone = row.zone * 60_000;
    match list {
        "users" => {
            json!({ "id": row.id, "name": row.name, "email": format!("{}@example.com", row.id),
            "registered_date": text(row.date) + "+00:00", "roles": [] })
        }
        "comments" => json!({ "id": row.id, "author": row.id, "content": row.name,
            "date": text(row.date + zone), "date_gmt": text(row.date) }),
        _ => {
            json!({ "id": row.id, "status": row.status, "type": "post", "title": { "raw": row.name },
            "date": text(row.date + zone), "date_gmt": text(row.date),
            "modified": text(row.modified + zone), "modified_gmt": text(row.modified) })
        }
    }
}
