//! What a person agreed to, from the preferences that a consent banner leaves with each call
//! (<https://segment.com/docs/privacy/consent-management/consent-in-segment/>).

use crosspoint_model::Instant;
use crosspoint_model::record::{Consent, ConsentState, ConsentTopic};
use serde_json::Value as Json;
use smol_str::{SmolStr, format_smolstr};

use super::call::Object;
use super::context::Attributes;
use super::value::folded;

/// The decisions of a call, each with its category; what is no decision goes to `attributes`.
pub(super) fn decisions(
    context: &Object,
    at: Instant,
    evidence: &str,
    attributes: &mut Attributes,
) -> Vec<(SmolStr, Consent)> {
    let preferences = context
        .get("consent")
        .and_then(|consent| consent.get("categoryPreferences"))
        .and_then(Json::as_object);
    let mut decisions = Vec::new();
    for (category, json) in preferences.into_iter().flatten() {
        match state(json) {
            Some(state) if !category.trim().is_empty() => {
                let consent = Consent {
                    topic: topic(category),
                    state,
                    decided_at: at,
                    evidence: Some(format_smolstr!("call {evidence}")),
                };
                decisions.push((category.into(), consent));
            }
            _ => attributes.add(&format!("consent_category_{category}"), json, "context"),
        }
    }
    decisions
}

fn state(json: &Json) -> Option<ConsentState> {
    match json {
        Json::Bool(true) => Some(ConsentState::Granted),
        Json::Bool(false) => Some(ConsentState::Withdrawn),
        Json::String(word) => match folded(word).as_str() {
            "granted" | "true" | "yes" | "optin" => Some(ConsentState::Granted),
            "denied" | "withdrawn" | "false" | "no" | "optout" => Some(ConsentState::Withdrawn),
            "pending" => Some(ConsentState::Pending),
            _ => None,
        },
        _ => None,
    }
}

/// Segment's own categories and the usual words of banners; any other is a topic of its own name.
/// `Functional` is what makes a page remember a person, hence personalization.
fn topic(category: &str) -> ConsentTopic {
    match folded(category).as_str() {
        "advertising" | "ads" | "marketing" | "targeting" => ConsentTopic::Ads,
        "analytics" | "performance" | "statistics" => ConsentTopic::Analytics,
        "functional" | "personalization" | "personalisation" | "preferences" => {
            ConsentTopic::Personalization
        }
        _ => ConsentTopic::from_word(category.trim()),
    }
}
