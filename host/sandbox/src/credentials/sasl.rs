//! What is written for a secret on a connection that is not HTTP.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, Mac as _};
use md5::Md5;

use super::{Credentials, How};
use crate::egress::{EgressError, Wire};
use crate::secret::Secret;

/// The forms of the contract's `credential-form`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    SaslPlain { user: String },
    Password,
    CramMd5 { user: String, challenge: Vec<u8> },
    XOAuth2 { user: String },
}

impl Credentials {
    /// The secret of that name for `host` in that form, in base64.
    pub(crate) async fn written(
        &self,
        name: &str,
        host: &str,
        form: Form,
        wire: &Wire,
    ) -> Result<Secret, EgressError> {
        let auth = |reason: &str| EgressError::Auth(format!("secret `{name}` {reason}"));
        let credential = self
            .all
            .iter()
            .find(|credential| credential.name == name)
            .ok_or_else(|| auth("is not configured"))?;
        if !credential.is_for(host) {
            return Err(auth(&format!("is not for host `{host}`")));
        }
        if let Form::SaslPlain { user } | Form::CramMd5 { user, .. } | Form::XOAuth2 { user } =
            &form
            && user.chars().any(char::is_control)
        {
            let reason = "the user holds control characters".to_owned();
            return Err(EgressError::Invalid(reason));
        }
        let text = match (&credential.how, form) {
            (How::Sasl(secret), Form::SaslPlain { user }) => {
                if secret.expose().contains('\0') {
                    return Err(auth("holds a NUL, which SASL PLAIN cannot carry"));
                }
                format!("\0{user}\0{}", secret.expose())
            }
            (How::Sasl(secret), Form::Password) => secret.expose().to_owned(),
            (How::Sasl(secret), Form::CramMd5 { user, challenge }) => {
                let key = secret.expose().as_bytes();
                let mut mac = Hmac::<Md5>::new_from_slice(key).expect("any length is a key");
                mac.update(&challenge);
                format!("{user} {}", hex::encode(mac.finalize().into_bytes()))
            }
            (How::Token(_, source), Form::XOAuth2 { user }) => {
                let bearer = source.bearer(wire).await?;
                let bearer = bearer.to_str().map_err(|_| auth("is no text"))?;
                format!("user={user}\x01auth={bearer}\x01\x01")
            }
            _ => return Err(auth("is of a kind that cannot be written in this form")),
        };
        Ok(Secret::new(
            BASE64_STANDARD.encode(Secret::new(text).expose()),
        ))
    }
}
