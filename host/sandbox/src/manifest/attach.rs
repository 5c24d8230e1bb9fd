//! How a credential gets onto a request.

use std::collections::BTreeMap;

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
    /// `?NAME=` with the hexadecimal HMAC-SHA256 of another secret, whose key is this one: proves
    /// that whoever holds the token holds the app's secret as well.
    QueryProof {
        /// Parameter name.
        name: String,
        /// Name of the secret that is signed.
        of: String,
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
        parameters: BTreeMap<String, String>,
        /// Client id and secret go into the form instead of the `authorization` header.
        #[serde(default)]
        in_body: bool,
        /// Header that gets the token, in lower case.
        #[serde(default = "authorization")]
        header: String,
        /// Put before the token in the header.
        #[serde(default = "bearer")]
        prefix: String,
    },
    /// A bearer token for a refresh token, which is the secret and may rotate.
    #[serde(rename = "oauth2-refresh")]
    OAuth2Refresh {
        /// The token endpoint.
        token_url: String,
        /// The client's id.
        client_id: String,
        /// Name of the secret that is the client's secret; none for public clients.
        #[serde(default)]
        client_secret: Option<String>,
        /// Asked for, separated by spaces.
        #[serde(default)]
        scope: Option<String>,
        /// Sent along in the form, as some vendors demand.
        #[serde(default)]
        parameters: BTreeMap<String, String>,
        /// Client id and secret go into the form instead of the `authorization` header.
        #[serde(default)]
        in_body: bool,
        /// Header that gets the token, in lower case.
        #[serde(default = "authorization")]
        header: String,
        /// Put before the token in the header.
        #[serde(default = "bearer")]
        prefix: String,
    },
    /// A bearer token for a signed assertion (RFC 7523). The secret is the RSA private key in PEM,
    /// or a Google service account in JSON.
    #[serde(rename = "oauth2-jwt-bearer")]
    OAuth2JwtBearer {
        /// The token endpoint.
        token_url: String,
        /// Who signs; a service account brings its own.
        #[serde(default)]
        issuer: Option<String>,
        /// For whom.
        #[serde(default)]
        subject: Option<String>,
        /// Who shall believe it; the token endpoint if not said.
        #[serde(default)]
        recipient: Option<String>,
        /// Asked for, separated by spaces.
        #[serde(default)]
        scope: Option<String>,
        /// Which key of the issuer's.
        #[serde(default)]
        key_id: Option<String>,
        /// Header that gets the token, in lower case.
        #[serde(default = "authorization")]
        header: String,
        /// Put before the token in the header.
        #[serde(default = "bearer")]
        prefix: String,
    },
    /// OAuth 1.0a signatures (RFC 5849). The secret is the consumer's secret.
    #[serde(rename = "oauth1")]
    OAuth1 {
        /// The consumer's key.
        consumer_key: String,
        /// Name of the secret that is the token; none for two-legged calls.
        #[serde(default)]
        token: Option<String>,
        /// Name of the secret that is the token's secret.
        #[serde(default)]
        token_secret: Option<String>,
        /// Digest of the HMAC.
        #[serde(default)]
        digest: Digest,
        /// The signature goes into the query instead of the `authorization` header.
        #[serde(default)]
        in_query: bool,
    },
    /// Not put on any request: the host writes it on a TCP connection where the plugin says so.
    Sasl,
    /// Not put on any request by itself: a part of another credential, which names it.
    Part,
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
            Self::QueryProof { .. } => "query-proof",
            Self::StandardWebhooks => "standard-webhooks",
            Self::Hmac { .. } => "hmac",
            Self::OAuth2ClientCredentials { .. } => "oauth2-client-credentials",
            Self::OAuth2Refresh { .. } => "oauth2-refresh",
            Self::OAuth2JwtBearer { .. } => "oauth2-jwt-bearer",
            Self::OAuth1 { .. } => "oauth1",
            Self::Sasl => "sasl",
            Self::Part => "part",
            Self::Webhook => "webhook",
        }
    }

    /// Whether the host sets the header of that name, which is in lower case, for it.
    pub fn sets_header(&self, wanted: &str) -> bool {
        match self {
            Self::Header { name, .. } => name == wanted,
            Self::Bearer | Self::Basic { .. } => wanted == "authorization",
            Self::StandardWebhooks => {
                matches!(wanted, "webhook-timestamp" | "webhook-signature")
            }
            Self::Hmac {
                header,
                timestamp_header,
                ..
            } => header == wanted || timestamp_header.as_deref() == Some(wanted),
            Self::OAuth2ClientCredentials { header, .. }
            | Self::OAuth2Refresh { header, .. }
            | Self::OAuth2JwtBearer { header, .. } => header == wanted,
            Self::OAuth1 { in_query, .. } => !in_query && wanted == "authorization",
            Self::Query { .. } | Self::QueryProof { .. } => false,
            Self::Sasl | Self::Part | Self::Webhook => false,
        }
    }

    /// Whether the host adds the query parameter of that name for it.
    pub fn sets_parameter(&self, wanted: &str) -> bool {
        match self {
            Self::Query { name } | Self::QueryProof { name, .. } => name == wanted,
            Self::OAuth1 { in_query, .. } => *in_query && wanted.starts_with("oauth_"),
            _ => false,
        }
    }

    /// Keys that name other secrets, and the names.
    pub fn parts(&self) -> Vec<(&'static str, &str)> {
        let parts = match self {
            Self::OAuth2Refresh { client_secret, .. } => vec![("client_secret", client_secret)],
            Self::OAuth1 {
                token,
                token_secret,
                ..
            } => vec![("token", token), ("token_secret", token_secret)],
            _ => vec![],
        };
        parts
            .into_iter()
            .filter_map(|(key, name)| Some((key, name.as_deref()?)))
            .collect()
    }
}

fn authorization() -> String {
    "authorization".to_owned()
}

fn bearer() -> String {
    "Bearer ".to_owned()
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
