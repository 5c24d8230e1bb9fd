//! A host for cases: with `serve` and a project folder as its arguments it answers until its standard
//! input ends. A case is a test target beside it: a project as an operator writes it, against the
//! simulated systems of vendors, and what these hold afterwards is compared with what they ought to.
//! Start reading at `tests/win_back/main.rs`.
//!
//! # Invariants
//! - What destinations hold is what the sources' own truth asks for, at first and after every round of
//!   changes (`destinations_hold_what_the_sources_ask_for`).
//! - The measure itself tells people apart and joins them
//!   (`people_are_joined_by_what_they_share`, `the_newest_decision_counts`).
//!
//! # Not here
//! Plugins alone against their simulators: that is `tests/conformance`.

use anyhow::{Result, bail};

/// As in the `crosspoint` command, so that what is measured is what is shipped.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &*arguments {
        [verb, project] if verb == "serve" => crosspoint_harness::serve(project.into()),
        _ => bail!("give `serve` and the project's folder"),
    }
}
