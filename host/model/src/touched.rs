//! What a change to a profile touched, so that only what depends on it is computed again.

use crate::Symbol;
use crate::profile::FactKind;

/// The parts of a profile that a change may have altered. Saying too much costs time; saying too
/// little leaves stale results.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Traits with another value than before; sorted, without repetition.
    pub traits: Vec<Symbol>,
    /// Facts that were added, changed or removed, by kind and name; a fact whose name changed is
    /// here under both. Sorted, without repetition.
    pub facts: Vec<(FactKind, Symbol)>,
    /// A decision about consent changed.
    pub consents: bool,
    /// The first or last instant at which the person was seen changed.
    pub seen: bool,
    /// Fragments joined or left, or the configuration is another: nothing is as it was.
    pub everything: bool,
}

impl Touched {
    /// Every part.
    pub fn everything() -> Self {
        Self {
            everything: true,
            ..Self::default()
        }
    }

    /// Whether nothing was touched.
    pub fn is_empty(&self) -> bool {
        self.traits.is_empty()
            && self.facts.is_empty()
            && !self.consents
            && !self.seen
            && !self.everything
    }

    /// Adds a trait.
    pub fn touch_trait(&mut self, name: Symbol) {
        insert(&mut self.traits, name);
    }

    /// Adds a kind and name of facts.
    pub fn touch_fact(&mut self, kind: FactKind, name: Symbol) {
        insert(&mut self.facts, (kind, name));
    }

    /// Adds all that `other` holds.
    pub fn merge(&mut self, other: &Touched) {
        for name in &other.traits {
            self.touch_trait(*name);
        }
        for (kind, name) in &other.facts {
            self.touch_fact(*kind, *name);
        }
        self.consents |= other.consents;
        self.seen |= other.seen;
        self.everything |= other.everything;
    }

    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        self.traits.clear();
        self.facts.clear();
        self.consents = false;
        self.seen = false;
        self.everything = false;
    }
}

fn insert<T: Ord>(sorted: &mut Vec<T>, item: T) {
    if let Err(at) = sorted.binary_search(&item) {
        sorted.insert(at, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touching_twice_is_touching_once() {
        let mut touched = Touched::default();
        assert!(touched.is_empty());
        for name in [3, 1, 3, 2, 1] {
            touched.touch_trait(Symbol(name));
            touched.touch_fact(FactKind::Event, Symbol(name));
        }
        assert_eq!(touched.traits, [Symbol(1), Symbol(2), Symbol(3)]);
        assert_eq!(touched.facts.len(), 3);

        let before = touched.clone();
        touched.merge(&before);
        assert_eq!(touched, before);
        touched.clear();
        assert!(touched.is_empty());
        assert!(!Touched::everything().is_empty());
    }
}
