//! What a rule may name, and of which type it is.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

/// The type of a trait. A value of another type is read as this one where that loses nothing
/// (text `"12"` as a number), else as absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TraitType {
    /// Whatever the source says.
    Any,
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// An exact decimal.
    Decimal,
    /// Text.
    Text,
    /// A point in time.
    Instant,
    /// A list, as JSON.
    List,
}

/// What is known at load about the data that rules read.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// Traits by name.
    pub traits: BTreeMap<SmolStr, TraitType>,
    /// Names of events, where all are known; any other is an error then.
    pub events: Option<BTreeSet<SmolStr>>,
    /// Whether a trait that is not in `traits` is an error. Where not, it is of any type.
    pub strict: bool,
}

/// Traits that contact records fill.
const CONTACT_TRAITS: [(&str, TraitType); 18] = [
    ("birthday", TraitType::Text),
    ("city", TraitType::Text),
    ("company", TraitType::Text),
    ("country", TraitType::Text),
    ("created_at", TraitType::Instant),
    ("email", TraitType::Text),
    ("first_name", TraitType::Text),
    ("full_name", TraitType::Text),
    ("gender", TraitType::Text),
    ("job_title", TraitType::Text),
    ("language", TraitType::Text),
    ("last_name", TraitType::Text),
    ("phone", TraitType::Text),
    ("postal_code", TraitType::Text),
    ("region", TraitType::Text),
    ("street", TraitType::Text),
    ("tags", TraitType::List),
    ("time_zone", TraitType::Text),
];

impl Schema {
    /// The traits that contact records fill, and nothing else; strict.
    pub fn standard() -> Self {
        let traits = CONTACT_TRAITS.map(|(name, kind)| (SmolStr::new_static(name), kind));
        Self {
            traits: traits.into_iter().collect(),
            events: None,
            strict: true,
        }
    }
}
