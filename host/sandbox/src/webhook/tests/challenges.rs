//! How vendors find out that an address is ours.

use super::*;

fn answer(verdict: Verdict) -> (u16, &'static str, String) {
    let Verdict::Challenge(answer) = verdict else {
        panic!("{verdict:?}")
    };
    let body = String::from_utf8(answer.body).unwrap();
    (answer.status, answer.content_type, body)
}

const SIGNED: &str = "scheme = \"hmac\"\nsecret = \"hook\"\nsignature_header = \"x-signature\"\n";

#[test]
fn hub_echoes_for_the_right_token() {
    let toml = format!("{SIGNED}[webhook.challenge]\nkind = \"hub\"\nsecret = \"hook\"");
    let verifier = verifier(&toml, "verify-token");
    let asked = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=";
    let right = Sent::get(&format!("{asked}verify-token")).verdict(&verifier);
    let text = "text/plain; charset=utf-8";
    assert_eq!(answer(right), (200, text, "1158201444".to_owned()));
    Sent::get(&format!("{asked}wrong")).is_refused(&verifier, Refusal::BadSignature);
    Sent::get("hub.mode=subscribe").is_refused(&verifier, Refusal::MissingSignature);
    Sent::get("").is_refused(&verifier, Refusal::MissingSignature);
    // Nothing that a browser could run is echoed.
    let script = "hub.mode=subscribe&hub.challenge=%3Cscript%3E&hub.verify_token=verify-token";
    Sent::get(script).is_refused(&verifier, Refusal::Malformed);
}

/// LinkedIn's.
const LINKEDIN: &str = "scheme = \"hmac\"\nsecret = \"hook\"\nsignature_header = \"x-li-signature\"\n\
    content = \"hmacsha256={body}\"\n[webhook.challenge]\nkind = \"signed\"\n\
    parameter = \"challengeCode\"\necho_key = \"challengeCode\"\n\
    response_key = \"challengeResponse\"";

#[test]
fn a_code_is_signed() {
    let verifier = verifier(LINKEDIN, "li-client-secret-1");
    let code = "890e4665-4dfe-4ab1-b689-ed553bceeed0";
    let sent = Sent::get(&format!("challengeCode={code}&applicationId=7"));
    let (status, kind, body) = answer(sent.verdict(&verifier));
    assert_eq!((status, kind), (200, "application/json"));
    let response = "e1a3c2152bb74a441404964a74ec4da486bf1669bf783952f94afc919e26e72d";
    let expected = json!({ "challengeCode": code, "challengeResponse": response });
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
}

/// Who asks for the signature of `hmacsha256={…}` would have a delivery signed.
#[test]
fn a_challenge_signs_no_delivery() {
    let verifier = verifier(LINKEDIN, "li-client-secret-1");
    for code in [
        "hmacsha256%3D%7B%22type%22%3A%22LEAD_ACTION%22%7D",
        "hmacsha256%3Da",
        "a.b",
        "a%3Db",
        "%7B%7D",
        "%3D",
        "",
        "a%3D%3D%3D",
    ] {
        Sent::get(&format!("challengeCode={code}")).is_refused(&verifier, Refusal::Malformed);
    }
}

#[test]
fn a_probe_is_answered_and_a_post_is_not() {
    let toml = format!("{SIGNED}[webhook.challenge]\nkind = \"probe\"");
    let verifier = verifier(&toml, "hook-secret");
    assert_eq!(answer(Sent::get("").verdict(&verifier)).0, 200);
    Sent::post("").is_refused(&verifier, Refusal::MissingSignature);
}

#[test]
fn a_parameter_is_echoed() {
    let toml =
        format!("{SIGNED}[webhook.challenge]\nkind = \"echo\"\nparameter = \"validationToken\"");
    let verifier = verifier(&toml, "hook-secret");
    let sent = Sent {
        query: "validationToken=Validation%3A+a-b".to_owned(),
        ..Sent::post("")
    };
    assert_eq!(answer(sent.verdict(&verifier)).2, "Validation: a-b");
    Sent::post("").is_refused(&verifier, Refusal::MissingSignature);
}

#[test]
fn url_verification_needs_proof() {
    let toml = format!("{SIGNED}[webhook.challenge]\nkind = \"url-verification\"");
    let verifier = verifier(&toml, "hook-secret");
    let body = r#"{"token":"t","type":"url_verification","challenge":"3eZbrw1aB"}"#;
    Sent::post(body).is_refused(&verifier, Refusal::MissingSignature);
    let sign = |body: &str| {
        let digest = mac::hmac(
            crate::manifest::Digest::Sha256,
            b"hook-secret",
            &[body.as_bytes()],
        );
        Sent::post(body).header("x-signature", &hex::encode(digest))
    };
    assert_eq!(answer(sign(body).verdict(&verifier)).2, "3eZbrw1aB");
    sign(r#"{"type":"event_callback"}"#).is_accepted(&verifier);
}
