//! A compiled expression that stands alone: a field of a sync, a condition, a computed trait.

use crosspoint_model::profile::Profile;
use crosspoint_model::{Instant, Touched, Value};

use crate::compile::Compiled;
use crate::depends::Dependencies;
use crate::eval::Evaluator;
use crate::view::View;

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Program {
    compiled: Compiled,
}

/// A value, and how long it stands without new data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timed<T> {
    /// The value at the instant that was asked about.
    pub value: T,
    /// The first later instant at which it may be another; never later than it truly is another.
    /// `None` where only data can change it.
    pub next_change: Option<Instant>,
}

impl Program {
    pub(crate) fn new(compiled: Compiled) -> Self {
        Self { compiled }
    }

    /// The value for a profile at `now`; `None` where it is absent. Membership of segments is
    /// read from the profile.
    pub fn value(&self, profile: &Profile, now: Instant, view: &dyn View) -> Timed<Option<Value>> {
        let mut evaluator = Evaluator::new(profile, now, view);
        let value = evaluator.outcome(&self.compiled.node);
        Timed {
            value,
            next_change: change(evaluator.next),
        }
    }

    /// Whether the expression is true for a profile at `now`.
    pub fn holds(&self, profile: &Profile, now: Instant, view: &dyn View) -> Timed<bool> {
        let mut evaluator = Evaluator::new(profile, now, view);
        let value = evaluator.truth(&self.compiled.node);
        Timed {
            value,
            next_change: change(evaluator.next),
        }
    }

    /// What it reads.
    pub fn dependencies(&self) -> &Dependencies {
        &self.compiled.depends
    }

    /// Whether a change of data can change the value.
    pub fn depends_on(&self, touched: &Touched) -> bool {
        self.compiled.depends.meet(touched)
    }
}

pub(crate) fn change(next: Instant) -> Option<Instant> {
    (next < Instant::MAX).then_some(next)
}
