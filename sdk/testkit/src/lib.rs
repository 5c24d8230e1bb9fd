//! The contract as checks. A vendor runs them on a component of its own, with the engine that runs
//! it in production, against a simulator of its system:
//!
//! ```text
//! crosspoint plugin test ./my-plugin.wasm --simulator http://127.0.0.1:8099
//! ```
//!
//! Start reading at [`test`]; [`CHECKS`] is the list, each check with the rule of docs/contract.md
//! that it holds a plugin to. What a check needs to know of a plugin stands beside it in
//! `conformance.toml`, see [`Subject`]. A simulator is any program that speaks the protocol of
//! [`simulator`].
//!
//! # Invariants
//! - The checks hold for every plugin of this repository (`every_plugin_keeps_the_contract`).
//! - A check sees the flaw that it is there for (`without_a_flaw_nothing_is_seen`,
//!   `what_the_vendor_forgets_is_lost_at_a_cut`, `words_of_chance_are_other_bytes` and their likes in
//!   tests/conformance).
//! - A waiver needs a reason, and one that is no longer needed is a failure
//!   (`report::tests::a_waiver_that_is_not_needed_fails`).
//!
//! # Not here
//! Simulators. Rules of the host: what identity, segments or the outbox do is tested there.

mod checks;
mod clock;
mod error;
mod fold;
mod people;
mod report;
mod rig;
pub mod simulator;
mod subject;

pub use checks::{CHECKS, Check, Part};
pub use error::Error;
pub use report::{Finding, Report, Verdict};
pub use subject::{ActionSubject, SetupSubject, SpoilSubject, StreamSubject, Subject};

use std::sync::Arc;
use std::time::Instant;

use crosspoint_sandbox::{Engine, EngineOptions};

use rig::Rig;
use simulator::Simulator;

/// Runs every check that concerns the plugin, one after the other. `told` hears of each finding as
/// it is made.
///
/// # Errors
/// [`Error`] where the component cannot be loaded or the simulator not reached: then nothing can be
/// said of the plugin.
pub async fn test(
    wasm: &[u8],
    subject: &Subject,
    simulator: &str,
    mut told: impl FnMut(&Finding),
) -> Result<Report, Error> {
    let engine = Engine::new(EngineOptions::default())?;
    let plugin = engine.load(wasm)?;
    let mut report = Report::new(&plugin.manifest, wasm);
    let rig = Rig::new(Arc::clone(&plugin), subject, Simulator::new(simulator)?)?;
    rig.reset().await?;
    for check in CHECKS {
        if check.part.concerns(&plugin.manifest) && subject.asks_for(check) {
            let finding = found(&rig, check).await;
            told(&finding);
            report.findings.push(finding);
        }
    }
    report.figures = rig.figures();
    for (name, setup) in &subject.also {
        let subject = subject.set_up(setup);
        let rig = Rig::new(Arc::clone(&plugin), &subject, Simulator::new(simulator)?)?;
        for wanted in &setup.checks {
            let Some(check) = CHECKS.iter().find(|it| it.name == wanted) else {
                return Err(Error::Check(wanted.clone()));
            };
            if subject.asks_for(check) {
                let mut finding = found(&rig, check).await;
                finding.check = format!("{} ({name})", check.name);
                told(&finding);
                report.findings.push(finding);
            }
        }
    }
    Ok(report)
}

async fn found(rig: &Rig<'_>, check: &Check) -> Finding {
    let start = Instant::now();
    let checked = checks::run(check, rig).await;
    let took_ms = start.elapsed().as_millis() as u64;
    Finding::new(check, checked, &rig.subject.waivers, took_ms)
}
