//! The host's side of the contract's imports.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::{CallState, LogLevel, LogLine};
use crate::bindings::crosspoint::connector::{files, http as wit_http, jobs, log, settings};
use crate::egress::{EgressError, Request, Response};
use crate::files::{FileError, FileMove};

/// See the contract's `jobs`.
const MAX_NOTES: usize = 256;
const MAX_NOTE_KEY_BYTES: usize = 256;
const MAX_NOTE_BYTES: usize = 64 * 1024;

impl wit_http::Host for CallState {
    async fn fetch(
        &mut self,
        request: wit_http::Request,
    ) -> Result<wit_http::Response, wit_http::Error> {
        let remaining = self.remaining();
        let timeout = request.timeout_ms.map_or(remaining, |ms| {
            remaining.min(Duration::from_millis(ms.into()))
        });
        self.hooks.count();
        let headers = headers(request.headers)?;
        let egress = self.shared.egress.as_ref().ok_or_else(no_egress)?;
        let request = Request {
            method: method(request.method),
            url: request.url,
            headers,
            body: request.body.map_or_else(Bytes::new, Bytes::from),
            timeout,
        };
        egress.fetch(request).await.map(answer).map_err(refusal)
    }
}

fn no_egress() -> wit_http::Error {
    wit_http::Error::Denied("the manifest does not ask for `http`".to_owned())
}

fn method(method: wit_http::Method) -> Method {
    match method {
        wit_http::Method::Get => Method::GET,
        wit_http::Method::Head => Method::HEAD,
        wit_http::Method::Post => Method::POST,
        wit_http::Method::Put => Method::PUT,
        wit_http::Method::Patch => Method::PATCH,
        wit_http::Method::Delete => Method::DELETE,
        wit_http::Method::Options => Method::OPTIONS,
    }
}

fn headers(given: Vec<wit_http::Header>) -> Result<HeaderMap, wit_http::Error> {
    let mut headers = HeaderMap::with_capacity(given.len());
    for wit_http::Header { name, value } in given {
        let fault = || wit_http::Error::Invalid(format!("`{name}` is no usable header"));
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| fault())?;
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| fault())?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn answer(response: Response) -> wit_http::Response {
    let header = |(name, value): (&HeaderName, &HeaderValue)| wit_http::Header {
        name: name.as_str().to_owned(),
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
    };
    wit_http::Response {
        status: response.status.as_u16(),
        headers: response.headers.iter().map(header).collect(),
        body: response.body.into(),
    }
}

fn refusal(error: EgressError) -> wit_http::Error {
    match error {
        EgressError::Denied(reason) => wit_http::Error::Denied(reason),
        EgressError::Connect(reason) => wit_http::Error::Connect(reason),
        EgressError::Timeout => wit_http::Error::Timeout,
        EgressError::Reset(reason) => wit_http::Error::Reset(reason),
        EgressError::TooLarge(limit) => wit_http::Error::TooLarge(limit),
        EgressError::Invalid(reason) => wit_http::Error::Invalid(reason),
        EgressError::Auth(reason) => wit_http::Error::Auth(reason),
        EgressError::RateLimited(ms) => wit_http::Error::RateLimited(ms),
    }
}

impl files::Host for CallState {
    async fn list(
        &mut self,
        prefix: String,
        pattern: String,
    ) -> Result<Vec<files::Entry>, files::Error> {
        let files = self.shared.files.as_ref().ok_or_else(no_files)?;
        let found = files.list(&prefix, &pattern).await.map_err(file_fault)?;
        let entry = |it: crate::files::FileEntry| files::Entry {
            path: it.path,
            size: it.size,
            modified_at: it.modified_at_ms,
            etag: it.etag,
        };
        Ok(found.into_iter().map(entry).collect())
    }

    async fn read(
        &mut self,
        path: String,
        offset: u64,
        length: u32,
    ) -> Result<Vec<u8>, files::Error> {
        let files = self.shared.files.as_ref().ok_or_else(no_files)?;
        files
            .read(&mut self.open_files, &path, offset, length)
            .await
            .map_err(file_fault)
    }

    fn archive(&mut self, file: files::Entry, to: String) -> Result<(), files::Error> {
        let files = self.shared.files.as_ref().ok_or_else(no_files)?;
        let files::Entry {
            path,
            size,
            modified_at,
            etag,
        } = file;
        let from = crate::files::FileEntry {
            path,
            size,
            modified_at_ms: modified_at,
            etag,
        };
        let wanted = FileMove { from, to };
        files.plan(&mut self.moves, wanted).map_err(file_fault)
    }
}

fn no_files() -> files::Error {
    files::Error::Denied("the operator granted no location".to_owned())
}

fn file_fault(error: FileError) -> files::Error {
    match error {
        FileError::NotFound => files::Error::NotFound,
        FileError::Denied(reason) => files::Error::Denied(reason),
        FileError::Transient(reason) => files::Error::Transient(reason),
        FileError::Changed(reason) => files::Error::Changed(reason),
        FileError::Invalid(reason) => files::Error::Invalid(reason),
    }
}

impl log::Host for CallState {
    fn write(&mut self, level: log::Level, message: String) {
        if self.logs.len() >= self.shared.limits.log_lines {
            self.dropped_logs += 1;
            return;
        }
        let mut message = self.shared.scrubber.text(&message);
        let limit = self.shared.limits.log_line_bytes;
        if message.len() > limit {
            let cut = (0..=limit)
                .rev()
                .find(|at| message.is_char_boundary(*at))
                .unwrap_or(0);
            message.truncate(cut);
            message.push('…');
        }
        let connector = &*self.shared.connector;
        let level = match level {
            log::Level::Debug => {
                tracing::debug!(connector, "{message}");
                LogLevel::Debug
            }
            log::Level::Info => {
                tracing::info!(connector, "{message}");
                LogLevel::Info
            }
            log::Level::Warn => {
                tracing::warn!(connector, "{message}");
                LogLevel::Warn
            }
            log::Level::Error => {
                tracing::error!(connector, "{message}");
                LogLevel::Error
            }
        };
        self.logs.push(LogLine { level, message });
    }
}

impl settings::Host for CallState {
    fn get(&mut self) -> String {
        self.shared.settings_json.clone()
    }
}

impl jobs::Host for CallState {
    fn get(&mut self, key: String) -> Option<Vec<u8>> {
        self.notes.get(key.as_str()).cloned()
    }

    fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<()> {
        let key: smol_str::SmolStr = key.into();
        let is_new = !self.notes.contains_key(&key);
        if key.len() > MAX_NOTE_KEY_BYTES
            || value.len() > MAX_NOTE_BYTES
            || is_new && self.notes.len() >= MAX_NOTES
        {
            let fault = "a note has at most 256 bytes of key and 64 KiB of value, and there are \
                         at most 256 notes";
            return Err(BrokenContract(fault.to_owned()).into());
        }
        self.changed_notes.insert(key.clone(), Some(value.clone()));
        self.notes.insert(key, value);
        Ok(())
    }

    fn delete(&mut self, key: String) {
        let key: smol_str::SmolStr = key.into();
        if self.notes.remove(&key).is_some() {
            self.changed_notes.insert(key, None);
        }
    }

    fn keys(&mut self) -> Vec<String> {
        self.notes.keys().map(ToString::to_string).collect()
    }
}

/// The plugin did what the contract forbids, in a call that cannot answer with an error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BrokenContract(pub(crate) String);
