//! The outward edge: outbox to vendor, receipts to ledger.
