//! Merge and unmerge of profiles: which fragments are one person. Start reading at [`partition`],
//! the rule itself, then [`settle`], which keeps a state in accordance with it.
//!
//! A caller folds a record into its fragment, puts the fragment into the state inside its present
//! profile (a new one alone), and calls [`settle`] with the identifiers that are new to it.
//!
//! # Invariants
//! - Which fragments are one person is a function of the set of fragments and of the decisions
//!   about them: order of arrival and repetition do not matter
//!   (`any_order_and_repetition_give_the_same_profiles`).
//! - What is settled step by step equals what is partitioned at once
//!   (`any_order_and_repetition_give_the_same_profiles`).
//! - Taking apart what was merged restores both, with traits and facts
//!   (`merge_then_unmerge_restores_both`).
//! - What a guard keeps apart does not depend on order either
//!   (`partition_does_not_depend_on_the_order_of_fragments`).
//! - A browser or device that people with different logins share joins none of them
//!   (`a_shared_device_joins_nobody`).
//! - The index of carriers equals a search through all fragments
//!   (`carriers_equal_a_search_through_all_fragments`).
//!
//! # Not here
//! What fragments hold (crosspoint-profile), what follows from a merge (crosspoint-step), I/O.

mod component;
mod decide;
mod guards;
mod partition;
mod settle;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use decide::apply_decision;
pub use guards::{Guard, Guards, Refusal};
pub use partition::{Node, Partition, partition};
pub use settle::{Settled, resettle, settle};

#[cfg(test)]
mod tests;
