//! The host's side of the contract's `tcp`.

use std::time::Duration;

use super::CallState;
use crate::bindings::crosspoint::connector::tcp as wit;
use crate::credentials::Form;
use crate::egress::Egress;
use crate::tcp::{Opening, TcpError};

impl wit::Host for CallState {
    async fn open(
        &mut self,
        host: String,
        port: u16,
        security: wit::Security,
        timeout_ms: Option<u32>,
    ) -> Result<wit::Handle, wit::Error> {
        let (connections, egress) = self.tcp()?;
        let opening = Opening {
            host,
            port,
            is_tls: security == wit::Security::Tls,
        };
        let opened = connections.open(egress, opening, timeout(timeout_ms)).await;
        opened.map_err(refusal)
    }

    async fn start_tls(
        &mut self,
        handle: wit::Handle,
        timeout_ms: Option<u32>,
    ) -> Result<(), wit::Error> {
        let (connections, egress) = self.tcp()?;
        let done = connections.start_tls(egress, handle, timeout(timeout_ms));
        done.await.map_err(refusal)
    }

    async fn send(
        &mut self,
        handle: wit::Handle,
        bytes: Vec<u8>,
        timeout_ms: Option<u32>,
    ) -> Result<(), wit::Error> {
        let (connections, egress) = self.tcp()?;
        let done = connections.send(egress, handle, &bytes, timeout(timeout_ms));
        done.await.map_err(refusal)
    }

    async fn send_credential(
        &mut self,
        handle: wit::Handle,
        secret: String,
        form: wit::CredentialForm,
        timeout_ms: Option<u32>,
    ) -> Result<(), wit::Error> {
        let (connections, egress) = self.tcp()?;
        let form = match form {
            wit::CredentialForm::SaslPlain(user) => Form::SaslPlain { user },
            wit::CredentialForm::Password => Form::Password,
            wit::CredentialForm::CramMd5(wit::Challenge { user, text }) => Form::CramMd5 {
                user,
                challenge: text,
            },
            wit::CredentialForm::Xoauth2(user) => Form::XOAuth2 { user },
        };
        let done = connections.send_credential(egress, handle, &secret, form, timeout(timeout_ms));
        done.await.map_err(refusal)
    }

    async fn receive_line(
        &mut self,
        handle: wit::Handle,
        max_bytes: u32,
        timeout_ms: Option<u32>,
    ) -> Result<Vec<u8>, wit::Error> {
        let (connections, egress) = self.tcp()?;
        let line = connections.receive_line(egress, handle, max_bytes, timeout(timeout_ms));
        line.await.map_err(refusal)
    }

    async fn pace(&mut self) -> Result<(), wit::Error> {
        let (connections, egress) = self.tcp()?;
        connections.pace(egress).await.map_err(refusal)
    }

    fn close(&mut self, handle: wit::Handle) {
        self.connections.close(handle);
    }
}

impl CallState {
    fn tcp(&mut self) -> Result<(&mut crate::tcp::Connections, &Egress), wit::Error> {
        let egress =
            self.shared.egress.as_ref().ok_or_else(|| {
                wit::Error::Denied("the manifest does not ask for `tcp`".to_owned())
            })?;
        Ok((&mut self.connections, egress))
    }
}

fn timeout(ms: Option<u32>) -> Option<Duration> {
    ms.map(|ms| Duration::from_millis(ms.into()))
}

fn refusal(error: TcpError) -> wit::Error {
    match error {
        TcpError::Denied(reason) => wit::Error::Denied(reason),
        TcpError::Connect(reason) => wit::Error::Connect(reason),
        TcpError::Tls(reason) => wit::Error::Tls(reason),
        TcpError::Timeout => wit::Error::Timeout,
        TcpError::Closed(reason) => wit::Error::Closed(reason),
        TcpError::TooLarge(limit) => wit::Error::TooLarge(limit),
        TcpError::Invalid(reason) => wit::Error::Invalid(reason),
        TcpError::Auth(reason) => wit::Error::Auth(reason),
        TcpError::RateLimited(ms) => wit::Error::RateLimited(ms),
    }
}
