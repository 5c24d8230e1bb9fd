//! What a plugin may use up in one call.

use std::time::Duration;

use wasmtime::ResourceLimiter;

const MIB: u64 = 1 << 20;

/// What one call of a plugin may use up. All limits are always on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory summed over all of the instance's memories.
    pub memory_bytes: u64,
    /// Time on the processor.
    pub cpu_ms: u64,
    /// Time altogether, waiting included.
    pub wall_ms: u64,
    /// Data handed from the plugin to the host in one go.
    pub transfer_bytes: u64,
    /// One HTTP answer.
    pub response_bytes: u64,
    /// One HTTP request's body.
    pub request_bytes: u64,
    /// Log lines kept; more are counted only.
    pub log_lines: usize,
    /// One log line.
    pub log_line_bytes: usize,
    /// What is kept of stderr.
    pub stderr_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 256 * MIB,
            cpu_ms: 10_000,
            wall_ms: 60_000,
            transfer_bytes: 128 * MIB,
            response_bytes: 32 * MIB,
            request_bytes: 32 * MIB,
            log_lines: 200,
            log_line_bytes: 4096,
            stderr_bytes: 16 * 1024,
        }
    }
}

impl Limits {
    pub(crate) fn cpu(&self) -> Duration {
        Duration::from_millis(self.cpu_ms)
    }

    pub(crate) fn wall(&self) -> Duration {
        Duration::from_millis(self.wall_ms)
    }
}

/// Table elements of one instance altogether; a plugin of 10 MB has some thousands.
const MAX_TABLE_ELEMENTS: usize = 1_000_000;

/// Counts memory over all memories of a store, and remembers that it refused: the trap that
/// follows says only "unreachable".
pub(crate) struct Memory {
    limit_bytes: u64,
    used_bytes: u64,
    table_elements: usize,
    pub(crate) refused: bool,
}

impl Memory {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self {
            limit_bytes,
            used_bytes: 0,
            table_elements: 0,
            refused: false,
        }
    }

    /// Memories never shrink, so this is the peak.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.used_bytes
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.used_bytes + (desired - current) as u64;
        let granted = wanted <= self.limit_bytes;
        if granted {
            self.used_bytes = wanted;
        } else {
            self.refused = true;
        }
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.table_elements + (desired - current);
        let granted = wanted <= MAX_TABLE_ELEMENTS;
        if granted {
            self.table_elements = wanted;
        } else {
            self.refused = true;
        }
        Ok(granted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_summed_and_refusal_remembered() {
        let mut memory = Memory::new(100);
        assert!(memory.memory_growing(0, 60, None).unwrap());
        assert!(!memory.memory_growing(0, 60, None).unwrap());
        assert!(memory.refused);
        assert!(memory.memory_growing(60, 100, None).unwrap());
        assert_eq!(memory.used_bytes(), 100);
    }
}
