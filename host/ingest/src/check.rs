//! What the host demands of every record, whatever plugin made it.

use crosspoint_model::Instant;
use crosspoint_model::record::{Body, Record};

/// Longest vendor id in bytes: it is part of store keys.
const MAX_ID_BYTES: usize = 512;
/// Most attributes of one record: beyond it a plugin maps rows to names by mistake.
const MAX_ATTRIBUTES: usize = 2_000;
/// Largest text of one attribute in bytes.
const MAX_TEXT_BYTES: usize = 1 << 20;
/// 1900-01-01 and 2200-01-01: what lies outside is a unit or parsing mistake, such as seconds
/// taken for milliseconds, and would keep timers waiting for centuries.
const EARLIEST: Instant = Instant(-2_208_988_800_000);
const LATEST: Instant = Instant(7_258_118_400_000);

/// Checks a record.
///
/// # Errors
/// The field at fault and what is wrong with it, for a person.
pub fn check(record: &Record) -> Result<(), (&'static str, String)> {
    if record.id.is_empty() {
        return Err((
            "id",
            "is empty; expected the vendor's id of the object".into(),
        ));
    }
    if record.id.len() > MAX_ID_BYTES {
        return Err(("id", format!("is longer than {MAX_ID_BYTES} bytes")));
    }
    plausible("updated-at", record.updated_at)?;
    if record.attributes.len() > MAX_ATTRIBUTES {
        return Err(("attributes", format!("are more than {MAX_ATTRIBUTES}")));
    }
    for attribute in &record.attributes {
        if attribute.name.is_empty() {
            return Err(("attributes", "hold one without a name".into()));
        }
        let bytes = match &attribute.value {
            crosspoint_model::Value::Text(text) => text.len(),
            crosspoint_model::Value::Json(text) => text.len(),
            _ => 0,
        };
        if bytes > MAX_TEXT_BYTES {
            let reason = format!("`{}` is longer than {MAX_TEXT_BYTES} bytes", attribute.name);
            return Err(("attributes", reason));
        }
    }
    match &record.body {
        Body::Order(order) => {
            plausible("placed-at", order.placed_at)?;
            currency("total", &order.total.currency)
        }
        Body::Cart(cart) => match &cart.total {
            Some(total) => currency("total", &total.currency),
            None => Ok(()),
        },
        Body::Event(event) if event.name.is_empty() => {
            Err(("name", "is empty; expected the event's name".into()))
        }
        Body::Event(event) => plausible("occurred-at", event.occurred_at),
        Body::Submission(submission) => plausible("submitted-at", submission.submitted_at),
        Body::Engagement(engagement) => plausible("occurred-at", engagement.occurred_at),
        Body::Consent(consent) => plausible("decided-at", consent.decided_at),
        Body::Tombstone(tombstone) => plausible("deleted-at", tombstone.deleted_at),
        Body::Contact(_) | Body::Product(_) | Body::Content(_) => Ok(()),
    }
}

fn plausible(field: &'static str, at: Instant) -> Result<(), (&'static str, String)> {
    if (EARLIEST..LATEST).contains(&at) {
        Ok(())
    } else {
        Err((
            field,
            format!("is {at}; expected an instant between 1900 and 2200"),
        ))
    }
}

fn currency(field: &'static str, code: &str) -> Result<(), (&'static str, String)> {
    if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        Ok(())
    } else {
        Err((
            field,
            format!("has the currency `{code}`; expected an ISO 4217 code such as EUR"),
        ))
    }
}
