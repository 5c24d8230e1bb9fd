//! A compiled plugin, ready to be instantiated.

use std::sync::Arc;

use wasmtime::component::InstancePre;

use crate::bindings::exports::crosspoint::connector::{destination, source};
use crate::engine::{Ticker, Ticking};
use crate::manifest::{Manifest, Role};
use crate::state::CallState;

/// A compiled plugin. Shared by all connectors that are configured with it.
pub struct Plugin {
    /// What it says about itself.
    pub manifest: Manifest,
    /// SHA-256 of the component in hexadecimal.
    pub digest: String,
    prepared: InstancePre<CallState>,
    source: Option<source::GuestIndices>,
    destination: Option<destination::GuestIndices>,
    ticker: Arc<Ticker>,
}

impl Plugin {
    pub(crate) fn new(
        manifest: Manifest,
        digest: String,
        prepared: InstancePre<CallState>,
        ticker: Arc<Ticker>,
    ) -> wasmtime::Result<Self> {
        let has = |role| manifest.has_role(role);
        let source = has(Role::Source)
            .then(|| source::GuestIndices::new(&prepared))
            .transpose()?;
        let destination = has(Role::Destination)
            .then(|| destination::GuestIndices::new(&prepared))
            .transpose()?;
        Ok(Self {
            manifest,
            digest,
            prepared,
            source,
            destination,
            ticker,
        })
    }

    pub(crate) fn prepared(&self) -> &InstancePre<CallState> {
        &self.prepared
    }

    pub(crate) fn source(&self) -> Option<&source::GuestIndices> {
        self.source.as_ref()
    }

    pub(crate) fn destination(&self) -> Option<&destination::GuestIndices> {
        self.destination.as_ref()
    }

    pub(crate) fn ticking(&self) -> Ticking {
        self.ticker.during()
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plugin({} {})", self.manifest.id, self.manifest.version)
    }
}
