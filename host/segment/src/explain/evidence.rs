//! The instants behind a clause: the last fact that a window looks for, dates, decisions.

use crosspoint_model::profile::{FactKind, Profile};
use crosspoint_model::record::ConsentTopic;
use crosspoint_model::{Instant, Symbol};

use crate::eval::Evaluator;
use crate::node::{Aggregate, Field, Function, Node, Rows};
use crate::value::Val;
use crate::view::View;

/// An instant behind a clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What happened then, as in `last order`; without an instant, what did not, as in `no order`.
    pub what: String,
    /// When.
    pub at: Option<Instant>,
}

/// What to look up for a clause.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// The newest fact of a windowed collection, whatever its windows.
    Newest(Box<Node>),
    Decision(ConsentTopic),
}

/// The sources within a condition, each once.
pub(super) fn sources(condition: &Node) -> Vec<Source> {
    let mut found = Vec::new();
    visit(condition, &mut |node| match node {
        Node::Aggregate(aggregate) | Node::Threshold(aggregate, ..)
            if !aggregate.collection.windows.is_empty() =>
        {
            let mut collection = aggregate.collection.clone();
            collection.windows.clear();
            let function = Function::Last(Field::At);
            let newest = Aggregate {
                collection,
                function,
            };
            found.push(Source::Newest(Box::new(Node::Aggregate(Box::new(newest)))));
        }
        Node::Granted(topic) | Node::ConsentState(topic) => {
            found.push(Source::Decision(topic.clone()));
        }
        _ => {}
    });
    found
}

impl Source {
    pub fn look_up(&self, profile: &Profile, now: Instant, view: &dyn View) -> Option<Evidence> {
        match self {
            Self::Newest(node) => {
                let Node::Aggregate(aggregate) = &**node else {
                    return None;
                };
                let mut evaluator = Evaluator::new(profile, now, view);
                let at = match evaluator.eval(node) {
                    Val::Instant(at) => Some(Instant(at.ms)),
                    _ => None,
                };
                let which = if at.is_some() { "last" } else { "no" };
                let such = match &aggregate.collection.filter {
                    Some(_) => "such ",
                    None => "",
                };
                let what = noun(&aggregate.collection.rows, view)?;
                let what = format!("{which} {such}{what}");
                Some(Evidence { what, at })
            }
            Self::Decision(topic) => {
                let decided = crosspoint_profile::consent(profile, topic)?;
                Some(Evidence {
                    what: "decided".to_owned(),
                    at: Some(decided.version.updated_at),
                })
            }
        }
    }
}

/// What one of the rows comes from.
fn noun(rows: &Rows, view: &dyn View) -> Option<String> {
    let (kind, name): (FactKind, Option<Symbol>) = match rows {
        Rows::Facts(kind, name) => (*kind, *name),
        Rows::Lines(kind) => (*kind, None),
        Rows::LinesOf(_) => return None,
    };
    let word = match kind {
        FactKind::Order => "order",
        FactKind::Cart => "cart",
        FactKind::Event => "event",
        FactKind::Submission => "submission",
        FactKind::Engagement => "engagement",
    };
    Some(match name {
        Some(name) => format!("{word} `{}`", view.name(name)),
        None => word.to_owned(),
    })
}

/// Shows the node and those that it is made of, but not what is asked of single facts.
fn visit(node: &Node, each: &mut dyn FnMut(&Node)) {
    each(node);
    match node {
        Node::Threshold(_, _, bound) => visit(bound, each),
        Node::Compare(_, left, right)
        | Node::InList(left, right)
        | Node::Calculate(_, left, right)
        | Node::TextTest(_, left, right) => {
            visit(left, each);
            visit(right, each);
        }
        Node::And(operands) | Node::Or(operands) => {
            operands.iter().for_each(|operand| visit(operand, each));
        }
        Node::AnyOf(operand, items) => {
            visit(operand, each);
            items.iter().for_each(|item| visit(item, each));
        }
        Node::If(parts) => parts.iter().for_each(|part| visit(part, each)),
        Node::IsAbsent(operand)
        | Node::Not(operand)
        | Node::Negate(operand)
        | Node::Round(operand, _)
        | Node::Matches(operand, _)
        | Node::Lower(operand)
        | Node::Upper(operand)
        | Node::Size(operand)
        | Node::Part(_, operand)
        | Node::WholeUnits(_, operand)
        | Node::ReadAs(_, operand) => visit(operand, each),
        Node::Literal(_)
        | Node::Span(_)
        | Node::Now
        | Node::FirstSeen
        | Node::LastSeen
        | Node::Trait(..)
        | Node::Granted(_)
        | Node::ConsentState(_)
        | Node::Member(_)
        | Node::Field(..)
        | Node::FieldIs(..)
        | Node::Aggregate(_) => {}
    }
}
