//! Symbols and counters: wholly in memory.

use std::collections::{BTreeMap, HashMap};

use crosspoint_model::Symbol;
use crosspoint_model::state::Counter;
use smol_str::SmolStr;

use crate::codec::{decode, encode};
use crate::digest::dump_range;
use crate::engine::{Engine, Write};
use crate::keys::{self, Table};
use crate::{Error, Result};

/// The dictionary. Grows only.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    names: Vec<SmolStr>,
    numbers: HashMap<SmolStr, Symbol>,
    /// How many lie below.
    stored: usize,
}

impl Symbols {
    pub(super) fn load<E: Engine>(engine: &E) -> Result<Self> {
        let mut symbols = Self::default();
        for pair in dump_range(engine, Table::Symbols.range()) {
            let (key, value) = pair?;
            if keys::parse_symbol(&key)?.0 as usize != symbols.names.len() {
                return Err(Error::Corrupt(
                    "a number of the dictionary is missing".to_owned(),
                ));
            }
            symbols.intern(decode::<SmolStr>(&value)?.as_str());
        }
        symbols.stored = symbols.names.len();
        Ok(symbols)
    }

    pub(super) fn intern(&mut self, name: &str) -> Symbol {
        if let Some(symbol) = self.numbers.get(name) {
            return *symbol;
        }
        let symbol = Symbol(self.names.len() as u32);
        let name = SmolStr::new(name);
        self.names.push(name.clone());
        self.numbers.insert(name, symbol);
        symbol
    }

    pub(super) fn get(&self, name: &str) -> Option<Symbol> {
        self.numbers.get(name).copied()
    }

    pub(super) fn name(&self, symbol: Symbol) -> SmolStr {
        self.names
            .get(symbol.0 as usize)
            .cloned()
            .unwrap_or_default()
    }

    pub(super) fn all(&self) -> &[SmolStr] {
        &self.names
    }

    pub(super) fn drain(&mut self, writes: &mut Vec<Write>) -> Result<()> {
        for (number, name) in self.names.iter().enumerate().skip(self.stored) {
            writes.push((keys::symbol(Symbol(number as u32)), Some(encode(name)?)));
        }
        self.stored = self.names.len();
        Ok(())
    }

    pub(super) fn bytes(&self) -> usize {
        self.names.len() * 120
    }
}

/// Counts. Zero is not stored, so a counter that came back to it was never there.
#[derive(Debug, Default)]
pub(super) struct Counters {
    counts: BTreeMap<Counter, Count>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    now: i64,
    stored: i64,
}

impl Counters {
    pub(super) fn load<E: Engine>(engine: &E) -> Result<Self> {
        let mut counts = BTreeMap::new();
        for pair in dump_range(engine, Table::Counters.range()) {
            let (key, value) = pair?;
            let stored = decode::<i64>(&value)?;
            counts.insert(
                keys::parse_counter(&key)?,
                Count {
                    now: stored,
                    stored,
                },
            );
        }
        Ok(Self { counts })
    }

    pub(super) fn get(&self, counter: Counter) -> i64 {
        self.counts.get(&counter).map_or(0, |count| count.now)
    }

    pub(super) fn add(&mut self, counter: Counter, change: i64) {
        let count = self.counts.entry(counter).or_default();
        count.now = count.now.saturating_add(change);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Counter, i64)> {
        self.counts
            .iter()
            .map(|(counter, count)| (*counter, count.now))
            .filter(|pair| pair.1 != 0)
    }

    pub(super) fn drain(&mut self, writes: &mut Vec<Write>) -> Result<()> {
        for (counter, count) in &mut self.counts {
            if count.now != count.stored {
                let value = if count.now == 0 {
                    None
                } else {
                    Some(encode(&count.now)?)
                };
                writes.push((keys::counter(*counter), value));
                count.stored = count.now;
            }
        }
        self.counts.retain(|_, count| count.now != 0);
        Ok(())
    }
}
