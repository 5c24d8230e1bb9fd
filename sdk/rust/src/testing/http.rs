//! Expected requests and their answers.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use crate::http::{Fetch, Header, HttpError, Method, Request, Response};

/// One expected request and what it is answered with.
#[derive(Clone, Debug)]
pub struct Exchange {
    method: Method,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    json: Option<serde_json::Value>,
    answer: Result<Response, HttpError>,
}

impl Exchange {
    /// Expects this method and URL, with the query; answers 200 with an empty body.
    pub fn expect(method: Method, url: &str) -> Self {
        Self {
            method,
            url: url.to_owned(),
            headers: Vec::new(),
            body: None,
            json: None,
            answer: Ok(Response {
                status: 200,
                headers: Vec::new(),
                body: Vec::new(),
            }),
        }
    }

    /// Expects a header besides others.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Expects exactly this body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Expects a JSON body with this value.
    #[must_use]
    pub fn with_json(mut self, json: serde_json::Value) -> Self {
        self.json = Some(json);
        self
    }

    /// Answers with this status and body.
    #[must_use]
    pub fn answer(mut self, status: u16, body: impl Into<Vec<u8>>) -> Self {
        self.answer = Ok(Response {
            status,
            headers: Vec::new(),
            body: body.into(),
        });
        self
    }

    /// Adds a header to the answer.
    ///
    /// # Panics
    /// After [`Self::fail`].
    #[must_use]
    pub fn answer_header(mut self, name: &str, value: &str) -> Self {
        self.answer
            .as_mut()
            .expect("a failing exchange has no headers")
            .headers
            .push(Header {
                name: name.to_ascii_lowercase(),
                value: value.to_owned(),
            });
        self
    }

    /// Answers with a fault.
    #[must_use]
    pub fn fail(mut self, error: HttpError) -> Self {
        self.answer = Err(error);
        self
    }

    fn check(&self, request: &Request) {
        assert_eq!(
            (request.method.as_str(), request.url.as_str()),
            (self.method.as_str(), self.url.as_str()),
            "the plugin sent another request than the script expects"
        );
        for (name, value) in &self.headers {
            let sent: Vec<_> = request
                .headers
                .iter()
                .filter(|header| header.name.eq_ignore_ascii_case(name))
                .map(|header| header.value.as_str())
                .collect();
            assert_eq!(sent, [value.as_str()], "header `{name}`");
        }
        let body = request.body.as_deref().unwrap_or_default();
        if let Some(expected) = &self.body {
            assert_eq!(
                String::from_utf8_lossy(body),
                String::from_utf8_lossy(expected),
                "request body"
            );
        }
        if let Some(expected) = &self.json {
            let sent: serde_json::Value =
                serde_json::from_slice(body).expect("the plugin sent a JSON body");
            assert_eq!(&sent, expected, "request body");
        }
    }
}

/// Answers requests from a script, in order. Panics on a request that the script does not expect
/// next; [`ScriptedHttp::assert_done`] at the end proves that all were made.
#[derive(Clone, Default)]
pub struct ScriptedHttp {
    script: Rc<RefCell<VecDeque<Exchange>>>,
    seen: Rc<RefCell<Vec<Request>>>,
    vendor: Rc<RefCell<Option<Box<Vendor>>>>,
}

/// Answers whatever it is asked.
type Vendor = dyn FnMut(&Request) -> Result<Response, HttpError>;

impl ScriptedHttp {
    /// Appends an exchange to the script.
    pub fn push(&self, exchange: Exchange) {
        self.script.borrow_mut().push_back(exchange);
    }

    /// Lets this answer every request for which the script has no exchange left, for tests that
    /// need a vendor with a state of its own.
    pub fn serve(&self, vendor: impl FnMut(&Request) -> Result<Response, HttpError> + 'static) {
        *self.vendor.borrow_mut() = Some(Box::new(vendor));
    }

    /// The requests made so far.
    pub fn requests(&self) -> Vec<Request> {
        self.seen.borrow().clone()
    }

    /// # Panics
    /// Where expected requests were not made.
    pub fn assert_done(&self) {
        let left: Vec<_> = self
            .script
            .borrow()
            .iter()
            .map(|exchange| format!("{} {}", exchange.method.as_str(), exchange.url))
            .collect();
        assert!(left.is_empty(), "requests not made: {left:?}");
    }
}

impl Fetch for ScriptedHttp {
    fn fetch(&self, request: &Request) -> Result<Response, HttpError> {
        self.seen.borrow_mut().push(request.clone());
        let next = self.script.borrow_mut().pop_front();
        if let Some(exchange) = next {
            exchange.check(request);
            return exchange.answer;
        }
        match self.vendor.borrow_mut().as_mut() {
            Some(vendor) => vendor(request),
            None => panic!(
                "unexpected request: {} {}",
                request.method.as_str(),
                request.url
            ),
        }
    }
}
