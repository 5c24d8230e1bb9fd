//! What entitles the host to an access token.

use std::fs::File;

use crate::secret::Secret;

use super::jwt::Assertion;
use super::kept::Kept;

/// By what a token is asked for.
pub(in crate::credentials) enum Grant {
    /// The client's own credentials (RFC 6749 §4.4).
    ClientCredentials,
    /// A refresh token (RFC 6749 §6), renewed where the vendor does so.
    Refresh(Kept),
    /// A signed assertion (RFC 7523 §2.1).
    Assertion(Box<Assertion>),
}

/// One request's worth of a grant.
pub(super) enum Permit {
    ClientCredentials,
    Refresh {
        token: Secret,
        /// Held until the answer is kept: nobody else spends the same refresh token.
        lock: Option<File>,
    },
    Assertion(Secret),
}

impl Grant {
    /// What to ask with now.
    pub(super) async fn begin(&mut self) -> Result<Permit, String> {
        match self {
            Self::ClientCredentials => Ok(Permit::ClientCredentials),
            Self::Refresh(kept) => {
                let (token, lock) = kept.begin().await?;
                let lock = Some(lock);
                Ok(Permit::Refresh { token, lock })
            }
            Self::Assertion(assertion) => assertion.sign().map(Permit::Assertion),
        }
    }

    /// Keeps a new refresh token on disk. The access token must not be used before.
    pub(super) async fn end(&mut self, permit: Permit, next: Option<&str>) -> Result<(), String> {
        match (self, permit) {
            (Self::Refresh(kept), Permit::Refresh { token, lock }) => {
                if let Some(next) = next.filter(|next| *next != token.expose()) {
                    kept.keep(Secret::new(next)).await?;
                }
                drop(lock);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Permit {
    pub(super) fn is_refresh(&self) -> bool {
        matches!(self, Self::Refresh { .. })
    }

    /// What of it must not be seen.
    pub(super) fn secret(&self) -> Option<&Secret> {
        match self {
            Self::ClientCredentials => None,
            Self::Refresh { token, .. } => Some(token),
            Self::Assertion(assertion) => Some(assertion),
        }
    }

    /// Fields of the form.
    pub(super) fn fields(&self) -> Vec<(&str, String)> {
        match self {
            Self::ClientCredentials => vec![("grant_type", "client_credentials".to_owned())],
            Self::Refresh { token, .. } => vec![
                ("grant_type", "refresh_token".to_owned()),
                ("refresh_token", token.expose().to_owned()),
            ],
            Self::Assertion(assertion) => vec![
                (
                    "grant_type",
                    "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned(),
                ),
                ("assertion", assertion.expose().to_owned()),
            ],
        }
    }
}
