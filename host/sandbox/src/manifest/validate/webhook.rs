//! What `[webhook]` must satisfy: every key fits the scheme, and nothing that is not signed is
//! relied upon.

use crosspoint_model::nearest::nearest;

use super::Check;
use crate::manifest::{
    CONTENT_NAMES, Challenge, ChallengeKind, SharedPlace, Webhook, WebhookScheme,
};

impl Check<'_> {
    pub(super) fn webhook(&mut self) {
        let manifest = self.manifest;
        let Some(webhook) = &manifest.webhook else {
            return;
        };
        self.webhook_keys(webhook);
        match (&webhook.secret, webhook.scheme) {
            (Some(name), _) => self.secret_exists("webhook.secret", name),
            (None, WebhookScheme::None) => {}
            (None, scheme) => self.require(
                false,
                "webhook.secret",
                format!("is needed for `{}`", scheme.as_str()),
            ),
        }
        let headers = [
            ("webhook.signature_header", &webhook.signature_header),
            ("webhook.id_header", &webhook.id_header),
            ("webhook.timestamp_header", &webhook.timestamp_header),
            ("webhook.signed_headers", &webhook.signed_headers),
        ];
        for (place, name) in headers {
            if let Some(name) = name {
                self.header_name(place, name);
            }
        }
        for name in &webhook.replay_headers {
            self.header_name("webhook.replay_headers", name);
        }
        match webhook.scheme {
            WebhookScheme::SharedSecret => self.shared(webhook),
            WebhookScheme::Hmac
            | WebhookScheme::EcdsaP256
            | WebhookScheme::Ed25519
            | WebhookScheme::RsaSha256 => self.signed(webhook),
            WebhookScheme::StandardWebhooks | WebhookScheme::None => {}
        }
        self.require(
            webhook
                .answer_within_s
                .is_none_or(|s| (1..=60).contains(&s)),
            "webhook.answer_within_s",
            "must be from 1 to 60",
        );
        for pattern in &webhook.ignore {
            self.require(
                pattern.is_empty()
                    || pattern.bytes().any(|byte| byte != b'*')
                        && pattern.matches('*').count() <= 4,
                "webhook.ignore",
                "needs text besides `*`, and at most four `*`, or is empty for an empty body",
            );
        }
        if let Some(challenge) = &webhook.challenge {
            self.challenge(challenge, webhook);
        }
    }

    /// Each key that is given belongs to the scheme.
    fn webhook_keys(&mut self, webhook: &Webhook) {
        use WebhookScheme::{Hmac, None, SharedSecret, StandardWebhooks};
        let scheme = webhook.scheme;
        let has_signature = !matches!(scheme, SharedSecret | None);
        let is_free = has_signature && scheme != StandardWebhooks;
        let is_hmac = scheme == Hmac;
        let is_shared = scheme == SharedSecret;
        let given = [
            ("secret", webhook.secret.is_some(), scheme != None),
            (
                "signature_header",
                webhook.signature_header.is_some(),
                has_signature,
            ),
            ("prefix", !webhook.prefix.is_empty(), is_free || is_shared),
            ("separator", webhook.separator.is_some(), is_free),
            ("content", webhook.content.is_some(), is_free),
            ("digest", webhook.digest.is_some(), is_hmac),
            ("encoding", webhook.encoding.is_some(), is_free),
            (
                "key",
                webhook.key.is_some(),
                is_hmac || scheme == StandardWebhooks,
            ),
            (
                "timestamp_header",
                webhook.timestamp_header.is_some(),
                has_signature,
            ),
            (
                "timestamp_prefix",
                webhook.timestamp_prefix.is_some(),
                is_free,
            ),
            (
                "timestamp_format",
                webhook.timestamp_format.is_some(),
                is_free,
            ),
            ("tolerance_s", webhook.tolerance_s.is_some(), has_signature),
            ("signed_headers", webhook.signed_headers.is_some(), is_free),
            (
                "body_digest_parameter",
                webhook.body_digest_parameter.is_some(),
                is_free,
            ),
            (
                "replay_headers",
                !webhook.replay_headers.is_empty(),
                has_signature,
            ),
            ("place", webhook.place.is_some(), is_shared),
            ("name", webhook.name.is_some(), is_shared),
        ];
        for (key, is_given, belongs) in given {
            self.require(
                belongs || !is_given,
                format!("webhook.{key}"),
                format!("is of no use with `scheme = \"{}\"`", scheme.as_str()),
            );
        }
    }

    fn signed(&mut self, webhook: &Webhook) {
        self.require(
            webhook.signature_header.is_some(),
            "webhook.signature_header",
            format!("is needed for `{}`", webhook.scheme.as_str()),
        );
        let content = webhook.content.as_deref().unwrap_or("{body}");
        let place = "webhook.content";
        let has = |name: &str| content.contains(&format!("{{{name}}}"));
        self.require(
            has("body") || has("body_base64") || has("params"),
            place,
            "must contain `{body}`, `{body_base64}` or `{params}`, or a body could be replaced",
        );
        self.templates(place, content);
        for name in names(content) {
            let known = name.starts_with("settings.") || CONTENT_NAMES.contains(&name);
            let hint = nearest(name, CONTENT_NAMES)
                .map(|near| format!("; did you mean `{{{near}}}`?"))
                .unwrap_or_default();
            self.require(
                known,
                place,
                format!("has `{{{name}}}`, which stands for nothing{hint}"),
            );
        }
        let clock = webhook.timestamp_header.is_some() || webhook.timestamp_prefix.is_some();
        let covers_headers = has("signed_headers");
        self.require(
            clock || !has("timestamp"),
            "webhook.timestamp_header",
            "or `timestamp_prefix` is needed because `content` contains `{timestamp}`",
        );
        self.require(
            webhook.timestamp_header.is_none() || webhook.timestamp_prefix.is_none(),
            "webhook.timestamp_prefix",
            "excludes `timestamp_header`: the clock stands in one place",
        );
        self.require(
            !clock || has("timestamp") || (covers_headers && webhook.timestamp_header.is_some()),
            place,
            "must contain `{timestamp}`, or the clock could be changed",
        );
        self.require(
            clock || (webhook.timestamp_format.is_none() && webhook.tolerance_s.is_none()),
            "webhook.tolerance_s",
            "and `timestamp_format` are of no use without `timestamp_header` or `timestamp_prefix`",
        );
        self.require(
            !has("id") || webhook.id_header.is_some(),
            "webhook.id_header",
            "is needed because `content` contains `{id}`",
        );
        self.require(
            covers_headers == webhook.signed_headers.is_some(),
            "webhook.signed_headers",
            "and `{signed_headers}` in `content` need each other",
        );
        self.require(
            webhook.body_digest_parameter.is_none() || (has("params") && has("url")),
            "webhook.body_digest_parameter",
            "is of use only with `{url}` and `{params}` in `content`",
        );
        self.require(
            webhook.separator.as_ref().is_none_or(|it| !it.is_empty()),
            "webhook.separator",
            "must not be empty",
        );
        self.require(
            webhook.timestamp_prefix.is_none() || webhook.separator.is_some(),
            "webhook.separator",
            "is needed because the clock is an entry of the signature header",
        );
    }

    fn shared(&mut self, webhook: &Webhook) {
        let Some(at) = webhook.place else {
            self.require(
                false,
                "webhook.place",
                "is needed: `header`, `query`, `basic`, `path` or `json`",
            );
            return;
        };
        let place = "webhook.name";
        match (&webhook.name, at) {
            (Some(name), SharedPlace::Header) => self.header_name(place, name),
            (Some(name), SharedPlace::Basic) => self.templates(place, name),
            (Some(name), SharedPlace::Query | SharedPlace::Json) => {
                self.require(!name.is_empty(), place, "must not be empty");
            }
            (Some(_), SharedPlace::Path) => {
                self.require(false, place, "is of no use with `place = \"path\"`");
            }
            (None, SharedPlace::Basic | SharedPlace::Path) => {}
            (None, _) => self.require(false, place, "is needed: what the value is called there"),
        }
        self.require(
            webhook.prefix.is_empty() || at == SharedPlace::Header,
            "webhook.prefix",
            "is of use only with `place = \"header\"`",
        );
    }

    fn challenge(&mut self, challenge: &Challenge, webhook: &Webhook) {
        let kind = challenge.kind;
        let is_signed = kind == ChallengeKind::Signed;
        let takes_secret = is_signed || kind == ChallengeKind::Hub;
        let takes_parameter = is_signed || kind == ChallengeKind::Echo;
        let given = [
            ("secret", challenge.secret.is_some(), takes_secret),
            ("parameter", challenge.parameter.is_some(), takes_parameter),
            ("echo_key", challenge.echo_key.is_some(), is_signed),
            ("response_key", challenge.response_key.is_some(), is_signed),
            ("prefix", !challenge.prefix.is_empty(), is_signed),
            ("digest", challenge.digest.is_some(), is_signed),
            ("encoding", challenge.encoding.is_some(), is_signed),
            ("key", challenge.key.is_some(), is_signed),
        ];
        for (key, is_given, belongs) in given {
            self.require(
                belongs || !is_given,
                format!("webhook.challenge.{key}"),
                format!("is of no use with `kind = \"{}\"`", kind.as_str()),
            );
        }
        self.require(
            challenge.parameter.is_some() || !takes_parameter,
            "webhook.challenge.parameter",
            "is needed: the query parameter that holds the challenge",
        );
        self.require(
            challenge.response_key.is_some() || !is_signed,
            "webhook.challenge.response_key",
            "is needed: the key of the answer that gets the signature",
        );
        let place = "webhook.challenge.secret";
        match &challenge.secret {
            Some(name) => self.secret_exists(place, name),
            None => {
                let has_own = kind == ChallengeKind::Hub;
                let inherits = is_signed && webhook.secret.is_none();
                self.require(
                    !has_own && !inherits,
                    place,
                    format!("is needed for `{}`", kind.as_str()),
                );
            }
        }
    }

    pub(super) fn secret_exists(&mut self, place: &str, name: &str) {
        let manifest = self.manifest;
        let hint = nearest(name, manifest.secrets.keys().map(String::as_str))
            .map(|near| format!("; did you mean `{near}`?"))
            .unwrap_or_default();
        self.require(
            manifest.secrets.contains_key(name),
            place,
            format!("names `{name}`, which is not among `[secrets]`{hint}"),
        );
    }
}

/// What stands in braces and could be meant as a name.
fn names(content: &str) -> impl Iterator<Item = &str> {
    content.split('{').skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once('}')?;
        let is_word = |byte: u8| byte.is_ascii_lowercase() || b"_.".contains(&byte);
        (!name.is_empty() && name.bytes().all(is_word)).then_some(name)
    })
}
