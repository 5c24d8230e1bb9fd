//! Deliveries on their way to a plugin, and what came of them.

use crosspoint_model::delivery::{Action, Delivery, Outcome};
use crosspoint_model::record::{Attribute, Consent, ConsentState, ConsentTopic};
use crosspoint_model::{Identifier, Value};

use crate::bindings::crosspoint::connector::model as wit;
use crate::bindings::exports::crosspoint::connector::destination as wit_destination;
use crate::connector::destination::Found;

pub(crate) fn action_kind(action: &Action) -> wit_destination::ActionKind {
    use wit_destination::ActionKind;
    match action {
        Action::UpsertContact => ActionKind::UpsertContact,
        Action::DeleteContact => ActionKind::DeleteContact,
        Action::AddToList => ActionKind::AddToList,
        Action::RemoveFromList => ActionKind::RemoveFromList,
        Action::SendMessage => ActionKind::SendMessage,
        Action::TrackEvent => ActionKind::TrackEvent,
        Action::Suppress => ActionKind::Suppress,
        Action::Unsuppress => ActionKind::Unsuppress,
        Action::Custom(name) => ActionKind::Custom(name.to_string()),
    }
}

pub(crate) fn action(kind: wit_destination::ActionKind) -> Action {
    use wit_destination::ActionKind;
    match kind {
        ActionKind::UpsertContact => Action::UpsertContact,
        ActionKind::DeleteContact => Action::DeleteContact,
        ActionKind::AddToList => Action::AddToList,
        ActionKind::RemoveFromList => Action::RemoveFromList,
        ActionKind::SendMessage => Action::SendMessage,
        ActionKind::TrackEvent => Action::TrackEvent,
        ActionKind::Suppress => Action::Suppress,
        ActionKind::Unsuppress => Action::Unsuppress,
        ActionKind::Custom(name) => Action::Custom(name.into()),
    }
}

/// `connector` is the one that delivers: its own vendor ids are customers there, others external.
pub(crate) fn item(connector: &str, delivery: &Delivery) -> wit_destination::Item {
    wit_destination::Item {
        key: delivery.key.to_string(),
        profile_id: delivery.profile.to_string(),
        identifiers: delivery
            .identifiers
            .iter()
            .map(|it| identifier(connector, it))
            .collect(),
        list: delivery.list.as_ref().map(ToString::to_string),
        fields: delivery.fields.iter().map(attribute).collect(),
        consents: delivery.consents.iter().map(consent).collect(),
        occurred_at: delivery.occurred_at.0,
        attempt: delivery.attempts,
    }
}

fn identifier(connector: &str, given: &Identifier) -> wit::Identifier {
    match given {
        Identifier::Vendor { system, id } if system == connector => {
            wit::Identifier::Customer(id.to_string())
        }
        Identifier::Vendor { system, id } => wit::Identifier::External(wit::ExternalId {
            system: system.to_string(),
            id: id.to_string(),
        }),
        Identifier::UserId(id) => wit::Identifier::UserId(id.to_string()),
        Identifier::Email(id) => wit::Identifier::Email(id.to_string()),
        Identifier::Phone(id) => wit::Identifier::Phone(id.to_string()),
        Identifier::AnonymousId(id) => wit::Identifier::AnonymousId(id.to_string()),
        Identifier::Cookie(id) => wit::Identifier::Cookie(id.to_string()),
    }
}

fn attribute(given: &Attribute) -> wit::Attribute {
    let value = match &given.value {
        Value::Null => wit::Value::Null,
        Value::Bool(flag) => wit::Value::Boolean(*flag),
        Value::Int(number) => wit::Value::Integer(*number),
        Value::Decimal(number) => wit::Value::Decimal(number.to_string()),
        Value::Text(text) => wit::Value::Text(text.to_string()),
        Value::Instant(instant) => wit::Value::Instant(instant.0),
        Value::Json(text) => wit::Value::Json(text.to_string()),
    };
    wit::Attribute {
        name: given.name.to_string(),
        value,
    }
}

fn consent(given: &Consent) -> wit::Consent {
    wit::Consent {
        topic: match &given.topic {
            ConsentTopic::EmailMarketing => wit::ConsentTopic::EmailMarketing,
            ConsentTopic::SmsMarketing => wit::ConsentTopic::SmsMarketing,
            ConsentTopic::PhoneMarketing => wit::ConsentTopic::PhoneMarketing,
            ConsentTopic::PostMarketing => wit::ConsentTopic::PostMarketing,
            ConsentTopic::Ads => wit::ConsentTopic::Ads,
            ConsentTopic::Analytics => wit::ConsentTopic::Analytics,
            ConsentTopic::Personalization => wit::ConsentTopic::Personalization,
            ConsentTopic::Other(word) => wit::ConsentTopic::Other(word.to_string()),
        },
        state: match given.state {
            ConsentState::Granted => wit::ConsentState::Granted,
            ConsentState::Withdrawn => wit::ConsentState::Withdrawn,
            ConsentState::Pending => wit::ConsentState::Pending,
        },
        decided_at: given.decided_at.0,
        evidence: given.evidence.as_ref().map(ToString::to_string),
    }
}

/// `clean` takes secrets out of what the plugin wrote.
pub(crate) fn outcome(
    given: wit_destination::Outcome,
    clean: impl Fn(String) -> String,
) -> Outcome {
    use wit_destination::Outcome as Wit;
    match given {
        Wit::Done(id) => Outcome::Done(id.map(Into::into)),
        Wit::Queued(job) => Outcome::Queued(job.into()),
        Wit::Rejected(wit_destination::Rejected { field, reason }) => Outcome::Rejected {
            field: field.map(Into::into),
            reason: clean(reason).into(),
        },
        Wit::RateLimited(ms) => Outcome::RateLimited(ms),
        Wit::Transient(reason) => Outcome::Transient(clean(reason).into()),
        Wit::Unknown(reason) => Outcome::Unknown(clean(reason).into()),
        Wit::Auth(reason) => Outcome::Auth(clean(reason).into()),
        Wit::Gone(reason) => Outcome::Gone(clean(reason).into()),
        Wit::Unsupported(reason) => Outcome::Unsupported(clean(reason).into()),
    }
}

pub(crate) fn found(given: wit_destination::Found) -> Found {
    match given {
        wit_destination::Found::Present(id) => Found::Present(id.map(Into::into)),
        wit_destination::Found::Absent => Found::Absent,
        wit_destination::Found::Undecided => Found::Undecided,
    }
}
