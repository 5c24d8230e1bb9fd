//! Between the contract's types and the host's.

mod delivery;
mod parts;
mod record;

#[cfg(test)]
mod tests;

pub(crate) use delivery::{action, action_kind, found, item, outcome};
pub(crate) use record::{kind, record, rejected_input, yielded};
