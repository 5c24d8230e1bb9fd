//! The part of an outbox that the worker works on: pure.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crosspoint_model::delivery::{Action, Delivery, DeliveryId, DeliveryStatus};
use crosspoint_model::{Instant, ProfileId};
use smol_str::SmolStr;

use crate::ActionSpec;

/// Most deliveries in memory per connector: several of the largest batches, few megabytes.
pub(crate) const WINDOW: usize = 10_000;

/// Deliveries of one connector in the order in which they were caused.
#[derive(Default)]
pub(crate) struct Window {
    items: BTreeMap<DeliveryId, Item>,
    in_flight: BTreeSet<DeliveryId>,
    /// The last delivery that was ever loaded.
    tail: Option<DeliveryId>,
}

struct Item {
    delivery: Delivery,
    /// Not before this instant.
    due: Instant,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Hand these over in one call.
    Deliver(Action, Vec<Delivery>),
    /// Ask about this job.
    Poll(SmolStr, Vec<Delivery>),
    /// Ask, or decide, what became of these: they were on their way when the host died.
    Settle(Action, Vec<Delivery>),
}

impl Work {
    pub fn items(&self) -> &[Delivery] {
        match self {
            Self::Deliver(_, items) | Self::Poll(_, items) | Self::Settle(_, items) => items,
        }
    }

    fn start(delivery: Delivery) -> Self {
        match delivery.status.clone() {
            DeliveryStatus::Queued { job } => Self::Poll(job, vec![delivery]),
            DeliveryStatus::Attempted => Self::Settle(delivery.action.clone(), vec![delivery]),
            _ => Self::Deliver(delivery.action.clone(), vec![delivery]),
        }
    }

    fn push(&mut self, delivery: Delivery) {
        match self {
            Self::Deliver(_, items) | Self::Poll(_, items) | Self::Settle(_, items) => {
                items.push(delivery);
            }
        }
    }

    fn has_room_for(&self, delivery: &Delivery, size: usize) -> bool {
        match (self, &delivery.status) {
            (Self::Poll(job, _), DeliveryStatus::Queued { job: own }) => job == own,
            (Self::Settle(action, items), DeliveryStatus::Attempted)
            | (
                Self::Deliver(action, items),
                DeliveryStatus::Pending | DeliveryStatus::Retrying { .. },
            ) => *action == delivery.action && items.len() < size,
            _ => false,
        }
    }
}

impl Window {
    pub fn tail(&self) -> Option<DeliveryId> {
        self.tail
    }

    pub fn room(&self) -> usize {
        WINDOW.saturating_sub(self.items.len())
    }

    /// Adds deliveries that follow the tail. Stopped ones are passed over.
    pub fn load(&mut self, deliveries: Vec<Delivery>) {
        for delivery in deliveries {
            self.tail = self.tail.max(Some(delivery.id));
            if !matches!(
                delivery.status,
                DeliveryStatus::Dead | DeliveryStatus::Unknown
            ) {
                let due = match delivery.status {
                    DeliveryStatus::Retrying { not_before } => not_before,
                    _ => Instant::MIN,
                };
                self.items.insert(delivery.id, Item { delivery, due });
            }
        }
    }

    /// Forgets everything that is not on its way, to be loaded anew.
    pub fn reload(&mut self) {
        let in_flight = &self.in_flight;
        self.items.retain(|id, _| in_flight.contains(id));
        self.tail = None;
    }

    /// Takes back what was on its way: with its new standing and the instant at which it is due
    /// it stays, with `None` it leaves.
    pub fn landed(&mut self, id: DeliveryId, standing: Option<(Delivery, Instant)>) {
        self.in_flight.remove(&id);
        match standing {
            Some((delivery, due)) => {
                self.items.insert(id, Item { delivery, due });
            }
            None => {
                self.items.remove(&id);
            }
        }
    }

    /// The earliest instant at which something that waits is due, if nothing before it is.
    pub fn next_due(&self) -> Option<Instant> {
        let mut busy: HashSet<ProfileId> = HashSet::new();
        let heads = self
            .items
            .values()
            .filter(|item| busy.insert(item.delivery.profile));
        let waiting = heads.filter(|item| !self.in_flight.contains(&item.delivery.id));
        waiting.map(|item| item.due).min()
    }

    /// Takes up to `most` pieces of work that may start at `now`, and marks their items as on
    /// their way. Of one profile only the earliest delivery is taken, and none while an earlier
    /// one of it is on its way or waits.
    pub fn take(&mut self, now: Instant, specs: &[ActionSpec], most: usize) -> Vec<Work> {
        let mut busy: HashSet<ProfileId> = HashSet::new();
        let mut work: Vec<Work> = Vec::new();
        for Item { delivery, due } in self.items.values() {
            if !busy.insert(delivery.profile) || self.in_flight.contains(&delivery.id) || *due > now
            {
                continue;
            }
            let size = specs
                .iter()
                .find(|spec| spec.action == delivery.action)
                .map_or(1, |spec| spec.batch_size.max(1));
            match work
                .iter()
                .position(|piece| piece.has_room_for(delivery, size))
            {
                Some(at) => work[at].push(delivery.clone()),
                None if work.len() < most => work.push(Work::start(delivery.clone())),
                None if work.iter().all(|piece| piece.items().len() >= size) => break,
                None => {}
            }
        }
        for delivery in work.iter().flat_map(Work::items) {
            self.in_flight.insert(delivery.id);
        }
        work
    }
}
