//! What a manifest must satisfy beyond its form. All problems are reported at once.

mod secrets;
mod webhook;

use std::fmt;

use crosspoint_model::Instant;
use crosspoint_model::time::parse_span_ms;

use super::{CONTRACT, Capability, Manifest, Scheme, SettingType, template};
use crate::grants::HostPattern;

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Dotted key, or `plugin.toml:LINE`.
    pub place: String,
    /// What is wrong and what was expected.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.place, self.reason)
    }
}

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

impl Manifest {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut check = Check {
            manifest: self,
            problems: Vec::new(),
        };
        check.head();
        check.hosts();
        check.settings();
        check.secrets();
        check.webhook();
        check.rest();
        check.problems
    }
}

struct Check<'a> {
    manifest: &'a Manifest,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn require(&mut self, holds: bool, place: impl Into<String>, reason: impl Into<String>) {
        if !holds {
            self.problems.push(Problem {
                place: place.into(),
                reason: reason.into(),
            });
        }
    }

    fn head(&mut self) {
        let manifest = self.manifest;
        self.require(
            is_name(&manifest.id, '-'),
            "id",
            "must be lower-case letters, digits and `-`, starting with a letter",
        );
        self.require(
            !manifest.name.trim().is_empty(),
            "name",
            "must not be empty",
        );
        self.require(
            is_version(&manifest.version),
            "version",
            "must be three numbers such as `1.0.0`, optionally with `-` and a suffix",
        );
        self.require(
            manifest.contract == CONTRACT,
            "contract",
            format!("must be `{CONTRACT}`, the contract that this host binds"),
        );
        self.require(
            !manifest.roles.is_empty(),
            "roles",
            "must name `source`, `destination` or both",
        );
    }

    fn hosts(&mut self) {
        let manifest = self.manifest;
        let by_http =
            manifest.asks_for(Capability::Http) || manifest.asks_for(Capability::WasiHttp);
        let by_tcp = manifest.asks_for(Capability::Tcp);
        self.require(
            manifest.hosts.is_empty() || by_http || by_tcp,
            "hosts",
            "is of no use without `http`, `wasi:http` or `tcp` among `imports`",
        );
        for (index, request) in manifest.hosts.iter().enumerate() {
            let place = format!("hosts[{index}]");
            let is_tcp = request.scheme == Scheme::Tcp;
            if is_tcp {
                self.require(
                    by_tcp && request.methods.is_empty(),
                    format!("{place}.scheme"),
                    "is `tcp`, which needs `tcp` among `imports` and has no methods",
                );
                let port = request.host.rsplit_once(':').map(|(_, port)| port);
                self.require(
                    port.is_some_and(|port| !port.is_empty() && !port.ends_with(']')),
                    format!("{place}.host"),
                    format!(
                        "has `{}`; with scheme `tcp` a port must follow",
                        request.host
                    ),
                );
            }
            if let Some(name) = setting_alone(&request.host) {
                self.setting_exists(&format!("{place}.host"), name);
            } else {
                self.templates(&format!("{place}.host"), &request.host);
                // A name filled in from a setting is checked when the connector is made.
                let sample = self.sample(&request.host);
                let fault = HostPattern::parse_asked(&sample).err();
                self.require(
                    fault.is_none(),
                    format!("{place}.host"),
                    fault.unwrap_or_default(),
                );
            }
            for method in &request.methods {
                self.require(
                    METHODS.contains(&method.as_str()),
                    format!("{place}.methods"),
                    format!("has `{method}`; allowed are {}", METHODS.join(", ")),
                );
            }
        }
    }

    fn settings(&mut self) {
        for (name, setting) in &self.manifest.settings {
            let place = format!("settings.{name}");
            self.require(
                is_name(name, '_'),
                &place,
                "must be lower-case letters, digits and `_`, starting with a letter",
            );
            self.require(
                !(setting.required && setting.default.is_some()),
                &place,
                "is required and has a default; only one of both makes sense",
            );
            self.require(
                setting.choices.is_empty() || setting.kind == SettingType::Text,
                &place,
                "has choices but is not text",
            );
            let ordered = setting
                .min
                .zip(setting.max)
                .is_none_or(|(min, max)| min <= max);
            self.require(ordered, &place, "has a `min` above its `max`");
            if let Some(complaint) = setting
                .default
                .as_ref()
                .and_then(|it| setting.complaint(it))
            {
                self.require(false, format!("{place}.default"), complaint);
            }
        }
    }

    fn rest(&mut self) {
        if let Some(rate) = &self.manifest.rate_limit {
            self.require(
                rate.requests > 0,
                "rate_limit.requests",
                "must be at least 1",
            );
            self.require(
                rate.burst != Some(0),
                "rate_limit.burst",
                "must be at least 1",
            );
            let span = parse_span_ms(&rate.per);
            self.require(
                span.as_ref().is_ok_and(|ms| *ms > 0),
                "rate_limit.per",
                format!("is `{}`; expected a span such as `1s` or `1m`", rate.per),
            );
        }
        if let Some(quota) = &self.manifest.quota {
            self.header_name("quota.header", &quota.header);
            if let Some(name) = &quota.limit_header {
                self.header_name("quota.limit_header", name);
            }
        }
        if let Some(day) = self
            .manifest
            .vendor
            .as_ref()
            .and_then(|it| it.sunset.as_ref())
        {
            self.require(
                day.parse::<Instant>().is_ok(),
                "vendor.sunset",
                format!("is `{day}`; expected a date such as `2027-01-31`"),
            );
        }
    }

    fn header(&mut self, place: &str, name: &str) {
        self.header_name(place, name);
        self.require(
            !crate::egress::is_hosts_own(name),
            place,
            format!("sets `{name}`, which belongs to the host"),
        );
    }

    fn header_name(&mut self, place: &str, name: &str) {
        let valid = http::HeaderName::from_bytes(name.as_bytes()).is_ok();
        self.require(
            valid && !name.bytes().any(|byte| byte.is_ascii_uppercase()),
            place,
            format!("has `{name}`, which is no header name in lower case"),
        );
    }

    fn templates(&mut self, place: &str, text: &str) {
        for name in template::names(text) {
            self.setting_exists(place, name);
        }
    }

    fn setting_exists(&mut self, place: &str, name: &str) {
        let known = self.manifest.settings.get(name);
        self.require(
            known.is_some_and(|it| matches!(it.kind, SettingType::Text | SettingType::Integer)),
            place,
            format!("takes `{{settings.{name}}}`, which is no text or integer setting here"),
        );
    }

    /// The text with something plausible in place of each setting.
    fn sample(&self, text: &str) -> String {
        template::names(text)
            .iter()
            .fold(text.to_owned(), |filled, name| {
                let setting = self.manifest.settings.get(*name);
                let is_number = setting.is_some_and(|it| it.kind == SettingType::Integer);
                let value = if is_number { "1" } else { "name" };
                filled.replace(&format!("{{settings.{name}}}"), value)
            })
    }
}

/// `{settings.NAME}` and nothing else.
pub(crate) fn setting_alone(text: &str) -> Option<&str> {
    let name = text.strip_prefix("{settings.")?.strip_suffix('}')?;
    (!name.contains('}')).then_some(name)
}

fn is_name(text: &str, joiner: char) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .chars()
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == joiner)
}

fn is_version(text: &str) -> bool {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let parts: Vec<_> = core.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| part.parse::<u32>().is_ok())
}
