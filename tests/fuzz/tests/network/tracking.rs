//! Tracking calls: what is sent, and what the pure parser says of it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use crosspoint_harness::Dice;
use crosspoint_ingest::tracking::{
    CallKind, Endpoint, Limits, Refusal, data_parameter, form_value, parse, unpack,
};

use crate::case::{Case, Counts, Way, seeds};
use crate::mutate;
use crate::request::Request;

/// The write key of the source that is counted.
const KEY: &str = "website-1";
/// The write key of the other.
const ROUGH_KEY: &str = "rough-1";
/// A page that may call the source that is counted.
const PAGE: &str = "https://www.example.com";

const PATHS: [&str; 19] = [
    "/v1/batch",
    "/v1/b",
    "/beacon/v1/batch",
    "/v1/import",
    "/v1/track",
    "/v1/t",
    "/v1/identify",
    "/v1/i",
    "/v1/page",
    "/v1/p",
    "/v1/screen",
    "/v1/s",
    "/v1/group",
    "/v1/g",
    "/v1/alias",
    "/v1/a",
    "/api/s/track",
    "/api/s/s2s/identify",
    "/api/s/event",
];

const CONTENT_TYPES: [&str; 6] = [
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
    "\u{ff}",
];

pub struct Tracking {
    seeds: Vec<Request>,
    pixels: Vec<String>,
}

/// Whether a request says a write key before its body does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    /// One that a source has.
    Good,
    /// None at all.
    Absent,
    /// Something that may or may not be one.
    Doubtful,
}

impl Tracking {
    pub fn read() -> Self {
        let requests = seeds("tracking").into_iter();
        Self {
            seeds: requests.map(|(_, text)| Request::read(&text)).collect(),
            pixels: seeds("pixel").into_iter().map(|(_, text)| text).collect(),
        }
    }

    pub fn draw(&self, dice: &mut Dice) -> Case {
        let seed = dice.of(&self.seeds);
        let target = match dice.once_in(4) {
            true => (*dice.of(&PATHS)).to_owned(),
            false => seed.target.clone(),
        };
        let mut request = Request::post(target, "");
        request.headers.clone_from(&seed.headers);
        if dice.once_in(3) {
            request.headers.clear();
            request.add("content-type", dice.of(&CONTENT_TYPES));
        }
        let text = String::from_utf8_lossy(&seed.body).into_owned();
        let in_body = dice.once_in(5);
        let text = match in_body {
            true => text.replacen('{', &format!("{{\"writeKey\":\"{KEY}\","), 1),
            false => text,
        };
        let body = self.body(dice, &text);
        request.body = match dice.once_in(150) {
            true => mutate::bomb(),
            false => mutate::pack(dice, body),
        };
        let key = match in_body {
            true => Key::Absent,
            false => add_key(dice, &mut request),
        };
        let allowed = add_origin(dice, &mut request);
        let endpoint = endpoint(&request.target);
        let limits = Limits::default();
        let (right, calls) = match unpack(&request.body, limits) {
            Ok(unpacked) => judged(endpoint, &unpacked, key, allowed),
            Err(refusal) => (vec![status(&refusal)], 0),
        };
        case(request.wire(dice), right, calls)
    }

    fn body(&self, dice: &mut Dice, text: &str) -> Vec<u8> {
        let mut body = match dice.roll(10) {
            0 => text.as_bytes().to_vec(),
            1..=6 => mutate::json(dice, text),
            7 => {
                let body = mutate::json(dice, text);
                let calls = vec![String::from_utf8_lossy(&body); 1 + dice.place(40)];
                format!("{{\"batch\":[{}]}}", calls.join(",")).into_bytes()
            }
            _ => {
                let mut body = text.as_bytes().to_vec();
                let others: Vec<_> = self.seeds.iter().map(|seed| seed.body.as_slice()).collect();
                mutate::bytes(dice, &mut body, &others);
                body
            }
        };
        if dice.once_in(300) {
            let number = 2_499 + dice.place(3);
            body = format!(
                "[{}]",
                vec!["{\"event\":\"E\",\"userId\":\"many\"}"; number].join(",")
            )
            .into_bytes();
        }
        body
    }

    pub fn pixel(&self, dice: &mut Dice) -> Case {
        let seed = dice.of(&self.pixels);
        let json = match dice.once_in(2) {
            true => mutate::json(dice, seed),
            false => {
                let mut bytes = seed.clone().into_bytes();
                mutate::bytes(dice, &mut bytes, &[]);
                bytes
            }
        };
        let mut data = mutate::base64(dice, &json).into_bytes();
        if dice.once_in(4) {
            mutate::bytes(dice, &mut data, &[]);
            data.retain(|byte| !b"&?#".contains(byte));
        }
        // What no host reads of an address any more.
        data.truncate(30_000);
        let kind = dice.of(&["track", "t", "page.gif", "alias", "nonsense"]);
        let query = format!("writeKey={KEY}&data={}", mutate::encoded(&data));
        let request = Request::get(format!("/v1/pixel/{kind}?{query}"));
        let endpoint = CallKind::from_word(kind.trim_end_matches(".gif"))
            .map_or(Endpoint::Batch, Endpoint::One);
        let data = form_value(query.as_bytes(), "data").unwrap_or_default();
        let (right, calls) = judged(endpoint, &data_parameter(data.as_bytes()), Key::Good, true);
        case(request.wire(dice), right, calls)
    }

    /// A request whose counts nobody minds.
    pub fn rough(&self, dice: &mut Dice) -> Request {
        let seed = dice.of(&self.seeds);
        let mut request = Request::post(seed.target.clone(), seed.body.clone());
        request.add("x-write-key", ROUGH_KEY);
        if dice.once_in(3) {
            request.body = mutate::pack(dice, request.body);
        }
        request
    }
}

fn case(bytes: Vec<u8>, right: Vec<u16>, calls: usize) -> Case {
    Case {
        way: Way::Request,
        bytes,
        right,
        counts: Counts { calls, hook: None },
    }
}

/// The statuses that are right for an unpacked body, and how many calls a 200 stands for.
fn judged(endpoint: Endpoint, body: &[u8], key: Key, allowed: bool) -> (Vec<u16>, usize) {
    let batch = match parse(endpoint, body, Limits::default()) {
        Ok(batch) => batch,
        Err(refusal) => return (vec![status(&refusal)], 0),
    };
    let in_body = batch.write_key.as_deref().is_some_and(|key| {
        let id = key.split_once(':').map(|(id, _)| id);
        key.trim() == KEY || id == Some(KEY)
    });
    let known = match allowed {
        true => 200,
        false => 403,
    };
    let right = match key {
        Key::Doubtful => vec![known, 401],
        Key::Absent if !in_body => vec![401],
        _ => vec![known],
    };
    (right, batch.calls.len())
}

fn status(refusal: &Refusal) -> u16 {
    match refusal.is_amount() {
        true => 413,
        false => 400,
    }
}

fn endpoint(path: &str) -> Endpoint {
    match path.rsplit('/').next().unwrap_or_default() {
        "import" => Endpoint::Import,
        "batch" | "b" => Endpoint::Batch,
        word => CallKind::from_word(word).map_or(Endpoint::Batch, Endpoint::One),
    }
}

fn add_key(dice: &mut Dice, request: &mut Request) -> Key {
    let basic = |pair: &str| format!("Basic {}", BASE64_STANDARD.encode(pair));
    match dice.roll(12) {
        0..=3 => request.add("authorization", basic(&format!("{KEY}:"))),
        4 | 5 => request.add("x-write-key", format!("{KEY}:secret")),
        6 => request.add("authorization", format!("Bearer {KEY}")),
        7 | 8 => request.target.push_str(&format!("?writeKey={KEY}")),
        9 => {
            let mut value = basic(&format!("{KEY}:")).into_bytes();
            mutate::bytes(dice, &mut value, &[]);
            request.add("authorization", value);
            return Key::Doubtful;
        }
        10 => {
            request.add("x-write-key", "unknown");
            return Key::Absent;
        }
        _ => return Key::Absent,
    }
    Key::Good
}

/// Says which page calls; whether that may.
fn add_origin(dice: &mut Dice, request: &mut Request) -> bool {
    match dice.roll(10) {
        0 => request.add("origin", PAGE),
        1 => request.add("origin", PAGE.to_ascii_uppercase()),
        2 => {
            let mut origin = PAGE.as_bytes().to_vec();
            mutate::bytes(dice, &mut origin, &[]);
            request.add("origin", &origin);
            let sent = request.header("origin").unwrap_or_default();
            return sent.trim_ascii().eq_ignore_ascii_case(PAGE.as_bytes());
        }
        _ => {}
    }
    true
}
