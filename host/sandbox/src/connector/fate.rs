//! Why a call ended without a result.

use wasmtime::Trap;

use super::Connector;
use crate::error::Error;
use crate::state::{BrokenContract, CallState};

/// The CPU budget is used up; returned by the epoch callback.
#[derive(Debug, thiserror::Error)]
#[error("the CPU budget is used up")]
pub(super) struct OverBudget;

/// The engine has no type for it, only this text; `a_long_answer_is_stopped_at_the_limit` fails if
/// it changes.
const OUT_OF_TRANSFER: &str = "fuel allocated for hostcalls has been exhausted";

/// Longest reason that is shown.
const REASON_CHARS: usize = 600;

impl Connector {
    /// Classifies by what the limits remember first: a refused allocation ends in the same trap
    /// as a panic.
    pub(super) fn fate(
        &self,
        call: &'static str,
        error: &wasmtime::Error,
        state: &CallState,
    ) -> Error {
        let at = self.at(call);
        let limits = &self.shared.limits;
        if error.downcast_ref::<OverBudget>().is_some() {
            return Error::CpuBudget {
                at,
                limit_ms: limits.cpu_ms,
            };
        }
        if state.memory.refused {
            return Error::OutOfMemory {
                at,
                limit_bytes: limits.memory_bytes,
            };
        }
        if let Some(BrokenContract(reason)) = error.downcast_ref() {
            return Error::Contract {
                at,
                reason: reason.clone(),
            };
        }
        if format!("{error:#}").contains(OUT_OF_TRANSFER) {
            return Error::Transfer {
                at,
                limit_bytes: limits.transfer_bytes,
            };
        }
        let stderr = self.shared.scrubber.text(&state.stderr.text());
        if stderr.contains("panicked at") {
            return Error::Panic { at, stderr };
        }
        let reason = match error.downcast_ref::<Trap>() {
            Some(trap) => trap.to_string(),
            None => format!("{error:#}").chars().take(REASON_CHARS).collect(),
        };
        Error::Trap {
            at,
            reason: self.shared.scrubber.text(&reason),
            stderr,
        }
    }
}
