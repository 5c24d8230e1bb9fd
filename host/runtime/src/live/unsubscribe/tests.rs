use std::fs;
use std::sync::Arc;

use crosspoint_deliver::Outbox as _;
use crosspoint_ingest::tracking::{Endpoint, Limits, parse};
use crosspoint_model::delivery::{DeliveryId, DeliveryStatus};
use crosspoint_model::{DeliveryKey, Instant, ProfileId, Symbol};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::HostOptions;
use crate::live::{Fields, Found, Names, Who};

const URL: &str = "https://u.example.com/";

fn token(url: &str) -> &str {
    url.strip_prefix("https://u.example.com/u/").unwrap()
}

#[test]
fn a_key_is_made_once_and_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("unsubscribe.key");
    let mail = ConnectorId::from("mail");
    let first = Unsubscribing::open(&file, URL).unwrap();
    let url = first.url(&mail, "jane@example.com");
    let again = Unsubscribing::open(&file, URL).unwrap();
    assert_eq!(again.url(&mail, "jane@example.com"), url);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    fs::write(&file, "short").unwrap();
    assert!(Unsubscribing::open(&file, URL).is_err());
}

const PROJECT: &str = r#"
[project]
name = "test"

[server]
listen = "127.0.0.1:0"
public_url = "https://u.example.com"

[tracking.website]
write_keys = ["website-1"]

[segments.newsletter]
when = "consent('email-marketing')"
"#;

/// Segments and consents of jane, once all is stepped.
fn jane(host: &Host) -> (Vec<String>, Option<String>) {
    let last = host.ledger.last_appended();
    host.tokio.block_on(host.handle.applied(last)).unwrap();
    let who = Who::parse("email:jane@example.com").unwrap();
    let fields = Fields {
        segments: Names::All,
        consents: true,
        ..Fields::default()
    };
    let found = host
        .tokio
        .block_on(host.look_up(who, fields))
        .unwrap()
        .found;
    let seen = match found {
        Found::One(seen) => *seen,
        other => panic!("{other:?}"),
    };
    let segments = seen.segments.unwrap_or_default();
    let state = seen.consents.unwrap_or_default().remove("email-marketing");
    (
        segments.iter().map(|it| it.name.to_string()).collect(),
        state,
    )
}

fn message(fields: Vec<Attribute>) -> Delivery {
    Delivery {
        id: DeliveryId {
            connector: Symbol(1),
            seq: 1,
            ordinal: 0,
        },
        key: DeliveryKey::of("test", "mail", 1, 0),
        sync: Symbol(2),
        profile: ProfileId([7; 16]),
        action: Action::SendMessage,
        list: None,
        fields,
        identifiers: Identifier::email("jane@example.com").into_iter().collect(),
        consents: vec![],
        occurred_at: Instant(1),
        status: DeliveryStatus::Pending,
        attempts: 0,
        last_reason: None,
    }
}

/// The address in the message, if it has one.
fn address(item: &Delivery) -> Option<String> {
    let field = item.fields.iter().find(|field| field.name == FIELD)?;
    match &field.value {
        Value::Text(url) => Some(url.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_click_takes_the_person_out_of_the_segment() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("crosspoint.toml"), PROJECT).unwrap();
    let open = || -> Arc<Host> {
        let options = HostOptions {
            project: folder.path().to_owned(),
            data: None,
            edges: false,
        };
        Host::open(options, &|_| {}).unwrap()
    };
    let host = open();
    let calls = json!({ "batch": [{
        "type": "identify",
        "userId": "jane",
        "messageId": "m1",
        "timestamp": "2020-01-01T00:00:00.000Z",
        "traits": { "email": "jane@example.com" },
        "context": { "consent": { "categoryPreferences": { "email-marketing": true } } },
    }] });
    let calls = calls.to_string();
    let batch = parse(Endpoint::Batch, calls.as_bytes(), Limits::default()).unwrap();
    let website = ConnectorId::from("website");
    host.tokio.block_on(host.track(&website, &batch)).unwrap();
    assert_eq!(
        jane(&host),
        (vec!["newsletter".to_owned()], Some("granted".to_owned()))
    );

    let unsubscribing = host.unsubscribing.clone().unwrap();
    let sent = unsubscribing.add(&"mail".into(), &[message(vec![])]);
    let url = address(&sent[0]).unwrap();
    let token = token(&url);
    let click = |token: &str| host.tokio.block_on(host.unsubscribe(token)).unwrap();
    assert!(host.knows_unsubscribing(token));
    assert_eq!(jane(&host).0, ["newsletter"], "looking changes nothing");
    assert!(!click("AAAA") && !click(""), "nobody made these");
    assert!(click(token) && click(token));
    let withdrawn = (vec![], Some("withdrawn".to_owned()));
    assert_eq!(jane(&host), withdrawn);

    // What was caused before and still waits is handed over with the decision.
    let who = crate::admin::find::profiles_of;
    let id = host.handle.ask(move |core| {
        let jane = Identifier::email("jane@example.com").expect("an address");
        Ok(who(core, &Who::Identifier(jane))?[0])
    });
    let waiting = Delivery {
        profile: id.unwrap(),
        ..message(vec![])
    };
    let outbox = crate::work::StateOutbox(Arc::clone(&host.handle));
    let renewed = host.tokio.block_on(outbox.renewed(vec![waiting])).unwrap();
    let states: Vec<_> = renewed[0].consents.iter().map(|it| it.state).collect();
    assert_eq!(states, [ConsentState::Withdrawn]);
    host.close().unwrap();
    drop(host);
    let host = open();
    assert_eq!(jane(&host), withdrawn);
    assert!(host.knows_unsubscribing(token), "the key is kept");
    host.close().unwrap();
}

#[test]
fn an_address_of_its_own_is_left_alone() {
    let unsubscribing = Unsubscribing::with(&[1; KEY_BYTES], URL);
    let own = Attribute {
        name: FIELD.into(),
        value: Value::Text("https://own.example.com/".into()),
    };
    let other = Delivery {
        action: Action::UpsertContact,
        ..message(vec![])
    };
    let nobody = Delivery {
        identifiers: vec![],
        ..message(vec![])
    };
    let items = [message(vec![own]), other, nobody];
    let added = unsubscribing.add(&"mail".into(), &items);
    assert_eq!(added, items);
}

proptest! {
    #[test]
    fn only_what_this_host_made_is_read(
        connector in "[a-z][a-z-]{0,20}", local in "[a-z.+]{1,30}", flip in any::<prop::sample::Index>(),
    ) {
        let own = Unsubscribing::with(&[1; KEY_BYTES], URL);
        let address = format!("{local}@example.com");
        let connector = ConnectorId::from(connector.as_str());
        let url = own.url(&connector, &address);
        prop_assert!(!url.contains(&local) || local.len() < 4);
        let read = own.read(token(&url));
        prop_assert_eq!(read, Some((connector, Identifier::email(&address).unwrap())));
        let other = Unsubscribing::with(&[2; KEY_BYTES], URL);
        prop_assert_eq!(other.read(token(&url)), None);
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(token(&url)).unwrap();
        let at = flip.index(bytes.len());
        bytes[at] ^= 1;
        prop_assert_eq!(own.read(&BASE64_URL_SAFE_NO_PAD.encode(bytes)), None);
    }
}
