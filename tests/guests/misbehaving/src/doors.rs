//! The ways out.

use crate::crosspoint::connector::{http, tcp};

/// `http.fetch`, told as text.
pub fn fetch(method: &str, url: &str, headers: &[(&str, &str)], body: Option<Vec<u8>>) -> String {
    let method = if method == "POST" {
        http::Method::Post
    } else {
        http::Method::Get
    };
    let header = |(name, value): &(&str, &str)| http::Header {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    let request = http::Request {
        method,
        url: url.to_owned(),
        headers: headers.iter().map(header).collect(),
        body,
        timeout_ms: None,
    };
    match http::fetch(&request) {
        Ok(response) => {
            let headers: Vec<_> = response
                .headers
                .iter()
                .map(|it| format!("{}: {}", it.name, it.value))
                .collect();
            format!(
                "{} {} | {}",
                response.status,
                headers.join(", "),
                String::from_utf8_lossy(&response.body)
            )
        }
        Err(error) => format!("{error:?}"),
    }
}

/// `wasi:http`, told as text.
pub fn wasi_fetch(url: &str, header: Option<&str>) -> String {
    match try_wasi_fetch(url, header) {
        Ok(text) => text,
        Err(text) => text,
    }
}

fn try_wasi_fetch(url: &str, header: Option<&str>) -> Result<String, String> {
    use wasip2::http::outgoing_handler::handle;
    use wasip2::http::types::{Fields, OutgoingRequest, Scheme};

    let (scheme, rest) = url.split_once("://").ok_or("no scheme")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let fields = Fields::new();
    if let Some(name) = header {
        fields
            .append(name, b"mine")
            .map_err(|error| format!("header: {error:?}"))?;
    }
    let request = OutgoingRequest::new(fields);
    let scheme = if scheme == "http" {
        Scheme::Http
    } else {
        Scheme::Https
    };
    request.set_scheme(Some(&scheme)).map_err(|()| "scheme")?;
    request
        .set_authority(Some(authority))
        .map_err(|()| "authority")?;
    request
        .set_path_with_query(Some(&format!("/{path}")))
        .map_err(|()| "path")?;
    let future = handle(request, None).map_err(|code| format!("{code:?}"))?;
    future.subscribe().block();
    let response = future
        .get()
        .ok_or("no answer")?
        .map_err(|()| "taken")?
        .map_err(|code| format!("{code:?}"))?;
    let status = response.status();
    let headers: Vec<_> = response
        .headers()
        .entries()
        .into_iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(&value)))
        .collect();
    let body = response.consume().map_err(|()| "consumed")?;
    let stream = body.stream().map_err(|()| "no stream")?;
    let mut bytes = Vec::new();
    while let Ok(chunk) = stream.blocking_read(1 << 16) {
        bytes.extend(chunk);
    }
    Ok(format!(
        "{status} {} | {}",
        headers.join(", "),
        String::from_utf8_lossy(&bytes)
    ))
}

/// Connections by `tcp`: one step a line, such as `open plain localhost 25`, `send HELO`, `line`,
/// `login`; what each gave, one a line.
pub fn tcp(script: &str) -> String {
    let mut handle = 0;
    let told: Vec<_> = script
        .lines()
        .map(|step| match tcp_step(&mut handle, step) {
            Ok(text) => text,
            Err(error) => format!("{error:?}"),
        })
        .collect();
    told.join("\n")
}

fn tcp_step(handle: &mut u32, step: &str) -> Result<String, tcp::Error> {
    let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
    match verb {
        "open" => {
            let words: Vec<_> = rest.split(' ').collect();
            let security = if words[0] == "tls" {
                tcp::Security::Tls
            } else {
                tcp::Security::Plain
            };
            *handle = tcp::open(words[1], words[2].parse().unwrap(), security, None)?;
            Ok("opened".to_owned())
        }
        "send" => {
            tcp::send(*handle, format!("{rest}\r\n").as_bytes(), None).map(|()| "sent".to_owned())
        }
        "flood" => {
            let bytes = vec![b'x'; rest.parse().unwrap()];
            tcp::send(*handle, &bytes, None).map(|()| "sent".to_owned())
        }
        "login" => {
            let form = tcp::CredentialForm::SaslPlain("jane".to_owned());
            tcp::send_credential(*handle, "password", &form, None).map(|()| "sent".to_owned())
        }
        "line" => {
            let timeout_ms = rest.parse().ok();
            let line = tcp::receive_line(*handle, 512, timeout_ms)?;
            Ok(String::from_utf8_lossy(&line).into_owned())
        }
        "tls" => tcp::start_tls(*handle, None).map(|()| "tls".to_owned()),
        other => panic!("no such step: {other}"),
    }
}
