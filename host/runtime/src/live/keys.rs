//! Who may call what.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crosspoint_config::Project;
use crosspoint_config::project::WriteKey;
use crosspoint_model::ConnectorId;
use crosspoint_sandbox::Secret;
use sha2::{Digest, Sha256};

use crate::admin::AdminError;
use crate::connector::resolve_secret;
use crate::error::coded;

/// Write keys and read tokens, by their digests: looking one up takes the same time whatever it
/// has in common with a real one.
#[derive(Default)]
pub struct Keys {
    writers: BTreeMap<[u8; 32], ConnectorId>,
    readers: Vec<[u8; 32]>,
}

impl Keys {
    /// Reads what configuration refers to.
    pub(crate) fn read(project: &Project, folder: &Path) -> Result<Self, AdminError> {
        let mut keys = Self::default();
        for (name, tracking) in &project.tracking {
            for key in &tracking.write_keys {
                let digest = match key {
                    WriteKey::Plain(key) => digest(key),
                    WriteKey::Reference(reference) => {
                        let of = format!("a write key of tracking source `{name}`");
                        token_digest(&resolve_secret(&of, reference, folder)?, &of)?
                    }
                };
                if let Some(other) = keys.writers.insert(digest, name.clone())
                    && other != *name
                {
                    let message =
                        format!("tracking sources `{other}` and `{name}` share a write key");
                    let hint = "a key says which source calls: give each its own".to_owned();
                    return Err(coded("XP-RUN-012", message, Some(hint)));
                }
            }
        }
        for reference in project.lookups.iter().flat_map(|lookups| &lookups.tokens) {
            let of = "a token of `lookups`";
            let token = resolve_secret(of, reference, folder)?;
            keys.readers.push(token_digest(&token, of)?);
        }
        Ok(keys)
    }

    /// The tracking source that a write key belongs to.
    pub fn writer(&self, key: &str) -> Option<&ConnectorId> {
        self.writers.get(&digest(key))
    }

    /// Whether a token may read profiles.
    pub fn may_read(&self, token: &str) -> bool {
        self.readers.contains(&digest(token))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// An empty token would let everybody in.
fn token_digest(secret: &Secret, of: &str) -> Result<[u8; 32], AdminError> {
    if secret.expose().trim().is_empty() {
        let hint = "set it to a long random text".to_owned();
        return Err(coded("XP-RUN-011", format!("{of} is empty"), Some(hint)));
    }
    Ok(digest(secret.expose()))
}
