//! Whatever is signed is accepted; whatever differs is not.

use proptest::prelude::*;

use super::*;
use crate::manifest::{Digest, Encoding};

/// A scheme that covers clock, id and body.
const TOML: &str = r#"
scheme = "hmac"
secret = "hook"
signature_header = "x-signature"
prefix = "v1="
separator = ","
id_header = "x-id"
timestamp_header = "x-timestamp"
content = "{id}.{timestamp}.{body}""#;

#[derive(Clone, Debug)]
struct Signed {
    toml: String,
    secret: String,
    signature: Vec<u8>,
    encoding: Encoding,
    sent: Sent,
}

impl Signed {
    fn write_signature(&mut self) {
        let value = format!("v1={}", mac::encoded(&self.signature, self.encoding));
        self.replace("x-signature", &value);
    }

    fn replace(&mut self, name: &'static str, value: &str) {
        let value = HeaderValue::from_str(value).unwrap();
        self.sent.headers.insert(name, value);
    }

    fn verifier(&self) -> Verifier {
        verifier(&self.toml, &self.secret)
    }
}

prop_compose! {
    fn signed()(
        digest in prop_oneof![Just(Digest::Sha1), Just(Digest::Sha256), Just(Digest::Sha512)],
        encoding in prop_oneof![Just(Encoding::Hex), Just(Encoding::Base64)],
        secret in "[!-~]{6,40}",
        id in "[a-zA-Z0-9_-]{1,20}",
        age_s in -300i64..=300,
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) -> Signed {
        let word = match digest {
            Digest::Sha1 => "sha1",
            Digest::Sha256 => "sha256",
            Digest::Sha512 => "sha512",
        };
        let form = match encoding {
            Encoding::Hex => "hex",
            Encoding::Base64 => "base64",
        };
        let sent_s = NOW_S - age_s;
        let head = format!("{id}.{sent_s}.");
        let signature = mac::hmac(digest, secret.as_bytes(), &[head.as_bytes(), &body]);
        let mut signed = Signed {
            toml: format!("{TOML}\ndigest = \"{word}\"\nencoding = \"{form}\""),
            secret,
            signature,
            encoding,
            sent: Sent::post(body),
        };
        signed.replace("x-id", &id);
        signed.replace("x-timestamp", &sent_s.to_string());
        signed.write_signature();
        signed
    }
}

proptest! {
    #[test]
    fn what_is_signed_is_accepted_and_any_flipped_bit_is_refused(
        signed in signed(),
        place in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        let verifier = signed.verifier();
        let accepted = matches!(signed.sent.verdict(&verifier), Verdict::Accepted { .. });
        prop_assert!(accepted);

        let refused = |changed: &Signed| {
            matches!(changed.sent.verdict(&verifier), Verdict::Refused(_))
        };
        if !signed.sent.body.is_empty() {
            let mut changed = signed.clone();
            let at = place.index(changed.sent.body.len());
            changed.sent.body[at] ^= 1 << bit;
            prop_assert!(refused(&changed));
        }
        let mut changed = signed.clone();
        let at = place.index(changed.signature.len());
        changed.signature[at] ^= 1 << bit;
        changed.write_signature();
        prop_assert!(refused(&changed));

        for name in ["x-timestamp", "x-id"] {
            let mut changed = signed.clone();
            let mut bytes = changed.sent.headers[name].as_bytes().to_vec();
            let at = place.index(bytes.len());
            bytes[at] ^= 1 << bit;
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                changed.sent.headers.insert(name, value);
                prop_assert!(refused(&changed));
            }
        }
        for name in ["x-timestamp", "x-id", "x-signature"] {
            let mut changed = signed.clone();
            changed.sent.headers.remove(name);
            prop_assert!(refused(&changed));
            let mut twice = signed.clone();
            let value = twice.sent.headers[name].clone();
            twice.sent.headers.append(name, value);
            prop_assert!(refused(&twice));
        }
    }

    #[test]
    fn a_replay_outside_the_tolerance_is_refused(signed in signed(), later_s in 301i64..1_000_000) {
        let sent_s: i64 = signed.sent.headers["x-timestamp"].to_str().unwrap().parse().unwrap();
        let verifier = signed.verifier();
        let verdict = |at: i64| signed.sent.clone().at(at).verdict(&verifier);
        prop_assert_eq!(verdict(sent_s + later_s), Verdict::Refused(Refusal::TooOld));
        prop_assert_eq!(verdict(sent_s - later_s), Verdict::Refused(Refusal::TooNew));
        for within in [-300, 0, 300] {
            let accepted = matches!(verdict(sent_s + within), Verdict::Accepted { .. });
            prop_assert!(accepted);
        }
        // Remembering an id for the window covers every instant at which the call is taken.
        prop_assert_eq!(verifier.replay_window_ms(), Some(600_000));
    }

    /// No call makes the verifier panic or believe it.
    #[test]
    fn noise_is_refused(
        body in prop::collection::vec(any::<u8>(), 0..100),
        signature in "[ -~]{0,60}",
        timestamp in "[0-9+-]{0,25}",
        query in "[ -~]{0,40}",
    ) {
        let sent = Sent { query, ..Sent::post(body) }
            .header("x-signature", &signature)
            .header("x-id", "a")
            .header("x-timestamp", &timestamp);
        let refused = matches!(sent.verdict(&verifier(TOML, "secret-secret")), Verdict::Refused(_));
        prop_assert!(refused);
    }
}

#[test]
fn the_replay_id_is_bound_to_the_proof() {
    // Signed ids are ids.
    let id = |toml: &str, headers: &[(&str, &str)], text: &str| {
        let digest = mac::hmac(Digest::Sha256, b"secret-secret", &[text.as_bytes()]);
        let sent = headers
            .iter()
            .fold(Sent::post("{}"), |sent, (name, value)| {
                sent.header(name, value)
            });
        let sent = sent.header("x-signature", &hex::encode(digest));
        sent.is_accepted(&verifier(toml, "secret-secret")).unwrap()
    };
    let head = "scheme = \"hmac\"\nsecret = \"hook\"\nsignature_header = \"x-signature\"\nid_header = \"x-id\"\n";
    let signed = format!("{head}content = \"{{id}}:{{body}}\"");
    assert_eq!(id(&signed, &[("x-id", "one")], "one:{}"), "one");
    // An id that is not signed could be anything: the signature counts.
    let one = id(head, &[("x-id", "one")], "{}");
    assert_eq!(one, id(head, &[("x-id", "two")], "{}"));
    assert_eq!(one, id(head, &[], "{}"));
    assert_ne!(one, "one");
    // An id cannot swallow what follows it.
    let digest = mac::hmac(Digest::Sha256, b"secret-secret", &[b"one:two:{}"]);
    let sent = Sent::post("{}")
        .header("x-id", "one:two")
        .header("x-signature", &hex::encode(digest));
    sent.is_refused(&verifier(&signed, "secret-secret"), Refusal::Malformed);
}
