//! Whether a page keeps to the budget that its plugin was given.
//!
//! A plugin counts its input, the host sees only what became of it, and a vendor's own page may end
//! where it likes. So a page somewhat over is taken; one that is far over shows that the plugin does
//! not look at its budget, and would make a ledger entry and a step of any length.

use std::io;

use serde::Serialize;

use super::source::Budget;
use crate::bindings::exports::crosspoint::connector::source as wit;

/// A page holds at most this many times as many records and rejects as it was asked for.
const RECORDS_FACTOR: u64 = 2;
/// A page takes at most this many times the bytes of its input: the names of fields stand with every
/// value.
const BYTES_FACTOR: u64 = 8;

/// What is wrong with the page, if anything is. `peak_memory_bytes` is the call's: a page that could
/// not have stood in it is not measured.
pub(super) fn fault(page: &wit::Page, budget: Budget, peak_memory_bytes: u64) -> Option<String> {
    let count = page.records.len() as u64 + page.rejects.len() as u64;
    let most = u64::from(budget.records.max(1)).saturating_mul(RECORDS_FACTOR);
    if count > most {
        return Some(format!(
            "a page of {count} records and rejects where {} were asked for; `read` has to stay \
             within its budget and answer `more`",
            budget.records
        ));
    }
    // A single larger object goes alone.
    let most = budget.bytes.max(1).saturating_mul(BYTES_FACTOR);
    if count < 2 || peak_memory_bytes <= most {
        return None;
    }
    let rejects = page.rejects.iter().map(|reject| reject.raw.len() as u64);
    let mut bytes: u64 = rejects.sum();
    for record in &page.records {
        if bytes > most {
            break;
        }
        bytes += length(record);
    }
    (bytes > most).then(|| {
        format!(
            "a page of more than {most} bytes in {count} records and rejects where {} bytes of \
             input were asked for; `read` has to stay within its budget and answer `more`",
            budget.bytes
        )
    })
}

/// Length of the record as JSON, which is near to that of what the vendor sent.
fn length(record: &impl Serialize) -> u64 {
    struct Count(u64);

    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(0);
    // Counting does not fail; what cannot be written as JSON weighs what was counted so far.
    _ = serde_json::to_writer(&mut count, record);
    count.0
}
