//! A state over maps, for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crosspoint_model::delivery::{Delivery, DeliveryId};
use crosspoint_model::profile::Profile;
use crosspoint_model::record::Record;
use crosspoint_model::state::{
    Carriers, Constraints, Counter, ObjectKey, Quarantined, Result, State,
};
use crosspoint_model::{FragmentId, Identifier, Instant, ProfileId, Symbol};
use smol_str::SmolStr;

/// Everything in maps, open to assertions. Two states are equal if everything in them is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct MemoryState {
    pub names: Vec<SmolStr>,
    pub symbols: BTreeMap<SmolStr, Symbol>,
    pub profiles: BTreeMap<ProfileId, Profile>,
    pub holders: BTreeMap<FragmentId, ProfileId>,
    pub carriers: BTreeMap<Identifier, Carriers>,
    pub constraints: BTreeMap<FragmentId, Constraints>,
    pub locations: BTreeMap<ObjectKey, FragmentId>,
    pub catalogue: BTreeMap<ObjectKey, Record>,
    pub timers: BTreeSet<(Instant, ProfileId)>,
    pub deliveries: BTreeMap<DeliveryId, Delivery>,
    pub quarantine: BTreeMap<(u64, u32), Quarantined>,
    pub cursors: BTreeMap<(Symbol, Symbol), Vec<u8>>,
    pub jobs: BTreeMap<(Symbol, SmolStr), Vec<u8>>,
    pub counters: BTreeMap<Counter, i64>,
    pub notes: BTreeMap<SmolStr, Vec<u8>>,
}

impl MemoryState {
    /// What sources said, and who is one person with whom, as text in which neither the numbers
    /// of names nor the order in which they were met show.
    pub fn people(&self) -> String {
        let mut text = String::new();
        let name = |symbol: Symbol| self.name(symbol);
        for profile in self.profiles.values() {
            let _ = writeln!(text, "profile {}", profile.id);
            for part in &profile.fragments {
                let _ = writeln!(
                    text,
                    "  fragment {} {} {} {:?} {:?} {:?}..{:?}",
                    part.id,
                    name(part.connector),
                    part.key,
                    part.identifiers,
                    part.deleted,
                    part.first_seen,
                    part.last_seen,
                );
                let mut lines = BTreeSet::new();
                for said in &part.traits {
                    let (value, first) = (&said.value, &said.first_value);
                    let (version, since) = (said.version, said.first);
                    let trait_name = name(said.name);
                    lines.insert(format!(
                        "trait {trait_name} {value:?} {version:?} {first:?} {since:?}"
                    ));
                }
                for decision in &part.consents {
                    lines.insert(format!("{decision:?}"));
                }
                for fact in &part.facts {
                    let properties: BTreeMap<_, _> = fact
                        .properties
                        .iter()
                        .map(|(property, value)| (name(*property), value))
                        .collect();
                    let total = fact
                        .total
                        .map(|(amount, currency)| (amount, name(currency)));
                    lines.insert(format!(
                        "fact {} {} {:?} {} {:?} {:?} {} {total:?} {properties:?} {:?}",
                        name(fact.stream),
                        fact.id,
                        fact.kind,
                        name(fact.name),
                        fact.at,
                        fact.version,
                        fact.counts,
                        fact.lines,
                    ));
                }
                for line in lines {
                    let _ = writeln!(text, "    {line}");
                }
            }
        }
        text
    }
}

fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => _ = map.insert(key, value),
        None => _ = map.remove(&key),
    }
}

impl State for MemoryState {
    fn intern(&mut self, name: &str) -> Symbol {
        if let Some(symbol) = self.symbols.get(name) {
            return *symbol;
        }
        let symbol = Symbol(self.names.len() as u32);
        self.names.push(name.into());
        self.symbols.insert(name.into(), symbol);
        symbol
    }

    fn symbol(&self, name: &str) -> Option<Symbol> {
        self.symbols.get(name).copied()
    }

    fn name(&self, symbol: Symbol) -> SmolStr {
        self.names[symbol.0 as usize].clone()
    }

    fn profile_of(&mut self, fragment: FragmentId) -> Result<Option<ProfileId>> {
        Ok(self.holders.get(&fragment).copied())
    }

    fn take_profile(&mut self, id: ProfileId) -> Result<Option<Box<Profile>>> {
        Ok(self.profiles.remove(&id).map(Box::new))
    }

    fn put_profile(&mut self, profile: Box<Profile>) -> Result<()> {
        for fragment in &profile.fragments {
            self.holders.insert(fragment.id, profile.id);
        }
        self.profiles.insert(profile.id, *profile);
        Ok(())
    }

    fn profiles_after(&mut self, after: Option<ProfileId>, count: usize) -> Result<Vec<ProfileId>> {
        let later = self
            .profiles
            .keys()
            .filter(|id| after.is_none_or(|after| **id > after));
        Ok(later.take(count).copied().collect())
    }

    fn carriers(&mut self, identifier: &Identifier) -> Result<Carriers> {
        Ok(self.carriers.get(identifier).cloned().unwrap_or_default())
    }

    fn put_carriers(&mut self, identifier: &Identifier, carriers: Carriers) -> Result<()> {
        let carriers = (!carriers.fragments.is_empty()).then_some(carriers);
        put(&mut self.carriers, identifier.clone(), carriers);
        Ok(())
    }

    fn constraints(&mut self, fragment: FragmentId) -> Result<Constraints> {
        Ok(self.constraints.get(&fragment).cloned().unwrap_or_default())
    }

    fn put_constraints(&mut self, fragment: FragmentId, constraints: Constraints) -> Result<()> {
        let constraints = (constraints != Constraints::default()).then_some(constraints);
        put(&mut self.constraints, fragment, constraints);
        Ok(())
    }

    fn location(&mut self, object: &ObjectKey) -> Result<Option<FragmentId>> {
        Ok(self.locations.get(object).copied())
    }

    fn put_location(&mut self, object: &ObjectKey, fragment: FragmentId) -> Result<()> {
        self.locations.insert(object.clone(), fragment);
        Ok(())
    }

    fn catalogue(&mut self, object: &ObjectKey) -> Result<Option<Record>> {
        Ok(self.catalogue.get(object).cloned())
    }

    fn put_catalogue(&mut self, object: &ObjectKey, record: Option<&Record>) -> Result<()> {
        put(&mut self.catalogue, object.clone(), record.cloned());
        Ok(())
    }

    fn next_timer(&mut self) -> Result<Option<(Instant, ProfileId)>> {
        Ok(self.timers.first().copied())
    }

    fn put_timer(&mut self, at: Instant, profile: ProfileId) -> Result<()> {
        self.timers.insert((at, profile));
        Ok(())
    }

    fn delete_timer(&mut self, at: Instant, profile: ProfileId) -> Result<()> {
        self.timers.remove(&(at, profile));
        Ok(())
    }

    fn delivery(&mut self, id: DeliveryId) -> Result<Option<Delivery>> {
        Ok(self.deliveries.get(&id).cloned())
    }

    fn put_delivery(&mut self, delivery: &Delivery) -> Result<()> {
        self.deliveries.insert(delivery.id, delivery.clone());
        Ok(())
    }

    fn delete_delivery(&mut self, id: DeliveryId) -> Result<()> {
        self.deliveries.remove(&id);
        Ok(())
    }

    fn quarantined(&mut self, seq: u64, ordinal: u32) -> Result<Option<Quarantined>> {
        Ok(self.quarantine.get(&(seq, ordinal)).cloned())
    }

    fn put_quarantined(&mut self, item: &Quarantined) -> Result<()> {
        self.quarantine
            .insert((item.seq, item.ordinal), item.clone());
        Ok(())
    }

    fn delete_quarantined(&mut self, seq: u64, ordinal: u32) -> Result<()> {
        self.quarantine.remove(&(seq, ordinal));
        Ok(())
    }

    fn cursor(&mut self, connector: Symbol, stream: Symbol) -> Result<Option<Vec<u8>>> {
        Ok(self.cursors.get(&(connector, stream)).cloned())
    }

    fn put_cursor(&mut self, connector: Symbol, stream: Symbol, cursor: &[u8]) -> Result<()> {
        self.cursors.insert((connector, stream), cursor.to_vec());
        Ok(())
    }

    fn job(&mut self, connector: Symbol, key: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.jobs.get(&(connector, key.into())).cloned())
    }

    fn put_job(&mut self, connector: Symbol, key: &str, value: Option<&[u8]>) -> Result<()> {
        put(
            &mut self.jobs,
            (connector, key.into()),
            value.map(<[u8]>::to_vec),
        );
        Ok(())
    }

    fn counter(&mut self, counter: Counter) -> Result<i64> {
        Ok(self.counters.get(&counter).copied().unwrap_or_default())
    }

    fn add_to_counter(&mut self, counter: Counter, change: i64) -> Result<()> {
        let sum = self.counter(counter)? + change;
        put(&mut self.counters, counter, (sum != 0).then_some(sum));
        Ok(())
    }

    fn note(&mut self, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.notes.get(name).cloned())
    }

    fn put_note(&mut self, name: &str, value: Option<&[u8]>) -> Result<()> {
        put(&mut self.notes, name.into(), value.map(<[u8]>::to_vec));
        Ok(())
    }
}
