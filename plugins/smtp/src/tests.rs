//! The plugin against a server that is a function; a real one is in `tests/real/smtp`.

mod message;
mod sending;
mod server;

use crosspoint_sdk::model::{Consent, ConsentState, ConsentTopic};
use crosspoint_sdk::serde_json::{self, json};
use crosspoint_sdk::testing::TestContext;
use crosspoint_sdk::{
    ActionKind, Attribute, Batch, Destination, Error, Identifier, Item, Outcome, settings,
};

use crate::{Settings, Smtp};
use server::Server;

/// The manifest's defaults and two templates, with `extra` on top.
fn configured(extra: serde_json::Value) -> Settings {
    let mut json = json!({
        "host": "mx.example.net",
        "port": 587,
        "security": "starttls",
        "user": "jane",
        "mechanism": "auto",
        "from": "Der Laden <news@shop.example.com>",
        "consent": "not-withdrawn",
        "batch_size": 20,
        "timeout_ms": 20000,
        "templates": {
            "news": {
                "subject": "Hello {{ first_name | default: \"friend\" }}",
                "text": "Dear {{ first_name | default: \"friend\" }},\n.\nbye",
                "html": "<p title=\"{{ first_name | default: \"friend\" }}\">{{ note | default: \"-\" }}",
            },
            "receipt": { "subject": "Paid", "text": "{{ total }}", "transactional": true },
        },
    });
    for (name, value) in extra.as_object().unwrap() {
        json[name] = value.clone();
    }
    settings::parse(&json.to_string()).unwrap()
}

fn item(fields: &[(&str, &str)]) -> Item {
    let mut fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| Attribute::new(*name, *value))
        .collect();
    if !fields.iter().any(|field| field.name == "template") {
        fields.push(Attribute::new("template", "news"));
    }
    Item {
        key: "k0123456789abcdefghijklmnopqrstu".to_owned(),
        profile_id: "p1".to_owned(),
        identifiers: vec![
            Identifier::UserId("u1".to_owned()),
            Identifier::Email("jane@example.com".to_owned()),
        ],
        list: None,
        fields,
        consents: vec![],
        occurred_at: 0,
        attempt: 0,
    }
}

fn to(address: &str) -> Item {
    item(&[("to", address)])
}

fn consent(state: ConsentState, decided_at: i64) -> Consent {
    Consent {
        topic: ConsentTopic::EmailMarketing,
        state,
        decided_at,
        evidence: None,
    }
}

/// Delivers to a server; what it says and what the server saw.
fn deliver(
    settings: &Settings,
    server: Server,
    items: Vec<Item>,
) -> (Result<Vec<Outcome>, Error>, Server) {
    let test = TestContext::default();
    let played = server.play(&test.tcp);
    let batch = Batch {
        action: ActionKind::SendMessage,
        items,
    };
    let outcomes = Smtp::deliver(&test.context(), settings, batch);
    assert_eq!(test.tcp.open_connections(), 0, "a connection was left open");
    let seen = played.borrow().clone();
    (outcomes, seen)
}

/// The message of one item, as the server got it.
fn sent(settings: &Settings, item: Item) -> String {
    let (outcomes, mut server) = deliver(settings, Server::default(), vec![item]);
    assert!(
        matches!(outcomes.as_deref(), Ok([Outcome::Done(_)])),
        "{outcomes:?}"
    );
    server.messages.remove(0)
}

fn rejected(outcomes: Result<Vec<Outcome>, Error>) -> Option<String> {
    match outcomes.unwrap().remove(0) {
        Outcome::Rejected(rejected) => rejected.field,
        other => panic!("{other:?}"),
    }
}
