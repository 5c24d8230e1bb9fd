//! Hosts as an operator writes them in a grant.

use std::net::{IpAddr, Ipv6Addr};

use smol_str::SmolStr;

use crate::project::HostName;

/// Why a text is no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoHost {
    /// A whole address was given.
    Address,
    /// Everything would be granted.
    Everything,
    /// Anything else.
    Form,
}

impl NoHost {
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::Address => "write the host alone, without scheme and path",
            Self::Everything => "name the hosts; `*.example.com` covers all below `example.com`",
            Self::Form => {
                "write `api.example.com`, `*.example.com`, `127.0.0.1:8080` or `[::1]:8080`"
            }
        }
    }
}

/// Reads `api.example.com`, `*.example.com`, `127.0.0.1:8080`, `[::1]:8080`.
pub(crate) fn parse_host(text: &str) -> Result<HostName, NoHost> {
    if text.contains("://") || text.contains('/') {
        return Err(NoHost::Address);
    }
    if text.starts_with('*') && !text.starts_with("*.") {
        return Err(NoHost::Everything);
    }
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Ok(HostName {
            host: SmolStr::new(address.to_string()),
            port: None,
        });
    }
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) => (name, Some(port.parse().map_err(|_| NoHost::Form)?)),
        None => (text, None),
    };
    if port == Some(0) {
        return Err(NoHost::Form);
    }
    if let Some(inner) = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
    {
        let address: Ipv6Addr = inner.parse().map_err(|_| NoHost::Form)?;
        return Ok(HostName {
            host: SmolStr::new(address.to_string()),
            port,
        });
    }
    let plain = name.strip_prefix("*.").unwrap_or(name);
    let labels_fit = plain.split('.').all(is_label);
    let fits = labels_fit && plain.len() <= 253;
    let dotted_numbers = plain
        .split('.')
        .all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    if !fits || (dotted_numbers && plain.parse::<IpAddr>().is_err()) {
        return Err(NoHost::Form);
    }
    Ok(HostName {
        host: SmolStr::new(name.to_ascii_lowercase()),
        port,
    })
}

/// RFC 1123, and the underscore that service names carry.
fn is_label(label: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=63).contains(&label.len())
        && label.bytes().all(allowed)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(host: &str, port: Option<u16>) -> Result<HostName, NoHost> {
        Ok(HostName {
            host: SmolStr::new(host),
            port,
        })
    }

    #[test]
    fn reads_names_and_addresses() {
        assert_eq!(parse_host("API.example.com"), host("api.example.com", None));
        assert_eq!(
            parse_host("*.example.com:8443"),
            host("*.example.com", Some(8443))
        );
        assert_eq!(parse_host("127.0.0.1:8080"), host("127.0.0.1", Some(8080)));
        assert_eq!(parse_host("[::1]:80"), host("::1", Some(80)));
        assert_eq!(parse_host("::1"), host("::1", None));
        assert_eq!(parse_host("localhost"), host("localhost", None));
    }

    #[test]
    fn refuses_what_is_more_or_less_than_a_host() {
        assert_eq!(parse_host("https://example.com"), Err(NoHost::Address));
        assert_eq!(parse_host("example.com/path"), Err(NoHost::Address));
        assert_eq!(parse_host("*"), Err(NoHost::Everything));
        assert_eq!(parse_host("*:443"), Err(NoHost::Everything));
        for bad in [
            "",
            "a..b",
            "-a.com",
            "bücher.example",
            "a:0",
            "a:99999",
            "1.2.3.999",
            "a b",
        ] {
            assert_eq!(parse_host(bad), Err(NoHost::Form), "{bad}");
        }
    }
}
