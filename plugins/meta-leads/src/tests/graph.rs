//! A Graph API in memory that answers lists of forms and leads as Meta does.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crosspoint_sdk::http::{Header, HttpError, Request, Response};
use crosspoint_sdk::map::instant::to_rfc3339;
use crosspoint_sdk::serde_json::{Value, json};
use crosspoint_sdk::testing::TestContext;

/// Number and second of creation.
pub type Lead = (u64, i64);

type Meanwhile = dyn FnMut(usize, &mut BTreeMap<u64, Vec<Lead>>);

#[derive(Default)]
pub struct State {
    pub forms: BTreeMap<u64, Vec<Lead>>,
    /// The answer's `Date`.
    pub now: Option<&'static str>,
    /// A page without data stands in front of every list's last page.
    pub has_empty_pages: bool,
    /// Called with the number of each request before it is answered.
    pub meanwhile: Option<Box<Meanwhile>>,
    pub requests: usize,
}

#[derive(Clone, Default)]
pub struct Graph(pub Rc<RefCell<State>>);

impl Graph {
    pub fn context(&self) -> TestContext {
        let test = TestContext::default();
        let graph = self.clone();
        test.http.serve(move |request| graph.answer(request));
        test
    }

    fn answer(&self, request: &Request) -> Result<Response, HttpError> {
        let mut state = self.0.borrow_mut();
        state.requests += 1;
        let number = state.requests;
        if let Some(mut meanwhile) = state.meanwhile.take() {
            meanwhile(number, &mut state.forms);
            state.meanwhile = Some(meanwhile);
        }
        let path = request.url.strip_prefix(super::BASE).unwrap();
        let (path, query) = path.split_once('?').unwrap();
        let query: BTreeMap<_, _> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .collect();
        let get = |name: &str| query.get(name).copied();
        let body = if path.ends_with("/leadgen_forms") {
            let data: Vec<_> = state
                .forms
                .keys()
                .rev()
                .map(|id| json!({ "id": id.to_string(), "name": format!("Form {id}") }))
                .collect();
            json!({ "data": data })
        } else {
            let form: u64 = path.split('/').nth(1).unwrap().parse().unwrap();
            let since = get("filtering").map(|text| {
                assert!(text.contains("time_created") && text.contains("GREATER_THAN"));
                let digits = text
                    .rsplit_once("%3A")
                    .unwrap()
                    .1
                    .trim_end_matches("%7D%5D");
                digits
                    .parse::<i64>()
                    .expect("unix seconds; text is ignored")
            });
            let limit: usize = get("limit").unwrap().parse().unwrap();
            let mut leads = state.forms[&form].clone();
            leads.retain(|(_, at)| since.is_none_or(|since| *at > since));
            // Newest first; the place of a page is the last lead before it.
            leads.sort_by_key(|(id, at)| (-at, *id));
            if let Some(after) = get("after") {
                let (at, id) = after.trim_start_matches('E').split_once('_').unwrap();
                let after: (i64, u64) = (at.parse().unwrap(), id.parse().unwrap());
                leads.retain(|(id, at)| (-at, *id) > after);
            }
            let is_last = leads.len() <= limit;
            let is_empty = state.has_empty_pages
                && is_last
                && get("after").is_some_and(|it| !it.starts_with('E'));
            leads.truncate(if is_empty { 0 } else { limit });
            let after = match leads.last() {
                Some((id, at)) => format!("{}_{id}", -at),
                None => format!("E{}", get("after").unwrap_or_default()),
            };
            let data: Vec<Value> = leads.iter().map(|(id, at)| json!({
                "id": id.to_string(), "form_id": form.to_string(),
                "created_time": to_rfc3339(at * 1_000).replace('Z', "+0000"),
                "field_data": [{ "name": "email", "values": [format!("{id}@example.com")] }],
                "custom_disclaimer_responses": [
                    { "checkbox_key": "news", "is_checked": "1" },
                    { "checkbox_key": "calls", "is_checked": "1" },
                    { "checkbox_key": "offers", "is_checked": "1" },
                ],
            })).collect();
            let mut paging = json!({ "cursors": { "after": after } });
            if !is_last || is_empty {
                paging["next"] = json!(format!(
                    "https://graph.facebook.com/x?access_token=EAAtoken&after={after}"
                ));
            }
            json!({ "data": data, "paging": paging })
        };
        let headers = state.now.map(|now| Header {
            name: "date".to_owned(),
            value: now.to_owned(),
        });
        Ok(Response {
            status: 200,
            headers: headers.into_iter().collect(),
            body: body.to_string().into_bytes(),
        })
    }
}
