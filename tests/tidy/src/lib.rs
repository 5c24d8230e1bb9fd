//! The rules of the repository, as tests: what a reviewer would otherwise have to remember. Start
//! reading at `arrows`, the map of the crates; `tree` is how a rule sees the repository.
//!
//! A rule that fails says what to do. Where a rule has exceptions, they stand beside it, each with
//! its reason, and an exception that nothing needs any more fails as well.
//!
//! # Not here
//! What the compiler and clippy hold (`unwrap`, missing documentation) and what
//! cargo-deny holds (licences and origins of dependencies, see `deny.toml`).

#[cfg(test)]
mod arrows;
#[cfg(test)]
mod crates;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod engines;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod glossary;
#[cfg(test)]
mod purity;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod texts;
#[cfg(test)]
mod tree;
#[cfg(test)]
mod wit;
