//! The rule language of segments: reads and checks a rule, evaluates it for a profile, and finds
//! the next instant at which the result changes by itself. Start reading at [`compile_set`], then
//! [`RuleSet::reevaluate`]; the language is described in `docs/concepts/rules.md`.
//!
//! A rule's text becomes a syntax tree (`syntax`), then a typed tree of symbols and values
//! (`compile`, `node`), which `eval` and `aggregate` walk without allocating. Every value knows
//! until when it stands (`moving`).
//!
//! # Invariants
//! - What is kept for a profile equals what `oracle` computes from scratch, after every change
//!   and at every instant between (`incremental_equals_oracle`).
//! - A result does not depend on the order in which facts arrived
//!   (`order_of_arrival_does_not_matter`).
//! - Rules that read nothing of what changed are not evaluated (`only_readers_are_affected`).
//! - Evaluation never fails: what cannot be computed is absent (`absent_is_never_an_error`).
//! - Every fault in a rule is found at load, with its place (`faults_have_place_and_hint`).
//! - What is told about a clause is exact: between the instants at which it is said to turn it does
//!   not (`turns_are_where_they_are_said_to_be`).
//!
//! # Not here
//! Clocks: `now` is an argument. I/O. Survivorship and identity: see [`View`]. The parser crate
//! is named by `syntax` alone.

mod aggregate;
mod compile;
mod decided;
mod depends;
mod error;
mod eval;
mod explain;
mod moving;
mod node;
mod oracle;
mod program;
mod reevaluate;
mod rows;
mod ruleset;
mod schema;
mod standard;
mod syntax;
mod value;
mod view;

pub use depends::Dependencies;
pub use error::RuleError;
pub use explain::{Clause, Evidence};
pub use program::{Program, Timed};
pub use reevaluate::{Transition, set_expiry};
pub use ruleset::{ComputedTrait, Rule, RuleSet, compile_set};
pub use schema::{Schema, TraitType};
pub use standard::STANDARD_COMPUTED;
pub use view::{ProfileView, View};

#[cfg(test)]
mod tests;
