//! How calls to a connector's hook address prove where they come from: `[webhook]`.

use serde::{Deserialize, Serialize};

use super::{Digest, Encoding, KeyForm};

/// How calls to the connector's hook address are verified, before the plugin sees anything of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// What kind of proof a call carries.
    pub scheme: WebhookScheme,
    /// Name of the secret under `[secrets]` that the proof is made or checked with.
    #[serde(default)]
    pub secret: Option<String>,
    /// Header that holds the signature, in lower case.
    #[serde(default)]
    pub signature_header: Option<String>,
    /// What stands before a signature or shared value in its header, such as `sha256=`.
    #[serde(default)]
    pub prefix: String,
    /// What separates several entries in the signature header, such as a comma.
    #[serde(default)]
    pub separator: Option<String>,
    /// What is signed: text with `{body}`, `{timestamp}` and others; see [`CONTENT_NAMES`].
    #[serde(default)]
    pub content: Option<String>,
    /// Digest of the HMAC.
    #[serde(default)]
    pub digest: Option<Digest>,
    /// How the signature is written.
    #[serde(default)]
    pub encoding: Option<Encoding>,
    /// How the secret's text becomes the key.
    #[serde(default)]
    pub key: Option<KeyForm>,
    /// Header with the call's id.
    #[serde(default)]
    pub id_header: Option<String>,
    /// Header with the sender's clock.
    #[serde(default)]
    pub timestamp_header: Option<String>,
    /// What the entry with the sender's clock starts with, where it stands in the signature header.
    #[serde(default)]
    pub timestamp_prefix: Option<String>,
    /// How the sender's clock is written.
    #[serde(default)]
    pub timestamp_format: Option<TimestampFormat>,
    /// Largest distance between the sender's clock and ours, in seconds.
    #[serde(default)]
    pub tolerance_s: Option<u32>,
    /// Header that lists the headers which `{signed_headers}` stands for.
    #[serde(default)]
    pub signed_headers: Option<String>,
    /// Query parameter with the hexadecimal SHA-256 of a body that is no form.
    #[serde(default)]
    pub body_digest_parameter: Option<String>,
    /// Where a shared value stands.
    #[serde(default)]
    pub place: Option<SharedPlace>,
    /// Name of the header, parameter or user that goes with `place`.
    #[serde(default)]
    pub name: Option<String>,
    /// Headers that tell calls with the same signed content apart, such as the one with the topic.
    #[serde(default)]
    pub replay_headers: Vec<String>,
    /// Bodies of unproven calls that are answered and forgotten; `*` stands for 1 to 20
    /// letters or digits.
    #[serde(default)]
    pub ignore: Vec<String>,
    /// The vendor gives up waiting for an answer after this many seconds.
    #[serde(default)]
    pub answer_within_s: Option<u32>,
    /// How the vendor finds out that the address is ours.
    #[serde(default)]
    pub challenge: Option<Challenge>,
}

impl Webhook {
    /// Most milliseconds until the vendor has to be answered.
    pub fn answer_within_ms(&self) -> u64 {
        u64::from(self.answer_within_s.unwrap_or(DEFAULT_ANSWER_WITHIN_S)) * 1_000
    }
}

/// Shopify, the strictest of the usual vendors, waits for five seconds.
pub const DEFAULT_ANSWER_WITHIN_S: u32 = 5;

/// The names that `content` may hold in braces, besides `{settings.NAME}`.
pub const CONTENT_NAMES: [&str; 10] = [
    "body",
    "body_base64",
    "decoded_url",
    "id",
    "method",
    "params",
    "path",
    "signed_headers",
    "timestamp",
    "url",
];

/// Standard Webhooks' libraries use five minutes.
pub const DEFAULT_TOLERANCE_S: u32 = 300;

/// What kind of proof a call carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WebhookScheme {
    /// An HMAC in a header.
    Hmac,
    /// Standard Webhooks 1.0.0: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    StandardWebhooks,
    /// ECDSA on P-256 with SHA-256, in ASN.1 DER.
    EcdsaP256,
    /// Ed25519.
    Ed25519,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaSha256,
    /// The secret itself, compared.
    SharedSecret,
    /// None at all: whoever knows the address is believed.
    None,
}

impl WebhookScheme {
    /// The word in the manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hmac => "hmac",
            Self::StandardWebhooks => "standard-webhooks",
            Self::EcdsaP256 => "ecdsa-p256",
            Self::Ed25519 => "ed25519",
            Self::RsaSha256 => "rsa-sha256",
            Self::SharedSecret => "shared-secret",
            Self::None => "none",
        }
    }
}

/// How the sender's clock is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimestampFormat {
    /// Unix seconds.
    #[default]
    UnixS,
    /// Unix milliseconds.
    UnixMs,
    /// RFC 3339.
    Iso,
    /// As in HTTP's `date` header.
    HttpDate,
}

/// Where a shared value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SharedPlace {
    /// In the header `name`, after `prefix`.
    Header,
    /// In the query parameter `name`.
    Query,
    /// The password of Basic authentication for the user `name`; without `name` the secret is
    /// `user:password`.
    Basic,
    /// The last part of the address.
    Path,
    /// The text under the key `name` of the JSON object in the body.
    Json,
}

/// How the vendor finds out that the address is ours. Answered by the host; the plugin is not
/// called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// What is asked and answered.
    pub kind: ChallengeKind,
    /// Name of the secret that it takes; for `signed`, the secret of `[webhook]` if not said.
    #[serde(default)]
    pub secret: Option<String>,
    /// Query parameter that holds what is to be echoed or signed.
    #[serde(default)]
    pub parameter: Option<String>,
    /// Key of the answer's JSON object that gets the parameter back.
    #[serde(default)]
    pub echo_key: Option<String>,
    /// Key of the answer's JSON object that gets the signature.
    #[serde(default)]
    pub response_key: Option<String>,
    /// Put before the signature in the answer.
    #[serde(default)]
    pub prefix: String,
    /// Digest of the HMAC in the answer.
    #[serde(default)]
    pub digest: Option<Digest>,
    /// How the signature is written in the answer.
    #[serde(default)]
    pub encoding: Option<Encoding>,
    /// How the secret's text becomes the key.
    #[serde(default)]
    pub key: Option<KeyForm>,
}

/// What a challenge asks and what is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChallengeKind {
    /// GET with `hub.mode=subscribe`, `hub.verify_token` (the secret) and `hub.challenge`, which is
    /// echoed; as WebSub and Meta do.
    Hub,
    /// Any call with the query parameter `parameter`, which is echoed as text.
    Echo,
    /// GET or HEAD, answered with an empty 200.
    Probe,
    /// GET with the query parameter `parameter`, answered with JSON that holds its HMAC.
    Signed,
    /// A proven call whose body is `{"type": "url_verification", "challenge": …}`; the challenge is
    /// echoed as text.
    UrlVerification,
}

impl ChallengeKind {
    /// The word in the manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hub => "hub",
            Self::Echo => "echo",
            Self::Probe => "probe",
            Self::Signed => "signed",
            Self::UrlVerification => "url-verification",
        }
    }
}
