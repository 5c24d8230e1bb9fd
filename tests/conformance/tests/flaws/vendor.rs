//! A vendor of things: a list by change, each thing for itself, and a queue that forgets.

use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use simulators::hook::Hook;
use simulators::{Answer, Bucket, Call, Options, Sim, Vendor, Zone, iso_local};

const SECRET: &str = "secret-of-the-hook";
/// Between two changes.
const APART_MS: i64 = 60_000;

struct Thing {
    name: String,
    changed_ms: i64,
    /// Number of its last change.
    change: u64,
    is_queued: bool,
}

pub struct Things {
    things: Vec<Thing>,
    changes: u64,
    zone: Zone,
    hook: Option<String>,
    bucket: Bucket,
}

impl Things {
    /// As many as there are customers; so many requests a second are borne.
    pub fn boxed(options: &Options, borne: u64) -> Box<dyn Vendor> {
        let things = (1..=options.customers as u64).map(|change| Thing {
            name: format!("Thing {change}"),
            changed_ms: options.now_ms.unwrap_or_default() + change as i64 * APART_MS,
            change,
            is_queued: true,
        });
        Box::new(Self {
            things: things.collect(),
            changes: options.customers as u64,
            zone: Zone::fixed(3_600),
            hook: None,
            // What rounding adds to a level is not counted.
            bucket: Bucket::new(borne as f64 + 0.5, borne as f64),
        })
    }

    fn list(&mut self, call: &Call, is_queue: bool) -> Answer {
        let number = |name: &str| call.param(name).and_then(|it| it.parse::<u64>().ok());
        let (after, limit) = (number("after").unwrap_or(0), number("limit").unwrap_or(1));
        let mut found: Vec<usize> = (0..self.things.len())
            .filter(|&at| match is_queue {
                true => self.things[at].is_queued,
                false => self.things[at].change > after,
            })
            .collect();
        found.sort_by_key(|&at| self.things[at].change);
        let more = found.len() as u64 > limit;
        found.truncate(limit as usize);
        if is_queue {
            found
                .iter()
                .for_each(|&at| self.things[at].is_queued = false);
        }
        let places = found.iter();
        let places =
            places.map(|&at| json!({ "id": at.to_string(), "change": self.things[at].change }));
        Answer::json(
            200,
            &json!({ "things": places.collect::<Vec<_>>(), "more": more }),
        )
    }

    fn shown(&self, at: usize) -> Option<Value> {
        let thing = self.things.get(at)?;
        let local = iso_local(thing.changed_ms, self.zone.offset_s(thing.changed_ms));
        Some(
            json!({ "id": at.to_string(), "name": thing.name, "changed": local,
                     "changed_gmt": iso_local(thing.changed_ms, 0) }),
        )
    }
}

impl Vendor for Things {
    fn settings(&self, url: &str) -> Value {
        json!({ "url": url })
    }

    fn secrets(&self) -> Value {
        json!({ "hook": SECRET })
    }

    fn handle(&mut self, call: &Call, sim: &mut Sim) -> Answer {
        if self.bucket.take(1.0, sim.now_ms()).is_err() {
            sim.refuse_for_rate();
            return Answer::empty(429).with("retry-after", 1);
        }
        let segments = call.segments();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let shown = match parts.as_slice() {
            ["things"] => return self.list(call, false),
            ["queue"] => return self.list(call, true),
            ["things", id] => id.parse().ok().and_then(|at| self.shown(at)),
            _ => None,
        };
        shown.map_or_else(|| Answer::empty(404), |thing| Answer::json(200, &thing))
    }

    fn change(&mut self, sim: &mut Sim) -> Value {
        let at = sim.rng.usize(..self.things.len());
        self.changes += 1;
        let (change, now_ms) = (self.changes, sim.now_ms());
        let thing = &mut self.things[at];
        thing.name = format!("Thing {change}");
        thing.changed_ms = now_ms;
        (thing.change, thing.is_queued) = (change, true);
        let shown = self.shown(at).unwrap_or_default();
        if let Some(url) = &self.hook {
            let body = shown.to_string();
            let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
            mac.update(body.as_bytes());
            let signature = hex::encode(mac.finalize().into_bytes());
            let hook = Hook::json(url, body).with("x-things-signature", signature);
            sim.hooks.push(hook);
        }
        shown
    }

    fn truth(&self) -> Value {
        let things = self.things.iter().enumerate().map(|(at, thing)| {
            json!({ "id": at.to_string(), "name": thing.name, "updated_at_ms": thing.changed_ms,
                    "deleted": false })
        });
        json!({ "things": things.collect::<Vec<_>>() })
    }

    fn subscribe(&mut self, url: &str, _: &Value, _: &mut Sim) -> Result<Value, String> {
        self.hook = Some(url.to_owned());
        Ok(json!({}))
    }

    fn command(&mut self, name: &str, args: &Value, _: &mut Sim) -> Option<Value> {
        match name {
            "set-time-zone" => self.zone = Zone::from_json(args)?,
            // There are none.
            "expire-tokens" => {}
            _ => return None,
        }
        Some(json!({}))
    }
}
