//! The inward edge: polls and files become ledger entries.
