//! Resident memory with many profiles and a bounded cache.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::data;
use crate::machine::own_memory_bytes;
use crate::project::{over_orders, project};
use crate::report::{Goal, Section, number, seconds};
use crate::rig::Rig;

const METHOD: &str = "Profiles with one order each, 20 segments, `[store] cache = \"128MiB\"`, in a \
process of its own, which also makes up and appends the orders. *Peak* is the most that was ever \
resident (VmHWM), *at the end* is VmRSS once everything is durable.";

/// What the child process found.
#[derive(Debug, Serialize, Deserialize)]
struct Found {
    profiles: i64,
    wall_ms: u64,
    resident_bytes: u64,
    peak_bytes: u64,
}

/// Measures memory in a child process.
pub fn measure(quick: bool) -> Result<Section> {
    let profiles: u64 = if quick { 20_000 } else { 1_000_000 };
    let output = Command::new(std::env::current_exe()?)
        .args(["--memory-child", &profiles.to_string()])
        .output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "the child process failed: {errors}"
    );
    let found: Found = serde_json::from_slice(&output.stdout)?;
    let peak = mebibytes(found.peak_bytes);
    let goal = Goal {
        subject: format!(
            "resident memory with {} profiles, peak",
            number(found.profiles as f64)
        ),
        wanted: "under 1 GiB",
        measured: peak.clone(),
        is_met: found.peak_bytes < 1 << 30,
    };
    let row = vec![
        number(found.profiles as f64),
        peak,
        mebibytes(found.resident_bytes),
        seconds(std::time::Duration::from_millis(found.wall_ms)),
    ];
    Ok(Section {
        title: "Memory",
        method: METHOD.to_owned(),
        header: vec!["profiles", "peak", "at the end", "wall"],
        rows: vec![row],
        // Fewer profiles say nothing about a million.
        goals: if quick { Vec::new() } else { vec![goal] },
    })
}

/// Makes up and steps the orders, and prints what it came to.
pub fn child(profiles: u64) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = project("[store]\ncache = \"128MiB\"\n\n", &over_orders(20));
    let mut rig = Rig::new(folder.path(), config)?;
    let run = rig.run(data::first_orders(profiles))?;
    let found = Found {
        profiles: rig.profiles()?,
        wall_ms: u64::try_from(run.wall.as_millis())?,
        resident_bytes: own_memory_bytes("VmRSS").context("no VmRSS")?,
        peak_bytes: own_memory_bytes("VmHWM").context("no VmHWM")?,
    };
    println!("{}", serde_json::to_string(&found)?);
    Ok(())
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", number(bytes as f64 / f64::from(1 << 20)))
}
