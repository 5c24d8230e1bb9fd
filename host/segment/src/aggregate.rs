//! What is computed from a collection of facts, and when that changes by itself.

use crosspoint_model::{Decimal, Instant};
use crosspoint_profile::chronological_key;

use crate::eval::{Evaluator, Row};
use crate::moving::Comparison;
use crate::node::{Aggregate, Collection, Field, Function, Node};
use crate::value::{Number, Val, compare_values, divide, order};

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
                    if standing.counts
                        && let Some(number) = this.field(row, field).decimal()
                    {
                        sum = sum.and_then(|sum| sum.checked_add(number));
                    }
                });
                sum.map_or(Val::Absent, Val::Decimal)
            }
            Function::Average(field) => {
                let (mut sum, mut count) = (Some(Decimal::ZERO), 0);
                self.visit(collection, &mut |this, row, standing| {
                    next = next.min(standing.until);
                    if standing.counts
                        && let Some(number) = this.field(row, field).decimal()
                    {
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
        bound: &'a Node,
    ) -> bool {
        let bound = self.eval(bound);
        let Some(bound) = bound.number() else {
            return comparison.of_absent();
        };
        if let Some(truth) = self.decided(aggregate, comparison, bound) {
            return truth;
        }
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
                    if standing.counts
                        && let Some(Number::Int(count)) = &mut total
                    {
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
                let change = if standing.counts {
                    Decimal(-weight.0)
                } else {
                    weight
                };
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
            let side = if *change < Decimal::ZERO {
                &mut low
            } else {
                &mut high
            };
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
