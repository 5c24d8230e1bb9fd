//! Profiles in memory, typed, and which profile a fragment belongs to.
//!
//! A profile's smallest fragment gives it its id and needs no entry of its own; every other
//! fragment has an alias that names the profile. So a fragment's profile is the one with its id,
//! else the one that its alias names. A profile that was taken and not put back is gone, and with
//! it the aliases of its fragments, unless another profile holds them by then.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Bound;

use crosspoint_model::profile::Profile;
use crosspoint_model::{FragmentId, ProfileId};

use super::below::Below;
use super::weight::{trim, weight};
use crate::codec::{decode, encode};
use crate::engine::{Engine, Write};
use crate::{Error, Result, keys};

/// Ids are hashes already.
#[derive(Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = (self.0 ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }

    fn write_usize(&mut self, _length: usize) {}
}

type ById<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

#[derive(Debug)]
struct Slot {
    /// `None` while taken and once deleted.
    profile: Option<Box<Profile>>,
    /// Differs from what lies below.
    dirty: bool,
    /// Something may lie below.
    stored: bool,
    /// Since eviction last came by.
    used: bool,
    /// Of what is held.
    bytes: usize,
}

/// Which profile a fragment that is not the smallest belongs to.
#[derive(Clone, Copy, Debug, Default)]
struct Alias {
    now: Option<ProfileId>,
    stored: Option<ProfileId>,
}

#[derive(Debug, Default)]
pub(super) struct Profiles {
    slots: ById<ProfileId, Slot>,
    /// Of all profiles in `slots`, and those that changed.
    aliases: ById<FragmentId, Alias>,
    dirty: BTreeSet<ProfileId>,
    /// Some of them as they will be written, up to `encoded_to`.
    encoded: ById<ProfileId, Vec<u8>>,
    encoded_to: Option<ProfileId>,
    dirty_aliases: BTreeSet<FragmentId>,
    /// Second-chance eviction goes round here; may name a slot twice, or one that is gone.
    ring: VecDeque<ProfileId>,
    bytes: usize,
    dirty_bytes: usize,
}

/// Slots that one call looks at for eviction: bounds what a single call may take.
const EVICTION_STEPS: usize = 16;

impl Profiles {
    pub(super) fn of<E: Engine>(
        &mut self,
        fragment: FragmentId,
        below: &mut Below<E>,
    ) -> Result<Option<ProfileId>> {
        let own = fragment.alone();
        let known = match self.slots.get_mut(&own) {
            Some(slot) => {
                slot.used = true;
                Some(slot.profile.is_some())
            }
            None => None,
        };
        if known == Some(true) {
            return Ok(Some(own));
        }
        let alias = self.aliases.get(&fragment).map(|alias| alias.now);
        if let Some(Some(profile)) = alias {
            return Ok(Some(profile));
        }
        if known.is_none() && self.load(own, below)? {
            return Ok(Some(own));
        }
        match alias {
            Some(_) => Ok(None),
            None => below
                .get(&keys::alias(fragment))?
                .as_deref()
                .map(decode)
                .transpose(),
        }
    }

    pub(super) fn take<E: Engine>(
        &mut self,
        id: ProfileId,
        below: &mut Below<E>,
    ) -> Result<Option<Box<Profile>>> {
        if !self.slots.contains_key(&id) && !self.load(id, below)? {
            return Ok(None);
        }
        let Some(slot) = self.slots.get_mut(&id) else {
            return Ok(None);
        };
        let Some(profile) = slot.profile.take() else {
            return Ok(None);
        };
        slot.used = true;
        self.bytes -= slot.bytes;
        if slot.dirty {
            self.encoded.remove(&id);
            self.dirty_bytes -= slot.bytes;
        } else {
            slot.dirty = true;
            self.dirty.insert(id);
        }
        slot.bytes = 0;
        for fragment in others(&profile) {
            self.point(fragment, None);
        }
        Ok(Some(profile))
    }

    pub(super) fn put<E: Engine>(
        &mut self,
        profile: Box<Profile>,
        below: &mut Below<E>,
    ) -> Result<()> {
        let id = profile.id;
        // What is replaced without having been taken must not leave aliases behind.
        if self
            .slots
            .get(&id)
            .is_none_or(|slot| slot.profile.is_some())
        {
            self.take(id, below)?;
        }
        for fragment in others(&profile) {
            self.point(fragment, Some(id));
        }
        let slot = self.slots.entry(id).or_insert_with(|| {
            self.ring.push_back(id);
            Slot::new(None)
        });
        if !slot.dirty {
            slot.dirty = true;
            self.dirty.insert(id);
        }
        slot.used = true;
        slot.bytes = weight(&profile);
        self.bytes += slot.bytes;
        self.dirty_bytes += slot.bytes;
        slot.profile = Some(profile);
        Ok(())
    }

    /// The profile, without taking it out.
    pub(super) fn peek<E: Engine>(
        &mut self,
        id: ProfileId,
        below: &mut Below<E>,
    ) -> Result<Option<&Profile>> {
        if !self.slots.contains_key(&id) {
            self.load(id, below)?;
        }
        Ok(self.held(id))
    }

    /// The profile, if it is in memory.
    pub(super) fn held(&self, id: ProfileId) -> Option<&Profile> {
        self.slots.get(&id)?.profile.as_deref()
    }

    /// Which profiles after `after` differ from what lies below: there (`true`) or gone.
    pub(super) fn changed(
        &self,
        after: Option<ProfileId>,
    ) -> impl Iterator<Item = (ProfileId, bool)> {
        let from = match after {
            Some(id) => Bound::Excluded(id),
            None => Bound::Unbounded,
        };
        let changed = self.dirty.range((from, Bound::Unbounded));
        changed.map(|id| (*id, self.held(*id).is_some()))
    }

    /// Encodes up to `count` of those that changed, ahead of [`Self::drain`]; false where none is
    /// left. One that changes again afterwards is encoded again there.
    pub(super) fn encode_ahead(&mut self, count: usize) -> Result<bool> {
        let from = self.encoded_to.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.dirty.range((from, Bound::Unbounded)).take(count);
        let ids: Vec<_> = next.copied().collect();
        for id in &ids {
            if let Some(slot) = self.slots.get_mut(id)
                && let Some(profile) = &mut slot.profile
            {
                let before = slot.bytes;
                slot.bytes = trim_and_weigh(profile);
                self.bytes = self.bytes + slot.bytes - before;
                self.dirty_bytes = self.dirty_bytes + slot.bytes - before;
                self.encoded.insert(*id, encode(profile)?);
            }
        }
        self.encoded_to = ids.last().copied().or(self.encoded_to);
        Ok(ids.len() == count)
    }

    /// Encodes what changed, once.
    pub(super) fn drain(&mut self, writes: &mut Vec<Write>) -> Result<()> {
        let mut encoded = std::mem::take(&mut self.encoded);
        self.encoded_to = None;
        for id in std::mem::take(&mut self.dirty) {
            let Some(slot) = self.slots.get_mut(&id) else {
                continue;
            };
            match &mut slot.profile {
                Some(profile) => {
                    let value = match encoded.remove(&id) {
                        Some(value) => value,
                        None => {
                            let before = slot.bytes;
                            slot.bytes = trim_and_weigh(profile);
                            self.bytes = self.bytes + slot.bytes - before;
                            encode(profile)?
                        }
                    };
                    slot.dirty = false;
                    slot.stored = true;
                    writes.push((keys::profile(id), Some(value)));
                }
                None => {
                    if slot.stored {
                        writes.push((keys::profile(id), None));
                    }
                    self.slots.remove(&id);
                }
            }
        }
        for fragment in std::mem::take(&mut self.dirty_aliases) {
            let Some(alias) = self.aliases.get_mut(&fragment) else {
                continue;
            };
            if alias.now != alias.stored {
                let value = alias.now.as_ref().map(encode).transpose()?;
                writes.push((keys::alias(fragment), value));
                alias.stored = alias.now;
            }
            if alias.now.is_none() {
                self.aliases.remove(&fragment);
            }
        }
        self.dirty_bytes = 0;
        if self.ring.len() > 2 * self.slots.len() + 1024 {
            self.ring = self.slots.keys().copied().collect();
        }
        Ok(())
    }

    /// Forgets profiles that lie below unchanged and were not used lately.
    pub(super) fn evict(&mut self, budget: usize) {
        for _ in 0..EVICTION_STEPS {
            if self.bytes <= budget {
                return;
            }
            let Some(id) = self.ring.pop_front() else {
                return;
            };
            let Some(slot) = self.slots.get_mut(&id) else {
                continue;
            };
            let (Some(profile), false, false) = (&slot.profile, slot.dirty, slot.used) else {
                slot.used = false;
                self.ring.push_back(id);
                continue;
            };
            for fragment in others(profile) {
                self.aliases.remove(&fragment);
            }
            self.bytes -= slot.bytes;
            self.slots.remove(&id);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        // A table is three quarters full on average, the ring names each slot once or more.
        let slot = (size_of::<(ProfileId, Slot)>() + 1) * 4 / 3;
        let alias = (size_of::<(FragmentId, Alias)>() + 1) * 4 / 3;
        let dirty = (self.dirty.len() + self.dirty_aliases.len()) * 24;
        self.bytes
            + self.slots.capacity().min(2 * self.slots.len()) * slot
            + self.aliases.len() * alias
            + self.ring.len() * size_of::<ProfileId>()
            + dirty
    }

    pub(super) fn dirty_bytes(&self) -> usize {
        self.dirty_bytes
    }

    pub(super) fn changes(&self) -> usize {
        self.dirty.len() + self.dirty_aliases.len()
    }

    /// Reads a profile that has no slot. False where there is none.
    fn load<E: Engine>(&mut self, id: ProfileId, below: &mut Below<E>) -> Result<bool> {
        let Some(value) = below.get(&keys::profile(id))? else {
            return Ok(false);
        };
        let profile = decode::<Box<Profile>>(&value)?;
        if profile.id != id || profile.fragments.is_empty() {
            return Err(Error::Corrupt(format!("profile {id} holds another one")));
        }
        for fragment in others(&profile) {
            self.aliases.insert(
                fragment,
                Alias {
                    now: Some(id),
                    stored: Some(id),
                },
            );
        }
        let slot = Slot::new(Some(profile));
        self.bytes += slot.bytes;
        self.slots.insert(id, slot);
        self.ring.push_back(id);
        Ok(true)
    }

    fn point(&mut self, fragment: FragmentId, to: Option<ProfileId>) {
        let alias = self.aliases.entry(fragment).or_default();
        alias.now = to;
        if alias.now != alias.stored || to.is_none() {
            self.dirty_aliases.insert(fragment);
        }
    }
}

impl Slot {
    fn new(profile: Option<Box<Profile>>) -> Self {
        Self {
            stored: profile.is_some(),
            dirty: false,
            used: true,
            bytes: profile.as_deref().map_or(0, weight),
            profile,
        }
    }
}

/// Gives back what the profile holds beyond its need, since it may stay for long.
fn trim_and_weigh(profile: &mut Profile) -> usize {
    trim(profile);
    weight(profile)
}

/// All fragments but the one that gives the profile its id.
fn others(profile: &Profile) -> impl Iterator<Item = FragmentId> {
    profile.fragments.iter().skip(1).map(|fragment| fragment.id)
}
