//! A host that crash tests kill. With a project folder as its only argument it reads the project's
//! source to the end, delivers everything, prints what it came to as one line of JSON, and closes.
//! With `serve` before the folder it answers over HTTP until its standard input ends.
//!
//! The suite kills 25 and 10 times. For more, say how often, and another seed:
//!
//! ```sh
//! CROSSPOINT_CRASH_ROUNDS=200 CROSSPOINT_CRASH_SEED=7 cargo test --workspace --test kills
//! ```
//!
//! # Invariants
//! - Acknowledged records are never lost, effects are never repeated under another key, and the end
//!   is that of an uninterrupted run, wherever the process dies
//!   (`kills_lose_nothing_and_repeat_nothing`).
//! - What was answered with 200 under load is in the profiles after a restart, exactly once; the
//!   same of effects and end (`kills_under_load_lose_nothing_that_was_answered`).
//!
//! # Not here
//! Assertions: those are in `tests/`.

use std::time::Duration;

use anyhow::{Result, bail};
use crosspoint_runtime::admin::{Reply, Request, Status};
use crosspoint_runtime::{Host, HostOptions};
use serde_json::json;

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &*arguments {
        [verb, project] if verb == "serve" => crosspoint_harness::serve(project.into()),
        [project] => read_all(project),
        _ => bail!("give the project folder, or `serve` and the folder"),
    }
}

fn read_all(project: &str) -> Result<()> {
    let options = HostOptions {
        project: project.into(),
        data: None,
        edges: true,
    };
    let host = Host::open(options, &|_| {})?;
    let connector = "purchases".to_owned();
    host.ask(
        Request::Sync {
            connector,
            stream: None,
            deliver: false,
        },
        &|_| {},
    )?;
    let status = drained(&host)?;
    let mut members = Vec::new();
    for segment in &status.segments {
        let request = Request::SegmentMembers {
            segment: segment.name.clone(),
            after: None,
            limit: 100_000,
        };
        let Reply::Members(page) = host.ask(request, &|_| {})? else {
            bail!("another reply")
        };
        let ids: Vec<_> = page
            .members
            .into_iter()
            .map(|it| (it.profile.id, it.since))
            .collect();
        members.push((segment.name.clone(), ids));
    }
    let shop = &status.connectors[1];
    println!(
        "{}",
        json!({
            "profiles": status.profiles,
            "fragments": status.fragments,
            "received": shop.received,
            "duplicates": shop.duplicates,
            "members": members,
        })
    );
    host.close()?;
    Ok(())
}

/// Waits until no delivery is under way.
fn drained(host: &Host) -> Result<Status> {
    loop {
        let Reply::Status(status) = host.ask(Request::Status, &|_| {})? else {
            bail!("another reply")
        };
        if status
            .connectors
            .iter()
            .all(|connector| connector.waiting == 0)
        {
            return Ok(status);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
