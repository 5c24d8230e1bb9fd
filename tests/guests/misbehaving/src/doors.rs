//! The two ways out.

use crate::crosspoint::connector::http;

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
