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

/// The candidate that a person most likely meant by `name`.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// "did you mean" for a person, or nothing.
pub(crate) fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(name, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// Edits between two words: insertion, removal, replacement, and swap of two neighbours.
fn distance(left: &str, right: &str) -> usize {
    let fold = |text: &str| {
        text.chars()
            .flat_map(char::to_lowercase)
            .collect::<Vec<_>>()
    };
    let (left, right) = (fold(left), fold(right));
    let mut before = vec![0; right.len() + 1];
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for row in 1..=left.len() {
        let mut this = vec![row; right.len() + 1];
        for column in 1..=right.len() {
            let replaced = usize::from(left[row - 1] != right[column - 1]);
            let mut best = (last[column] + 1)
                .min(this[column - 1] + 1)
                .min(last[column - 1] + replaced);
            let swapped = row > 1
                && column > 1
                && left[row - 1] == right[column - 2]
                && left[row - 2] == right[column - 1];
            if swapped {
                best = best.min(before[column - 2] + 1);
            }
            this[column] = best;
        }
        before = std::mem::replace(&mut last, this);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_finds_slips_and_refuses_strangers() {
        let names = ["email", "last_name", "first_name", "country"];
        assert_eq!(nearest("emial", names), Some("email"));
        assert_eq!(nearest("lastname", names), Some("last_name"));
        assert_eq!(nearest("Country", names), Some("country"));
        assert_eq!(nearest("shoe_size", names), None);
        assert_eq!(distance("abc", "abc"), 0);
        assert_eq!(distance("", "abc"), 3);
    }
}
