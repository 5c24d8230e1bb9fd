//! Measures the host on this machine: step throughput, a whole import, the ledger, the sandbox,
//! memory, and the live edge under load. Prints what it finds and writes `docs/performance.md`.
//!
//! Start reading at `pipeline.rs`, which puts ledger, step and store together as the runtime does.
//! What is compared is measured in the same run; where a disk is involved, in turns.
//!
//! # Invariants
//! - A figure counts only once all of it is durable; a run that loses records is an error
//!   (`every_record_arrives`).
//! - Every rule that is measured compiles (`generated_rules_compile`, `generated_projects_are_right`).
//! - A goal that was missed says so (`a_missed_goal_says_so`).
//!
//! # Not here
//! Assertions about speed: a test that fails on a busy machine tests the machine.

mod data;
mod host;
mod ledger;
mod live;
mod machine;
mod memory;
mod native;
mod pipeline;
mod project;
mod report;
mod rig;
mod sandbox;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Parser;

use crate::machine::Machine;
use crate::report::Report;

/// As in the `crosspoint` command.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Measures the host and writes docs/performance.md.
#[derive(Debug, Parser)]
struct Options {
    /// The CDNOW master file, for the whole import; without it the bundled sample is imported.
    #[arg(long, value_name = "PATH")]
    master: Option<PathBuf>,
    /// Fewer records and rounds, to see that it works; writes no file.
    #[arg(long)]
    quick: bool,
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Where the result goes.
    #[arg(long, value_name = "PATH", default_value = "docs/performance.md")]
    write: PathBuf,
    /// Measures memory with so many profiles in this process; what the parent process asks for.
    #[arg(long, hide = true, value_name = "PROFILES")]
    memory_child: Option<u64>,
    /// Is the host that the parent process sends requests to.
    #[arg(long, hide = true, value_name = "FOLDER")]
    live_child: Option<PathBuf>,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Pipeline,
    Host,
    Ledger,
    Sandbox,
    Memory,
    Live,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(profiles) = options.memory_child {
        return memory::child(profiles);
    }
    if let Some(folder) = options.live_child {
        return live::serve(&folder);
    }
    let wanted = |part| options.only.is_empty() || options.only.contains(&part);
    let machine = Machine::describe();
    println!("{machine}");
    let mut report = Report::default();
    if wanted(Part::Pipeline) {
        report.add(pipeline::measure(options.quick).context("pipeline")?);
    }
    if wanted(Part::Host) {
        report.add(host::measure(options.master.as_deref()).context("host")?);
    }
    if wanted(Part::Ledger) {
        report.add(ledger::measure(options.quick).context("ledger")?);
    }
    if wanted(Part::Sandbox) {
        let part = sandbox::measure(options.master.as_deref(), options.quick);
        report.add(part.context("sandbox")?);
    }
    if wanted(Part::Memory) {
        report.add(memory::measure(options.quick).context("memory")?);
    }
    if wanted(Part::Live) {
        report.add(live::load(options.quick).context("live")?);
        report.add(live::pressure(options.quick).context("live")?);
    }
    print!("{}", report.goals());
    if options.quick || !options.only.is_empty() {
        return Ok(());
    }
    let command = match options.master {
        Some(_) => "cargo run --release -p crosspoint-bench -- --master CDNOW_master.txt",
        None => "cargo run --release -p crosspoint-bench",
    };
    let mut text = report.document(&machine, &machine::load(), command);
    let path = options.write;
    text += report::kept(&std::fs::read_to_string(&path).unwrap_or_default());
    std::fs::write(&path, text).with_context(|| format!("could not write `{}`", path.display()))
}
