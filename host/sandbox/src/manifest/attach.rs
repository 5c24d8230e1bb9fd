//! How a credential gets onto a request.

use serde::{Deserialize, Serialize};

/// How the host puts a credential on a request. Texts may contain `{settings.NAME}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Attach {
    /// `NAME: PREFIXsecret`.
    Header {
        /// Header name in lower case.
        name: String,
        /// Put before the secret.
        #[serde(default)]
        prefix: String,
    },
    /// `authorization: Bearer secret`.
    Bearer,
    /// `authorization: Basic base64(USERNAME:secret)`; without a user name the secret is
    /// `user:password`.
    Basic {
        /// The user name.
        #[serde(default)]
        username: Option<String>,
    },
    /// `?NAME=secret`.
    Query {
        /// Parameter name.
        name: String,
    },
    /// `webhook-timestamp` and `webhook-signature` over the `webhook-id` header that the plugin
    /// sets, per Standard Webhooks 1.0.0. Several secrets separated by white space sign all.
    StandardWebhooks,
    /// An HMAC over the request in a header.
    Hmac {
        /// Header name in lower case.
        header: String,
        /// Put before the digest.
        #[serde(default)]
        prefix: String,
        /// What is signed: any of `{body}`, `{timestamp}`, `{method}`, `{path}` and other text.
        #[serde(default = "super::default_content")]
        content: String,
        /// Which digest.
        #[serde(default)]
        digest: Digest,
        /// How the digest is written.
        #[serde(default)]
        encoding: Encoding,
        /// How the secret's text becomes the key.
        #[serde(default)]
        key: KeyForm,
        /// Header that gets the Unix seconds used for `{timestamp}`.
        #[serde(default)]
        timestamp_header: Option<String>,
    },
    /// A bearer token from the token endpoint, fetched and kept by the host.
    #[serde(rename = "oauth2-client-credentials")]
    OAuth2ClientCredentials {
        /// The token endpoint.
        token_url: String,
        /// The client's id; the secret is the client's secret.
        client_id: String,
        /// Asked for, separated by spaces.
        #[serde(default)]
        scope: Option<String>,
        /// Sent along in the form, as some vendors demand.
        #[serde(default)]
        parameters: std::collections::BTreeMap<String, String>,
        /// Client id and secret go into the form instead of the `authorization` header.
        #[serde(default)]
        in_body: bool,
    },
    /// A bearer token from a refresh token that may rotate.
    #[serde(rename = "oauth2-refresh")]
    OAuth2Refresh {
        /// The token endpoint.
        token_url: String,
        /// The client's id.
        client_id: String,
    },
    /// A bearer token for a signed assertion (RFC 7523).
    #[serde(rename = "oauth2-jwt-bearer")]
    OAuth2JwtBearer {
        /// The token endpoint.
        token_url: String,
        /// Who signs.
        issuer: String,
        /// For whom.
        #[serde(default)]
        subject: Option<String>,
        /// Asked for, separated by spaces.
        #[serde(default)]
        scope: Option<String>,
    },
    /// OAuth 1.0a signatures.
    #[serde(rename = "oauth1")]
    OAuth1 {
        /// The consumer's key.
        consumer_key: String,
        /// The token.
        token: String,
    },
    /// Not put on any request: the key of `[webhook]`.
    Webhook,
}

impl Attach {
    /// The word in the manifest.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Header { .. } => "header",
            Self::Bearer => "bearer",
            Self::Basic { .. } => "basic",
            Self::Query { .. } => "query",
            Self::StandardWebhooks => "standard-webhooks",
            Self::Hmac { .. } => "hmac",
            Self::OAuth2ClientCredentials { .. } => "oauth2-client-credentials",
            Self::OAuth2Refresh { .. } => "oauth2-refresh",
            Self::OAuth2JwtBearer { .. } => "oauth2-jwt-bearer",
            Self::OAuth1 { .. } => "oauth1",
            Self::Webhook => "webhook",
        }
    }
}

/// Digest of an HMAC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Digest {
    /// SHA-1, for vendors that have nothing better; sound within an HMAC.
    Sha1,
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How a digest is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// Lower-case hexadecimal.
    #[default]
    Hex,
    /// Standard base64 with padding.
    Base64,
}

/// How a secret's text becomes the key of an HMAC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyForm {
    /// The text's own bytes.
    #[default]
    Utf8,
    /// Standard base64.
    Base64,
    /// Hexadecimal.
    Hex,
    /// `whsec_` and standard base64, 24 to 64 bytes.
    Whsec,
}
