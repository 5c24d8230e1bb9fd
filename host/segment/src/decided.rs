//! Comparisons that a few facts decide, whatever the others say: a count that has reached its bound
//! does not fall below it by counting on. A rule then costs as many facts as its bound asks for, not
//! as many as a person has.

use crosspoint_model::Instant;
use std::ops::ControlFlow;

use crate::eval::Evaluator;
use crate::moving::Comparison;
use crate::node::{Aggregate, Collection, Function};
use crate::rows::Order;
use crate::value::{Number, Val, order};

/// Beyond so many, looking at every fact once is cheaper than finding out that one has to.
const FEW: usize = 32;

impl<'a> Evaluator<'a> {
    /// The comparison's truth where a few facts decide it, or where all were looked at and time
    /// changes nothing. `None` leaves it to the whole evaluation. It turns exactly when that one
    /// says.
    pub fn decided(
        &mut self,
        aggregate: &'a Aggregate,
        comparison: Comparison,
        bound: Number,
    ) -> Option<bool> {
        let collection = &aggregate.collection;
        // With each further fact a smallest value falls, and everything else here rises.
        let rises = match aggregate.function {
            Function::Count if bound.order(Number::Int(FEW as i64)).is_gt() => return None,
            Function::Count | Function::Distinct(_) | Function::Max(_) => true,
            Function::Min(_) => false,
            _ => return None,
        };
        let above = match comparison {
            Comparison::Greater | Comparison::GreaterOrEqual => true,
            Comparison::Less | Comparison::LessOrEqual => false,
            Comparison::Equal | Comparison::NotEqual => return None,
        };
        let truth = rises == above;
        let decides = |number: Number| comparison.holds(number.order(bound)) == truth;
        let (mut count, mut seen) = (0, Vec::new());
        let (mut soonest, mut moves) = (Instant::MAX, false);
        let mut ended = None;
        if matches!(aggregate.function, Function::Count | Function::Distinct(_))
            && decides(Number::Int(0))
        {
            return Some(truth);
        }
        self.visit_while(
            collection,
            Order::NewestFirst,
            &mut |this, row, standing| {
                moves |= standing.until < Instant::MAX;
                if !standing.counts {
                    return ControlFlow::Continue(());
                }
                let until = standing.until;
                let reached = match aggregate.function {
                    Function::Count => {
                        count += 1;
                        soonest = soonest.min(until);
                        decides(Number::Int(count))
                    }
                    Function::Distinct(field) => {
                        let value = this.field(row, field);
                        if value.is_absent() || seen.iter().any(|it| order(it, &value).is_eq()) {
                            return ControlFlow::Continue(());
                        }
                        if seen.len() == FEW {
                            ended = Some(None);
                            return ControlFlow::Break(());
                        }
                        seen.push(value);
                        soonest = soonest.min(until);
                        decides(Number::Int(seen.len() as i64))
                    }
                    Function::Max(field) | Function::Min(field) => match this.field(row, field) {
                        // An instant is no number: the whole evaluation compares it.
                        Val::Instant(_) => {
                            ended = Some(None);
                            return ControlFlow::Break(());
                        }
                        value => match value.number() {
                            Some(number) => {
                                count += 1;
                                soonest = until;
                                decides(number)
                            }
                            None => false,
                        },
                    },
                    _ => false,
                };
                if reached {
                    ended = Some(Some(truth));
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            },
        );
        match ended {
            Some(Some(truth)) if soonest == Instant::MAX => Some(truth),
            // The newest facts of one run leave their window last: when the oldest of those that
            // were needed goes, the count falls below its bound.
            Some(Some(truth))
                if aggregate.function == Function::Count && self.is_one_run(collection) =>
            {
                self.until(soonest);
                Some(truth)
            }
            Some(_) => None,
            None if moves => None,
            None => Some(match aggregate.function {
                Function::Max(_) | Function::Min(_) if count == 0 => comparison.of_absent(),
                _ => !truth,
            }),
        }
    }

    /// Whether nothing but time chooses among facts that stand in one order of time.
    fn is_one_run(&self, collection: &Collection) -> bool {
        collection.filter.is_none() && self.runs(&collection.rows) <= 1
    }
}
