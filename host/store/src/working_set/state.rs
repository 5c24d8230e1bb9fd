//! [`State`] for the working set.

use std::ops::Bound;

use crosspoint_model::delivery::{Delivery, DeliveryId};
use crosspoint_model::profile::Profile;
use crosspoint_model::record::Record;
use crosspoint_model::state::{
    Carriers, Constraints, Counter, ObjectKey, Quarantined, Result, State,
};
use crosspoint_model::{FragmentId, Identifier, Instant, ProfileId, Symbol};
use smol_str::SmolStr;

use super::near_timers::{Horizon, PAGE};
use super::{WorkingSet, state_error};
use crate::codec::{Bytes, Stored, decode, encode};
use crate::engine::Engine;
use crate::keys::{self, Table};

impl<E: Engine> WorkingSet<E> {
    fn point<T: Stored>(&mut self, key: Vec<u8>) -> Result<Option<T>> {
        let room = self.point_room();
        let value = self.points.get(key, room, &mut self.below)?;
        Ok(value.as_deref().map(decode).transpose()?)
    }

    fn put_point<T: Stored>(&mut self, key: Vec<u8>, value: Option<&T>) -> Result<()> {
        let value = value.map(encode).transpose()?;
        self.points.put(key, value, &self.below);
        Ok(())
    }

    fn put_bytes(&mut self, key: Vec<u8>, value: Option<&[u8]>) -> Result<()> {
        let value = value.map(|bytes| Bytes(bytes.to_vec()));
        self.put_point(key, value.as_ref())
    }

    fn change_timer(&mut self, at: Instant, profile: ProfileId, set: bool) {
        let value = set.then(|| vec![<() as Stored>::VERSION]);
        let below = &self.below;
        self.timers.put((at, profile), value, || {
            below.may_hold(&keys::timer(at, profile))
        });
    }

    fn change_delivery(&mut self, id: DeliveryId, value: Option<Vec<u8>>) {
        let (below, highest) = (&self.below, self.highest_stored_seq);
        self.deliveries.put(id, value, || {
            highest.is_some_and(|highest| id.seq <= highest) && below.may_hold(&keys::delivery(id))
        });
    }
}

impl<E: Engine> State for WorkingSet<E> {
    fn intern(&mut self, name: &str) -> Symbol {
        self.symbols.intern(name)
    }

    fn symbol(&self, name: &str) -> Option<Symbol> {
        self.symbols.get(name)
    }

    fn name(&self, symbol: Symbol) -> SmolStr {
        self.symbols.name(symbol)
    }

    fn profile_of(&mut self, fragment: FragmentId) -> Result<Option<ProfileId>> {
        self.profiles
            .of(fragment, &mut self.below)
            .map_err(state_error)
    }

    fn take_profile(&mut self, id: ProfileId) -> Result<Option<Box<Profile>>> {
        self.profiles.take(id, &mut self.below).map_err(state_error)
    }

    fn put_profile(&mut self, profile: Box<Profile>) -> Result<()> {
        self.profiles.put(profile, &mut self.below)?;
        self.evict();
        Ok(())
    }

    fn profiles_after(&mut self, after: Option<ProfileId>, count: usize) -> Result<Vec<ProfileId>> {
        self.profile_ids(after, count).map_err(state_error)
    }

    fn carriers(&mut self, identifier: &Identifier) -> Result<Carriers> {
        Ok(self.point(keys::carriers(identifier))?.unwrap_or_default())
    }

    fn put_carriers(&mut self, identifier: &Identifier, carriers: Carriers) -> Result<()> {
        let carriers = (!carriers.fragments.is_empty()).then_some(&carriers);
        self.put_point(keys::carriers(identifier), carriers)
    }

    fn constraints(&mut self, fragment: FragmentId) -> Result<Constraints> {
        Ok(self.point(keys::constraints(fragment))?.unwrap_or_default())
    }

    fn put_constraints(&mut self, fragment: FragmentId, constraints: Constraints) -> Result<()> {
        let constraints = (constraints != Constraints::default()).then_some(&constraints);
        self.put_point(keys::constraints(fragment), constraints)
    }

    fn location(&mut self, object: &ObjectKey) -> Result<Option<FragmentId>> {
        self.point(keys::location(object))
    }

    fn put_location(&mut self, object: &ObjectKey, fragment: FragmentId) -> Result<()> {
        self.put_point(keys::location(object), Some(&fragment))
    }

    fn catalogue(&mut self, object: &ObjectKey) -> Result<Option<Record>> {
        self.point(keys::catalogue(object))
    }

    fn put_catalogue(&mut self, object: &ObjectKey, record: Option<&Record>) -> Result<()> {
        self.put_point(keys::catalogue(object), record)
    }

    fn next_timer(&mut self) -> Result<Option<(Instant, ProfileId)>> {
        loop {
            let mut range = Table::Timers.range();
            let mut from = Bound::Unbounded;
            match self.near_timers.first() {
                Ok(timer) => return Ok(timer),
                Err(Horizon::Upto(last)) => {
                    range = range.after(&keys::timer(last.0, last.1));
                    from = Bound::Excluded(last);
                }
                Err(_) => {}
            }
            let page = self
                .timers
                .scan((from, Bound::Unbounded), range, PAGE, &self.below)?;
            let page: crate::Result<Vec<_>> =
                page.iter().map(|(key, _)| keys::parse_timer(key)).collect();
            self.near_timers.extend(page?);
        }
    }

    fn put_timer(&mut self, at: Instant, profile: ProfileId) -> Result<()> {
        self.near_timers.put((at, profile));
        self.change_timer(at, profile, true);
        Ok(())
    }

    fn delete_timer(&mut self, at: Instant, profile: ProfileId) -> Result<()> {
        self.near_timers.delete((at, profile));
        self.change_timer(at, profile, false);
        Ok(())
    }

    fn delivery(&mut self, id: DeliveryId) -> Result<Option<Delivery>> {
        let value = self.deliveries.get(id, &mut self.below)?;
        Ok(value.as_deref().map(decode).transpose()?)
    }

    fn put_delivery(&mut self, delivery: &Delivery) -> Result<()> {
        let value = encode(delivery)?;
        self.change_delivery(delivery.id, Some(value));
        self.highest_seq = self.highest_seq.max(Some(delivery.id.seq));
        Ok(())
    }

    fn delete_delivery(&mut self, id: DeliveryId) -> Result<()> {
        self.change_delivery(id, None);
        Ok(())
    }

    fn quarantined(&mut self, seq: u64, ordinal: u32) -> Result<Option<Quarantined>> {
        let value = self.quarantine.get((seq, ordinal), &mut self.below)?;
        Ok(value.as_deref().map(decode).transpose()?)
    }

    fn put_quarantined(&mut self, item: &Quarantined) -> Result<()> {
        let (key, below) = ((item.seq, item.ordinal), &self.below);
        let stored = || below.may_hold(&keys::quarantined(key.0, key.1));
        self.quarantine.put(key, Some(encode(item)?), stored);
        Ok(())
    }

    fn delete_quarantined(&mut self, seq: u64, ordinal: u32) -> Result<()> {
        let below = &self.below;
        let stored = || below.may_hold(&keys::quarantined(seq, ordinal));
        self.quarantine.put((seq, ordinal), None, stored);
        Ok(())
    }

    fn cursor(&mut self, connector: Symbol, stream: Symbol) -> Result<Option<Vec<u8>>> {
        Ok(self
            .point::<Bytes>(keys::cursor(connector, stream))?
            .map(|bytes| bytes.0))
    }

    fn put_cursor(&mut self, connector: Symbol, stream: Symbol, cursor: &[u8]) -> Result<()> {
        self.put_bytes(keys::cursor(connector, stream), Some(cursor))
    }

    fn job(&mut self, connector: Symbol, key: &str) -> Result<Option<Vec<u8>>> {
        Ok(self
            .point::<Bytes>(keys::job(connector, key))?
            .map(|bytes| bytes.0))
    }

    fn put_job(&mut self, connector: Symbol, key: &str, value: Option<&[u8]>) -> Result<()> {
        self.put_bytes(keys::job(connector, key), value)
    }

    fn counter(&mut self, counter: Counter) -> Result<i64> {
        Ok(self.counters.get(counter))
    }

    fn add_to_counter(&mut self, counter: Counter, change: i64) -> Result<()> {
        self.counters.add(counter, change);
        Ok(())
    }

    fn note(&mut self, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.point::<Bytes>(keys::note(name))?.map(|bytes| bytes.0))
    }

    fn put_note(&mut self, name: &str, value: Option<&[u8]>) -> Result<()> {
        self.put_bytes(keys::note(name), value)
    }
}
