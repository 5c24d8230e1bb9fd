//! What a rule depends on, and which rules depend on what changed.

use std::collections::BTreeMap;

use crosspoint_model::profile::{FactKind, Profile};
use crosspoint_model::{Symbol, Touched};

/// What a rule reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dependencies {
    /// Traits; sorted.
    pub traits: Vec<Symbol>,
    /// Facts of a kind, of one name or all; sorted.
    pub facts: Vec<(FactKind, Option<Symbol>)>,
    /// Decisions about consent.
    pub consents: bool,
    /// First or last instant at which the person was seen.
    pub seen: bool,
    /// Other segments; sorted.
    pub segments: Vec<Symbol>,
}

impl Dependencies {
    pub(crate) fn normalize(&mut self) {
        self.traits.sort_unstable();
        self.traits.dedup();
        self.facts.sort_unstable();
        self.facts.dedup();
        self.segments.sort_unstable();
        self.segments.dedup();
    }

    /// Whether the change can alter the result. Membership of other segments is not part of a
    /// [`Touched`]: see `segments`.
    pub fn meet(&self, touched: &Touched) -> bool {
        let reads_fact = |(kind, name): &(FactKind, Symbol)| {
            self.facts.binary_search(&(*kind, None)).is_ok()
                || self.facts.binary_search(&(*kind, Some(*name))).is_ok()
        };
        touched.everything
            || (touched.consents && self.consents)
            || (touched.seen && self.seen)
            || touched
                .traits
                .iter()
                .any(|name| self.traits.binary_search(name).is_ok())
            || touched.facts.iter().any(reads_fact)
    }
}

/// A set of rules by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleBits(Vec<u64>);

impl RuleBits {
    pub fn none_of(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }

    pub fn insert(&mut self, rule: usize) {
        self.0[rule / 64] |= 1 << (rule % 64);
    }

    pub fn insert_all(&mut self, rules: &[u32]) {
        for rule in rules {
            self.insert(*rule as usize);
        }
    }

    /// The first member from `start` on. Members may be inserted between two calls.
    pub fn next(&self, start: usize) -> Option<usize> {
        let mut word = start / 64;
        let mut bits = self.0.get(word)? & (u64::MAX << (start % 64));
        while bits == 0 {
            word += 1;
            bits = *self.0.get(word)?;
        }
        Some(word * 64 + bits.trailing_zeros() as usize)
    }
}

/// Which rules read what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    by_trait: Table<Symbol>,
    by_kind: Table<FactKind>,
    by_fact: Table<(FactKind, Symbol)>,
    consents: Vec<u32>,
    seen: Vec<u32>,
}

/// Rules by what they read; sorted.
#[derive(Clone, Debug)]
struct Table<K>(Vec<(K, Vec<u32>)>);

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord> Table<K> {
    fn get(&self, key: &K) -> &[u32] {
        match self.0.binary_search_by(|row| row.0.cmp(key)) {
            Ok(at) => &self.0[at].1,
            Err(_) => &[],
        }
    }
}

impl Index {
    pub fn of<'a>(rules: impl Iterator<Item = &'a Dependencies>) -> Self {
        let mut by_trait: BTreeMap<Symbol, Vec<u32>> = BTreeMap::new();
        let mut by_kind: BTreeMap<FactKind, Vec<u32>> = BTreeMap::new();
        let mut by_fact: BTreeMap<(FactKind, Symbol), Vec<u32>> = BTreeMap::new();
        let mut index = Self::default();
        for (rule, depends) in (0u32..).zip(rules) {
            for name in &depends.traits {
                by_trait.entry(*name).or_default().push(rule);
            }
            for (kind, name) in &depends.facts {
                match name {
                    None => by_kind.entry(*kind).or_default().push(rule),
                    Some(name) => by_fact.entry((*kind, *name)).or_default().push(rule),
                }
            }
            if depends.consents {
                index.consents.push(rule);
            }
            if depends.seen {
                index.seen.push(rule);
            }
        }
        index.by_trait = Table(by_trait.into_iter().collect());
        index.by_kind = Table(by_kind.into_iter().collect());
        index.by_fact = Table(by_fact.into_iter().collect());
        index
    }

    /// Adds the rules that read any of what was touched, but for `everything`.
    pub fn affected(&self, touched: &Touched, rules: &mut RuleBits) {
        for name in &touched.traits {
            rules.insert_all(self.by_trait.get(name));
        }
        for fact in &touched.facts {
            self.fact(fact.0, fact.1, rules);
        }
        if touched.consents {
            rules.insert_all(&self.consents);
        }
        if touched.seen {
            rules.insert_all(&self.seen);
        }
    }

    /// Adds the rules that read anything that the profile holds.
    pub fn affected_by_contents(&self, profile: &Profile, rules: &mut RuleBits) {
        for fragment in &profile.fragments {
            for entry in &fragment.traits {
                rules.insert_all(self.by_trait.get(&entry.name));
            }
            let mut rest = fragment.facts.as_slice();
            while let Some(first) = rest.first() {
                self.fact(first.kind, first.name, rules);
                let group = (first.kind, first.name);
                rest = &rest[rest.partition_point(|fact| (fact.kind, fact.name) <= group)..];
            }
            if !fragment.consents.is_empty() {
                rules.insert_all(&self.consents);
            }
        }
        rules.insert_all(&self.seen);
    }

    fn fact(&self, kind: FactKind, name: Symbol, rules: &mut RuleBits) {
        rules.insert_all(self.by_kind.get(&kind));
        rules.insert_all(self.by_fact.get(&(kind, name)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_in_order_and_see_insertions() {
        let mut bits = RuleBits::none_of(200);
        bits.insert_all(&[3, 64, 199]);
        assert_eq!(bits.next(0), Some(3));
        bits.insert(65);
        assert_eq!(bits.next(4), Some(64));
        assert_eq!(bits.next(65), Some(65));
        assert_eq!(bits.next(66), Some(199));
        assert_eq!(bits.next(200), None);
    }
}
