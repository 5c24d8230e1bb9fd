//! Evaluation of the compiled form. Besides the value it finds the next instant at which the
//! value may be another though no data changed.

use crosspoint_model::profile::{Fact, FactLine, Profile};
use crosspoint_model::record::ConsentState;
use crosspoint_model::{Decimal, Instant, Value};

use crate::moving::{Comparison, Moving, whole_units};
use crate::node::{Field, MAX_ROWS, Node, TextTest};
use crate::schema::TraitType;
use crate::value::{
    Text, Val, calculate, compare_values, in_case, json_contains, negate, round, size,
};
use crate::view::View;

/// A fact in hand, or a position of it.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub fact: &'a Fact,
    pub line: Option<&'a FactLine>,
}

pub(crate) struct Evaluator<'a> {
    pub profile: &'a Profile,
    pub now: Instant,
    pub view: &'a dyn View,
    pub rows: [Option<Row<'a>>; MAX_ROWS],
    /// No value that was computed since this was last set changes before this instant.
    pub next: Instant,
    /// Changes to come of counts and sums; used as a stack.
    pub changes: Vec<(Instant, Decimal)>,
}

impl<'a> Evaluator<'a> {
    pub fn new(profile: &'a Profile, now: Instant, view: &'a dyn View) -> Self {
        Self {
            profile,
            now,
            view,
            rows: [None; MAX_ROWS],
            next: Instant::MAX,
            changes: Vec::new(),
        }
    }

    /// Runs `work`, and gives when its result may change apart from what was computed before.
    pub fn apart<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> (T, Instant) {
        let before = std::mem::replace(&mut self.next, Instant::MAX);
        let result = work(self);
        (result, std::mem::replace(&mut self.next, before))
    }

    pub fn until(&mut self, next: Instant) {
        self.next = self.next.min(next);
    }

    pub fn truth(&mut self, node: &'a Node) -> bool {
        match node {
            Node::And(operands) => self.chain(operands, false),
            Node::Or(operands) => self.chain(operands, true),
            Node::Not(operand) => !self.truth(operand),
            Node::Compare(comparison, left, right) => self.compare(*comparison, left, right),
            Node::Threshold(aggregate, comparison, bound) => {
                self.threshold(aggregate, *comparison, bound)
            }
            Node::IsAbsent(operand) => self.eval(operand).is_absent(),
            Node::Member(segment) => self.profile.is_member(*segment),
            Node::Granted(topic) => {
                self.view.consent(self.profile, topic) == Some(ConsentState::Granted)
            }
            Node::FieldIs(row, field, symbol) => {
                let Some(row) = self.rows[*row] else {
                    return false;
                };
                match field {
                    Field::Name => row.fact.name == *symbol,
                    _ => row.fact.total.is_some_and(|total| total.1 == *symbol),
                }
            }
            Node::AnyOf(operand, items) => {
                let operand = self.eval(operand);
                let (found, next) = self.apart(|this| {
                    items.iter().any(|item| {
                        let item = this.eval(item);
                        let (now, next) = (this.now, &mut this.next);
                        compare_values(Comparison::Equal, &operand, &item, now, next)
                    })
                });
                self.until(next);
                found
            }
            Node::InList(operand, list) => {
                let operand = self.eval_still(operand);
                match self.eval(list) {
                    Val::Json(json) if !operand.is_absent() => json_contains(&json, &operand),
                    _ => false,
                }
            }
            Node::TextTest(test, text, part) => {
                let (text, part) = (self.eval_still(text).text(), self.eval_still(part).text());
                match (text, part) {
                    (Some(text), Some(part)) => match test {
                        TextTest::Contains => text.contains(&*part),
                        TextTest::StartsWith => text.starts_with(&*part),
                        TextTest::EndsWith => text.ends_with(&*part),
                    },
                    _ => false,
                }
            }
            Node::Matches(text, pattern) => self
                .eval_still(text)
                .text()
                .is_some_and(|text| pattern.is_match(&text)),
            other => self.eval(other).is_true(),
        }
    }

    /// One operand that is `decisive` decides, and the chain changes only when that one does.
    fn chain(&mut self, operands: &'a [Node], decisive: bool) -> bool {
        let mut all = Instant::MAX;
        for operand in operands {
            let (truth, next) = self.apart(|this| this.truth(operand));
            if truth == decisive {
                self.until(next);
                return decisive;
            }
            all = all.min(next);
        }
        self.until(all);
        !decisive
    }

    fn compare(&mut self, comparison: Comparison, left: &'a Node, right: &'a Node) -> bool {
        let right = self.eval(right);
        if let (Node::Aggregate(aggregate), Some(bound)) = (left, right.number())
            && let Some(truth) = self.decided(aggregate, comparison, bound)
        {
            return truth;
        }
        let left = self.eval(left);
        compare_values(comparison, &left, &right, self.now, &mut self.next)
    }

    /// The value, for a use that does not follow how it moves.
    fn eval_still(&mut self, node: &'a Node) -> Val<'a> {
        let value = self.eval(node);
        if let Val::Instant(Moving { rate, .. }) | Val::Span(Moving { rate, .. }) = value
            && rate != 0
        {
            self.until(self.now.plus_ms(1));
        }
        value
    }

    /// The value that leaves the evaluation.
    pub fn outcome(&mut self, node: &'a Node) -> Option<Value> {
        self.eval_still(node).into_value()
    }

    pub fn eval(&mut self, node: &'a Node) -> Val<'a> {
        match node {
            Node::Literal(value) => Val::of(value),
            Node::Span(ms) => Val::Span(Moving::fixed(*ms)),
            Node::Now => Val::Instant(Moving {
                ms: self.now.0,
                rate: 1,
            }),
            Node::FirstSeen => {
                crosspoint_profile::first_seen(self.profile).map_or(Val::Absent, Val::instant)
            }
            Node::LastSeen => {
                crosspoint_profile::last_seen(self.profile).map_or(Val::Absent, Val::instant)
            }
            Node::Trait(name, kind) => match self.view.trait_value(self.profile, *name) {
                Some(value) => Val::of_cow(value).read_as(*kind),
                None => Val::Absent,
            },
            Node::ConsentState(topic) => match self.view.consent(self.profile, topic) {
                Some(ConsentState::Granted) => Val::lent("granted"),
                Some(ConsentState::Withdrawn) => Val::lent("withdrawn"),
                Some(ConsentState::Pending) => Val::lent("pending"),
                None => Val::Absent,
            },
            Node::Field(row, field) => match self.rows[*row] {
                Some(row) => self.field(row, *field),
                None => Val::Absent,
            },
            Node::Aggregate(aggregate) => self.aggregate(aggregate),
            Node::If(parts) => {
                let [condition, then, otherwise] = &**parts;
                if self.truth(condition) {
                    self.eval(then)
                } else {
                    self.eval(otherwise)
                }
            }
            Node::Calculate(operation, left, right) => {
                let left = self.eval(left);
                let right = self.eval(right);
                calculate(*operation, left, right)
            }
            Node::Negate(operand) => negate(self.eval(operand)),
            Node::Round(operand, digits) => round(&self.eval(operand), *digits),
            Node::Lower(operand) => in_case(&self.eval_still(operand), false),
            Node::Upper(operand) => in_case(&self.eval_still(operand), true),
            Node::Size(operand) => size(&self.eval_still(operand)),
            Node::Part(part, operand) => match self.eval(operand) {
                Val::Span(span) => match part.span_unit() {
                    Some(unit) => self.units(span, unit),
                    None => Val::Absent,
                },
                other => match other.as_instant() {
                    Some(instant) => {
                        let (number, next) = part.of_moving_instant(instant, self.now);
                        self.until(next);
                        Val::Int(number)
                    }
                    None => Val::Absent,
                },
            },
            Node::WholeUnits(unit, operand) => match self.eval(operand) {
                Val::Span(span) => self.units(span, *unit),
                _ => Val::Absent,
            },
            // An instant that moves goes on moving where it stays an instant.
            Node::ReadAs(TraitType::Instant, operand) => {
                self.eval(operand).read_as(TraitType::Instant)
            }
            Node::ReadAs(kind, operand) => self.eval_still(operand).read_as(*kind),
            Node::And(_)
            | Node::Or(_)
            | Node::Not(_)
            | Node::Compare(..)
            | Node::Threshold(..)
            | Node::IsAbsent(_)
            | Node::Member(_)
            | Node::Granted(_)
            | Node::FieldIs(..)
            | Node::AnyOf(..)
            | Node::InList(..)
            | Node::TextTest(..)
            | Node::Matches(..) => Val::Bool(self.truth(node)),
        }
    }

    fn units(&mut self, span: Moving, unit: i64) -> Val<'a> {
        let (count, next) = whole_units(span, unit, self.now);
        self.until(next);
        Val::Int(count)
    }

    pub fn field(&self, row: Row<'a>, field: Field) -> Val<'a> {
        let Row { fact, line } = row;
        let text = |text: Option<&'a smol_str::SmolStr>| match text {
            Some(text) => Val::Text(Text::Lent(text)),
            None => Val::Absent,
        };
        match field {
            Field::At => Val::instant(fact.at),
            Field::Day => Val::Int(fact.at.day()),
            Field::Id => Val::Text(Text::Lent(&fact.id)),
            Field::Name => Val::made(self.view.name(fact.name)),
            Field::Total => fact
                .total
                .map_or(Val::Absent, |total| Val::Decimal(total.0)),
            Field::Currency => fact
                .total
                .map_or(Val::Absent, |total| Val::made(self.view.name(total.1))),
            Field::Property(name) => fact.property(name).map_or(Val::Absent, Val::of),
            Field::LineProduct => text(line.and_then(|line| line.product.as_ref())),
            Field::LineSku => text(line.and_then(|line| line.sku.as_ref())),
            Field::LineName => text(line.and_then(|line| line.name.as_ref())),
            Field::LineCategory => text(line.and_then(|line| line.category.as_ref())),
            Field::LineQuantity => line.map_or(Val::Absent, |line| Val::Decimal(line.quantity)),
            Field::LineTotal => line
                .and_then(|line| line.total)
                .map_or(Val::Absent, Val::Decimal),
        }
    }
}
