//! Leave for connections that are not HTTP.

use super::{Grant, Granter, HostPattern};

/// Leave to open one connection.
#[derive(Clone, Debug)]
pub(crate) struct TcpGrant {
    /// The name as it is compared, looked up, and expected in the certificate.
    pub(crate) host: String,
    /// Anything may be sent without TLS.
    pub(crate) without_tls: bool,
    /// One of these must admit an address for it to be dialled.
    grants: Vec<Grant>,
}

impl TcpGrant {
    /// Whether the address behind the name may be dialled; if not, why.
    pub(crate) fn admits(&self, address: std::net::IpAddr) -> Result<(), String> {
        let mut fault = String::new();
        for grant in &self.grants {
            match grant.admits(address) {
                Ok(()) => return Ok(()),
                Err(reason) => fault = reason,
            }
        }
        Err(fault)
    }
}

impl Granter {
    /// Leave for a connection to `port` of `host`, or why not, for a person. There is no usual
    /// port, so both sides must have named it.
    pub(crate) fn decide_tcp(&self, host: &str, port: u16) -> Result<TcpGrant, String> {
        let HostPattern::Exact(host) = HostPattern::parse(host)? else {
            return Err(format!("`{host}` is no single host"));
        };
        let is_asked = self
            .asked
            .iter()
            .any(|it| it.is_tcp && it.port == Some(port) && it.host.matches(&host));
        if !is_asked {
            return Err(format!(
                "the manifest does not ask for `{host}:{port}` by `tcp`"
            ));
        }
        let allowed: Vec<_> = self
            .allowed
            .iter()
            .filter(|it| it.port == Some(port) && it.host.matches(&host))
            .collect();
        if allowed.is_empty() {
            return Err(format!("the operator did not grant `{host}:{port}`"));
        }
        let grant = |it: &&super::HostGrant| Grant {
            host: it.host.clone(),
            inside_addresses: it.inside_addresses,
        };
        Ok(TcpGrant {
            without_tls: allowed.iter().any(|it| it.plain_http),
            grants: allowed.iter().map(grant).collect(),
            host,
        })
    }
}
