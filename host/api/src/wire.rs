//! The wire format of the admin socket: JSON, one value per line, UTF-8, `\n` at the end.
//!
//! ```text
//! command line                                host
//! {"ask":"sync","connector":"shop",...}  ->
//!                                        <-   {"progress":{"label":"records","done":500,"total":null}}
//!                                        <-   {"ok":{"reply":"synced","value":{...}}}
//! {"ask":"status"}                       ->
//!                                        <-   {"error":{"code":null,"message":"...","hint":null}}
//! ```
//!
//! A connection carries any number of requests, one after the other.

use crosspoint_runtime::admin::{AdminError, Progress, Reply};
use serde::{Deserialize, Serialize};

/// Longest request: far above any rule or edited delivery, far below what hurts.
pub const MAX_REQUEST_BYTES: usize = 1 << 20;

/// Longest answer. Lists are paged by the requests themselves; this stops a runaway.
pub const MAX_ANSWER_BYTES: usize = 64 << 20;

/// One line from the host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    /// The job goes on. Any number of these come before the answer; a slow reader misses some.
    Progress(Progress),
    /// The answer.
    Ok(Reply),
    /// The answer: no.
    Error(AdminError),
}

impl Line {
    /// The line with its end.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("answers hold text keys only");
        if bytes.len() >= MAX_ANSWER_BYTES {
            let refusal = Line::Error(AdminError {
                code: None,
                message: format!("answer of more than {MAX_ANSWER_BYTES} bytes"),
                hint: Some("ask for fewer at once with `--limit`".to_owned()),
            });
            bytes = serde_json::to_vec(&refusal).expect("a refusal is plain text");
        }
        bytes.push(b'\n');
        bytes
    }
}
