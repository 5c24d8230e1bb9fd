//! The conversation, and what its answers mean.

use crosspoint_sdk::tcp::{Challenge, CredentialForm, TcpError};
use proptest::prelude::*;

use super::*;

fn one(server: Server) -> Outcome {
    let (outcomes, _) = deliver(&configured(json!({})), server, vec![item(&[])]);
    let mut outcomes = outcomes.unwrap();
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

fn kind(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done(_) => "done",
        Outcome::Queued(_) => "queued",
        Outcome::Rejected(_) => "rejected",
        Outcome::RateLimited(_) => "rate-limited",
        Outcome::Transient(_) => "transient",
        Outcome::Unknown(_) => "unknown",
        Outcome::Auth(_) => "auth",
        Outcome::Gone(_) => "gone",
        Outcome::Unsupported(_) => "unsupported",
    }
}

#[test]
fn an_answer_decides_the_outcome() {
    for (to, answer, wanted) in [
        ("RCPT", "550 5.1.1 no such user jane@example.com", "gone"),
        ("RCPT", "550 no such user", "gone"),
        ("RCPT", "550 5.2.1 disabled", "gone"),
        ("RCPT", "556 5.1.10 no mail here", "gone"),
        ("RCPT", "550-5.7.1 spam|550 5.7.1 go away", "rejected"),
        ("RCPT", "552 5.2.2 mailbox full", "rejected"),
        ("RCPT", "450 4.2.1 greylisted", "transient"),
        ("RCPT", "451 4.7.1 later", "transient"),
        ("RCPT", "452 4.5.3 too many", "rate-limited"),
        ("RCPT", "452 busy", "rate-limited"),
        ("RCPT", "421 4.7.0 closing", "rate-limited"),
        ("RCPT", "501 5.5.4 syntax", "unsupported"),
        ("MAIL", "530 5.7.0 log in first", "auth"),
        ("MAIL", "550 5.7.1 not your sender", "auth"),
        ("MAIL", "552 5.3.4 too big", "rejected"),
        ("MAIL", "451 4.3.0 later", "transient"),
        ("DATA", "451 4.3.0 later", "transient"),
        ("DATA", "554 5.6.0 no", "rejected"),
        ("CONTENT", "554 5.7.1 spam", "rejected"),
        ("CONTENT", "550 5.1.1 found out late", "gone"),
        ("CONTENT", "451 4.3.0 disk full", "transient"),
        ("CONTENT", "421 4.3.2 going down", "rate-limited"),
        ("CONTENT", "250 2.0.0 queued", "done"),
    ] {
        for offers in [&["PIPELINING", "AUTH PLAIN"][..], &["AUTH PLAIN"]] {
            let outcome = one(Server::offering(offers).answering(to, answer));
            assert_eq!(
                kind(&outcome),
                wanted,
                "{to} {answer} {offers:?}: {outcome:?}"
            );
            assert!(!format!("{outcome:?}").contains("jane@"), "{outcome:?}");
        }
    }
}

#[test]
fn what_is_not_answered_after_the_final_dot_is_unknown() {
    for answer in ["", "!", "nonsense", "354 what", "99"] {
        let outcome = one(Server::default().answering("CONTENT", answer));
        assert_eq!(kind(&outcome), "unknown", "{answer:?}: {outcome:?}");
    }
    // Before the content has left, nothing can have happened.
    for at in ["MAIL", "RCPT", "DATA"] {
        let broken = Server {
            breaks_at: Some(at),
            ..Server::default()
        };
        assert_eq!(kind(&one(broken)), "transient", "{at}");
        assert_eq!(
            kind(&one(Server::default().answering(at, "!"))),
            "transient",
            "{at}"
        );
        assert_eq!(
            kind(&one(Server::default().answering(at, ""))),
            "transient",
            "{at}"
        );
    }
}

#[test]
fn one_connection_serves_a_batch_and_a_refusal_its_own_item_alone() {
    let server = Server::default()
        .answering("gone@example.com", "550 5.1.1 unknown")
        .answering("later@example.com", "450 4.2.0 later");
    let items = [
        "a@example.com",
        "gone@example.com",
        "later@example.com",
        "bad",
        "b@example.com",
    ];
    let (outcomes, server) = deliver(&configured(json!({})), server, items.map(to).to_vec());
    let kinds: Vec<_> = outcomes.as_ref().unwrap().iter().map(kind).collect();
    assert_eq!(kinds, ["done", "gone", "transient", "rejected", "done"]);
    assert_eq!(server.recipients, ["a@example.com", "b@example.com"]);
    assert_eq!(server.messages.len(), 2);
    let greetings = server.commands.iter().filter(|it| it.starts_with("EHLO"));
    assert_eq!(
        greetings.count(),
        2,
        "before and after STARTTLS: one connection"
    );
    assert_eq!(server.commands.last().unwrap(), "QUIT");
}

#[test]
fn the_rest_of_a_batch_waits_when_the_server_closes() {
    let three = || {
        vec![
            to("a@example.com"),
            to("b@example.com"),
            to("c@example.com"),
        ]
    };
    for (answer, kinds) in [
        ("421 4.3.2 bye", ["done", "rate-limited", "rate-limited"]),
        ("!", ["done", "transient", "transient"]),
    ] {
        let server = Server::default().answering("b@example.com", answer);
        let (outcomes, server) = deliver(&configured(json!({})), server, three());
        let told: Vec<_> = outcomes.as_ref().unwrap().iter().map(kind).collect();
        assert_eq!(told, kinds, "{answer}");
        assert_eq!(server.messages.len(), 1);
    }
    let paced = Server {
        paces: 1,
        ..Server::default()
    };
    let (outcomes, server) = deliver(&configured(json!({})), paced, three());
    assert_eq!(outcomes.unwrap()[2], Outcome::RateLimited(Some(1500)));
    assert_eq!(server.messages.len(), 2);
}

#[test]
fn every_way_to_log_in() {
    let user = || "jane".to_owned();
    let text = b"<1896.697170952@mx.example.net>".to_vec();
    for (mechanism, offers, secret, form) in [
        (
            "auto",
            "AUTH CRAM-MD5 PLAIN",
            "password",
            CredentialForm::SaslPlain(user()),
        ),
        ("auto", "AUTH=LOGIN", "password", CredentialForm::Password),
        (
            "login",
            "AUTH PLAIN LOGIN",
            "password",
            CredentialForm::Password,
        ),
        (
            "cram-md5",
            "AUTH PLAIN CRAM-MD5",
            "password",
            CredentialForm::CramMd5(Challenge { user: user(), text }),
        ),
        (
            "xoauth2",
            "auth xoauth2",
            "refresh_token",
            CredentialForm::Xoauth2(user()),
        ),
    ] {
        let settings = configured(json!({ "mechanism": mechanism }));
        let (outcomes, server) = deliver(&settings, Server::offering(&[offers]), vec![item(&[])]);
        assert_eq!(kind(&outcomes.unwrap()[0]), "done", "{mechanism}");
        assert_eq!(server.credentials, [(secret.to_owned(), form)]);
        if offers.contains("LOGIN") && server.commands.contains(&"AUTH LOGIN".to_owned()) {
            assert!(
                server.commands.contains(&"amFuZQ==".to_owned()),
                "the user in base64"
            );
        }
        let refusing = Server::offering(&[offers]).answering("LOGIN", "535 5.7.8 no");
        let (outcomes, server) = deliver(&settings, refusing, vec![item(&[])]);
        assert!(
            matches!(outcomes, Err(Error::Auth(_))),
            "{mechanism}: {outcomes:?}"
        );
        assert!(server.messages.is_empty());
    }
    let (outcomes, _) = deliver(
        &configured(json!({})),
        Server::offering(&["AUTH NTLM"]),
        vec![item(&[])],
    );
    assert!(matches!(outcomes, Err(Error::Invalid { field, .. }) if field == "mechanism"));
    let nobody = configured(json!({ "user": null }));
    let (outcomes, server) = deliver(&nobody, Server::offering(&[]), vec![item(&[])]);
    assert_eq!(kind(&outcomes.unwrap()[0]), "done");
    assert!(server.credentials.is_empty());
}

#[test]
fn starttls_is_demanded_and_what_was_said_before_it_forgotten() {
    let none = Server {
        clear_offers: Some(vec!["AUTH PLAIN"]),
        ..Server::default()
    };
    let (outcomes, server) = deliver(&configured(json!({})), none, vec![item(&[])]);
    assert!(matches!(outcomes, Err(Error::Invalid { field, .. }) if field == "security"));
    assert!(
        server.credentials.is_empty() && !server.commands.iter().any(|it| it.starts_with("AUTH"))
    );

    // Offered in the clear only: by somebody in between.
    let stripped = Server {
        clear_offers: Some(vec!["STARTTLS", "AUTH PLAIN", "SMTPUTF8"]),
        ..Server::offering(&[])
    };
    let (outcomes, _) = deliver(&configured(json!({})), stripped, vec![item(&[])]);
    assert!(matches!(outcomes, Err(Error::Invalid { field, .. }) if field == "mechanism"));

    let implicit = configured(json!({ "security": "tls", "port": 465 }));
    let (outcomes, server) = deliver(&implicit, Server::default(), vec![item(&[])]);
    assert_eq!(kind(&outcomes.unwrap()[0]), "done");
    assert!(!server.commands.contains(&"STARTTLS".to_owned()));
}

#[test]
fn the_servers_limits_are_kept() {
    let small = Server::offering(&["SIZE 300", "AUTH PLAIN"]);
    let (outcomes, server) = deliver(&configured(json!({})), small, vec![item(&[])]);
    assert_eq!(kind(&outcomes.unwrap()[0]), "rejected");
    assert!(!server.commands.iter().any(|it| it.starts_with("MAIL")));

    let settings = configured(json!({ "bounces_to": "bounces@example.com" }));
    let (outcomes, server) = deliver(&settings, Server::default(), vec![to("jörg@example.com")]);
    assert_eq!(rejected(outcomes).as_deref(), Some("to"));
    assert!(server.recipients.is_empty());
    let able = Server::offering(&["SMTPUTF8", "SIZE", "AUTH PLAIN"]);
    let (outcomes, server) = deliver(&settings, able, vec![to("jörg@example.com")]);
    assert_eq!(kind(&outcomes.unwrap()[0]), "done");
    let mail = server
        .commands
        .iter()
        .find(|it| it.starts_with("MAIL"))
        .unwrap();
    assert!(
        mail.starts_with("MAIL FROM:<bounces@example.com> SIZE=") && mail.ends_with(" SMTPUTF8")
    );
}

#[test]
fn without_a_session_nothing_was_done() {
    for (error, wanted) in [
        (TcpError::Denied("x".to_owned()), Err("invalid")),
        (TcpError::Tls("x".to_owned()), Err("invalid")),
        (TcpError::RateLimited(7), Err("rate-limited")),
        (TcpError::Connect("x".to_owned()), Ok("transient")),
        (TcpError::Timeout, Ok("transient")),
    ] {
        let server = Server {
            refuses_connection: Some(error.clone()),
            ..Server::default()
        };
        let (outcomes, _) = deliver(&configured(json!({})), server, vec![item(&[]), to("bad")]);
        match (outcomes, wanted) {
            (Ok(outcomes), Ok(wanted)) => {
                assert_eq!(kind(&outcomes[0]), wanted, "{error:?}");
                assert_eq!(kind(&outcomes[1]), "rejected");
            }
            (Err(Error::Invalid { .. }), Err("invalid")) => {}
            (Err(Error::RateLimited(Some(7))), Err("rate-limited")) => {}
            (other, _) => panic!("{error:?}: {other:?}"),
        }
    }
    let busy = Server::default().answering("GREETING", "421 too many");
    let (outcomes, _) = deliver(&configured(json!({})), busy, vec![item(&[])]);
    assert_eq!(outcomes, Err(Error::RateLimited(None)));
}

#[test]
fn check_logs_in_and_sends_nothing() {
    let check = |server: Server| {
        let test = TestContext::default();
        let played = server.play(&test.tcp);
        let checked = Smtp::check(&test.context(), &configured(json!({})));
        let server = played.borrow().clone();
        (checked, server)
    };
    let (checked, server) = check(Server::default());
    assert_eq!(checked, Ok(()));
    assert_eq!(server.credentials.len(), 1);
    assert!(!server.commands.iter().any(|it| it.starts_with("MAIL")));
    let (checked, _) = check(Server::default().answering("LOGIN", "535 5.7.8 no"));
    assert!(matches!(checked, Err(Error::Auth(_))));
}

#[test]
fn sending_is_at_most_once() {
    let context = TestContext::default().context();
    let actions = Smtp::actions(&context, &configured(json!({}))).unwrap();
    assert_eq!(actions.len(), 1);
    assert_eq!(
        actions[0].idempotency,
        crosspoint_sdk::Idempotency::AtMostOnce
    );
    assert!(!actions[0].read_back && actions[0].open);
    assert!(
        actions[0]
            .fields
            .iter()
            .any(|field| field.name == "template" && field.required)
    );
    let other = Batch {
        action: ActionKind::UpsertContact,
        items: vec![],
    };
    let refused = Smtp::deliver(&context, &configured(json!({})), other);
    assert!(matches!(refused, Err(Error::Unsupported(_))));
}

proptest! {
    #[test]
    fn every_item_has_an_outcome(
        at in prop::sample::select(vec!["MAIL", "RCPT", "DATA", "CONTENT", "RSET", "b@example.com"]),
        code in 200u16..600,
        enhanced in prop::option::of((0u16..9, 0u16..30)),
        pipelining: bool,
    ) {
        let detail = enhanced.map_or(String::new(), |(subject, detail)| format!(" {}.{subject}.{detail}", code / 100));
        let answer: &'static str = Box::leak(format!("{code}{detail} text").into_boxed_str());
        let offers: &[&'static str] = if pipelining { &["PIPELINING", "AUTH PLAIN"] } else { &["AUTH PLAIN"] };
        let server = Server::offering(offers).answering(at, answer);
        let items = vec![to("a@example.com"), to("b@example.com"), to("c@example.com")];
        let (outcomes, server) = deliver(&configured(json!({})), server, items);
        let outcomes = outcomes.unwrap();
        prop_assert_eq!(outcomes.len(), 3);
        let done = outcomes.iter().filter(|it| matches!(it, Outcome::Done(_))).count();
        prop_assert_eq!(done, server.messages.len(), "claimed and taken");
    }
}
