//! Tracking calls as a shop's website sends them.

use std::fmt::Write as _;

use hyper::body::Bytes;

use super::client::Asked;

/// What the calls are sent with.
pub const WRITE_KEY: &str = "bench";

/// People who come back: so many that the hot set is larger than one checkpoint's.
pub const PEOPLE: u64 = 20_000;

/// Spreads neighbours far apart, the same way every time.
fn scattered(number: u64) -> u64 {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

/// Who sends the view with this number.
fn viewer(number: u64) -> u64 {
    (scattered(number) >> 20) % PEOPLE
}

/// Somebody views a product. Calls with different `series` or `number` are different calls.
fn view(series: &str, number: u64, at: &str) -> String {
    let chosen = scattered(number);
    let person = viewer(number);
    let product = (chosen >> 8) % 500;
    let price = product as f64 / 5.0;
    format!(
        r#"{{"type":"track","event":"Product Viewed","userId":"u{person}","anonymousId":"a{person}","messageId":"{series}-{number}","timestamp":"{at}","context":{{"library":{{"name":"bench","version":"1"}}}},"properties":{{"product_id":"p{product}","category":"c{}","price":{price:.2}}}}}"#,
        product % 20
    )
}

/// Batches of `size` views each.
pub fn batches(series: &str, count: u64, size: u64) -> Vec<Asked> {
    let at = jiff::Timestamp::now().to_string();
    let batch = |batch| {
        let mut body = format!(r#"{{"writeKey":"{WRITE_KEY}","batch":["#);
        for number in batch * size..(batch + 1) * size {
            if number > batch * size {
                body.push(',');
            }
            body += &view(series, number, &at);
        }
        body += "]}";
        Asked::post("/v1/batch", body)
    };
    (0..count).map(batch).collect()
}

/// Single calls.
pub fn singles(series: &str, count: u64) -> Vec<Asked> {
    let at = jiff::Timestamp::now().to_string();
    let single = |number| {
        let mut body = view(series, number, &at);
        body.pop();
        // Text takes any text.
        _ = write!(body, r#","writeKey":"{WRITE_KEY}"}}"#);
        Asked::post("/v1/track", body)
    };
    (0..count).map(single).collect()
}

/// People who sign up, each for the first time: `person-0` and on, one call each.
pub fn arrivals(people: std::ops::Range<u64>) -> Vec<Asked> {
    let call = |person| {
        let body = format!(
            r#"{{"writeKey":"{WRITE_KEY}","event":"Signed Up","userId":"person-{person}","messageId":"arrival-{person}"}}"#
        );
        Asked::post("/v1/track", body)
    };
    people.map(call).collect()
}

/// As [`arrivals`], `size` of them in a request.
pub fn arrivals_together(people: std::ops::Range<u64>, size: usize) -> Vec<Asked> {
    let people: Vec<u64> = people.collect();
    let batch = |people: &[u64]| {
        let calls: Vec<_> = people
            .iter()
            .map(|person| {
                format!(
                    r#"{{"type":"track","event":"Signed Up","userId":"person-{person}","messageId":"arrival-{person}"}}"#
                )
            })
            .collect();
        let calls = calls.join(",");
        Asked::post(
            "/v1/batch",
            format!(r#"{{"writeKey":"{WRITE_KEY}","batch":[{calls}]}}"#),
        )
    };
    people.chunks(size).map(batch).collect()
}

/// Lookups of people among the senders of the first `known` views.
pub fn lookups(count: u64, known: u64) -> Vec<Asked> {
    let lookup = |number| {
        let person = viewer(scattered(number) % known);
        Asked {
            path: format!("/v1/profiles/user-id:u{person}"),
            body: Bytes::new(),
        }
    };
    (0..count).map(lookup).collect()
}
