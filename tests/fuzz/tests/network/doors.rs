//! The doors of a host, and what is sent through each.

use crosspoint_harness::Dice;

use crate::case::{Case, Counts, Way, seeds};
use crate::hooks::Hooks;
use crate::mutate;
use crate::request::Request;
use crate::tracking::Tracking;

/// Everything that inputs are made of.
pub struct Doors {
    tracking: Tracking,
    hooks: Hooks,
    lookups: Vec<String>,
    lines: Vec<String>,
}

/// Headers that mean something, and values for them.
const HEADERS: [(&str, &[&str]); 12] = [
    (
        "content-length",
        &[
            "0",
            "1",
            "5",
            "-1",
            "+3",
            "99999999999999999999",
            "5, 5",
            "5, 6",
            "0x5",
            "",
        ],
    ),
    (
        "transfer-encoding",
        &[
            "chunked",
            "identity",
            "gzip, chunked",
            "chunked, chunked",
            "chunked;q=1",
            "\x0bchunked",
        ],
    ),
    ("expect", &["100-continue", "200-ok"]),
    ("connection", &["close", "keep-alive", "upgrade", "x, y"]),
    ("upgrade", &["h2c", "websocket"]),
    ("host", &["", "h:99999", "[::1", "a b", "h, h"]),
    ("content-encoding", &["gzip", "br", "deflate, gzip"]),
    (
        "authorization",
        &[
            "",
            "Basic",
            "Basic !",
            "Basic cm91Z2gtMQ==",
            "Bearer",
            "Bearer \u{ff}",
            "basic cm91Z2gtMTo=",
        ],
    ),
    (
        "origin",
        &[
            "null",
            "https://www.example.com",
            "https://www.example.com:443",
            "*",
            "\u{ff}",
        ],
    ),
    (
        "x-forwarded-for",
        &[
            "",
            "1.2.3.4",
            "::1, nonsense",
            "127.0.0.1, 127.0.0.1",
            ",,,",
            "[::1]:80",
        ],
    ),
    (
        "x-forwarded-proto",
        &["https", "HTTPS", "\u{ff}", "https, http"],
    ),
    ("last-event-id", &["", "1", "9-9", "\u{ff}"]),
];

const METHODS: [&str; 10] = [
    "GET",
    "POST",
    "HEAD",
    "OPTIONS",
    "PUT",
    "DELETE",
    "PATCH",
    "CONNECT",
    "TRACE",
    "P\u{ff}ST",
];

impl Doors {
    pub fn new(hooks: Hooks) -> Self {
        let lines = |name: &str| -> Vec<String> {
            let (_, text) = seeds(name).swap_remove(0);
            text.lines().map(str::to_owned).collect()
        };
        Self {
            tracking: Tracking::read(),
            hooks,
            lookups: lines("lookups"),
            lines: lines("admin"),
        }
    }

    /// An input, made of chance alone.
    pub fn draw(&self, dice: &mut Dice) -> Case {
        match dice.roll(100) {
            0..50 => self.tracking.draw(dice),
            50..56 => self.tracking.pixel(dice),
            56..68 => self.lookup(dice),
            68..82 => self.hooks.draw(dice),
            82..96 => self.raw(dice),
            _ => self.admin(dice),
        }
    }

    fn lookup(&self, dice: &mut Dice) -> Case {
        let mut target = dice.of(&self.lookups).clone().into_bytes();
        let others: Vec<_> = self.lookups.iter().map(String::as_bytes).collect();
        if !dice.once_in(4) {
            mutate::bytes(dice, &mut target, &others);
        }
        let target = mutate::encoded(&target);
        let target = target.trim_start_matches('/');
        // Its answer has no end, and listeners are few.
        let target = match target.contains("changes") && !dice.once_in(5) {
            true => target.replacen("changes", "members", 1),
            false => target.to_owned(),
        };
        let mut request = Request::get(format!("/{target}"));
        match dice.roll(6) {
            0..=2 => request.add("authorization", "Bearer reader-token-1"),
            3 => request.add("origin", "https://www.example.com"),
            4 => {
                let mut token = b"Bearer reader-token-1".to_vec();
                mutate::bytes(dice, &mut token, &[]);
                request.add("authorization", token);
            }
            _ => request.add("sec-fetch-site", "same-origin"),
        }
        let mut right = vec![200, 204, 304, 400, 401, 403, 404, 405, 409, 414];
        if request.target.contains("after") {
            // An entry that is not there yet: the host has waited for it.
            right.push(503);
        }
        Case {
            way: Way::Request,
            bytes: request.wire(dice),
            right,
            counts: Counts::default(),
        }
    }

    /// Bytes that are nearly a request. They name a source and a connector of their own, so that
    /// what became of all others can be counted.
    fn raw(&self, dice: &mut Dice) -> Case {
        let request = self.rough(dice);
        let mut bytes = request.wire(dice);
        let other = self.rough(dice).wire(dice);
        match dice.roll(8) {
            0 => bytes = [bytes, other].concat(),
            1..=3 => headers(dice, &mut bytes),
            4 => {
                headers(dice, &mut bytes);
                mutate::bytes(dice, &mut bytes, &[&other]);
            }
            _ => mutate::bytes(dice, &mut bytes, &[&other]),
        }
        let ends = !is_whole(&bytes);
        Case {
            way: Way::Raw { ends },
            bytes,
            right: Vec::new(),
            counts: Counts::default(),
        }
    }

    fn rough(&self, dice: &mut Dice) -> Request {
        let mut request = match dice.roll(4) {
            0 => self.hooks.rough(dice),
            1 => {
                let mut request =
                    Request::get(dice.of(&self.lookups).replace("changes", "members"));
                request.add("authorization", "Bearer reader-token-1");
                request
            }
            _ => self.tracking.rough(dice),
        };
        if dice.once_in(5) {
            request.method = (*dice.of(&METHODS)).to_owned();
        }
        request
    }

    fn admin(&self, dice: &mut Dice) -> Case {
        let line = dice.of(&self.lines);
        let mut bytes = match dice.roll(3) {
            0 => mutate::json(dice, line),
            _ => line.clone().into_bytes(),
        };
        if dice.once_in(2) {
            let others: Vec<_> = self.lines.iter().map(String::as_bytes).collect();
            mutate::bytes(dice, &mut bytes, &others);
        }
        bytes.retain(|byte| *byte != b'\n');
        bytes.push(b'\n');
        Case {
            way: Way::Admin,
            bytes,
            right: Vec::new(),
            counts: Counts::default(),
        }
    }
}

/// Adds headers behind the first line, as they are.
fn headers(dice: &mut Dice, bytes: &mut Vec<u8>) {
    let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else {
        return;
    };
    for _ in 0..=dice.roll(2) {
        let (name, values) = dice.of(&HEADERS);
        let (colon, line_end) = match dice.roll(12) {
            0 => (" : ", "\r\n"),
            1 => (":", "\n"),
            2 => (": ", "\r\n folded\r\n"),
            _ => (": ", "\r\n"),
        };
        let header = format!("{name}{colon}{}{line_end}", dice.of(values));
        bytes.splice(end + 2..end + 2, header.into_bytes());
    }
    if dice.once_in(20) {
        let many: String = (0..300)
            .map(|number| format!("x-{number}: 1\r\n"))
            .collect();
        bytes.splice(end + 2..end + 2, many.into_bytes());
    }
    if dice.once_in(40) {
        let long = format!("x-long: {}\r\n", "l".repeat(200_000));
        bytes.splice(end + 2..end + 2, long.into_bytes());
    }
}

/// Whether a host that reads this has a whole request, and so will answer before the end.
fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let Some((head, _)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let body = bytes.len() - (head.len() + 4).min(bytes.len());
    let lengths: Vec<_> = head
        .lines()
        .filter_map(|line| line.strip_prefix("content-length:"))
        .collect();
    let fits = |length: &&str| {
        length
            .trim()
            .parse::<usize>()
            .is_ok_and(|length| length <= body)
    };
    !head.contains("chunked")
        && !head.contains("expect")
        && lengths.len() <= 1
        && lengths.iter().all(fits)
}
