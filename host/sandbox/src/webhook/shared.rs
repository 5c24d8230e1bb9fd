//! Values that the vendor sends along because it signs nothing.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{Call, Refusal, is_any, keys, parameter, single};
use crate::mac::Key;
use crate::manifest::{SharedPlace, Webhook, fill};
use crate::secret::Secret;

/// Where the value stands, and what it must be.
pub(super) struct Shared {
    pub(super) place: SharedPlace,
    /// Of the header, parameter or key; empty where the place needs none.
    pub(super) name: String,
    prefix: String,
    values: Vec<Key>,
}

impl Shared {
    pub(super) fn new(
        webhook: &Webhook,
        settings: &Map<String, Value>,
        secret: Option<&Secret>,
    ) -> Result<Self, String> {
        let secret = secret.ok_or("is missing")?;
        let place = webhook.place.ok_or("needs a `place` in the manifest")?;
        let name = match &webhook.name {
            Some(name) => {
                fill(name, settings).ok_or_else(|| format!("needs the settings in `{name}`"))?
            }
            None => String::new(),
        };
        let mut values = keys::values(secret)?;
        if place == SharedPlace::Basic && webhook.name.is_some() {
            for value in &mut values {
                let mut pair = Zeroizing::new(format!("{name}:").into_bytes());
                pair.extend_from_slice(value);
                *value = pair;
            }
        }
        Ok(Self {
            place,
            name,
            prefix: webhook.prefix.clone(),
            values,
        })
    }

    pub(super) fn check(&self, call: &Call<'_>) -> Result<(), Refusal> {
        let given = Zeroizing::new(self.given(call)?.ok_or(Refusal::MissingSignature)?);
        if is_any(&self.values, &given) {
            Ok(())
        } else {
            Err(Refusal::BadSignature)
        }
    }

    fn given(&self, call: &Call<'_>) -> Result<Option<Vec<u8>>, Refusal> {
        let bytes = |text: &str| text.as_bytes().to_vec();
        Ok(match self.place {
            SharedPlace::Header => single(call.headers, &self.name)?
                .and_then(|value| value.strip_prefix(self.prefix.as_str()))
                .map(bytes),
            SharedPlace::Query => parameter(call.query, &self.name)?.map(String::into_bytes),
            SharedPlace::Basic => match single(call.headers, header::AUTHORIZATION.as_str())? {
                Some(value) => basic(value)?,
                None => None,
            },
            SharedPlace::Path => {
                let path = call.path.trim_matches('/');
                (!path.is_empty()).then(|| percent_decode_str(path).collect())
            }
            SharedPlace::Json => serde_json::from_slice::<Map<String, Value>>(call.body)
                .map_err(|_| Refusal::Malformed)?
                .get(&self.name)
                .and_then(Value::as_str)
                .map(bytes),
        })
    }
}

/// `user:password` of RFC 7617.
fn basic(value: &str) -> Result<Option<Vec<u8>>, Refusal> {
    let Some((scheme, pair)) = value.split_once(' ') else {
        return Ok(None);
    };
    if !scheme.eq_ignore_ascii_case("basic") {
        return Ok(None);
    }
    BASE64_STANDARD
        .decode(pair.trim())
        .map(Some)
        .map_err(|_| Refusal::Malformed)
}
