//! From a vendor's notation to the contract's: numbers, money, instants, phones.

pub mod instant;
pub mod json;
pub mod number;
pub mod phone;
#[cfg(test)]
mod tests;

/// Text that does not have the notation it should have. Holds the expectation, never the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct NotationError {
    /// What the text should look like, with an example.
    pub expected: &'static str,
}
