//! What a running host offers to the network, as types.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use smol_str::SmolStr;

use crate::project::SecretRef;

/// Where a running host listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Address and port; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// How the outside reaches the host, without a slash at the end: part of what some vendors
    /// sign.
    pub public_url: Option<SmolStr>,
    /// Proxies whose `X-Forwarded-*` headers are believed, sorted.
    pub trusted_proxies: Vec<IpNet>,
    /// `None`: plain HTTP, for a proxy in front or for this machine alone.
    pub tls: Option<Tls>,
}

/// The host's own certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// PEM file with the chain, the host's own first; relative to the project folder.
    pub certificate: String,
    /// PEM text of the private key.
    pub key: SecretRef,
}

/// A website, app or server that tracks people: a source without a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracking {
    /// For a person.
    pub description: Option<SmolStr>,
    /// Any of them marks a call as this source's.
    pub write_keys: Vec<WriteKey>,
    /// Pages whose browsers may call: `https://www.example.com`, or `*` alone for any.
    pub origins: Vec<SmolStr>,
    /// Whether `Order Completed` also makes an order.
    pub orders: bool,
}

/// A write key. Those of browsers are readable by everybody, so plain text is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteKey {
    /// The key itself.
    Plain(SmolStr),
    /// Where the key is.
    Reference(SecretRef),
}

/// Who may read profiles over HTTP, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookups {
    /// Any of them may read everything of a profile.
    pub tokens: Vec<SecretRef>,
    /// Pages whose browsers may call: `https://www.example.com`, or `*` alone for any.
    pub origins: Vec<SmolStr>,
    /// Traits that are given without a token, sorted.
    pub public_traits: Vec<SmolStr>,
    /// Segments whose membership is given without a token, sorted.
    pub public_segments: Vec<SmolStr>,
}

/// Who may observe a running host, and where its traces go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telemetry {
    /// Base URL of an OTLP receiver over HTTP, such as `http://127.0.0.1:4318`.
    pub otlp: Option<SmolStr>,
    /// Networks from which `/metrics` may be read, sorted.
    pub scrape: Vec<IpNet>,
}

impl Default for Telemetry {
    /// No traces; metrics for this machine alone.
    fn default() -> Self {
        let v4 = Ipv4Net::new_assert(Ipv4Addr::LOCALHOST, 8).trunc();
        let v6 = Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128);
        Self {
            otlp: None,
            scrape: vec![v4.into(), v6.into()],
        }
    }
}
