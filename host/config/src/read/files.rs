//! `files` of `[connectors.NAME.grant]`, and `[connectors.NAME.grant.sftp]`.

use smol_str::SmolStr;

use super::connector::{path_text, secret};
use crate::error::Code;
use crate::host::parse_host;
use crate::project::{FilesPlace, SecretRef, SftpHostKeys, SftpLogin, SftpPlace};
use crate::table::{Table, Text};

/// The port of SSH.
const STANDARD_PORT: u16 = 22;

/// The length of a SHA-256 in base64 without padding.
const FINGERPRINT_LENGTH: usize = 43;

/// A folder by its path, or a server by its address.
pub(super) fn read(grant: &Table<'_>) -> Option<FilesPlace> {
    let place = grant.text("files");
    let server = grant.table("sftp");
    let is_server = |text: &Text<'_>| text.text.starts_with("sftp://");
    match (place, server) {
        (Some(address), server) if is_server(&address) => {
            let Some(server) = server else {
                let message = format!(
                    "`{}` needs `[connectors.NAME.grant.sftp]`",
                    without_user(address.text)
                );
                let hint = "say how to log in (`key` or `password`) and which keys the server has \
                            (`known_hosts` or `host_keys`)";
                grant.report(Code::MissingKey, address.at, message, Some(hint.to_owned()));
                return None;
            };
            sftp(grant, &address, server).map(FilesPlace::Sftp)
        }
        (place, server) => {
            if let Some(server) = server {
                let message = format!("{} goes with `files = \"sftp://...\"`", server.place());
                grant.report(Code::Contradiction, server.at(), message, None);
            }
            let place = place?;
            if let Some((scheme, _)) = place.text.split_once("://") {
                let message = format!("files are not reached by `{scheme}`");
                let hint = "write a folder, or `sftp://user@host/path`".to_owned();
                grant.report(Code::BadForm, place.at, message, Some(hint));
                return None;
            }
            path_text(grant, &place).map(FilesPlace::Folder)
        }
    }
}

fn sftp(grant: &Table<'_>, address: &Text<'_>, server: Table<'_>) -> Option<SftpPlace> {
    let login = login(&server);
    let host_keys = host_keys(&server);
    server.finish();
    let parsed = match parse(address.text) {
        Ok(parsed) => Some(parsed),
        Err(Wrong::Password) => {
            let message = "the address of `files` holds a password".to_owned();
            let hint = "leave it out, and write `password = \"env:NAME\"` into the table `sftp`";
            grant.report(
                Code::InlineSecret,
                address.at,
                message,
                Some(hint.to_owned()),
            );
            None
        }
        Err(Wrong::Form) => {
            let message = "`files` holds no address of a folder on a server".to_owned();
            let hint = "write `sftp://user@host/path` or `sftp://user@host:2222/~/path`";
            grant.report(Code::BadForm, address.at, message, Some(hint.to_owned()));
            None
        }
    };
    let (user, host, port, path) = parsed?;
    Some(SftpPlace {
        host,
        port,
        user,
        path,
        login: login?,
        host_keys: host_keys?,
    })
}

enum Wrong {
    Password,
    Form,
}

type Address = (String, SmolStr, u16, String);

fn parse(text: &str) -> Result<Address, Wrong> {
    let rest = text.strip_prefix("sftp://").ok_or(Wrong::Form)?;
    let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, host) = server.rsplit_once('@').ok_or(Wrong::Form)?;
    if user.contains(':') {
        return Err(Wrong::Password);
    }
    let host = parse_host(host).map_err(|_| Wrong::Form)?;
    if user.is_empty() || host.host.starts_with("*.") || path.contains(['?', '#', '\0']) {
        return Err(Wrong::Form);
    }
    // As curl has it: what follows `~` lies below the user's own folder.
    let path = match path.strip_prefix('~') {
        Some("") => String::new(),
        Some(below) => below.strip_prefix('/').ok_or(Wrong::Form)?.to_owned(),
        None => format!("/{path}"),
    };
    let port = host.port.unwrap_or(STANDARD_PORT);
    Ok((user.to_owned(), host.host, port, path))
}

/// An address as errors show it.
fn without_user(address: &str) -> String {
    let rest = address.trim_start_matches("sftp://");
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    format!("sftp://{rest}")
}

fn login(server: &Table<'_>) -> Option<SftpLogin> {
    let reference = |key: &'static str| -> Option<SecretRef> {
        let text = server.text(key)?;
        secret(server, key, text.text, text.at)
    };
    let (key, passphrase, password) = (
        reference("key"),
        reference("passphrase"),
        reference("password"),
    );
    let complain = |code: Code, at: usize, message: &str| {
        let message = format!("{} {message}", server.place());
        let hint = "write `key = \"file:PATH\"` or `password = \"env:NAME\"`".to_owned();
        server.report(code, at, message, Some(hint));
    };
    if server.has("key") && server.has("password") {
        complain(
            Code::Contradiction,
            server.key_at("password"),
            "has both `key` and `password`",
        );
    } else if server.has("passphrase") && !server.has("key") {
        complain(
            Code::Contradiction,
            server.key_at("passphrase"),
            "has a `passphrase` without a `key`",
        );
    } else if !server.has("key") && !server.has("password") {
        complain(Code::MissingKey, server.at(), "does not say how to log in");
    }
    match (key, password) {
        (Some(key), _) => Some(SftpLogin::Key(key, passphrase)),
        (None, Some(password)) => Some(SftpLogin::Password(password)),
        (None, None) => None,
    }
}

fn host_keys(server: &Table<'_>) -> Option<SftpHostKeys> {
    let file = server
        .text("known_hosts")
        .and_then(|path| path_text(server, &path));
    let mut fingerprints = Vec::new();
    for text in server.texts("host_keys") {
        let fits = text.text.strip_prefix("SHA256:").is_some_and(|digest| {
            digest.len() == FINGERPRINT_LENGTH
                && digest
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
        });
        if fits {
            fingerprints.push(text.text.to_owned());
        } else {
            let message = format!("`{}` is no fingerprint of a host key", text.text);
            let hint = "write `SHA256:` and 43 characters, as `ssh-keygen -l` shows it".to_owned();
            server.report(Code::BadForm, text.at, message, Some(hint));
        }
    }
    let hint = "write `known_hosts = \"PATH\"` with what `ssh-keyscan` prints, or `host_keys = \
                [\"SHA256:...\"]`; compare with what the server's owner tells you";
    if server.has("known_hosts") && server.has("host_keys") {
        let message = format!("{} has both `known_hosts` and `host_keys`", server.place());
        let at = server.key_at("host_keys");
        server.report(Code::Contradiction, at, message, Some(hint.to_owned()));
    } else if !server.has("known_hosts") && !server.has("host_keys") {
        let message = format!("{} does not say which keys the server has", server.place());
        server.report(
            Code::MissingKey,
            server.at(),
            message,
            Some(hint.to_owned()),
        );
    }
    match file {
        Some(file) => Some(SftpHostKeys::KnownHosts(file)),
        None if fingerprints.is_empty() => None,
        None => Some(SftpHostKeys::Fingerprints(fingerprints)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_as_curl_reads_them() {
        let read = |text: &str| {
            parse(text)
                .ok()
                .map(|(user, host, port, path)| format!("{user} {host} {port} {path}"))
        };
        for (text, wanted) in [
            (
                "sftp://ann@files.example.com/in",
                Some("ann files.example.com 22 /in"),
            ),
            (
                "sftp://ann@[::1]:2222/~/in/new",
                Some("ann ::1 2222 in/new"),
            ),
            (
                "sftp://a@b.c@Files.example.com",
                Some("a@b.c files.example.com 22 /"),
            ),
            ("sftp://ann@host/~", Some("ann host 22 ")),
            ("sftp://host/in", None),
            ("sftp://@host/in", None),
            ("sftp://ann@*.example.com/in", None),
            ("sftp://ann:secret@host/in", None),
            ("sftp://ann@host/~bo/in", None),
        ] {
            assert_eq!(read(text).as_deref(), wanted, "{text}");
        }
        assert!(matches!(parse("sftp://ann:x@host/"), Err(Wrong::Password)));
        assert_eq!(without_user("sftp://ann:x@host/in"), "sftp://host/in");
    }
}
