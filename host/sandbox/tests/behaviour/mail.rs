//! The smtp plugin, compiled, against a real mail server: `tests/real/smtp/run` starts it, makes its
//! certificate trusted, and checks what arrived.

use std::collections::BTreeMap;
use std::sync::Arc;

use crosspoint_model::delivery::{Action, Delivery, DeliveryId, DeliveryStatus, Outcome};
use crosspoint_model::record::Attribute;
use crosspoint_model::{DeliveryKey, Identifier, Instant, ProfileId, Symbol, Value};
use crosspoint_sandbox::{
    CallInput, Connector, ConnectorSetup, Error, Grants, HostGrant, Limits, MachineClock, Secret,
};
use serde_json::json;

use crate::rig::ENGINE;

fn connector(port: u16, mechanism: &str, password: &str) -> Connector {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/smtp");
    let built = crosspoint_plugin_build::build_component(folder, "plugin-smtp").unwrap();
    let settings = json!({
        "host": "localhost",
        "port": port,
        "user": "jane",
        "mechanism": mechanism,
        "from": "Der Läden <news@shop.example.com>",
        "bounces_to": "bounces@shop.example.com",
        "templates": {
            "news": {
                "subject": format!("Grüße, {{{{ name }}}} {}Ende", "€ ".repeat(40)),
                "text": "Hallo {{ name }},\n.\n..\nTschüss",
                "html": "<p>{{ name }}</p>",
            },
        },
    });
    Connector::new(ConnectorSetup {
        id: "mail".into(),
        plugin: ENGINE.load(&std::fs::read(built).unwrap()).unwrap(),
        settings: settings.as_object().unwrap().clone(),
        secrets: BTreeMap::from([("password".to_owned(), Secret::new(password))]),
        grants: Grants {
            hosts: vec![HostGrant::named("localhost", Some(port), false).unwrap()],
            ..Grants::default()
        },
        limits: Limits::default(),
        rate: None,
        tokens: None,
        clock: Arc::new(MachineClock),
    })
    .unwrap()
}

fn delivery(seq: u64, mechanism: &str, address: &str) -> Delivery {
    let field = |name: &str, text: &str| Attribute {
        name: name.into(),
        value: Value::Text(text.into()),
    };
    Delivery {
        id: DeliveryId {
            connector: Symbol(1),
            seq,
            ordinal: 0,
        },
        key: DeliveryKey::of("project", mechanism, seq, 0),
        sync: Symbol(2),
        profile: ProfileId([7; 16]),
        action: Action::SendMessage,
        list: None,
        fields: vec![
            field("name", "Jörg <3"),
            field("unsubscribe_url", "https://u.example.com/u/abc"),
        ],
        identifiers: Identifier::email(address).into_iter().collect(),
        consents: vec![],
        occurred_at: Instant(1),
        status: DeliveryStatus::Pending,
        attempts: 0,
        last_reason: None,
    }
}

#[tokio::test]
#[ignore = "needs the server that tests/real/smtp/run starts"]
async fn a_real_server_takes_mail() {
    let port = std::env::var("CROSSPOINT_REAL_SMTP").unwrap();
    let port = port.parse().unwrap();
    let addresses = [
        "jane@example.com",
        "gone@example.com",
        "later@example.com",
        "joerg@example.com",
    ];
    for mechanism in ["plain", "login"] {
        let connector = connector(port, mechanism, "canary-s3cret");
        connector
            .check_destination(CallInput::default())
            .await
            .unwrap();
        let batch: Vec<_> = (1..)
            .zip(addresses)
            .map(|(seq, address)| delivery(seq, mechanism, address))
            .collect();
        let output = connector
            .deliver(&Action::SendMessage, &batch, CallInput::default())
            .await
            .unwrap();
        let told = format!("{output:?}");
        let [first, gone, later, last] = &output.value[..] else {
            panic!("{told}")
        };
        assert!(
            matches!((first, last), (Outcome::Done(_), Outcome::Done(_))),
            "{told}"
        );
        assert!(matches!(gone, Outcome::Gone(_)), "{told}");
        assert!(matches!(later, Outcome::Transient(_)), "{told}");
        assert!(
            !told.contains("canary") && !told.contains("gone@"),
            "{told}"
        );
    }
    let refused = connector(port, "plain", "another-s3cret")
        .check_destination(CallInput::default())
        .await
        .unwrap_err();
    assert!(matches!(&refused, Error::Guest { .. }), "{refused}");
    assert!(refused.to_string().contains("535"), "{refused}");
}
