//! Ten thousand inputs that nobody should send, to a real host.

#![allow(clippy::unwrap_used)]

mod account;
mod case;
mod doors;
mod hooks;
mod mutate;
mod request;
mod rig;
mod schemes;
mod tracking;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use case::{Case, Way};
use crosspoint_api::Line;
use crosspoint_harness::{Caller, Dice, number};
use crosspoint_runtime::HostOptions;
use doors::Doors;
use hooks::Hooks;
use rig::Rig;

/// Inputs in one run of the suite; `CROSSPOINT_FUZZ_ROUNDS` asks for more.
const ROUNDS: u64 = 10_000;
/// Callers at a time.
const CALLERS: usize = 8;
/// A host that takes in small requests one after the other has no reason to hold more than this:
/// its plugins, its caches, and the bodies of a few callers.
const MOST_BYTES: u64 = 512 << 20;

/// What all callers found together.
#[derive(Default)]
struct Found {
    /// Answers by way and status.
    answers: BTreeMap<(&'static str, u16), u64>,
    /// Tracking calls of requests that were answered with 200.
    calls: usize,
    /// Calls to hook addresses that were answered with 200 or 401.
    hooks: BTreeMap<&'static str, u64>,
    faults: Vec<String>,
}

#[test]
fn mutated_requests_are_answered_or_refused() {
    let rounds = number("CROSSPOINT_FUZZ_ROUNDS", ROUNDS);
    let seed = number("CROSSPOINT_FUZZ_SEED", 1);
    println!("seed {seed}, {rounds} inputs");
    let hooks = Hooks::read();
    let rig = Rig::start(&hooks);
    let started = std::time::Instant::now();
    let names: Vec<_> = hooks.schemes.iter().map(|scheme| scheme.name).collect();
    let doors = Doors::new(hooks);
    let found = Mutex::new(Found::default());

    let mut caller = Caller::new(rig.host.doors().http);
    for (name, case) in Case::kept() {
        send(
            &rig,
            &mut caller,
            &case,
            &format!("corpus/found/{name}"),
            &found,
        );
    }
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                let mut caller = Caller::new(rig.host.doors().http);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= rounds || found.lock().unwrap().faults.len() > 20 {
                        break;
                    }
                    let case = doors.draw(&mut Dice::part(seed, number));
                    send(
                        &rig,
                        &mut caller,
                        &case,
                        &format!("seed {seed}, input {number}"),
                        &found,
                    );
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    println!("{:?} {:#?}", started.elapsed(), found.answers);
    assert!(found.faults.is_empty(), "{}", found.faults.join("\n"));
    check_health(&rig);
    check_accounts(rig, &found, &names);
}

/// Sends one input; keeps it where the answer is wrong.
fn send(rig: &Rig, caller: &mut Caller, case: &Case, name: &str, found: &Mutex<Found>) {
    let (way, answers) = match case.way {
        Way::Request => (
            "request",
            caller.send(&case.bytes).map(|answer| vec![answer]),
        ),
        Way::Raw { ends } => ("raw", caller.send_raw(&case.bytes, ends)),
        Way::Admin => {
            if let Err(fault) = ask(rig, &case.bytes) {
                let file = case.keep();
                let fault = format!("{name}: {fault}; kept as {}", file.display());
                found.lock().unwrap().faults.push(fault);
            }
            return;
        }
    };
    let mut found = found.lock().unwrap();
    let wrong = match &answers {
        Err(error) => Some(format!("no answer: {error}")),
        Ok(answers) => {
            let wrong = answers.iter().find(|answer| !case.allows(answer.status));
            wrong.map(|answer| {
                format!(
                    "{} {}, where {:?} is right",
                    answer.status,
                    answer.text(),
                    case.right
                )
            })
        }
    };
    if let Some(wrong) = wrong {
        let file = case.keep();
        found
            .faults
            .push(format!("{name}: {wrong}; kept as {}", file.display()));
    }
    for answer in answers.iter().flatten() {
        *found.answers.entry((way, answer.status)).or_default() += 1;
        if answer.status == 200 {
            found.calls += case.counts.calls;
        }
        if let Some(hook) = case.counts.hook
            && [200, 401].contains(&answer.status)
        {
            *found.hooks.entry(hook).or_default() += 1;
        }
    }
}

/// Asks at the admin socket: one answer must come, and then one to a question that is well-formed.
fn ask(rig: &Rig, line: &[u8]) -> Result<(), String> {
    let fault = |error: std::io::Error| format!("the admin socket: {error}");
    let mut socket = UnixStream::connect(&rig.host.doors().admin).map_err(fault)?;
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .map_err(fault)?;
    socket.write_all(line).map_err(fault)?;
    socket
        .write_all(b"{\"ask\":\"segment-list\"}\n")
        .map_err(fault)?;
    let mut reader = BufReader::new(socket);
    for _ in 0..2 {
        loop {
            let mut answer = String::new();
            reader.read_line(&mut answer).map_err(fault)?;
            match serde_json::from_str(&answer) {
                Ok(Line::Progress(_)) => {}
                Ok(Line::Error(error)) if error.message.contains("the host failed") => {
                    return Err(error.message);
                }
                Ok(Line::Ok(_) | Line::Error(_)) => break,
                Err(error) => return Err(format!("no answer at the admin socket: {error}")),
            }
        }
    }
    Ok(())
}

/// The host is as alive as before.
fn check_health(rig: &Rig) {
    let mut caller = Caller::new(rig.host.doors().http);
    let body = r#"{"event":"Came","userId":"late","messageId":"late-1"}"#;
    let request = format!(
        "POST /v1/track HTTP/1.1\r\nhost: h\r\nx-write-key: rough-1\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(caller.send(request.as_bytes()).unwrap().status, 200);
    let mut get = |path: &str| {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer reader-token-1\r\n\r\n"
        );
        caller.send(request.as_bytes()).unwrap()
    };
    assert_eq!(get("/livez").status, 200);
    rig.status();
    assert_eq!(get("/readyz").status, 200);
    let late = get("/v1/profiles/user-id:late");
    assert!(late.text().contains("late-1"), "{}", late.text());
    if let Some(peak) = rig.host.peak_bytes() {
        println!("at most {} MiB of memory", peak >> 20);
        assert!(peak < MOST_BYTES, "the host took {peak} bytes");
    }
    let log = rig.host.log();
    assert!(!log.contains("panicked"), "{log}");
}

/// Everything that was answered with 200 is a record, a duplicate or in quarantine.
fn check_accounts(rig: Rig, found: &Found, hooks: &[&'static str]) {
    let status = rig.status();
    let quarantine = rig.quarantine();
    let project = rig.project();
    let Rig {
        host,
        folder: _kept,
    } = rig;
    assert!(host.stop().success());

    let data = project.join("data");
    let ledger = account::of_ledger(&data);
    let website = ledger["website"];
    assert_eq!(
        website.calls, found.calls,
        "tracking calls were lost or made up"
    );

    for name in hooks {
        let connector = status.connectors.iter().find(|it| it.id == *name).unwrap();
        let hook = connector.usage.hook.clone().unwrap();
        let refused: u64 = hook.refused.values().sum();
        let told = hook.taken + hook.repeated + hook.answered + refused;
        assert_eq!(hook.failed, 0, "{name}: {hook:?}");
        assert_eq!(Some(&told), found.hooks.get(name), "{name}: {hook:?}");
        let brought = ledger
            .get(*name)
            .map_or(0, |account| account.records + account.rejects);
        assert_eq!(
            brought, hook.taken as i64,
            "{name}: each call brings one thing"
        );
        assert_eq!(connector.paused, None, "{name}");
    }

    let options = HostOptions {
        project,
        data: None,
        edges: false,
    };
    let report = crosspoint_runtime::replay(&options, None, true, &|_| {}).unwrap();
    assert_eq!(report.equal, Some(true), "{report:?}");

    let names: Vec<_> = ledger.keys().cloned().collect();
    let state = account::of_state(&data, &names);
    for (name, account) in &ledger {
        let [received, duplicates, quarantined] = state[name];
        let listed = quarantine
            .iter()
            .filter(|item| item.connector == *name)
            .count();
        assert_eq!(received, account.records, "{name}");
        assert_eq!(quarantined, listed as i64, "{name}");
        // The step adds what names nobody.
        assert!(
            (account.rejects..=account.rejects + received).contains(&quarantined),
            "{name}"
        );
        assert!((0..=received).contains(&duplicates), "{name}");
        println!(
            "{name}: {received} records, of them {duplicates} duplicates; {quarantined} in quarantine"
        );
    }
    assert!(quarantine.iter().all(|item| !item.reason.is_empty()));
}
