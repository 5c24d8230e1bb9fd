//! The capability granter: what a plugin may reach is what its manifest asks for AND what the
//! operator allows. Deny by default. This is the only place that decides; the addresses behind a
//! name are checked with [`Grant::admits`] at every dial.

mod tcp;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use reqwest::Url;
use serde_json::{Map, Value};

use crate::address::{Reach, reach};
use crate::files::SftpGrant;
use crate::manifest::{HostRequest, Manifest, Scheme, fill};

pub(crate) use tcp::TcpGrant;

/// Which hosts a request or a grant speaks of. All in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// This name or address.
    Exact(String),
    /// Every name below this one, but not the name itself.
    Below(String),
    /// Every host. Operators only; a manifest cannot ask for it.
    Any,
}

impl HostPattern {
    /// Reads `name`, `*.name` or `*`.
    ///
    /// # Errors
    /// Text that names no host, for a person.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let (below, name) = match text.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, text),
        };
        // The URL parser normalizes names and addresses as it does in the requests compared.
        let host = Url::parse(&format!("https://{}/", bracketed(name)))
            .ok()
            .filter(|url| url.port().is_none() && url.username().is_empty() && url.path() == "/")
            .and_then(|url| url.host_str().map(str::to_owned))
            .filter(|host| !host.is_empty() && !host.contains('*'))
            .ok_or_else(|| format!("has `{text}`, which is no host name"))?;
        let host = unbracketed(&host).to_owned();
        Ok(if below {
            Self::Below(host)
        } else {
            Self::Exact(host)
        })
    }

    /// Reads what a manifest may ask for, `:PORT` allowed: no `*`, no `*.com`.
    pub(crate) fn parse_asked(text: &str) -> Result<(Self, Option<u16>), String> {
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
                let port = port
                    .parse()
                    .map_err(|_| format!("has `{text}`: no such port"))?;
                (name, Some(port))
            }
            _ => (text, None),
        };
        match Self::parse(name)? {
            Self::Any => Err("asks for every host; name the hosts".to_owned()),
            Self::Below(name) if !name.contains('.') => {
                Err(format!("asks for all of `*.{name}`; name the hosts"))
            }
            pattern => Ok((pattern, port)),
        }
    }

    /// Whether `host`, as a parsed URL shows it, is meant.
    pub fn matches(&self, host: &str) -> bool {
        let host = unbracketed(host);
        match self {
            Self::Exact(name) => name == host,
            Self::Below(name) => host
                .strip_suffix(name.as_str())
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            Self::Any => true,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
            Self::Any => f.write_str("*"),
        }
    }
}

fn bracketed(name: &str) -> String {
    if name.contains(':') && !name.starts_with('[') {
        format!("[{name}]")
    } else {
        name.to_owned()
    }
}

fn unbracketed(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// What the operator allows a connector.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// Hosts it may reach.
    pub hosts: Vec<HostGrant>,
    /// Files it may read.
    pub files: Option<FilesGrant>,
    /// Whether it may have them moved.
    pub file_moves: FileMoves,
}

/// One host, or several, that the operator allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostGrant {
    /// Which.
    pub host: HostPattern,
    /// On this port; `None` is the scheme's own.
    pub port: Option<u16>,
    /// With these methods in upper case; empty is whatever the manifest asks for.
    pub methods: Vec<String>,
    /// Also without TLS.
    pub plain_http: bool,
    /// Also where the address is loopback, private or link-local. A metadata service is only
    /// reached where its address itself is the pattern.
    pub inside_addresses: bool,
}

impl HostGrant {
    /// A host over TLS at public addresses and the standard port, with whatever methods the
    /// manifest asks for.
    pub fn of(host: HostPattern) -> Self {
        Self {
            host,
            port: None,
            methods: Vec::new(),
            plain_http: false,
            inside_addresses: false,
        }
    }

    /// A host as the operator names it. Inside addresses are granted where the name can mean
    /// nothing else: an address written out, `localhost`, a name without a dot, or one below a
    /// domain reserved for inside use (RFC 6761, RFC 6762, ICANN's `internal`). Any other name
    /// could be pointed inside by whoever owns it.
    ///
    /// # Errors
    /// Text that names no host, for a person.
    pub fn named(host: &str, port: Option<u16>, plain_http: bool) -> Result<Self, String> {
        let host = HostPattern::parse(host)?;
        let inside_addresses = match &host {
            HostPattern::Exact(name) => {
                let last = name.rsplit('.').next().unwrap_or_default();
                name.parse::<IpAddr>().is_ok()
                    || !name.contains('.')
                    || ["localhost", "local", "internal"].contains(&last)
            }
            HostPattern::Below(_) | HostPattern::Any => false,
        };
        Ok(Self {
            port,
            plain_http,
            inside_addresses,
            ..Self::of(host)
        })
    }

    /// Whether this address behind the name may be dialled; if not, why.
    pub(crate) fn admits(&self, address: IpAddr) -> Result<(), String> {
        let leave = Grant {
            host: self.host.clone(),
            inside_addresses: self.inside_addresses,
        };
        leave.admits(address)
    }
}

/// Where a connector may read files.
#[derive(Clone, Debug)]
pub enum FilesGrant {
    /// Below this local folder.
    Folder(PathBuf),
    /// Below a folder of an SFTP server.
    Sftp(Box<SftpGrant>),
    /// A service of `opendal` by scheme and configuration.
    Service {
        /// As in `fs`, `s3`.
        scheme: String,
        /// The service's own keys.
        options: Vec<(String, String)>,
    },
}

/// What becomes of a plugin's wish to have a file moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileMoves {
    /// It is refused.
    #[default]
    Denied,
    /// It is heard and nothing happens: a file that a person named by hand stays where it is.
    Ignored,
    /// It is granted.
    Allowed,
}

/// Leave to send one request.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    host: HostPattern,
    inside_addresses: bool,
}

impl Grant {
    /// Whether the address behind the name may be dialled; if not, why.
    pub(crate) fn admits(&self, address: IpAddr) -> Result<(), String> {
        match reach(address) {
            Reach::Public => Ok(()),
            Reach::Inside(_) if self.inside_addresses => Ok(()),
            Reach::Inside(kind) => Err(format!("its address {address} is {kind}")),
            Reach::Metadata
                if self.host == HostPattern::Exact(address.to_string())
                    && self.inside_addresses =>
            {
                Ok(())
            }
            Reach::Metadata => Err(format!("its address {address} is a metadata service")),
        }
    }
}

struct Asked {
    host: HostPattern,
    port: Option<u16>,
    methods: Vec<String>,
    plain_http: bool,
    is_tcp: bool,
}

/// Decides for one connector.
pub(crate) struct Granter {
    asked: Vec<Asked>,
    allowed: Vec<HostGrant>,
}

impl Granter {
    /// `settings` are checked and complete. What a setting names and is no URL asks for nothing.
    pub(crate) fn new(
        requests: &[HostRequest],
        settings: &Map<String, Value>,
        allowed: Vec<HostGrant>,
    ) -> Self {
        let asked = requests
            .iter()
            .filter_map(|request| asked(request, settings))
            .collect();
        Self { asked, allowed }
    }

    /// Leave for `method` on `url`, or why not, for a person.
    pub(crate) fn decide(&self, method: &str, url: &Url) -> Result<Grant, String> {
        self.is_asked(method, &Target::of(url)?)?;
        self.decide_own(method, url)
    }

    /// Leave for a request of the host's own on the plugin's behalf, such as for a token: what the
    /// operator allows counts alone.
    pub(crate) fn decide_own(&self, method: &str, url: &Url) -> Result<Grant, String> {
        let Target { host, port, plain } = Target::of(url)?;
        let standard_port = if plain { 80 } else { 443 };
        let mut fault = format!("the operator did not grant host `{host}`");
        let mut granted: Option<Grant> = None;
        for grant in self.allowed.iter().filter(|grant| grant.host.matches(host)) {
            if grant.port.unwrap_or(standard_port) != port {
                fault = format!("the operator did not grant port {port} of `{host}`");
            } else if plain && !grant.plain_http {
                fault = format!("the operator granted `{host}` by `https` only");
            } else if !permits(&grant.methods, method) {
                fault = format!("the operator did not grant {method} at `{host}`");
            } else if granted.as_ref().is_none_or(|it| !it.inside_addresses) {
                granted = Some(Grant {
                    host: grant.host.clone(),
                    inside_addresses: grant.inside_addresses,
                });
            }
        }
        granted.ok_or(fault)
    }

    fn is_asked(&self, method: &str, target: &Target<'_>) -> Result<(), String> {
        let Target { host, port, plain } = *target;
        let standard_port = if plain { 80 } else { 443 };
        let mut fault = format!("the manifest does not ask for host `{host}`");
        let by_http = |asked: &&Asked| !asked.is_tcp && asked.host.matches(host);
        for asked in self.asked.iter().filter(by_http) {
            if asked.port.unwrap_or(standard_port) != port {
                fault = format!("the manifest does not ask for port {port} of `{host}`");
            } else if plain && !asked.plain_http {
                fault = format!("the manifest asks for `{host}` by `https` only");
            } else if !permits(&asked.methods, method) {
                fault = format!("the manifest does not ask for {method} at `{host}`");
            } else {
                return Ok(());
            }
        }
        Err(fault)
    }

    /// Whether an address behind `host` may be dialled by any of the grants that name it; used at
    /// the dial, where only the name is known.
    pub(crate) fn admits(&self, host: &str, address: IpAddr) -> Result<(), String> {
        let mut fault = format!("the operator did not grant host `{host}`");
        for grant in self.allowed.iter().filter(|grant| grant.host.matches(host)) {
            match grant.admits(address) {
                Ok(()) => return Ok(()),
                Err(reason) => fault = reason,
            }
        }
        Err(fault)
    }
}

struct Target<'a> {
    host: &'a str,
    port: u16,
    plain: bool,
}

impl<'a> Target<'a> {
    fn of(url: &'a Url) -> Result<Self, String> {
        let plain = match url.scheme() {
            "https" => false,
            "http" => true,
            other => return Err(format!("`{other}` is neither `https` nor `http`")),
        };
        let host = url.host_str().ok_or("the address has no host")?;
        let port = url
            .port_or_known_default()
            .ok_or("the address has no port")?;
        Ok(Self { host, port, plain })
    }
}

fn permits(methods: &[String], method: &str) -> bool {
    methods.is_empty() || methods.iter().any(|allowed| allowed == method)
}

fn asked(request: &HostRequest, settings: &Map<String, Value>) -> Option<Asked> {
    let filled = fill(&request.host, settings)?;
    let methods = request.methods.clone();
    let is_tcp = request.scheme == Scheme::Tcp;
    if !is_tcp && crate::manifest::setting_alone(&request.host).is_some() {
        let url = Url::parse(&filled).ok()?;
        let host = HostPattern::Exact(unbracketed(url.host_str()?).to_owned());
        return Some(Asked {
            host,
            port: url.port(),
            methods,
            plain_http: url.scheme() == "http",
            is_tcp,
        });
    }
    let (host, port) = HostPattern::parse_asked(&filled).ok()?;
    Some(Asked {
        host,
        port,
        methods,
        plain_http: request.scheme == Scheme::Http,
        is_tcp,
    })
}

impl Grants {
    /// Everything that the manifest asks for, over TLS and at public addresses only: what
    /// `plugin inspect` proposes to the operator.
    pub fn proposed(manifest: &Manifest, settings: &Map<String, Value>) -> Self {
        let grant = |asked: Asked| HostGrant {
            port: asked.port,
            methods: asked.methods,
            ..HostGrant::of(asked.host)
        };
        let hosts = manifest
            .hosts
            .iter()
            .filter_map(|it| asked(it, settings))
            .map(grant)
            .collect();
        Self {
            hosts,
            ..Self::default()
        }
    }
}

#[cfg(test)]
#[path = "grants/tests.rs"]
mod tests;
