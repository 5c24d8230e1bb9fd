//! What people and deliverers read beyond the step's needs. Everything here sees what the step
//! wrote, checkpointed or not.

use std::ops::{Bound, ControlFlow};

use crosspoint_model::delivery::{Delivery, DeliveryId};
use crosspoint_model::profile::Profile;
use crosspoint_model::state::{Carriers, Counter, Quarantined, State as _};
use crosspoint_model::{Identifier, ProfileId, Symbol};
use smol_str::SmolStr;

use super::WorkingSet;
use crate::Result;
use crate::codec::{Bytes, decode};
use crate::engine::{Engine, KeyRange};
use crate::keys::{self, Table};

impl<E: Engine> WorkingSet<E> {
    /// A profile, left where it is.
    ///
    /// # Errors
    /// What reading the engine yields.
    pub fn profile(&mut self, id: ProfileId) -> Result<Option<Profile>> {
        let profile = self.profiles.peek(id, &mut self.below)?.cloned();
        self.evict();
        Ok(profile)
    }

    /// A profile, if it is in memory.
    pub fn held_profile(&self, id: ProfileId) -> Option<&Profile> {
        self.profiles.held(id)
    }

    /// Fragments that carry the identifier without being named by it.
    ///
    /// # Errors
    /// What reading the engine yields.
    pub fn carriers_of(&mut self, identifier: &Identifier) -> Result<Carriers> {
        self.carriers(identifier)
            .map_err(|error| crate::Error::Corrupt(error.0))
    }

    /// Up to `limit` deliveries of the outbox behind `after`: of one connector, or of all, by
    /// connector and then in the order in which they were caused.
    ///
    /// # Errors
    /// What reading the engine yields.
    pub fn deliveries(
        &self,
        connector: Option<Symbol>,
        after: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Vec<Delivery>> {
        let mut range = connector.map_or(Table::Deliveries.range(), keys::deliveries_of);
        let least = connector.map(|connector| DeliveryId {
            connector,
            seq: 0,
            ordinal: 0,
        });
        let mut from = least.map_or(Bound::Unbounded, Bound::Included);
        if let Some(after) = after.filter(|after| least.is_none_or(|least| *after >= least)) {
            range = range.after(&keys::delivery(after));
            from = Bound::Excluded(after);
        }
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let to = connector.map_or(Bound::Unbounded, |connector| {
            Bound::Included(DeliveryId {
                connector,
                seq: u64::MAX,
                ordinal: u32::MAX,
            })
        });
        let pairs = self
            .deliveries
            .scan((from, to), range, limit, &self.below)?;
        pairs.iter().map(|(_, value)| decode(value)).collect()
    }

    /// Up to `limit` quarantined items behind the one with this (seq, ordinal).
    ///
    /// # Errors
    /// What reading the engine yields.
    pub fn quarantined_after(
        &self,
        after: Option<(u64, u32)>,
        limit: usize,
    ) -> Result<Vec<Quarantined>> {
        let mut range = Table::Quarantine.range();
        if let Some((seq, ordinal)) = after {
            range = range.after(&keys::quarantined(seq, ordinal));
        }
        let keys = (
            after.map_or(Bound::Unbounded, Bound::Excluded),
            Bound::Unbounded,
        );
        let pairs = self.quarantine.scan(keys, range, limit, &self.below)?;
        pairs.iter().map(|(_, value)| decode(value)).collect()
    }

    /// Shows up to `limit` profiles behind `after` to `show`, in the order of their ids, until it
    /// breaks; nothing is cached. Returns the last id shown: pass it on to continue. `None` means
    /// that there was none.
    ///
    /// # Errors
    /// What reading the engine yields.
    pub fn scan_profiles(
        &self,
        after: Option<ProfileId>,
        limit: usize,
        mut show: impl FnMut(&Profile) -> ControlFlow<()>,
    ) -> Result<Option<ProfileId>> {
        let mut last = None;
        for pair in self.profile_pairs(after).take(limit) {
            let (key, value) = pair?;
            let id = keys::parse_profile(&key)?;
            last = Some(id);
            let shown = match self.profiles.held(id) {
                Some(profile) => show(profile),
                None => show(&*decode::<Box<Profile>>(&value)?),
            };
            if shown.is_break() {
                break;
            }
        }
        Ok(last)
    }

    /// All counters that are not zero, in a fixed order.
    pub fn counters(&self) -> Vec<(Counter, i64)> {
        self.counters.all().collect()
    }

    /// All names, by number.
    pub fn symbols(&self) -> &[SmolStr] {
        self.symbols.all()
    }

    /// A connector's notes by name, in order.
    ///
    /// # Errors
    /// What reading the engine yields.
    pub fn jobs(&self, connector: Symbol) -> Result<Vec<(SmolStr, Vec<u8>)>> {
        let range = keys::jobs_of(connector);
        let changed = self.points.changed_below(&range.from);
        let prefix = range.from.len();
        let jobs = self.below.scan(changed.into_iter(), range).map(|pair| {
            let (key, value) = pair?;
            let name = SmolStr::new(String::from_utf8_lossy(&key[prefix..]));
            Ok((name, decode::<Bytes>(&value)?.0))
        });
        jobs.collect()
    }

    pub(super) fn profile_ids(
        &self,
        after: Option<ProfileId>,
        count: usize,
    ) -> Result<Vec<ProfileId>> {
        let ids = self.profile_pairs(after).take(count);
        ids.map(|pair| pair.and_then(|(key, _)| keys::parse_profile(&key)))
            .collect()
    }

    /// Keys in order; the value of a changed profile is empty, since it is held in memory.
    fn profile_pairs(
        &self,
        after: Option<ProfileId>,
    ) -> impl Iterator<Item = Result<crate::engine::Pair>> {
        let range: KeyRange = Table::Profiles.range();
        let range = after.map_or(range.clone(), |id| range.after(&keys::profile(id)));
        let changed = self.profiles.changed(after);
        let changed = changed.map(|(id, there)| (keys::profile(id), there.then(Vec::new)));
        self.below.scan(changed, range)
    }
}
