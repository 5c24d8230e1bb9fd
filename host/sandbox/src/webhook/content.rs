//! What exactly is signed: the manifest's `content`, filled from a call.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header;
use reqwest::Url;
use serde_json::{Map, Value};

use super::{Call, Refusal, parameter, single};
use crate::mac;
use crate::manifest::{CONTENT_NAMES, fill};

/// The codes that HubSpot decodes before it signs an address
/// (<https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests>).
const DECODED: [(&str, &str); 12] = [
    ("%3A", ":"),
    ("%2F", "/"),
    ("%3F", "?"),
    ("%40", "@"),
    ("%21", "!"),
    ("%24", "$"),
    ("%27", "'"),
    ("%28", "("),
    ("%29", ")"),
    ("%2A", "*"),
    ("%2C", ","),
    ("%3B", ";"),
];

/// A template of what is signed.
pub(super) struct Content {
    parts: Vec<Part>,
    signed_headers: Option<String>,
    /// Headers that `{signed_headers}` must cover.
    must_cover: Vec<String>,
    body_digest_parameter: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(&'static str),
}

/// What of a call comes from elsewhere than its address, method and body.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) timestamp: Option<&'a str>,
}

impl Content {
    pub(super) fn new(
        template: &str,
        settings: &Map<String, Value>,
        signed_headers: Option<String>,
        must_cover: Vec<String>,
        body_digest_parameter: Option<String>,
    ) -> Result<Self, String> {
        let mut parts = Vec::new();
        for part in split(template) {
            parts.push(match part {
                Part::Text(text) => Part::Text(
                    fill(&text, settings)
                        .ok_or_else(|| format!("needs the settings in `{text}`"))?,
                ),
                value @ Part::Value(_) => value,
            });
        }
        Ok(Self {
            parts,
            signed_headers,
            must_cover,
            body_digest_parameter,
        })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.parts
            .iter()
            .any(|part| matches!(part, Part::Value(it) if *it == name))
    }

    pub(super) fn needs_url(&self) -> bool {
        ["url", "decoded_url", "path"]
            .iter()
            .any(|name| self.has(name))
    }

    /// What may have been signed: one text, or two where the address may have been written with
    /// or without its port.
    pub(super) fn of(&self, call: &Call<'_>, found: Found<'_>) -> Result<Vec<Vec<u8>>, Refusal> {
        if !self.needs_url() {
            return Ok(vec![self.filled(call, found, "")?]);
        }
        let url = call.url.ok_or(Refusal::UnknownUrl)?;
        let parsed = Url::parse(url).map_err(|_| Refusal::UnknownUrl)?;
        let mut texts = vec![self.filled(call, found, url)?];
        if let Some(other) = other_port(url, &parsed) {
            texts.push(self.filled(call, found, &other)?);
        }
        Ok(texts)
    }

    fn filled(&self, call: &Call<'_>, found: Found<'_>, url: &str) -> Result<Vec<u8>, Refusal> {
        let mut text = Vec::with_capacity(call.body.len() + 128);
        for (index, part) in self.parts.iter().enumerate() {
            match part {
                Part::Text(literal) => text.extend_from_slice(literal.as_bytes()),
                Part::Value("body") => text.extend_from_slice(call.body),
                Part::Value("body_base64") => {
                    text.extend_from_slice(BASE64_STANDARD.encode(call.body).as_bytes());
                }
                Part::Value("id") => {
                    let id = found.id.ok_or(Refusal::Malformed)?;
                    // Else a part of the body could pass as part of the id.
                    if let Some(Part::Text(next)) = self.parts.get(index + 1)
                        && id.contains(&next[..next.ceil_char_boundary(1)])
                    {
                        return Err(Refusal::Malformed);
                    }
                    text.extend_from_slice(id.as_bytes());
                }
                Part::Value("timestamp") => {
                    let timestamp = found.timestamp.ok_or(Refusal::Malformed)?;
                    text.extend_from_slice(timestamp.as_bytes());
                }
                Part::Value("method") => text.extend_from_slice(call.method.as_bytes()),
                Part::Value("url") => text.extend_from_slice(url.as_bytes()),
                Part::Value("decoded_url") => text.extend_from_slice(decoded(url).as_bytes()),
                Part::Value("path") => text.extend_from_slice(path(url).as_bytes()),
                Part::Value("params") => text.extend_from_slice(self.params(call)?.as_bytes()),
                Part::Value(_) => text.extend_from_slice(self.headers(call)?.as_bytes()),
            }
        }
        Ok(text)
    }

    /// Names and values of a form, sorted by name, without anything between; empty where the body
    /// is covered by its digest in the address instead.
    fn params(&self, call: &Call<'_>) -> Result<String, Refusal> {
        if let Some(name) = &self.body_digest_parameter
            && let Some(digest) = parameter(call.query, name)?
        {
            let own = hex::encode(mac::sha256(&[call.body]));
            return if digest.eq_ignore_ascii_case(&own) {
                Ok(String::new())
            } else {
                Err(Refusal::BadSignature)
            };
        }
        let kind = single(call.headers, header::CONTENT_TYPE.as_str())?.unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !call.body.is_empty() && !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        {
            return Err(Refusal::Malformed);
        }
        let mut sorted = BTreeMap::<_, BTreeSet<_>>::new();
        for (name, value) in form_urlencoded::parse(call.body) {
            sorted.entry(name).or_default().insert(value);
        }
        let mut text = String::with_capacity(call.body.len());
        for (name, values) in &sorted {
            for value in values {
                text.push_str(name);
                text.push_str(value);
            }
        }
        Ok(text)
    }

    /// `name:value` of each listed header, sorted, joined by `;`.
    fn headers(&self, call: &Call<'_>) -> Result<String, Refusal> {
        let list = self.signed_headers.as_deref().unwrap_or_default();
        let listed = single(call.headers, list)?.ok_or(Refusal::Malformed)?;
        let names: BTreeSet<_> = listed
            .split(',')
            .map(|name| name.trim().to_ascii_lowercase())
            .collect();
        if self.must_cover.iter().any(|name| !names.contains(name)) {
            return Err(Refusal::Malformed);
        }
        let mut pairs = Vec::with_capacity(names.len());
        for name in &names {
            let value = single(call.headers, name)?.ok_or(Refusal::Malformed)?;
            pairs.push(format!("{name}:{}", value.trim()));
        }
        Ok(pairs.join(";"))
    }
}

/// Splits a template into text and the values of [`CONTENT_NAMES`].
fn split(template: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut text = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let known = rest[open..].find('}').and_then(|close| {
            let inner = &rest[open + 1..open + close];
            let name = CONTENT_NAMES.iter().find(|name| **name == inner)?;
            Some((*name, open + close + 1))
        });
        match known {
            Some((name, end)) => {
                text.push_str(&rest[..open]);
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                parts.push(Part::Value(name));
                rest = &rest[end..];
            }
            None => {
                text.push_str(&rest[..=open]);
                rest = &rest[open + 1..];
            }
        }
    }
    text.push_str(rest);
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    parts
}

/// The same address with its scheme's port written out, or left out where it is.
fn other_port(url: &str, parsed: &Url) -> Option<String> {
    let scheme = url.find("://")? + 3;
    let end = url[scheme..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |at| scheme + at);
    let authority = &url[scheme..end];
    let port = parsed.port_or_known_default()?;
    let other = match authority.strip_suffix(&format!(":{port}")) {
        Some(bare) if parsed.port().is_none() => bare.to_owned(),
        Some(_) => return None,
        None => format!("{authority}:{port}"),
    };
    Some(format!("{}{other}{}", &url[..scheme], &url[end..]))
}

/// The path as written, without the query.
fn path(url: &str) -> &str {
    let after = url.find("://").map_or(url, |at| &url[at + 3..]);
    let path = after.find('/').map_or("/", |at| &after[at..]);
    path.split(['?', '#']).next().unwrap_or(path)
}

fn decoded(url: &str) -> String {
    let mut text = url.to_owned();
    for (code, plain) in DECODED {
        text = text
            .replace(code, plain)
            .replace(&code.to_ascii_lowercase(), plain);
    }
    text
}
