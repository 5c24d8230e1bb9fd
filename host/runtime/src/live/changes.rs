//! Transitions as they happen, for whoever listens.
//!
//! The core thread notes every transition in one ring; each listener reads it at its own pace. A
//! listener costs no memory of its own, and one that is so slow that the ring has overtaken it
//! learns that.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crosspoint_model::state::State as _;
use crosspoint_model::{Instant, ProfileId, Symbol};
use crosspoint_step::{ChangeCause, SegmentChange};
use tokio::sync::watch;

use crate::Host;
use crate::admin::AdminError;

/// Transitions that are kept: some seconds of a busy host, days of a quiet one, in 5 MiB.
const KEPT: usize = 1 << 16;
/// Transitions handed over at once: what a listener waits for, and the core thread with it.
const MOST_AT_ONCE: usize = 256;
/// Kept transitions looked at in one go, since the core thread waits meanwhile: some 10 µs.
const LOOKED_AT: usize = 4_096;

/// A place among all transitions: behind the first `ordinal` ones of the entry `seq`, and behind
/// all of the entries before. Written `SEQ/ORDINAL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Number of a ledger entry.
    pub seq: u64,
    /// How many of its transitions come before.
    pub ordinal: u32,
}

impl Place {
    /// Behind everything that entry `seq` did.
    pub fn behind(seq: u64) -> Self {
        Self {
            seq: seq.saturating_add(1),
            ordinal: 0,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.seq, self.ordinal)
    }
}

impl FromStr for Place {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Without a slash the ordinal is empty, which is no number.
        let (seq, ordinal) = text.split_once('/').unwrap_or((text, ""));
        Ok(Self {
            seq: seq.parse()?,
            ordinal: ordinal.parse()?,
        })
    }
}

/// A profile entered or left the segment that is listened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The place behind it.
    pub place: Place,
    /// In, or out.
    pub entered: bool,
    /// Who.
    pub profile: String,
    /// When, to the instant.
    pub at: String,
    /// `rule`: the segment's rule gave another result; `identity`: people were joined or taken
    /// apart, and the membership goes on or ends under another id.
    pub cause: &'static str,
}

/// What a listener gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// The next transitions, in their order; at least one.
    Changes(Vec<Change>),
    /// Transitions between the listener's place and this one are not kept any more. Listing the
    /// members again makes up for it.
    Gap(Place),
}

/// The newest transitions.
pub(crate) struct Ring {
    kept: Mutex<Kept>,
    /// Behind the newest. Those who wait are told only where there is something for somebody.
    head: watch::Sender<Place>,
}

struct Kept {
    /// In ascending order of their places.
    changes: VecDeque<(Place, SegmentChange)>,
    /// Everything behind it is here.
    floor: Place,
    /// Noted and not announced.
    fresh: bool,
}

impl Ring {
    /// An empty one for a state that holds entry `applied`.
    pub fn new(applied: u64) -> Self {
        let place = Place::behind(applied);
        let kept = Kept {
            changes: VecDeque::new(),
            floor: place,
            fresh: false,
        };
        Self {
            kept: Mutex::new(kept),
            head: watch::Sender::new(place),
        }
    }

    /// Keeps what entry `seq` did.
    pub fn note(&self, seq: u64, transitions: &[SegmentChange]) {
        if transitions.is_empty() {
            return;
        }
        let mut kept = self.kept();
        for (ordinal, change) in (1..).zip(transitions) {
            if kept.changes.len() == KEPT
                && let Some((place, _)) = kept.changes.pop_front()
            {
                kept.floor = place;
            }
            kept.changes.push_back((Place { seq, ordinal }, *change));
        }
        kept.fresh = true;
    }

    /// Everything up to entry `seq` is noted: whoever waits may look.
    pub fn announce(&self, seq: u64) {
        let fresh = std::mem::take(&mut self.kept().fresh);
        self.head.send_if_modified(|head| {
            *head = Place::behind(seq);
            fresh
        });
    }

    /// Transitions of a segment between two places, and the place up to which was looked; `None`
    /// where they are not kept.
    fn between(&self, segment: Symbol, from: Place, to: Place) -> Option<(Vec<Change>, Place)> {
        let kept = self.kept();
        if from < kept.floor {
            return None;
        }
        let start = kept.changes.partition_point(|(place, _)| *place <= from);
        let mut found = Vec::new();
        for (count, (place, change)) in kept.changes.range(start..).enumerate() {
            if *place > to {
                break;
            }
            if change.segment == segment {
                found.push(told(*place, change));
            }
            if found.len() == MOST_AT_ONCE || count + 1 == LOOKED_AT {
                return Some((found, *place));
            }
        }
        Some((found, to))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn told(place: Place, change: &SegmentChange) -> Change {
    Change {
        place,
        entered: change.entered,
        profile: change.profile.to_string(),
        at: change.at.to_string(),
        cause: match change.cause {
            ChangeCause::Rule => "rule",
            ChangeCause::Identity => "identity",
        },
    }
}

/// Listens to one segment.
pub struct Listener {
    ring: Arc<Ring>,
    head: watch::Receiver<Place>,
    segment: Symbol,
    place: Place,
}

impl Listener {
    fn new(ring: &Arc<Ring>, segment: Symbol, from: Option<Place>) -> Self {
        let head = ring.head.subscribe();
        let now = *head.borrow();
        Self {
            ring: Arc::clone(ring),
            head,
            segment,
            place: from.unwrap_or(now),
        }
    }

    /// Completes with what happened behind the listener's place. Cancelling it loses nothing.
    /// `None` once the host has stopped.
    pub async fn next(&mut self) -> Option<Heard> {
        loop {
            let head = *self.head.borrow_and_update();
            // A place from the future belongs to another ledger.
            let found = match self.place <= head {
                true => self.ring.between(self.segment, self.place, head),
                false => None,
            };
            let Some((changes, place)) = found else {
                self.place = head;
                return Some(Heard::Gap(head));
            };
            self.place = place;
            if !changes.is_empty() {
                return Some(Heard::Changes(changes));
            }
            if place == head {
                self.head.changed().await.ok()?;
            }
        }
    }

    /// The place up to which everything was handed over. Kept by a caller, it is where to go on.
    pub fn place(&mut self) -> Place {
        // Nothing is announced for entries without transitions; they count all the same.
        let head = *self.head.borrow();
        if self.place <= head
            && let Some((changes, place)) = self.ring.between(self.segment, self.place, head)
            && changes.is_empty()
        {
            self.place = place;
        }
        self.place
    }
}

/// A page of a segment's members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberPage {
    /// In the order of their ids.
    pub members: Vec<MemberSeen>,
    /// What the next page follows; `None`: there is none. A page may be empty and have one.
    pub next: Option<String>,
    /// The state held at least the ledger's entries up to this one. Listening from behind the
    /// first page's position on brings everything that the list may have missed.
    pub position: u64,
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberSeen {
    /// Who.
    pub profile: String,
    /// When it entered.
    pub since: String,
}

/// Profiles looked at per question: the core thread answers nobody else meanwhile, and lookups
/// have a few milliseconds.
const MEMBER_SLICE: usize = 128;
/// Profiles looked at for one page.
const LOOKED_THROUGH: usize = 64 * MEMBER_SLICE;

impl Host {
    /// Listens to a segment from a place on, else from now on; `None` where there is no such
    /// segment.
    ///
    /// # Errors
    /// When the host has stopped.
    pub async fn listen(
        &self,
        segment: &str,
        from: Option<Place>,
    ) -> Result<Option<Listener>, AdminError> {
        if !self.project.segments.contains_key(segment) {
            return Ok(None);
        }
        let name = segment.to_owned();
        let asked = self.handle.ask_async(move |core| {
            let symbol = core.state.symbol(&name);
            Ok(symbol.map(|symbol| Listener::new(&core.changes, symbol, from)))
        });
        asked.await
    }

    /// Up to `limit` members of a segment behind `after`, as the step last wrote them; `None`
    /// where there is no such segment.
    ///
    /// # Errors
    /// When the store fails or the host has stopped.
    pub async fn member_page(
        &self,
        segment: &str,
        mut after: Option<ProfileId>,
        limit: usize,
    ) -> Result<Option<MemberPage>, AdminError> {
        if !self.project.segments.contains_key(segment) {
            return Ok(None);
        }
        let mut page = MemberPage {
            members: Vec::new(),
            next: None,
            position: self.handle.applied_position(),
        };
        let mut looked = 0;
        loop {
            let (name, room) = (segment.to_owned(), limit.max(1) - page.members.len());
            let (last, found) = self
                .handle
                .ask_async(move |core| {
                    let Some(symbol) = core.state.symbol(&name) else {
                        return Ok((None, Vec::new()));
                    };
                    let mut found: Vec<(ProfileId, Instant)> = Vec::new();
                    let last = core.state.scan_profiles(after, MEMBER_SLICE, |profile| {
                        let memberships = profile.memberships.iter();
                        let own = memberships.filter(|it| it.segment == symbol);
                        found.extend(own.map(|it| (profile.id, it.since)));
                        match found.len() < room {
                            true => std::ops::ControlFlow::Continue(()),
                            false => std::ops::ControlFlow::Break(()),
                        }
                    })?;
                    Ok((last, found))
                })
                .await?;
            page.members
                .extend(found.into_iter().map(|(id, since)| MemberSeen {
                    profile: id.to_string(),
                    since: since.to_string(),
                }));
            looked += MEMBER_SLICE;
            let Some(last) = last else {
                return Ok(Some(page));
            };
            after = Some(last);
            if page.members.len() >= limit.max(1) || looked >= LOOKED_THROUGH {
                page.next = Some(last.to_string());
                return Ok(Some(page));
            }
        }
    }
}

#[cfg(test)]
mod tests;
