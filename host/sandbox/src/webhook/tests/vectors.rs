//! Calls as vendors sign them. Digests come from vendors' documents, from recorded calls, or from
//! another implementation.

use super::*;

const BODY: &str = r#"{"id":42,"email":"ann@example.test"}"#;
/// The body of the Standard Webhooks examples.
const EVENT: &str = r#"{"type":"profile.updated","timestamp":"2026-11-03T09:15:27.104Z","data":{"profile_id":"p_0001","email":"jane@example.com"}}"#;
const EVENT_S: i64 = 1_793_697_327;

#[track_caller]
fn check(toml: &str, secret: &str, sent: &Sent) {
    let verifier = verifier(toml, secret);
    assert!(sent.is_accepted(&verifier).is_some());
    let mut changed = sent.clone();
    changed.body.push(b' ');
    assert!(matches!(changed.verdict(&verifier), Verdict::Refused(_)));
}

#[test]
fn shopify() {
    let toml = r#"
scheme = "hmac"
secret = "hook"
signature_header = "x-shopify-hmac-sha256"
encoding = "base64"
id_header = "x-shopify-webhook-id""#;
    let sent = Sent::post(BODY).header(
        "x-shopify-hmac-sha256",
        "ZqubuimgwkSmOm4GaJRSNi2mfvHWQuHH2IZvCrmh7TY=",
    );
    check(toml, "shpss_test_secret", &sent);
}

#[test]
fn woocommerce_and_its_ping() {
    let toml = r##"
scheme = "hmac"
secret = "hook"
signature_header = "x-wc-webhook-signature"
encoding = "base64"
ignore = ["webhook_id=*"]"##;
    let signature = "7Xmr36c6kMsbFdRpDe2cjgBp12YyuPHwsqH2yYWNx+c=";
    let sent = Sent::post(BODY).header("x-wc-webhook-signature", signature);
    check(toml, "s3cret", &sent);
    let verifier = verifier(toml, "s3cret");
    let ping = Sent::post("webhook_id=17").verdict(&verifier);
    assert!(matches!(ping, Verdict::Ignored(Answer { status: 200, .. })));
    for body in ["webhook_id=17&x=1", "webhook_id=", "x"] {
        let verdict = Sent::post(body).verdict(&verifier);
        assert_eq!(
            verdict,
            Verdict::Refused(Refusal::MissingSignature),
            "{body}"
        );
    }
}

#[test]
fn meta() {
    let toml = r#"
scheme = "hmac"
secret = "hook"
signature_header = "x-hub-signature-256"
prefix = "sha256=""#;
    let sent = Sent::post(r#"{"object":"page","entry":[]}"#).header(
        "x-hub-signature-256",
        "sha256=9b5b0d82ab15b0cb6d456a9018d9129e12c930e320e3e3d355070ff7fed538b5",
    );
    check(toml, "meta-app-secret-1", &sent);
}

#[test]
fn linkedin_signs_a_prefix() {
    let toml = r#"
scheme = "hmac"
secret = "hook"
signature_header = "x-li-signature"
content = "hmacsha256={body}""#;
    let sent = Sent::post(r#"{"type":"LEAD_ACTION"}"#).header(
        "x-li-signature",
        "73c890ff43976c8d88d330bef3e4873059d88de4b43a07275b35ed0f30dc5faa",
    );
    check(toml, "li-client-secret-1", &sent);
}

#[test]
fn typo3_signs_its_record() {
    let toml = r#"
scheme = "hmac"
secret = "hook"
signature_header = "webhook-signature"
content = "{settings.uuid}:{body}""#;
    let sent = Sent::post(BODY).header(
        "webhook-signature",
        "a5ecca72b8592fe5f80ba8a9c6f63fd09d639c71d5dda3d30b5d79951833c8c2",
    );
    check(toml, "typo3secret", &sent);
}

#[test]
fn stripe_and_mailchimp_form() {
    let toml = r#"
scheme = "hmac"
secret = "hook"
signature_header = "stripe-signature"
separator = ","
prefix = "v1="
timestamp_prefix = "t="
content = "{timestamp}.{body}""#;
    let digest = "7ca47c9a22142cba2f9dbc69e0872a9a9bec3eb2c6eaceca27608e3e52bef4af";
    for value in [
        format!("t={EVENT_S},v1={digest}"),
        format!("t={EVENT_S}, v0=aa, v1=00, v1={digest}"),
    ] {
        let sent = Sent::post(EVENT).at(EVENT_S);
        check(toml, "topsecret", &sent.header("stripe-signature", &value));
    }
}

#[test]
fn slack_form() {
    let toml = r#"
scheme = "hmac"
secret = "hook"
signature_header = "x-slack-signature"
prefix = "v0="
timestamp_header = "x-slack-request-timestamp"
content = "v0:{timestamp}:{body}""#;
    let sent = Sent::post(EVENT)
        .at(EVENT_S)
        .header("x-slack-request-timestamp", &EVENT_S.to_string())
        .header(
            "x-slack-signature",
            "v0=5ed2b2dde9d445d375e6c8a1b6cf216b9e50aa141745d1c4e70497a595cd6078",
        );
    check(toml, "topsecret", &sent);
}

fn standard(signature: &str) -> Sent {
    Sent::post(EVENT)
        .at(EVENT_S)
        .header("webhook-id", "msg_0001crosspoint")
        .header("webhook-timestamp", &EVENT_S.to_string())
        .header("webhook-signature", signature)
}

#[test]
fn standard_webhooks_both_kinds() {
    let toml = "scheme = \"standard-webhooks\"\nsecret = \"hook\"";
    let first = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let second = "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
    let public = "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=";
    let v1 = "v1,ExS/PhLpZTNwe34YejYyh2rm5uB8aHjfIBE4Lf9D53Y=";
    let v1a = "v1a,+Bti3TW6ww9oYQSQP5SEN7I5hbw4DXXT7OCQFyhXX4qGtdQD7GpYEozpI6WecPBBMdNPzl0lkO0vvnBApsFAAQ==";
    check(toml, first, &standard(v1));
    check(toml, &format!("{second} {first}"), &standard(v1));
    check(
        toml,
        &format!("{second}\n{first}\n"),
        &standard(&format!("v2,xx {v1}")),
    );
    check(toml, public, &standard(v1a));
    check(toml, &format!("{second} {public}"), &standard(v1a));
    let replay_id = standard(v1).is_accepted(&verifier(toml, first));
    assert_eq!(replay_id.as_deref(), Some("msg_0001crosspoint"));
    standard(v1).is_refused(&verifier(toml, second), Refusal::BadSignature);
    // One kind's signature does not pass as the other's.
    standard(&v1.replace("v1,", "v1a,"))
        .is_refused(&verifier(toml, first), Refusal::MissingSignature);
}

#[test]
fn svix_and_bigcommerce_are_standard_webhooks() {
    let svix = r#"
scheme = "standard-webhooks"
secret = "hook"
signature_header = "svix-signature"
id_header = "svix-id"
timestamp_header = "svix-timestamp""#;
    let sent = Sent::post(EVENT)
        .at(EVENT_S)
        .header("svix-id", "msg_0001crosspoint")
        .header("svix-timestamp", &EVENT_S.to_string())
        .header(
            "svix-signature",
            "v1,ExS/PhLpZTNwe34YejYyh2rm5uB8aHjfIBE4Lf9D53Y=",
        );
    check(
        svix,
        "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        &sent,
    );

    let bigcommerce = "scheme = \"standard-webhooks\"\nsecret = \"hook\"\nkey = \"utf8\"";
    let sent = Sent::post(BODY)
        .header("webhook-id", "msg_1")
        .header("webhook-timestamp", &NOW_S.to_string())
        .header(
            "webhook-signature",
            "v1,mKSm+1Eyi1rif7lgbmAWdDgkzBEZ2iUTgQTnnk8U5xw=",
        );
    check(bigcommerce, "bc_client_secret", &sent);
}

/// Also Mandrill's form.
#[test]
fn twilio_signs_address_and_form() {
    let toml = r#"
scheme = "hmac"
secret = "hook"
signature_header = "x-twilio-signature"
digest = "sha1"
encoding = "base64"
content = "{url}{params}"
body_digest_parameter = "bodySHA256""#;
    let token = "12345678901234567890123456789012";
    let form = "MessageStatus=delivered&To=%2B31612345678&From=%2B15005550006\
                &MessageSid=SM0123456789abcdef0123456789abcdef\
                &AccountSid=AC0123456789abcdef0123456789abcdef";
    let sent = Sent::post(form)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-twilio-signature", "EpJWaW9ijMU1LwE24yl178x3LH0=");
    for url in [
        "https://hooks.example.com/twilio/status?conn=42",
        "https://hooks.example.com:443/twilio/status?conn=42",
    ] {
        check(toml, token, &sent.clone().url(url));
    }
    let verifier = verifier(toml, token);
    assert!(verifier.needs_url());
    sent.is_refused(&verifier, Refusal::UnknownUrl);
    sent.clone()
        .url("https://hooks.example.com/twilio/status?conn=43")
        .is_refused(&verifier, Refusal::BadSignature);

    // JSON is covered by its digest in the address, and by nothing else.
    let url = "https://hooks.example.com/twilio/json?bodySHA256=\
               015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";
    let signature = mac::hmac(
        crate::manifest::Digest::Sha1,
        token.as_bytes(),
        &[url.as_bytes()],
    );
    let signature = mac::encoded(&signature, crate::manifest::Encoding::Base64);
    let json = |body: &str, kind: &str| {
        Sent::post(body)
            .header("content-type", kind)
            .header("x-twilio-signature", &signature)
            .url(url)
    };
    let kind = "application/json";
    json(r#"{"body":1}"#, kind).is_refused(&verifier, Refusal::BadSignature);
    json("", "application/x-www-form-urlencoded").is_refused(&verifier, Refusal::BadSignature);
    let body = r#"{"a":1}"#;
    json(body, kind).is_accepted(&verifier);
    let uncovered = json(body, kind).url("https://hooks.example.com/twilio/json");
    uncovered.is_refused(&verifier, Refusal::Malformed);
}

#[test]
fn klaviyo_signs_an_http_date() {
    let toml = r#"
scheme = "hmac"
secret = "hook"
signature_header = "klaviyo-signature"
content = "{body}{timestamp}"
timestamp_header = "klaviyo-timestamp"
timestamp_format = "http-date""#;
    let date = "Fri, 02 Jan 2026 03:04:05 GMT";
    let digest = mac::hmac(
        crate::manifest::Digest::Sha256,
        b"klaviyo-secret-key",
        &[BODY.as_bytes(), date.as_bytes()],
    );
    let sent = Sent::post(BODY)
        .header("klaviyo-timestamp", date)
        .header("klaviyo-signature", &hex::encode(digest));
    check(toml, "klaviyo-secret-key", &sent);
}

#[test]
fn calls_with_the_same_content_are_told_apart_by_their_topic() {
    let toml = r#"
scheme = "hmac"
secret = "hook"
signature_header = "x-wc-webhook-signature"
encoding = "base64"
replay_headers = ["x-wc-webhook-topic"]"#;
    let verifier = verifier(toml, "s3cret");
    let signature = "7Xmr36c6kMsbFdRpDe2cjgBp12YyuPHwsqH2yYWNx+c=";
    let id = |topic: &str| {
        let sent = Sent::post(BODY).header("x-wc-webhook-signature", signature);
        sent.header("x-wc-webhook-topic", topic)
            .is_accepted(&verifier)
    };
    let (order, customer) = (id("order.deleted"), id("customer.deleted"));
    assert!(order.is_some() && customer.is_some());
    assert_ne!(order, customer);
    assert_eq!(order, id("order.deleted"));
}

#[test]
fn an_empty_body_can_be_ignored() {
    let toml = r#"
scheme = "hmac"
secret = "hook"
signature_header = "x-signature"
ignore = [""]"#;
    let verifier = verifier(toml, "s3cret");
    assert!(matches!(
        Sent::post("").verdict(&verifier),
        Verdict::Ignored(_)
    ));
    Sent::post("x").is_refused(&verifier, Refusal::MissingSignature);
}
