//! Which headers belong to the host.

use http::{HeaderMap, HeaderName, header};

/// Set by the host or by nobody: framing, routing, upgrades, proxies.
const HOSTS_OWN: [HeaderName; 12] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Never handed to a plugin.
const STRIPPED: [HeaderName; 5] = [
    header::SET_COOKIE,
    HeaderName::from_static("set-cookie2"),
    header::AUTHORIZATION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
];

/// Whether a plugin may not set it.
pub(crate) fn is_hosts_own_name(name: &HeaderName) -> bool {
    HOSTS_OWN.contains(name)
}

/// The same for text.
pub(crate) fn is_hosts_own(name: &str) -> bool {
    HeaderName::from_bytes(name.as_bytes()).is_ok_and(|name| is_hosts_own_name(&name))
}

pub(super) fn strip(headers: &mut HeaderMap) {
    for name in &STRIPPED {
        headers.remove(name);
    }
}
