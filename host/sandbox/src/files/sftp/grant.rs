//! What the operator says about a server.

use std::path::PathBuf;
use std::sync::Arc;

use russh::keys::known_hosts::known_host_keys_path;
use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKey, decode_secret_key};

use crate::grants::HostGrant;
use crate::secret::Secret;

/// A folder on an SFTP server, and how to get there.
#[derive(Clone, Debug)]
pub struct SftpGrant {
    /// The server, by name or address.
    pub host: String,
    /// Its port; 22 is usual.
    pub port: u16,
    /// Who logs in.
    pub user: String,
    /// The folder: absolute with a leading `/`, else below the user's own.
    pub path: String,
    /// What proves who logs in.
    pub login: Login,
    /// What proves the server.
    pub host_keys: HostKeys,
}

/// What proves who logs in.
#[derive(Clone, Debug)]
pub enum Login {
    /// A private key in OpenSSH's, PKCS#8's or PuTTY's form.
    Key {
        /// The file's text.
        text: Secret,
        /// What it is encrypted with.
        passphrase: Option<Secret>,
    },
    /// A password, also where the server asks for it as a question.
    Password(Secret),
}

/// Which keys the server may have. There is no trust on first use.
#[derive(Clone, Debug)]
pub enum HostKeys {
    /// Those with these fingerprints, as `ssh-keygen -l` shows them: `SHA256:...`.
    Fingerprints(Vec<String>),
    /// Those of a file in OpenSSH's form (`ssh-keyscan`), read at every connection.
    KnownHosts(PathBuf),
}

/// A grant, checked.
pub(super) struct Target {
    pub(super) grant: SftpGrant,
    pub(super) host: HostGrant,
    pub(super) key: Option<Arc<PrivateKey>>,
}

impl Target {
    pub(super) fn new(grant: &SftpGrant) -> Result<Self, String> {
        let host = HostGrant::named(&grant.host, Some(grant.port), false)
            .map_err(|reason| format!("the SFTP server {reason}"))?;
        let key = match &grant.login {
            Login::Key { text, passphrase } => {
                let passphrase = passphrase.as_ref().map(Secret::expose);
                // The parser's own error may quote what it read.
                let key = decode_secret_key(text.expose(), passphrase)
                    .map_err(|error| unreadable(&error, passphrase.is_some()))?;
                Some(Arc::new(key))
            }
            Login::Password(_) => None,
        };
        let grant = grant.clone();
        Ok(Self { grant, host, key })
    }

    /// Algorithms of the keys that are known: a server has several, and shows the one that is asked
    /// for first.
    pub(super) fn known_algorithms(&self) -> Vec<Algorithm> {
        match &self.grant.host_keys {
            HostKeys::KnownHosts(file) => {
                self.known(file).iter().map(PublicKey::algorithm).collect()
            }
            HostKeys::Fingerprints(_) => Vec::new(),
        }
    }

    /// Refuses a key that is not the server's; `Err` is for a person.
    pub(super) fn check(&self, key: &PublicKey) -> Result<(), String> {
        let shown = key.fingerprint(HashAlg::Sha256).to_string();
        let SftpGrant { host, port, .. } = &self.grant;
        match &self.grant.host_keys {
            HostKeys::Fingerprints(known) if known.contains(&shown) => Ok(()),
            HostKeys::Fingerprints(_) => Err(format!(
                "`{host}:{port}` shows the host key {shown}, which is not among `host_keys`"
            )),
            HostKeys::KnownHosts(file) => {
                let known = self.known(file);
                if known.iter().any(|other| other.key_data() == key.key_data()) {
                    return Ok(());
                }
                let file = file.display();
                Err(if known.is_empty() {
                    format!("`{file}` knows no key of `{host}:{port}`, which shows {shown}")
                } else {
                    format!(
                        "`{host}:{port}` shows the host key {shown}; `{file}` knows another one"
                    )
                })
            }
        }
    }

    fn known(&self, file: &PathBuf) -> Vec<PublicKey> {
        known_host_keys_path(&self.grant.host, self.grant.port, file)
            .unwrap_or_default()
            .into_iter()
            .map(|(_, key)| key)
            .collect()
    }
}

fn unreadable(error: &russh::keys::Error, has_passphrase: bool) -> String {
    let reason = match (error, has_passphrase) {
        (russh::keys::Error::KeyIsEncrypted, false) => "is encrypted: set `passphrase`",
        (_, true) => "is in no form that is known, or the passphrase is wrong",
        (_, false) => "is in no form that is known; OpenSSH's, PKCS#8's and PuTTY's are",
    };
    format!("the private key {reason}")
}
