//! One-click unsubscribing (RFC 8058): addresses that only this host can make, and what a click on
//! one does. An address holds the connector and the person's e-mail address, sealed with a key of the
//! data folder, so that nobody can read or make one; it never ends and may be used again.
//!
//! ```text
//! token = base64url(nonce[12] | AES-256-GCM(CONNECTOR NUL E-MAIL ADDRESS) | tag[16])
//! nonce = HMAC-SHA256(key, CONNECTOR NUL E-MAIL ADDRESS)[..12]
//! ```
//!
//! The nonce follows from what is sealed: the same person gets the same address at every retry.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use crosspoint_ingest::{Page, checked_page};
use crosspoint_model::delivery::{Action, Delivery};
use crosspoint_model::entry::What;
use crosspoint_model::record::{Attribute, Body, Consent, ConsentState, ConsentTopic, Record};
use crosspoint_model::{ConnectorId, Identifier, Value};

use crate::Host;
use crate::admin::AdminError;
use crate::clock::machine_now;
use crate::error::coded;
use crate::live::TrackError;

/// The field of `send-message` that gets the address, where the action names it.
pub(crate) const FIELD: &str = "unsubscribe_url";

/// The stream that clicks are written to, beside those of a connector's plugin.
const STREAM: &str = "unsubscribed";

const KEY_BYTES: usize = 32;

/// What may be sealed: an address of a mail is short, and a token longer than that is nobody's.
const LONGEST_TOKEN: usize = 1024;

/// Makes and reads addresses.
pub(crate) struct Unsubscribing {
    base: String,
    seal: LessSafeKey,
    nonces: hmac::Key,
}

impl Unsubscribing {
    /// With the key in `file`, made on first use, readable by its user only.
    pub fn open(file: &Path, public_url: &str) -> Result<Self, AdminError> {
        let key = key(file).map_err(|error| {
            let place = file.display();
            let message = format!("could not read or make the key `{place}`: {error}");
            coded("XP-RUN-010", message, None)
        })?;
        Ok(Self::with(&key, public_url))
    }

    fn with(key: &[u8; KEY_BYTES], public_url: &str) -> Self {
        let master = hmac::Key::new(hmac::HMAC_SHA256, key);
        let derived = |purpose: &[u8]| hmac::sign(&master, purpose);
        let seal = derived(b"unsubscribe.seal.v1");
        let seal = UnboundKey::new(&AES_256_GCM, seal.as_ref()).expect("32 bytes are a key");
        let nonces = derived(b"unsubscribe.nonce.v1");
        Self {
            base: public_url.trim_end_matches('/').to_owned(),
            seal: LessSafeKey::new(seal),
            nonces: hmac::Key::new(hmac::HMAC_SHA256, nonces.as_ref()),
        }
    }

    /// The address for one person's mail by one connector.
    pub fn url(&self, connector: &ConnectorId, address: &str) -> String {
        let mut sealed = format!("{}\0{address}", connector.0).into_bytes();
        let digest = hmac::sign(&self.nonces, &sealed);
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&digest.as_ref()[..NONCE_LEN]);
        self.seal
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::empty(),
                &mut sealed,
            )
            .expect("an address is short enough to be sealed");
        let token = [&nonce[..], &sealed].concat();
        format!("{}/u/{}", self.base, BASE64_URL_SAFE_NO_PAD.encode(token))
    }

    /// Whom a token is about; `None` for what this host did not make.
    pub fn read(&self, token: &str) -> Option<(ConnectorId, Identifier)> {
        if token.len() > LONGEST_TOKEN {
            return None;
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let opened = self.seal.open_in_place(nonce, Aad::empty(), &mut sealed);
        let text = std::str::from_utf8(opened.ok()?).ok()?;
        let (connector, address) = text.split_once('\0')?;
        Some((connector.into(), Identifier::email(address)?))
    }

    /// The deliveries with their addresses, where they are messages and have none of their own.
    pub fn add(&self, connector: &ConnectorId, items: &[Delivery]) -> Vec<Delivery> {
        let mut items = items.to_vec();
        for item in items
            .iter_mut()
            .filter(|it| it.action == Action::SendMessage)
        {
            let address = item.identifiers.iter().find_map(|it| match it {
                Identifier::Email(address) => Some(address.clone()),
                _ => None,
            });
            let has_one = item.fields.iter().any(|field| field.name == FIELD);
            if let Some(address) = address.filter(|_| !has_one) {
                item.fields.push(Attribute {
                    name: FIELD.into(),
                    value: Value::Text(self.url(connector, &address).into()),
                });
            }
        }
        items
    }
}

impl std::fmt::Debug for Unsubscribing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Unsubscribing({})", self.base)
    }
}

/// The key in `file`, made where there is none. Two processes that make it at once get the same.
fn key(file: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    if !file.exists() {
        rand::fill(&mut key).map_err(|_| io::Error::other("no random bytes"))?;
        let folder = file.parent().unwrap_or(Path::new("."));
        // Complete under its name or not there: a link does not replace what another one made.
        let draft = folder.join(format!(".unsubscribe-{}", std::process::id()));
        let mut out = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        out.write_all(&key)?;
        out.sync_all()?;
        let linked = std::fs::hard_link(&draft, file);
        std::fs::remove_file(&draft)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => File::open(folder)?.sync_all()?,
        }
    }
    let mut held = File::open(file)?;
    held.read_exact(&mut key)?;
    if held.read(&mut [0])? != 0 {
        return Err(io::Error::other("it is longer than a key"));
    }
    Ok(key)
}

impl Host {
    /// Whether this host made the token.
    pub fn knows_unsubscribing(&self, token: &str) -> bool {
        self.unsubscribing
            .as_ref()
            .is_some_and(|it| it.read(token).is_some())
    }

    /// Writes down that the person withdraws consent to marketing by e-mail, and completes when that
    /// is durable. `false` for a token that this host did not make. Again is as good as once.
    ///
    /// # Errors
    /// As [`Host::track`].
    pub async fn unsubscribe(&self, token: &str) -> Result<bool, TrackError> {
        let read = self.unsubscribing.as_ref().and_then(|it| it.read(token));
        let Some((connector, address)) = read else {
            return Ok(false);
        };
        let now = machine_now();
        let record = Record {
            id: address.to_string().into(),
            updated_at: now,
            identifiers: vec![address],
            attributes: vec![],
            body: Body::Consent(Consent {
                topic: ConsentTopic::EmailMarketing,
                state: ConsentState::Withdrawn,
                decided_at: now,
                evidence: Some("one-click unsubscribe".into()),
            }),
        };
        let page = Page {
            records: vec![record],
            ..Page::default()
        };
        let page = checked_page(&connector, STREAM, false, page);
        let at = self.clock.stamp(&page.records);
        let appended = match self.ledger.try_append(at, &What::Records(page)) {
            Ok(Some(appended)) => appended,
            Ok(None) => return Err(TrackError::Busy { retry_after_s: 1 }),
            Err(_) => return Err(TrackError::Stopped),
        };
        let durable = self.ledger.durable(appended.seq).await;
        durable.map_err(|_| TrackError::Stopped)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
