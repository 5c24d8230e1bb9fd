//! Collections of facts: which count at an instant, what is computed from them, and when that
//! changes by itself.

use crosspoint_model::profile::{Fact, FactKind, Fragment};
use crosspoint_model::{Decimal, Instant};
use crosspoint_profile::chronological_key;

use crate::eval::{Evaluator, Row};
use crate::moving::{Comparison, Moving, compare};
use crate::node::{Aggregate, Collection, Field, Function, MAX_WINDOWS, Rows, Window};
use crate::value::{Number, Val, compare_values, divide, order};

/// A window at the instant of evaluation: facts stand in `comparison` to `bound`.
#[derive(Clone, Copy)]
struct Bound {
    comparison: Comparison,
    /// `None` where the rule's bound is absent: nothing counts then.
    bound: Option<Moving>,
}

/// Whether a fact counts, and until when that stands. What does not count and never will by
/// itself is not visited.
#[derive(Clone, Copy)]
struct Standing {
    counts: bool,
    until: Instant,
}

impl<'a> Evaluator<'a> {
    pub fn aggregate(&mut self, aggregate: &'a Aggregate) -> Val<'a> {
        let collection = &aggregate.collection;
        let mut next = Instant::MAX;
        let value = match aggregate.function {
            Function::Count => {
                let mut count = 0;
                self.visit(collection, &mut |_, _, standing| {
                    next = next.min(standing.until);
                    count += i64::from(standing.counts);
                });
                Val::Int(count)
            }
            Function::Sum(field) => {
                let mut sum = Some(Decimal::ZERO);
                self.visit(collection, &mut |this, row, standing| {
                    next = next.min(standing.until);
                    if standing.counts && let Some(number) = this.field(row, field).decimal() {
                        sum = sum.and_then(|sum| sum.checked_add(number));
                    }
                });
                sum.map_or(Val::Absent, Val::Decimal)
            }
            Function::Average(field) => {
                let (mut sum, mut count) = (Some(Decimal::ZERO), 0);
                self.visit(collection, &mut |this, row, standing| {
                    next = next.min(standing.until);
                    if standing.counts && let Some(number) = this.field(row, field).decimal() {
                        sum = sum.and_then(|sum| sum.checked_add(number));
                        count += 1;
                    }
                });
                sum.and_then(|sum| divide(sum, Decimal::from(count)))
                    .map_or(Val::Absent, Val::Decimal)
            }
            Function::Min(field) => self.extreme(collection, field, Comparison::Less, &mut next),
            Function::Max(field) => self.extreme(collection, field, Comparison::Greater, &mut next),
            Function::First(field) => self.end(collection, field, false, &mut next),
            Function::Last(field) => self.end(collection, field, true, &mut next),
            Function::Distinct(field) => {
                let mut values = Vec::new();
                self.visit(collection, &mut |this, row, standing| {
                    next = next.min(standing.until);
                    if standing.counts {
                        let value = this.field(row, field);
                        if !value.is_absent() {
                            values.push(value);
                        }
                    }
                });
                values.sort_unstable_by(order);
                values.dedup_by(|left, right| order(left, right).is_eq());
                Val::Int(values.len() as i64)
            }
        };
        self.until(next);
        value
    }

    fn extreme(
        &mut self,
        collection: &'a Collection,
        field: Field,
        better: Comparison,
        next: &mut Instant,
    ) -> Val<'a> {
        let mut best = Val::Absent;
        self.visit(collection, &mut |this, row, standing| {
            *next = (*next).min(standing.until);
            if !standing.counts {
                return;
            }
            let value = match this.field(row, field) {
                value @ Val::Instant(_) => value,
                value => value.number().map_or(Val::Absent, Number::into_val),
            };
            let replaces = match &best {
                Val::Absent => true,
                best => {
                    // Instants of facts do not move.
                    let mut never = Instant::MAX;
                    compare_values(better, &value, best, this.now, &mut never)
                }
            };
            if replaces {
                best = value;
            }
        });
        best
    }

    /// The field of the first or last fact in the order of time.
    fn end(
        &mut self,
        collection: &'a Collection,
        field: Field,
        last: bool,
        next: &mut Instant,
    ) -> Val<'a> {
        let mut found: Option<Row<'a>> = None;
        self.visit(collection, &mut |_, row, standing| {
            *next = (*next).min(standing.until);
            if !standing.counts {
                return;
            }
            let replaces = found.is_none_or(|best| {
                let (new, old) = (chronological_key(row.fact), chronological_key(best.fact));
                // Positions of one fact stand in their order.
                if last { new >= old } else { new < old }
            });
            if replaces {
                found = Some(row);
            }
        });
        found.map_or(Val::Absent, |row| self.field(row, field))
    }

    /// Compares a count or sum with a bound. The result can turn only once enough of the facts
    /// that pull towards the bound have come or gone, which is later than the first of them.
    pub fn threshold(
        &mut self,
        aggregate: &'a Aggregate,
        comparison: Comparison,
        bound: &'a crate::node::Node,
    ) -> bool {
        let bound = self.eval(bound);
        let Some(bound) = bound.number() else {
            return comparison.of_absent();
        };
        let start = self.changes.len();
        let mut total = Some(Number::Int(0));
        let mut next = Instant::MAX;
        self.visit(&aggregate.collection, &mut |this, row, standing| {
            next = next.min(standing.until);
            let weight = match aggregate.function {
                Function::Sum(field) => match this.field(row, field).decimal() {
                    Some(number) => number,
                    None => return,
                },
                _ => {
                    if standing.counts && let Some(Number::Int(count)) = &mut total {
                        *count += 1;
                    }
                    Decimal::from(1)
                }
            };
            if standing.counts && matches!(aggregate.function, Function::Sum(_)) {
                total = total
                    .and_then(|total| total.decimal().checked_add(weight))
                    .map(Number::Decimal);
            }
            if standing.until < Instant::MAX {
                let change = if standing.counts { Decimal(-weight.0) } else { weight };
                this.changes.push((standing.until, change));
            }
        });
        let Some(total) = total else {
            self.changes.truncate(start);
            self.until(next);
            return comparison.of_absent();
        };
        let holds = comparison.holds(total.order(bound));
        if next < Instant::MAX {
            let changes = &mut self.changes[start..];
            changes.sort_unstable_by_key(|change| change.0);
            let turns = turns(comparison, holds, total.decimal(), bound.decimal(), changes);
            self.until(turns);
            self.changes.truncate(start);
        }
        holds
    }

    /// Shows every row that counts or may come to count by itself.
    fn visit(
        &mut self,
        collection: &'a Collection,
        each: &mut impl FnMut(&mut Self, Row<'a>, Standing),
    ) {
        let mut bounds = [Bound { comparison: Comparison::Greater, bound: None }; MAX_WINDOWS];
        let mut earliest = None;
        for (slot, window) in bounds.iter_mut().zip(&collection.windows) {
            *slot = match window {
                Window::Within(ms) => {
                    // Where the span reaches before all instants, everything is within it.
                    let ms = self.now.0.saturating_sub(*ms);
                    earliest = earliest.max(Some(ms));
                    Bound {
                        comparison: Comparison::Greater,
                        bound: Some(Moving { ms, rate: 1 }),
                    }
                }
                Window::Since(instant) => Bound {
                    comparison: Comparison::GreaterOrEqual,
                    bound: self.eval(instant).as_instant(),
                },
                Window::Before(instant) => Bound {
                    comparison: Comparison::Less,
                    bound: self.eval(instant).as_instant(),
                },
            };
        }
        let bounds = &bounds[..collection.windows.len()];
        if bounds.iter().any(|bound| bound.bound.is_none()) {
            return;
        }
        match collection.rows {
            Rows::Facts(kind, name) => {
                self.facts(kind, name, earliest, &mut |this, fact| {
                    let time = this.in_time(fact, bounds);
                    this.row(collection, Row { fact, line: None }, time, each);
                });
            }
            Rows::Lines(kind) => self.facts(kind, None, earliest, &mut |this, fact| {
                let time = this.in_time(fact, bounds);
                for line in &fact.lines {
                    this.row(collection, Row { fact, line: Some(line) }, time, each);
                }
            }),
            Rows::LinesOf(row) => {
                let Some(Row { fact, .. }) = self.rows[row] else { return };
                let time = Standing { counts: true, until: Instant::MAX };
                for line in &fact.lines {
                    self.row(collection, Row { fact, line: Some(line) }, time, each);
                }
            }
        }
    }

    fn row(
        &mut self,
        collection: &'a Collection,
        row: Row<'a>,
        time: Standing,
        each: &mut impl FnMut(&mut Self, Row<'a>, Standing),
    ) {
        let mut standing = time;
        if let (true, Some(filter)) = (time.counts, &collection.filter) {
            self.rows[collection.row] = Some(row);
            let (passes, until) = self.apart(|this| this.truth(filter));
            standing = match passes {
                true => Standing { counts: true, until: until.min(time.until) },
                false => Standing { counts: false, until },
            };
        }
        if standing.counts || standing.until < Instant::MAX {
            each(self, row, standing);
        }
    }

    /// Whether the fact's instant lies in all windows. A fact to come counts for nothing until
    /// its instant.
    fn in_time(&self, fact: &Fact, bounds: &[Bound]) -> Standing {
        if fact.at > self.now {
            return Standing { counts: false, until: fact.at };
        }
        let mut until = Instant::MAX;
        for Bound { comparison, bound } in bounds {
            let Some(bound) = bound else { continue };
            let (holds, next) = compare(*comparison, Moving::fixed(fact.at.0), *bound, self.now);
            if !holds {
                return Standing { counts: false, until: next };
            }
            until = until.min(next);
        }
        Standing { counts: true, until }
    }

    /// Shows the facts of a kind that are not known to be too old.
    fn facts(
        &mut self,
        kind: FactKind,
        name: Option<crosspoint_model::Symbol>,
        later_than: Option<i64>,
        each: &mut impl FnMut(&mut Self, &'a Fact),
    ) {
        let profile = self.profile;
        for fragment in &profile.fragments {
            let mut rest = of_kind(fragment, kind);
            if let Some(name) = name {
                let start = rest.partition_point(|fact| fact.name < name);
                let end = rest.partition_point(|fact| fact.name <= name);
                rest = &rest[start..end];
            }
            // Facts of one name stand together in the order of time, so the old ones of each
            // are skipped at once.
            while let Some(first) = rest.first() {
                let end = match (name, later_than) {
                    (None, Some(_)) => rest.partition_point(|fact| fact.name <= first.name),
                    _ => rest.len(),
                };
                let (group, others) = rest.split_at(end);
                rest = others;
                let start = match later_than {
                    Some(ms) => group.partition_point(|fact| fact.at.0 <= ms),
                    None => 0,
                };
                for fact in &group[start..] {
                    if fact.counts {
                        each(self, fact);
                    }
                }
            }
        }
    }
}

fn of_kind(fragment: &Fragment, kind: FactKind) -> &[Fact] {
    let facts = &fragment.facts;
    let start = facts.partition_point(|fact| fact.kind < kind);
    let end = facts.partition_point(|fact| fact.kind <= kind);
    &facts[start..end]
}

/// When a comparison of a total with a bound can first turn, given what each fact may add or take
/// away and not before when. Between those instants the total may be anything from all losses to
/// all gains so far.
fn turns(
    comparison: Comparison,
    holds: bool,
    total: Decimal,
    bound: Decimal,
    changes: &[(Instant, Decimal)],
) -> Instant {
    let (mut low, mut high) = (total, total);
    let mut rest = changes;
    while let Some((at, _)) = rest.first() {
        let end = rest.partition_point(|change| change.0 <= *at);
        for (_, change) in &rest[..end] {
            let side = if *change < Decimal::ZERO { &mut low } else { &mut high };
            match side.checked_add(*change) {
                Some(moved) => *side = moved,
                None => return *at,
            }
        }
        let stands = match comparison {
            Comparison::Equal | Comparison::NotEqual => {
                let may_meet = low <= bound && bound <= high;
                let meets = comparison.holds(std::cmp::Ordering::Equal) == holds;
                if meets { low == high } else { !may_meet }
            }
            _ => {
                comparison.holds(low.cmp(&bound)) == holds
                    && comparison.holds(high.cmp(&bound)) == holds
            }
        };
        if !stands {
            return *at;
        }
        rest = &rest[end..];
    }
    Instant::MAX
}
