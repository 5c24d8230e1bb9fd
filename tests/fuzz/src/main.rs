//! The host that is sent nonsense: serves the project in the folder named behind `serve` until its
//! standard input ends. What is sent to it is in `tests/`, the seeds of that in `corpus/`, and
//! how to run it longer in `README.md`.
//!
//! # Invariants
//! - Whatever comes over the network is answered or refused with a reason, never with a 5xx, a
//!   panic or a hang; every call of a request that was answered with 200 is a record, a duplicate
//!   or in quarantine; memory is bounded; and afterwards the host is whole
//!   (`mutated_requests_are_answered_or_refused`).
//!
//! # Not here
//! Properties of single parsers: those are beside them, in `host/ingest`, `host/sandbox` and
//! `host/api`.

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &*arguments {
        [verb, project] if verb == "serve" => crosspoint_harness::serve(project.into()),
        _ => bail!("say `serve` and the project folder"),
    }
}
