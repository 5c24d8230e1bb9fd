//! What is done to well-formed input.

use std::io::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use crosspoint_harness::Dice;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::Value as Json;

/// Put where JSON is to be replaced, and never sent.
const HOLE: &str = "\u{1}hole\u{1}";

/// Bytes that parsers stumble over.
const BYTES: [&[u8]; 24] = [
    b"\0",
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[[[[[[[[",
    b"]",
    b",",
    b":",
    b"\\ud800",
    b"\\u0000",
    b"\xff\xfe",
    b"\xc0\x80",
    b"\xf4\x90\x80\x80",
    b"\xef\xbb\xbf",
    b"1e999",
    b"-",
    b"%00",
    b"%",
    b"+",
    b"\r\n",
    b"\n\n",
    b"null",
    b"99999999999999999999999",
];

/// What is no JSON, in place of any value. Where it stands nothing of a request can be used.
const NO_VALUES: [&str; 6] = ["NaN", "Infinity", "'a'", "undefined", "01", "+1"];

/// JSON in place of any value.
static VALUES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let plain = [
        "null",
        "true",
        "\"\"",
        "\" \"",
        "0",
        "-0",
        "-0.0",
        "1e309",
        "-1e309",
        "1e-400",
        "0.1e1",
        "123456789012345678901234567890",
        "0.1234567890123456789012345678901234567890",
        "9223372036854775807",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "79228162514264337593543950336",
        "253402300800000",
        "1e15",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"\\u0000\"",
        "\"\\uffff\\u202e\"",
        "\"\u{1f9d1}\u{200d}\u{1f680}\"",
        "[]",
        "{}",
        "[null]",
        "[[],[[]]]",
        "{\"\":{}}",
        "{\"a\":1,\"a\":2}",
        "1,\"userId\":\"twice\"",
        "1,\"messageId\":null",
        "\"2026-11-21T19:50:37.123456789Z\"",
        "\"9999-12-31T23:59:59Z\"",
        "\"-0001-01-01T00:00:00Z\"",
        "\"+275760-09-13T00:00:00Z\"",
        "\"2026-02-30\"",
        "\"2026-11-21T24:00:00+99:99\"",
        "\"1e400\"",
        "\"0.00000000000000000000000000001\"",
        "\"99999999999999999999999999999\"",
        "\"EUR\"",
        "\"eu\"",
        "\"Order Completed\"",
        "\"Order Refunded\"",
        "\"Cart Viewed\"",
        "\"track\"",
        "\"alias\"",
        "\"u7\"",
        "\"a7\"",
        "\"none@none.com\"",
        "\"ana@example.com\"",
        "\"@\"",
        "\"+\"",
        "\"00\"",
        "-1",
        "5e-324",
    ];
    let mut values: Vec<String> = plain.iter().map(ToString::to_string).collect();
    for depth in [100, 126, 127, 128, 129, 5_000] {
        values.push(format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
        values.push(format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)));
    }
    for length in [513, 40_000] {
        values.push(format!("\"{}\"", "x".repeat(length)));
        values.push("9".repeat(length));
        values.push(format!("0.{}1", "0".repeat(length)));
    }
    let names: Vec<_> = (0..2_500).map(|name| format!("\"n{name}\":1")).collect();
    values.push(format!("{{{}}}", names.join(",")));
    values
});

/// A body that becomes 8 MB when it is unpacked.
static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| gzip(&vec![b' '; 8 << 20]));

pub fn bomb() -> Vec<u8> {
    BOMB.clone()
}

pub fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// Replaces, doubles or removes parts of JSON; what comes out may be none.
pub fn json(dice: &mut Dice, text: &str) -> Vec<u8> {
    let Ok(mut whole) = serde_json::from_str::<Json>(text) else {
        return text.as_bytes().to_vec();
    };
    let mut fillings = Vec::new();
    for _ in 0..=dice.roll(3) {
        let mut place = dice.place(count(&whole));
        if dice.once_in(6) {
            remove(&mut whole, &mut place);
        } else {
            replace(&mut whole, &mut place);
            fillings.push(match dice.once_in(30) {
                true => (*dice.of(&NO_VALUES)).to_owned(),
                false => dice.of(&VALUES).clone(),
            });
        }
    }
    let hole = serde_json::to_string(HOLE).unwrap();
    let mut text = whole.to_string();
    for filling in fillings {
        text = text.replacen(&hole, &filling, 1);
    }
    text.into_bytes()
}

fn count(json: &Json) -> usize {
    1 + match json {
        Json::Array(list) => list.iter().map(count).sum(),
        Json::Object(fields) => fields.values().map(count).sum::<usize>(),
        _ => 0,
    }
}

fn children(json: &mut Json) -> Box<dyn Iterator<Item = &mut Json> + '_> {
    match json {
        Json::Array(list) => Box::new(list.iter_mut()),
        Json::Object(fields) => Box::new(fields.values_mut()),
        _ => Box::new(std::iter::empty()),
    }
}

fn replace(json: &mut Json, place: &mut usize) -> bool {
    if *place == 0 {
        *json = HOLE.into();
        return true;
    }
    *place -= 1;
    children(json).any(|child| replace(child, place))
}

fn remove(json: &mut Json, place: &mut usize) {
    match json {
        Json::Array(list) if !list.is_empty() => _ = list.remove(*place % list.len()),
        Json::Object(fields) if !fields.is_empty() => {
            let name = fields.keys().nth(*place % fields.len()).unwrap().clone();
            if place.is_multiple_of(2)
                && let Some(child) = fields.get_mut(&name)
                && (child.is_array() || child.is_object())
            {
                *place /= 2;
                remove(child, place);
            } else {
                fields.remove(&name);
            }
        }
        _ => {}
    }
}

/// Flips, replaces, removes, doubles and inserts bytes; `others` are spliced in.
pub fn bytes(dice: &mut Dice, bytes: &mut Vec<u8>, others: &[&[u8]]) {
    for _ in 0..=dice.roll(4) {
        if bytes.is_empty() {
            let token: &&[u8] = dice.of(&BYTES);
            bytes.extend_from_slice(token);
            continue;
        }
        let at = dice.place(bytes.len());
        let upto = (at + 1 + dice.place(16)).min(bytes.len());
        match dice.roll(8) {
            0 | 1 => bytes[at] ^= 1 << dice.roll(8),
            2 => bytes[at] = dice.next() as u8,
            3 => _ = bytes.drain(at..upto),
            4 => bytes.truncate(at),
            5 => {
                let part = bytes[at..upto].to_vec();
                bytes.splice(at..at, part);
            }
            6 => _ = bytes.splice(at..at, dice.of(&BYTES).iter().copied()),
            _ if others.is_empty() => bytes.swap(at, upto - 1),
            _ => {
                let other = *dice.of(others);
                let from = dice.place(other.len().max(1)).min(other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
}

/// A body in one of the forms that clients use, or nearly.
pub fn pack(dice: &mut Dice, plain: Vec<u8>) -> Vec<u8> {
    let mut packed = match dice.roll(16) {
        0..=8 => return plain,
        9 | 10 => gzip(&plain),
        11 => {
            let (first, second) = plain.split_at(plain.len() / 2);
            [gzip(first), gzip(second)].concat()
        }
        12 => zlib(&plain),
        13 => [b"data=".as_slice(), base64(dice, &plain).as_bytes()].concat(),
        14 => {
            let encoded = percent_encode(&plain, NON_ALPHANUMERIC).to_string();
            format!("data={encoded}&other=1").into_bytes()
        }
        _ => gzip(&gzip(&plain)),
    };
    if dice.once_in(3) {
        bytes(dice, &mut packed, &[]);
    }
    packed
}

/// Base64 in any of its spellings.
pub fn base64(dice: &mut Dice, plain: &[u8]) -> String {
    match dice.roll(3) {
        0 => BASE64_STANDARD.encode(plain),
        1 => BASE64_STANDARD
            .encode(plain)
            .replace('+', "%2B")
            .replace('=', "%3D"),
        _ => BASE64_URL_SAFE_NO_PAD.encode(plain),
    }
}

/// A text that stays a part of an address: what may not stand in one is encoded.
pub fn encoded(bytes: &[u8]) -> String {
    const KEPT: percent_encoding::AsciiSet = NON_ALPHANUMERIC
        .remove(b'/')
        .remove(b'?')
        .remove(b'&')
        .remove(b'=')
        .remove(b':')
        .remove(b'%')
        .remove(b'.')
        .remove(b',')
        .remove(b'-')
        .remove(b'_')
        .remove(b'+')
        .remove(b'@');
    percent_encode(bytes, &KEPT).to_string()
}
