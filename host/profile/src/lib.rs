//! Folds records into profile fragments, and views the fragments of a profile as one person.
//! Start reading at [`fold`], then [`trait_value`].
//!
//! How a caller brings in a record:
//! 1. [`fragment_key`] says which fragment it belongs to; `None` is nobody's. A tombstone without
//!    identifiers belongs to the fragment that holds the object (`State::location`).
//! 2. [`fold`] with [`Held`] telling whether another fragment holds the object already.
//! 3. Where [`Folded::holds`] is set and another fragment held it, [`remove_fact`] takes it from
//!    there; the object's location is the fragment that was folded into.
//!
//! # Invariants
//! - The same set of records gives the same fragment, whatever the order and repetition
//!   (`any_order_and_repetition_give_the_same_fragment`).
//! - Facts stay sorted by `Fact::sort_key`, one per object (`facts_are_sorted_and_unique`).
//! - What a deleted person said before the deletion does not count, even where it arrives later
//!   (`deletion_hides_older_traits_in_any_order`).
//! - A view does not depend on the order in which fragments joined (`views_ignore_symbol_numbers`).
//!
//! # Not here
//! Which fragments are one person (crosspoint-identity), rules and computed traits
//! (crosspoint-segment), clocks, I/O.

mod contact;
mod content;
mod facts;
mod fold;
mod key;
mod names;
mod place;
mod view;

pub use facts::{chronological_key, facts_named, facts_of_kind, first_fact, last_fact, purchases};
pub use fold::{FoldContext, Folded, Held, fold, version_of};
pub use key::{carried_identifiers, fragment_key, fragment_key_among};
pub use names::Names;
pub use place::{insert_fact, remove_fact};
pub use view::{
    Survivorship, SurvivorshipRules, all_traits, compare_values, consent, first_seen, last_seen,
    trait_value,
};
