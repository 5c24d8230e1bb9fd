//! What a connector's requests use up at the vendor: how many left, and what the vendor says is left
//! of its quota.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderMap;

use crosspoint_model::Instant;

use crate::manifest::QuotaHeaders;

/// Headers for the quota that are in wide use: what remains, and the limit.
const USUAL: [(&str, &str); 3] = [
    ("ratelimit-remaining", "ratelimit-limit"),
    ("x-ratelimit-remaining", "x-ratelimit-limit"),
    ("x-rate-limit-remaining", "x-rate-limit-limit"),
];

/// What the vendor said of its quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// What is left, in the vendor's unit.
    pub remaining: u64,
    /// Of how much, where the vendor says.
    pub limit: Option<u64>,
}

/// What a connector's requests used since it was made.
#[derive(Debug, Default)]
pub struct Usage {
    requests: AtomicU64,
    quota: Mutex<Option<(Instant, Quota)>>,
}

impl Usage {
    /// Requests that left for the vendor; those for tokens aside.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// The newest reading of the vendor's quota, and when it came.
    pub fn quota(&self) -> Option<(Instant, Quota)> {
        *self.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn note(&self, headers: &HeaderMap, own: Option<&QuotaHeaders>) {
        if let Some(quota) = reading(headers, own) {
            let since = SystemTime::now().duration_since(UNIX_EPOCH);
            let ms = since.unwrap_or_default().as_millis();
            let at = Instant(i64::try_from(ms).unwrap_or(i64::MAX));
            *self.quota.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, quota));
        }
    }
}

/// What an answer says of the quota: by the headers that the manifest names, else by those of the
/// IETF's drafts `ratelimit`, else by those in wide use.
fn reading(headers: &HeaderMap, own: Option<&QuotaHeaders>) -> Option<Quota> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    if let Some(own) = own {
        let value = text(&own.header)?;
        return used_of_limit(value).or_else(|| {
            let limit = own.limit_header.as_deref().and_then(text).and_then(number);
            let remaining = number(value)?;
            Some(Quota { remaining, limit })
        });
    }
    if let Some(quota) = text("ratelimit").and_then(|value| {
        let remaining = parameter(value, "r").or_else(|| parameter(value, "remaining"))?;
        let policy = text("ratelimit-policy").and_then(|policy| parameter(policy, "q"));
        let limit = policy.or_else(|| parameter(value, "limit"));
        Some(Quota { remaining, limit })
    }) {
        return Some(quota);
    }
    USUAL.iter().find_map(|(remaining, limit)| {
        let remaining = number(text(remaining)?)?;
        let limit = text(limit).and_then(number);
        Some(Quota { remaining, limit })
    })
}

/// `32/40` anywhere in the text, as in `api-usage=18/5000`: what was used, of how much.
fn used_of_limit(text: &str) -> Option<Quota> {
    text.match_indices('/').find_map(|(at, _)| {
        let digits = text[..at].bytes().rev().take_while(u8::is_ascii_digit);
        let used: u64 = text[at - digits.count()..at].parse().ok()?;
        let limit = number(&text[at + 1..])?;
        Some(Quota {
            remaining: limit.saturating_sub(used),
            limit: Some(limit),
        })
    })
}

/// The whole number that the text starts with.
fn number(text: &str) -> Option<u64> {
    let text = text.trim_start();
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    text[..end].parse().ok()
}

/// The number under `name` among the parameters of a structured field.
fn parameter(text: &str, name: &str) -> Option<u64> {
    text.split([';', ',']).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        (key.trim() == name).then(|| number(value))?
    })
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn read(
        given: &[(&str, &str)],
        own: Option<(&str, Option<&str>)>,
    ) -> Option<(u64, Option<u64>)> {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.insert(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let own = own.map(|(header, limit)| QuotaHeaders {
            header: header.to_owned(),
            limit_header: limit.map(str::to_owned),
        });
        let quota = reading(&headers, own.as_ref())?;
        Some((quota.remaining, quota.limit))
    }

    #[test]
    fn vendors_headers_are_read() {
        let shopify = ("x-shopify-shop-api-call-limit", None);
        assert_eq!(
            read(&[(shopify.0, "32/40")], Some(shopify)),
            Some((8, Some(40)))
        );
        let salesforce = ("sforce-limit-info", None);
        let value = "api-usage=18/5000; per-app-api-usage=17/250(appName=sample)";
        assert_eq!(
            read(&[(salesforce.0, value)], Some(salesforce)),
            Some((4_982, Some(5_000)))
        );
        let daily = ("x-vendor-daily-remaining", Some("x-vendor-daily"));
        let both = [
            ("x-vendor-daily-remaining", "499999"),
            ("x-vendor-daily", "500000"),
        ];
        assert_eq!(read(&both, Some(daily)), Some((499_999, Some(500_000))));
        assert_eq!(read(&[("x-ratelimit-remaining", "7")], Some(shopify)), None);
    }

    #[test]
    fn usual_headers_need_no_manifest() {
        let draft = [
            ("ratelimit", "\"default\";r=50;t=30"),
            ("ratelimit-policy", "\"default\";q=100;w=10"),
        ];
        assert_eq!(read(&draft, None), Some((50, Some(100))));
        assert_eq!(
            read(&[("ratelimit", "limit=100, remaining=50, reset=5")], None),
            Some((50, Some(100)))
        );
        let older = [
            ("ratelimit-remaining", "149"),
            ("ratelimit-limit", "150, 10;w=1, 150;w=60"),
        ];
        assert_eq!(read(&older, None), Some((149, Some(150))));
        assert_eq!(
            read(&[("x-ratelimit-remaining", "9")], None),
            Some((9, None))
        );
        assert_eq!(read(&[("x-ratelimit-remaining", "soon")], None), None);
        assert_eq!(read(&[], None), None);
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(value in "[ -~]{0,40}", digits in "[0-9/;=r ]{0,30}") {
            for text in [&value, &digits] {
                let own = ("x-own", Some("x-own"));
                read(&[("x-own", text)], Some(own));
                read(&[("ratelimit", text), ("ratelimit-policy", text)], None);
                read(&[("x-ratelimit-remaining", text)], None);
            }
        }
    }
}
