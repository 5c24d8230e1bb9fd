//! Vendors' calls: well signed, tampered with, and challenges.

use std::time::{SystemTime, UNIX_EPOCH};

use crosspoint_harness::Dice;

use crate::case::{Case, Counts, Way, seeds};
use crate::mutate;
use crate::request::Request;
use crate::schemes::{self, Moment, Scheme};

/// The connector that takes calls which nobody counts. Its scheme is the first.
pub const ROUGH: &str = "rough-shop";

pub struct Hooks {
    pub schemes: Vec<Scheme>,
    /// Bodies, and their content types.
    bodies: Vec<(&'static str, String)>,
}

/// Challenges of all kinds.
const ASKED: [&str; 7] = [
    "hub.mode=subscribe&hub.verify_token=shared-secret-of-the-hook&hub.challenge=1158201444",
    "hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=1",
    "hub.mode=subscribe&hub.mode=subscribe&hub.challenge=%3Cscript%3E",
    "challenge=abc%20def",
    "challenge=%00%ff",
    "crc_token=challenge_string",
    "crc_token=%7B%22topic%22%3A1%7D",
];

impl Hooks {
    pub fn read() -> Self {
        let bodies = seeds("hooks").into_iter().map(|(name, text)| {
            let kind = match name.ends_with(".form") {
                true => "application/x-www-form-urlencoded",
                false => "application/json",
            };
            (kind, text.trim_end().to_owned())
        });
        Self {
            schemes: schemes::all(),
            bodies: bodies.collect(),
        }
    }

    pub fn draw(&self, dice: &mut Dice) -> Case {
        let scheme = dice.of(&self.schemes);
        let mut request = self.unsigned(dice, scheme.name);
        let moment = moment(dice);
        let mut right = vec![200];
        match dice.roll(10) {
            0 => {
                request.method = (*dice.of(&["GET", "HEAD", "POST"])).to_owned();
                request.body.clear();
                request.target = format!("/hooks/{}?{}", scheme.name, challenge(dice));
                right = vec![200, 401];
            }
            1..=3 => {
                (scheme.sign)(&mut request, &moment);
                tamper(dice, &mut request);
                right = vec![200, 401];
            }
            4 => {
                let off_s = *dice.of(&[301, 3_000_000, 1_000_000_000]);
                let now_s = match dice.once_in(2) {
                    true => moment.now_s + off_s,
                    false => moment.now_s - off_s,
                };
                (scheme.sign)(&mut request, &Moment { now_s, ..moment });
                right = vec![200, 401];
            }
            _ => (scheme.sign)(&mut request, &moment),
        }
        Case {
            way: Way::Request,
            bytes: request.wire(dice),
            right,
            counts: Counts {
                calls: 0,
                hook: Some(scheme.name),
            },
        }
    }

    fn unsigned(&self, dice: &mut Dice, connector: &str) -> Request {
        let (kind, body) = dice.of(&self.bodies);
        let mut body = match dice.roll(4) {
            0 => body.clone().into_bytes(),
            1 | 2 => mutate::json(dice, body),
            _ => {
                let mut bytes = body.clone().into_bytes();
                let others: Vec<_> = self
                    .bodies
                    .iter()
                    .map(|(_, body)| body.as_bytes())
                    .collect();
                mutate::bytes(dice, &mut bytes, &others);
                bytes
            }
        };
        if dice.once_in(100) {
            body = b"[".repeat(900_000);
        }
        let path = dice.of(&[
            "",
            "/",
            "/orders",
            "/%2e%2e/x",
            "/a?b=1&b=2",
            "?to=a%40b%2C%28c%29",
        ]);
        let mut request = Request::post(format!("/hooks/{connector}{path}"), body);
        request.add("content-type", kind);
        request
    }

    /// A signed call whose counts nobody minds.
    pub fn rough(&self, dice: &mut Dice) -> Request {
        let mut request = self.unsigned(dice, ROUGH);
        (self.schemes[0].sign)(&mut request, &moment(dice));
        request
    }
}

fn moment(dice: &mut Dice) -> Moment {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Moment {
        now_s: now.as_secs(),
        id: format!("call-{}", dice.roll(2_000)),
    }
}

fn challenge(dice: &mut Dice) -> String {
    let mut asked = dice.of(&ASKED).as_bytes().to_vec();
    if dice.once_in(2) {
        let others: Vec<_> = ASKED.iter().map(|asked| asked.as_bytes()).collect();
        mutate::bytes(dice, &mut asked, &others);
    }
    mutate::encoded(&asked)
}

/// Changes what was signed, or the proof.
fn tamper(dice: &mut Dice, request: &mut Request) {
    match dice.roll(5) {
        0 => mutate::bytes(dice, &mut request.body, &[]),
        1 => _ = request.headers.pop(),
        2 => {
            let header = dice.of(&request.headers).clone();
            request.headers.push(header);
        }
        3 => {
            let (start, query) = request
                .target
                .split_once('?')
                .unwrap_or((&request.target, "x=1"));
            let mut query = query.as_bytes().to_vec();
            mutate::bytes(dice, &mut query, &[]);
            request.target = format!("{start}?{}", mutate::encoded(&query));
        }
        _ => {
            let place = dice.place(request.headers.len());
            let (name, mut value) = request.headers.remove(place);
            mutate::bytes(dice, &mut value, &[]);
            request.add(&name, value);
        }
    }
}
