//! What follows from an outcome: pure.

use crosspoint_model::Instant;
use crosspoint_model::delivery::{Delivery, Outcome, Receipt};

use crate::{DestinationFault, Found, Idempotency, Retry};

/// What the worker does besides writing the receipt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Consequences {
    /// Nothing more to this vendor before this instant.
    pub hold_until: Option<Instant>,
    /// Nothing more until a person acts.
    pub pause: Option<String>,
}

/// What is known where a call answered nothing for an item.
pub(crate) fn outcome_of_fault(fault: &DestinationFault) -> Outcome {
    match fault {
        DestinationFault::Unknown(reason) => Outcome::Unknown(reason.into()),
        DestinationFault::RateLimited(ms) => Outcome::RateLimited(*ms),
        DestinationFault::Paused(reason) => Outcome::Auth(reason.into()),
    }
}

/// The receipt for one item, and what else follows.
pub(crate) fn judge(
    delivery: &Delivery,
    outcome: Outcome,
    idempotency: Idempotency,
    retry: &Retry,
    now: Instant,
    consequences: &mut Consequences,
) -> Receipt {
    let backoff = || {
        let wait = retry.wait_ms(delivery.attempts, &delivery.key)?;
        Some(now.plus_ms(i64::try_from(wait).unwrap_or(i64::MAX)))
    };
    let retry_at = match &outcome {
        Outcome::Done(_)
        | Outcome::Queued(_)
        | Outcome::Rejected { .. }
        | Outcome::Gone(_)
        | Outcome::Unsupported(_) => None,
        Outcome::Transient(_) => backoff(),
        Outcome::Unknown(_) if idempotency == Idempotency::AtMostOnce => None,
        Outcome::Unknown(_) => backoff(),
        Outcome::RateLimited(ms) => {
            let wait = ms.unwrap_or(retry.first_ms);
            let until = now.plus_ms(i64::try_from(wait).unwrap_or(i64::MAX));
            consequences.hold_until = consequences.hold_until.max(Some(until));
            Some(until)
        }
        Outcome::Auth(reason) => {
            consequences.pause.get_or_insert_with(|| reason.to_string());
            None
        }
    };
    Receipt {
        seq: delivery.id.seq,
        ordinal: delivery.id.ordinal,
        outcome,
        retry_at,
    }
}

/// The outcome for an item of unknown fate after the vendor was asked.
pub(crate) fn outcome_of_found(found: Found) -> Outcome {
    match found {
        Found::Present(id) => Outcome::Done(id),
        Found::Absent => Outcome::Transient("the vendor says that it did not happen".into()),
        Found::Undecided => {
            Outcome::Unknown("no answer came and the vendor cannot tell whether it happened".into())
        }
    }
}
