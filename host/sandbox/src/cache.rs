//! Compiled components on disk, named by the component's digest and the engine's hash. Loading
//! one runs its code outside the sandbox's checks, so the folder belongs to the host alone.
//!
//! ```text
//! <folder, mode 0700>/<sha256 of the component>-<engine hash>.cwasm
//!     32 bytes  SHA-256 of the rest
//!     rest      wasmtime's serialized component
//! ```

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;

const CHECKSUM_BYTES: usize = 32;

pub(crate) struct Cache {
    folder: PathBuf,
    engine_hash: u64,
}

impl Cache {
    /// Makes the folder where it is missing, and refuses one that others may write.
    pub(crate) fn open(folder: &Path, engine: &wasmtime::Engine) -> Result<Self, String> {
        let fault = |error: std::io::Error| format!("cache folder `{}`: {error}", folder.display());
        fs::create_dir_all(folder).map_err(fault)?;
        own(folder).map_err(fault)?;
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self {
            folder: folder.to_owned(),
            engine_hash: hasher.finish(),
        })
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.folder
            .join(format!("{digest}-{:016x}.cwasm", self.engine_hash))
    }

    /// The compiled component, if it is there, whole, and fits the engine.
    pub(crate) fn get(&self, engine: &wasmtime::Engine, digest: &str) -> Option<Component> {
        let path = self.path(digest);
        // Read rather than mapped: a mapped file that is truncated would kill the process.
        let bytes = fs::read(&path).ok()?;
        let loaded = load(engine, &bytes);
        if loaded.is_none() {
            tracing::warn!(file = %path.display(), "compiled plugin does not fit and is replaced");
        }
        loaded
    }

    /// Keeps a compiled component. A cache that cannot be written costs time only.
    pub(crate) fn put(&self, component: &Component, digest: &str) {
        if let Err(error) = self.try_put(component, digest) {
            tracing::warn!(%error, "compiled plugin could not be cached");
        }
    }

    fn try_put(&self, component: &Component, digest: &str) -> wasmtime::Result<()> {
        static WRITES: AtomicU32 = AtomicU32::new(0);
        let write = WRITES.fetch_add(1, Ordering::Relaxed);
        let path = self.path(digest);
        let partial = path.with_extension(format!("{}-{write}.partial", std::process::id()));
        let mut file = fs::File::create(&partial)?;
        let code = component.serialize()?;
        file.write_all(&Sha256::digest(&code))?;
        file.write_all(&code)?;
        file.sync_all()?;
        fs::rename(&partial, &path)?;
        Ok(())
    }
}

fn load(engine: &wasmtime::Engine, bytes: &[u8]) -> Option<Component> {
    let (checksum, code) = bytes.split_at_checked(CHECKSUM_BYTES)?;
    if Sha256::digest(code).as_slice() != checksum {
        return None;
    }
    // SAFETY: `put` wrote the file from this engine's own output: the folder is readable and
    // writable for the host's user alone, and the checksum shows that nothing was lost. Code of
    // another engine version is refused by wasmtime.
    #[allow(unsafe_code)]
    let loaded = unsafe { Component::deserialize(engine, code) };
    loaded.ok()
}

fn own(folder: &Path) -> std::io::Result<()> {
    let owner = fs::metadata(folder)?.uid();
    if owner != rustix::process::geteuid().as_raw() {
        return Err(std::io::Error::other("belongs to another user"));
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}
