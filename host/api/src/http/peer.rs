//! Who called, seen through the proxies that are trusted.

use std::net::IpAddr;

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The caller of a request; an extension of every one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The caller's own address.
    pub address: IpAddr,
    /// Whether the caller's connection was encrypted.
    pub encrypted: bool,
}

impl Peer {
    /// The caller of a request that came over a connection from `connected`. The headers of
    /// proxies count only as far as each of them is trusted: `X-Forwarded-For` is read from its
    /// end up to the first address that is no trusted proxy.
    pub fn of(connected: IpAddr, encrypted: bool, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
        let mut peer = Self {
            address: connected.to_canonical(),
            encrypted,
        };
        if !is_trusted(&peer.address) {
            return peer;
        }
        if let Some(scheme) = headers.get("x-forwarded-proto") {
            peer.encrypted = scheme.as_bytes().eq_ignore_ascii_case(b"https");
        }
        let hops = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|hop| hop.trim().parse::<IpAddr>().ok());
        for hop in hops.collect::<Vec<_>>().into_iter().rev() {
            // What cannot be read was written by nobody whom we trust.
            let Some(hop) = hop else { break };
            peer.address = hop.to_canonical();
            if !is_trusted(&peer.address) {
                break;
            }
        }
        peer
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn seen(connected: &str, forwarded: &str) -> String {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_str(forwarded).unwrap());
        headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
        let peer = Peer::of(connected.parse().unwrap(), false, &headers, &trusted);
        format!("{} {}", peer.address, peer.encrypted)
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(seen("192.0.2.1", "203.0.113.9"), "192.0.2.1 false");
        assert_eq!(seen("10.0.0.1", "203.0.113.9"), "203.0.113.9 true");
        assert_eq!(seen("::ffff:10.0.0.1", "203.0.113.9"), "203.0.113.9 true");
    }

    #[test]
    fn a_caller_cannot_pretend_to_be_another() {
        let forged = "127.0.0.1, 203.0.113.9, 10.0.0.2";
        assert_eq!(seen("10.0.0.1", forged), "203.0.113.9 true");
        assert_eq!(
            seen("10.0.0.1", "127.0.0.1, nonsense, 10.0.0.2"),
            "10.0.0.2 true"
        );
    }
}
