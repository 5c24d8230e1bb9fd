//! A compiled expression that stands alone: a field of a sync, a condition, a computed trait.

use crosspoint_model::profile::Profile;
use crosspoint_model::time::MINUTE_MS;
use crosspoint_model::{Instant, Touched, Value};

use crate::compile::Compiled;
use crate::depends::Dependencies;
use crate::eval::Evaluator;
use crate::moving::Part;
use crate::node::Node;
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

    /// Whether the value itself moves with time, as `now` does, or turns every second or more often:
    /// then there is always a next change, and nobody should wait for it.
    pub fn moves(&self) -> bool {
        moves(&self.compiled.node)
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

/// Units shorter than this turn too often to be waited for.
const SLOWEST_MOVING_MS: i64 = MINUTE_MS;

fn moves(node: &Node) -> bool {
    match node {
        Node::Now => true,
        Node::Calculate(_, left, right)
        | Node::TextTest(_, left, right)
        | Node::InList(left, right) => moves(left) || moves(right),
        Node::Negate(operand)
        | Node::Round(operand, _)
        | Node::Matches(operand, _)
        | Node::Lower(operand)
        | Node::Upper(operand)
        | Node::Size(operand)
        | Node::ReadAs(_, operand)
        | Node::Not(operand) => moves(operand),
        Node::If(parts) => parts.iter().any(moves),
        Node::And(operands) | Node::Or(operands) => operands.iter().any(moves),
        Node::Part(part, operand) => {
            matches!(part, Part::Seconds | Part::Milliseconds) && moves(operand)
        }
        Node::WholeUnits(unit, operand) => *unit < SLOWEST_MOVING_MS && moves(operand),
        // Comparisons turn rarely, even those of what moves; everything else stands still.
        _ => false,
    }
}

pub(crate) fn change(next: Instant) -> Option<Instant> {
    (next < Instant::MAX).then_some(next)
}
