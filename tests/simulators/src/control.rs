//! The other side of a simulator: everything below `/_sim` is for whoever tests, not the vendor's.
//!
//! | call | does |
//! |---|---|
//! | `GET /_sim` | vendor, address, seed, clock, settings and credentials of a connector |
//! | `GET /_sim/truth` | what the vendor holds, see [`crate::Vendor::truth`] |
//! | `GET /_sim/effects` | every side effect with its count |
//! | `GET /_sim/journal?from=N` | calls from number N on: method, target, status (0: no answer), instant, fault, whether it was refused for its rate, digest of what was sent; with `&whole=1` also `headers`, a list of pairs, and `body` in base64 |
//! | `POST /_sim/faults` | `{"faults": […]}`, see [`crate::Fault`]; `GET` lists, `DELETE` clears |
//! | `POST /_sim/clock` | `{"advance_ms": N}`; with `"frozen": true` it moves by that only from now on |
//! | `POST /_sim/reset` | `{"customers": N, "orders": N, "seed": N, "token_ttl_ms": N, "now_ms": N}`, each if it shall differ: everything as at the start; `"now_ms": null` is the machine's clock, and `"frozen": true` is as below |
//! | `POST /_sim/change` | `{"count": N}` random changes at the vendor's side |
//! | `POST /_sim/subscribe` | `{"url": …, "args": …}`: webhooks go there |
//! | `POST /_sim/hooks` | `{"duplicates": 0.3, "shuffle": true}`: sends what waits once |
//! | `POST /_sim/command/NAME` | a command of this vendor alone, with its arguments as body |

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::call::{Answer, Call};
use crate::fault::Fault;
use crate::hook;
use crate::server::{Core, Entry};

pub(crate) async fn control(core: &Arc<Mutex<Core>>, call: &Call) -> Answer {
    let segments = call.segments();
    let parts: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
    let body = call.json().unwrap_or(Value::Null);
    if (call.method.as_str(), parts.as_slice()) == ("POST", &["hooks"]) {
        let duplicates = body["duplicates"].as_f64().unwrap_or(0.0);
        let shuffle = body["shuffle"].as_bool().unwrap_or(false);
        return Answer::json(200, &send_round(core, duplicates, shuffle).await);
    }
    let mut core = core.lock().unwrap_or_else(PoisonError::into_inner);
    pass_time(&mut core);
    match answer(&mut core, call, &parts, &body) {
        Ok(value) => Answer::json(200, &value),
        Err(message) => Answer::json(400, &json!({ "error": message })),
    }
}

fn pass_time(core: &mut Core) {
    let Core { vendor, sim, .. } = core;
    vendor.pass_time(sim);
}

fn answer(core: &mut Core, call: &Call, parts: &[&str], body: &Value) -> Result<Value, String> {
    Ok(match (call.method.as_str(), parts) {
        ("GET", []) => json!({
            "vendor": core.name,
            "url": core.sim.url,
            "seed": core.sim.options.seed,
            "now_ms": core.sim.now_ms(),
            "settings": core.vendor.settings(&core.sim.url),
            "secrets": core.vendor.secrets(),
        }),
        ("GET", ["truth"]) => core.vendor.truth(),
        ("GET", ["effects"]) => core.sim.effects_json(),
        ("GET", ["journal"]) => {
            let from = call
                .param("from")
                .and_then(|it| it.parse().ok())
                .unwrap_or(0);
            let calls = core.journal.get(from..).unwrap_or_default();
            let calls: Vec<Value> = match call.param("whole") {
                Some(_) => calls.iter().map(whole).collect(),
                None => calls.iter().map(|it| json!(it)).collect(),
            };
            json!({ "next": core.journal.len(), "calls": calls })
        }
        ("GET", ["faults"]) => json!(core.script.lines()),
        ("DELETE", ["faults"]) => {
            core.script.clear();
            json!({})
        }
        ("POST", ["faults"]) => {
            let faults: Vec<Fault> = serde_json::from_value(body["faults"].clone())
                .map_err(|error| error.to_string())?;
            core.script.add(faults);
            json!(core.script.lines())
        }
        ("POST", ["clock"]) => {
            if body["frozen"] == true {
                core.sim.freeze();
            }
            core.sim.advance(body["advance_ms"].as_i64().unwrap_or(0));
            pass_time(core);
            json!({ "now_ms": core.sim.now_ms() })
        }
        ("POST", ["reset"]) => {
            let mut options = core.sim.options.clone();
            let number = |name: &str| body[name].as_u64();
            let size = |name: &str| number(name).and_then(|it| usize::try_from(it).ok());
            options.seed = number("seed").unwrap_or(options.seed);
            options.customers = size("customers").unwrap_or(options.customers);
            options.orders = size("orders").or(options.orders);
            options.token_ttl = number("token_ttl_ms")
                .map(Duration::from_millis)
                .or(options.token_ttl);
            if let Some(now_ms) = body.get("now_ms") {
                options.now_ms = now_ms.as_i64();
            }
            core.reset(&options);
            if body["frozen"] == true {
                core.sim.freeze();
            }
            json!({ "now_ms": core.sim.now_ms() })
        }
        ("POST", ["change"]) => {
            let count = body["count"].as_u64().unwrap_or(1);
            let Core { vendor, sim, .. } = core;
            (0..count).map(|_| vendor.change(sim)).collect()
        }
        ("POST", ["subscribe"]) => {
            let url = body["url"].as_str().ok_or("`url` is missing")?.to_owned();
            let Core { vendor, sim, .. } = core;
            vendor.subscribe(&url, &body["args"], sim)?
        }
        ("POST", ["command", name]) => {
            let Core { vendor, sim, .. } = core;
            let done = vendor.command(name, body, sim);
            done.ok_or_else(|| format!("there is no command `{name}`"))?
        }
        _ => return Err(format!("there is no {} {}", call.method, call.path)),
    })
}

/// A call with headers and body.
fn whole(entry: &Entry) -> Value {
    let headers = entry.headers.iter();
    let headers: Vec<_> = headers
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let mut whole = json!(entry);
    whole["headers"] = json!(headers);
    whole["body"] = json!(STANDARD.encode(&entry.body));
    whole
}

/// Sends what waits, once each; what is not accepted waits again.
pub(crate) async fn send_round(core: &Arc<Mutex<Core>>, duplicates: f64, shuffle: bool) -> Value {
    let round = {
        let mut core = core.lock().unwrap_or_else(PoisonError::into_inner);
        pass_time(&mut core);
        let Core { sim, .. } = &mut *core;
        sim.hooks.take(&mut sim.rng, duplicates, shuffle)
    };
    let mut refused = Vec::new();
    let (mut sent, mut accepted, mut statuses) = (0, 0, Vec::new());
    for hook in round {
        let mut hook = hook;
        {
            let mut core = core.lock().unwrap_or_else(PoisonError::into_inner);
            let Core { vendor, sim, .. } = &mut *core;
            vendor.sending(&mut hook, sim);
        }
        let (status, answer) = hook::send(&hook).await.unwrap_or_default();
        hook.answer = answer;
        sent += 1;
        statuses.push(status);
        accepted += u64::from((200..300).contains(&status));
        let mut core = core.lock().unwrap_or_else(PoisonError::into_inner);
        let Core { vendor, sim, .. } = &mut *core;
        if vendor.sent(&hook, status, sim) {
            refused.push(hook);
        }
    }
    let mut core = core.lock().unwrap_or_else(PoisonError::into_inner);
    let hooks = &mut core.sim.hooks;
    hooks.sent += sent;
    hooks.accepted += accepted;
    refused.into_iter().for_each(|hook| hooks.push(hook));
    json!({ "sent": sent, "accepted": accepted, "waiting": hooks.waiting(), "statuses": statuses })
}
