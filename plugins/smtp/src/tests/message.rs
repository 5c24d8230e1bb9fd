//! What is sent.

use proptest::prelude::*;

use super::*;
use crate::address::Address;
use crate::mime::{header, quoted_printable};
use crate::template::{Place, Template};

/// A header's value, unfolded, with encoded words decoded: an own reading of RFC 2047.
fn header_of(message: &str, name: &str) -> Vec<String> {
    let head = message
        .split("\r\n\r\n")
        .next()
        .unwrap()
        .replace("\r\n ", " ");
    head.split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .filter(|(it, _)| it.eq_ignore_ascii_case(name))
        .map(|(_, value)| decoded(value.trim()))
        .collect()
}

fn decoded(value: &str) -> String {
    let mut bytes: Vec<u8> = vec![];
    let mut was_encoded = false;
    for word in value.split(' ') {
        let inner = word
            .strip_prefix("=?utf-8?q?")
            .and_then(|it| it.strip_suffix("?="));
        if !(bytes.is_empty() || was_encoded && inner.is_some()) {
            bytes.push(b' ');
        }
        was_encoded = inner.is_some();
        match inner {
            Some(inner) => bytes.extend(unhexed(&inner.replace('_', " "))),
            None => bytes.extend(word.bytes()),
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn unhexed(text: &str) -> Vec<u8> {
    let mut out = vec![];
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'=' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            let digits = std::str::from_utf8(&digits).unwrap();
            out.push(u8::from_str_radix(digits, 16).unwrap());
        } else {
            out.push(byte);
        }
    }
    out
}

/// RFC 2045 §6.7, read back.
fn unquoted(text: &str) -> String {
    String::from_utf8(unhexed(&text.replace("=\r\n", ""))).unwrap()
}

#[test]
fn a_message_has_what_rfc_5322_and_rfc_8058_ask_for() {
    let url = "https://u.example.com/u/abc";
    let mut item = item(&[
        ("first_name", "Jörg"),
        ("to_name", "Jörg Müller"),
        ("unsubscribe_url", url),
    ]);
    item.fields.push(Attribute::new("note", "a <b>"));
    let settings = configured(json!({ "reply_to": "Hilfe! <help@shop.example.com>" }));
    let message = sent(&settings, item);
    let one = |name: &str| {
        let mut found = header_of(&message, name);
        assert_eq!(found.len(), 1, "{name} in {message}");
        found.remove(0)
    };
    assert_eq!(one("from"), "Der Laden <news@shop.example.com>");
    assert_eq!(one("to"), "Jörg Müller <jane@example.com>");
    assert_eq!(one("reply-to"), "Hilfe! <help@shop.example.com>");
    assert_eq!(one("subject"), "Hello Jörg");
    assert_eq!(
        one("message-id"),
        "<k0123456789abcdefghijklmnopqrstu@shop.example.com>"
    );
    assert_eq!(one("mime-version"), "1.0");
    assert_eq!(one("list-unsubscribe"), format!("<{url}>"));
    assert_eq!(one("list-unsubscribe-post"), "List-Unsubscribe=One-Click");
    assert!(one("date").ends_with(" +0000"));
    let text = message.find("text/plain").unwrap();
    let html = message.find("text/html").unwrap();
    assert!(text < html, "the better alternative comes last");
    let content = |part: &str| {
        let (_, content) = part.split_once("\r\n\r\n").unwrap();
        unquoted(content.split_once("\r\n\r\n--").unwrap().0)
    };
    assert_eq!(content(&message[text..]), "Dear Jörg,\r\n.\r\nbye");
    assert_eq!(content(&message[html..]), "<p title=\"Jörg\">a &lt;b&gt;");
}

#[test]
fn messages_are_as_they_stand_on_file() {
    let all = item(&[
        ("first_name", "Jörg"),
        ("to_name", "Jörg Müller"),
        ("note", "a <b>"),
        ("unsubscribe_url", "https://u.example.com/u/abc"),
    ]);
    let receipt = item(&[("template", "receipt"), ("total", "9.99 EUR")]);
    let reply_to = json!({ "reply_to": "Hilfe! <help@shop.example.com>" });
    for (file, extra, item) in [
        ("news-all.eml", reply_to, all),
        ("receipt-required.eml", json!({}), receipt),
    ] {
        let path = format!("{}/fixtures/{file}", env!("CARGO_MANIFEST_DIR"));
        let wanted = std::fs::read_to_string(path).unwrap();
        let message = sent(&configured(extra), item);
        let date = header_of(&message, "date").remove(0);
        let message = message.replace(&date, "now");
        assert_eq!(message, wanted.replace('\n', "\r\n"), "{file}");
    }
}

#[test]
fn the_same_delivery_has_the_same_message_id() {
    let first = sent(&configured(json!({})), item(&[]));
    let again = sent(
        &configured(json!({})),
        Item {
            attempt: 3,
            ..item(&[])
        },
    );
    assert_eq!(
        header_of(&first, "message-id"),
        header_of(&again, "message-id")
    );
}

#[test]
fn a_transactional_message_needs_no_consent_and_offers_no_unsubscribing() {
    let mut item = item(&[
        ("template", "receipt"),
        ("total", "9.90"),
        ("unsubscribe_url", "https://u.example.com/u/abc"),
    ]);
    item.consents = vec![consent(ConsentState::Withdrawn, 1)];
    let message = sent(&configured(json!({})), item);
    assert!(header_of(&message, "list-unsubscribe").is_empty());
    assert_eq!(header_of(&message, "auto-submitted"), ["auto-generated"]);
    assert!(message.ends_with("\r\n\r\n9.90\r\n"), "{message}");
}

#[test]
fn withheld_consent_sends_no_byte() {
    let settings = configured(json!({}));
    let strict = configured(json!({ "consent": "granted" }));
    let withdrawn = [
        consent(ConsentState::Granted, 1),
        consent(ConsentState::Withdrawn, 2),
    ];
    let granted = [
        consent(ConsentState::Withdrawn, 1),
        consent(ConsentState::Granted, 2),
    ];
    let pending = [consent(ConsentState::Pending, 1)];
    for (settings, consents, is_sent) in [
        (&settings, &withdrawn[..], false),
        (&settings, &granted[..], true),
        (&settings, &pending[..], false),
        (&settings, &[][..], true),
        (&strict, &withdrawn[..], false),
        (&strict, &granted[..], true),
        (&strict, &pending[..], false),
        (&strict, &[][..], false),
    ] {
        let mut item = item(&[]);
        item.consents = consents.to_vec();
        let (outcomes, server) = deliver(settings, Server::default(), vec![item]);
        if is_sent {
            assert!(
                matches!(outcomes.as_deref(), Ok([Outcome::Done(_)])),
                "{outcomes:?}"
            );
        } else {
            assert_eq!(rejected(outcomes), None);
            assert!(server.commands.is_empty(), "{:?}", server.commands);
        }
    }
}

#[test]
fn values_are_escaped_where_they_stand() {
    let template = Template::parse("{{ a }} {{ b | default: \"x<y\" | url }}").unwrap();
    let field = |name: &str| (name == "a").then(|| "<i>'\"&".to_owned());
    assert_eq!(
        template.render(Place::Text, &field).unwrap(),
        "<i>'\"& x%3Cy"
    );
    assert_eq!(
        template.render(Place::Html, &field).unwrap(),
        "&lt;i&gt;&#39;&quot;&amp; x%3Cy"
    );
}

#[test]
fn what_is_missing_or_unusable_is_named() {
    let settings = configured(json!({}));
    let bad_url = "javascript:alert(1)";
    for (item, field) in [
        (item(&[("template", "unheard-of")]), Some("template")),
        (item(&[("template", "receipt")]), Some("total")),
        (
            item(&[("unsubscribe_url", bad_url)]),
            Some("unsubscribe_url"),
        ),
        (to("no address"), Some("to")),
        (
            Item {
                identifiers: vec![],
                ..item(&[])
            },
            Some("to"),
        ),
        (
            Item {
                fields: vec![],
                ..item(&[])
            },
            Some("template"),
        ),
    ] {
        let (outcomes, server) = deliver(&settings, Server::default(), vec![item]);
        assert_eq!(rejected(outcomes).as_deref(), field);
        assert!(server.commands.is_empty());
    }
}

#[test]
fn wrong_settings_are_named() {
    let template = |template: serde_json::Value| json!({ "templates": { "a": template } });
    for (extra, field) in [
        (json!({ "from": "nobody" }), "from"),
        (json!({ "reply_to": "a@b@c" }), "reply_to"),
        (json!({ "bounces_to": "ü@example.com" }), "bounces_to"),
        (json!({ "greeting": "a b" }), "greeting"),
        (json!({ "templates": {} }), "templates"),
        (template(json!({ "subject": "x" })), "templates.a"),
        (
            template(json!({ "subject": "{{", "text": "" })),
            "templates.a.subject",
        ),
        (
            template(json!({ "subject": "", "text": "{{ a b }}" })),
            "templates.a.text",
        ),
        (
            template(json!({ "subject": "", "html": "{{ a | upper }}" })),
            "templates.a.html",
        ),
        (
            template(json!({ "subject": "", "html": "{{ a | default: x }}" })),
            "templates.a.html",
        ),
        (
            template(json!({ "subject": "", "text": "", "list_id": "a\r\nb <c>" })),
            "templates.a.list_id",
        ),
    ] {
        let context = TestContext::default().context();
        match Smtp::actions(&context, &configured(extra.clone())) {
            Err(Error::Invalid { field: named, .. }) => assert_eq!(named, field, "{extra}"),
            other => panic!("{extra}: {other:?}"),
        }
    }
}

#[test]
fn addresses_that_could_be_commands_are_refused() {
    for bad in [
        "",
        "@",
        "a@",
        "@b",
        "a b@c",
        "a@b c",
        "a@b>",
        "<a@b",
        "a\r\nb@c",
        "a@b\nRCPT",
        "\"a b\"@c",
        "a@b..c",
        ".a@b",
        "a,b@c",
        "a@b@c",
        "a;b@c",
        "a:b@c",
        "a\u{a0}b@c",
    ] {
        assert!(Address::parse(bad).is_err(), "{bad:?}");
    }
    for good in [
        "a@b",
        "A.b+c@Example.COM",
        "o'brien@example.com",
        "jörg@bücher.example",
    ] {
        let read = Address::parse(good).unwrap();
        assert!(read.as_str().eq_ignore_ascii_case(good), "{good}");
    }
}

proptest! {
    #[test]
    fn quoted_printable_reads_back(text in "(?s).{0,200}|[ .=\t\n\rä]{0,200}") {
        let encoded = quoted_printable(&text);
        for line in encoded.split("\r\n") {
            prop_assert!(line.len() <= 76 && line.is_ascii(), "{line:?}");
            prop_assert!(!line.starts_with('.') && !line.ends_with([' ', '\t']), "{line:?}");
            prop_assert!(!line.contains(['\r', '\n']));
        }
        let wanted = text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n");
        prop_assert_eq!(unquoted(&encoded), wanted);
    }

    #[test]
    fn headers_read_back_on_short_lines(text in "(?s).{0,120}|[a-z =?_ä€😀]{0,300}") {
        let line = header("Subject", &text);
        prop_assert!(line.ends_with("\r\n") && line.is_ascii());
        for line in line.trim_end().split("\r\n") {
            prop_assert!(line.len() <= 76, "{line:?}");
        }
        let folded = line.trim_end().split("\r\n").skip(1).all(|it| it.starts_with(' '));
        prop_assert!(folded);
        let wanted = crate::mime::one_line(&text);
        prop_assert_eq!(&header_of(&line, "subject")[0], &wanted);
    }

    #[test]
    fn no_field_adds_a_header(name in "(?s).{0,80}", first in "(?s).{0,80}|[\r\n]{1,3}Bcc: x@y.z") {
        let plain = sent(&configured(json!({})), item(&[]));
        let names = |message: &str| -> Vec<String> {
            let head = message.split("\r\n\r\n").next().unwrap();
            let lines = head.split("\r\n").filter(|line| !line.starts_with(' '));
            lines.map(|line| line.split(':').next().unwrap().to_owned()).collect()
        };
        let message = sent(&configured(json!({})), item(&[("to_name", &name), ("first_name", &first)]));
        prop_assert_eq!(names(&message), names(&plain));
    }

    #[test]
    fn every_message_is_lines_of_ascii(name in "(?s).{0,400}", note in "(?s).{0,2000}") {
        let message = sent(&configured(json!({})), item(&[("first_name", &name), ("note", &note)]));
        prop_assert!(message.is_ascii() && message.ends_with("\r\n"));
        for line in message.split("\r\n") {
            prop_assert!(line.len() <= 998 && !line.contains(['\r', '\n']), "{line:?}");
        }
    }

    #[test]
    fn no_address_adds_a_command(address in "(?s).{0,40}@.{0,40}|[a-z\r\n<> ]{1,20}@[a-z\r\n<> ]{1,20}") {
        let (outcomes, server) =
            deliver(&configured(json!({})), Server::offering(&["SMTPUTF8", "AUTH PLAIN"]), vec![to(&address)]);
        prop_assert_eq!(outcomes.unwrap().len(), 1);
        let count = |verb: &str| server.commands.iter().filter(|it| it.starts_with(verb)).count();
        prop_assert!(count("RCPT") <= 1 && count("MAIL") <= 1);
        prop_assert!(server.recipients.len() <= 1);
    }
}
