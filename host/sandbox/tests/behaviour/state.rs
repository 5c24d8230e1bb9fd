//! Files, notes, records and outcomes: what crosses the boundary and what does not.

use std::os::unix::fs::symlink;

use crosspoint_model::delivery::{Action, Delivery, DeliveryId, DeliveryStatus, Outcome};
use crosspoint_model::{DeliveryKey, Identifier, Instant, ProfileId, Symbol};
use crosspoint_sandbox::{Budget, CallInput, Error, Notes};

use crate::rig::{Rig, assert_says};

#[tokio::test]
async fn files_below_the_granted_folder_only() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.csv"), "canary").unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("orders.csv"), "a,b").unwrap();
    symlink(outside.path(), folder.path().join("out")).unwrap();
    let rig = || Rig::closed().folder(folder.path());
    assert_eq!(rig().told("file", "orders.csv").await, "read a,b");
    let listed = rig().told("files", "**").await;
    assert!(
        listed.contains("orders.csv") && !listed.contains("secret"),
        "{listed}"
    );
    for path in [
        "../secret.csv",
        "out/secret.csv",
        "/etc/passwd",
        "a/../../secret.csv",
    ] {
        let told = rig().told("file", path).await;
        assert!(told.contains("Denied"), "{path}: {told}");
    }
    let told = Rig::closed().told("file", "orders.csv").await;
    assert!(told.contains("the operator granted no location"), "{told}");
}

#[tokio::test]
async fn the_machines_own_files_and_environment_are_out_of_sight() {
    let told = Rig::closed().told("open", "/etc/passwd").await;
    assert!(told.starts_with("Err("), "{told}");
    assert_eq!(Rig::closed().told("environment", "").await, "[]");
}

#[tokio::test]
async fn notes_change_with_the_call() {
    let connector = Rig::closed().connector();
    let mut jobs = Notes::new();
    jobs.insert("old".into(), b"job-7".to_vec());
    let input = CallInput {
        jobs,
        ..CallInput::default()
    };
    let budget = Budget {
        records: 1,
        bytes: 1,
    };
    let output = connector.read("notes", None, budget, input).await.unwrap();
    assert_eq!(output.value.notices, [r#"Some("job-7") ["new"]"#]);
    assert_eq!(
        output.jobs,
        [("new".into(), Some(b"1".to_vec())), ("old".into(), None)]
    );
}

#[tokio::test]
async fn more_notes_than_contracted_end_the_call() {
    let error = Rig::closed().commit("notes-flood", "").await.unwrap_err();
    assert_says(&error, "XP-PLG-017", &["at most 256 notes"]);
}

#[tokio::test]
async fn records_that_do_not_convert_are_rejected_and_their_neighbours_pass() {
    let page = Rig::closed().commit("records", "").await.unwrap().value;
    assert_eq!(page.records.len(), 1);
    assert_eq!(page.records[0].id, "good");
    let rejects: Vec<_> = page
        .rejects
        .iter()
        .map(|it| (it.locator.as_str(), it.field.as_deref()))
        .collect();
    assert_eq!(
        rejects,
        [("bad-decimal", Some("attributes")), ("", Some("id"))]
    );
    assert!(page.rejects[0].reason.contains("`1,5` is not a decimal"));
}

fn delivery(outcomes: u32) -> Delivery {
    Delivery {
        id: DeliveryId {
            connector: Symbol(1),
            seq: 1,
            ordinal: 0,
        },
        key: DeliveryKey::of("project", "shop", 1, 0),
        sync: Symbol(2),
        profile: ProfileId([7; 16]),
        action: Action::UpsertContact,
        list: Some(outcomes.to_string().into()),
        fields: vec![],
        identifiers: [
            Identifier::vendor("shop", "42"),
            Identifier::vendor("crm", "43"),
        ]
        .into_iter()
        .flatten()
        .collect(),
        consents: vec![],
        occurred_at: Instant(1),
        status: DeliveryStatus::Pending,
        attempts: 0,
        last_reason: None,
    }
}

#[tokio::test]
async fn silence_about_an_item_is_not_success() {
    let connector = Rig::closed().connector();
    let batch = [delivery(1), delivery(1)];
    let deliver = |batch| {
        let connector = &connector;
        async move {
            connector
                .deliver(&Action::UpsertContact, batch, CallInput::default())
                .await
        }
    };
    let outcomes = deliver(&batch).await.unwrap().value;
    let Outcome::Done(Some(identifiers)) = &outcomes[0] else {
        panic!("{outcomes:?}")
    };
    assert!(identifiers.contains(r#"Customer("42")"#), "{identifiers}");
    assert!(identifiers.contains(r#""crm""#), "{identifiers}");
    assert!(matches!(outcomes[1], Outcome::Unknown(_)), "{outcomes:?}");
    let error = deliver(&[delivery(3), delivery(3)]).await.unwrap_err();
    assert!(matches!(error, Error::Contract { .. }));
    assert_says(&error, "XP-PLG-017", &["3 answers for 2 items"]);
}
