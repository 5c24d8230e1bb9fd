//! Which facts stand in a collection at an instant, and until when.

use std::ops::ControlFlow;

use crosspoint_model::profile::{Fact, FactKind, Fragment};
use crosspoint_model::{Instant, Symbol};

use crate::eval::{Evaluator, Row};
use crate::moving::{Comparison, Moving, compare};
use crate::node::{Collection, MAX_WINDOWS, Rows, Window};

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
pub(crate) struct Standing {
    pub counts: bool,
    pub until: Instant,
}

/// In which order the facts of one name and fragment are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    OldestFirst,
    NewestFirst,
}

impl<'a> Evaluator<'a> {
    /// Shows every row that counts or may come to count by itself.
    pub fn visit(
        &mut self,
        collection: &'a Collection,
        each: &mut impl FnMut(&mut Self, Row<'a>, Standing),
    ) {
        self.visit_while(
            collection,
            Order::OldestFirst,
            &mut |this, row, standing| {
                each(this, row, standing);
                ControlFlow::Continue(())
            },
        );
    }

    /// [`Self::visit`], in an order, until `each` breaks off.
    pub fn visit_while(
        &mut self,
        collection: &'a Collection,
        order: Order,
        each: &mut impl FnMut(&mut Self, Row<'a>, Standing) -> ControlFlow<()>,
    ) {
        let mut bounds = [Bound {
            comparison: Comparison::Greater,
            bound: None,
        }; MAX_WINDOWS];
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
        let always = Standing {
            counts: true,
            until: Instant::MAX,
        };
        // Nobody is left to tell how it ended.
        let _ = match collection.rows {
            Rows::Facts(kind, name) => {
                self.facts(kind, name, earliest, order, &mut |this, fact| {
                    let time = this.in_time(fact, bounds);
                    this.row(collection, Row { fact, line: None }, time, each)
                })
            }
            Rows::Lines(kind) => self.facts(kind, None, earliest, order, &mut |this, fact| {
                let time = this.in_time(fact, bounds);
                this.lines(collection, fact, time, each)
            }),
            Rows::LinesOf(row) => match self.rows[row] {
                Some(Row { fact, .. }) => self.lines(collection, fact, always, each),
                None => ControlFlow::Continue(()),
            },
        };
    }

    fn lines(
        &mut self,
        collection: &'a Collection,
        fact: &'a Fact,
        time: Standing,
        each: &mut impl FnMut(&mut Self, Row<'a>, Standing) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        fact.lines.iter().try_for_each(|line| {
            let line = Some(line);
            self.row(collection, Row { fact, line }, time, each)
        })
    }

    fn row(
        &mut self,
        collection: &'a Collection,
        row: Row<'a>,
        time: Standing,
        each: &mut impl FnMut(&mut Self, Row<'a>, Standing) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut standing = time;
        if let (true, Some(filter)) = (time.counts, &collection.filter) {
            self.rows[collection.row] = Some(row);
            let (passes, until) = self.apart(|this| this.truth(filter));
            standing = match passes {
                true => Standing {
                    counts: true,
                    until: until.min(time.until),
                },
                false => Standing {
                    counts: false,
                    until,
                },
            };
        }
        if standing.counts || standing.until < Instant::MAX {
            return each(self, row, standing);
        }
        ControlFlow::Continue(())
    }

    /// Whether the fact's instant lies in all windows. A fact to come counts for nothing until
    /// its instant.
    fn in_time(&self, fact: &Fact, bounds: &[Bound]) -> Standing {
        if fact.at > self.now {
            return Standing {
                counts: false,
                until: fact.at,
            };
        }
        let mut until = Instant::MAX;
        for Bound { comparison, bound } in bounds {
            let Some(bound) = bound else { continue };
            let (holds, next) = compare(*comparison, Moving::fixed(fact.at.0), *bound, self.now);
            if !holds {
                return Standing {
                    counts: false,
                    until: next,
                };
            }
            until = until.min(next);
        }
        Standing {
            counts: true,
            until,
        }
    }

    /// Shows the facts of a kind that are not known to be too old.
    fn facts(
        &mut self,
        kind: FactKind,
        name: Option<Symbol>,
        later_than: Option<i64>,
        order: Order,
        each: &mut impl FnMut(&mut Self, &'a Fact) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let profile = self.profile;
        for fragment in &profile.fragments {
            let mut rest = named(of_kind(fragment, kind), name);
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
                let mut show = |fact: &'a Fact| match fact.counts {
                    true => each(self, fact),
                    false => ControlFlow::Continue(()),
                };
                match order {
                    Order::OldestFirst => group[start..].iter().try_for_each(&mut show)?,
                    Order::NewestFirst => group[start..].iter().rev().try_for_each(&mut show)?,
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// In how many runs the rows stand, each in the order of time: one per fragment for facts of one
    /// name. Others count as many.
    pub fn runs(&self, rows: &Rows) -> usize {
        let Rows::Facts(kind, Some(name)) = *rows else {
            return usize::MAX;
        };
        let parts = self.profile.fragments.iter();
        parts
            .filter(|part| !named(of_kind(part, kind), Some(name)).is_empty())
            .count()
    }
}

fn named(facts: &[Fact], name: Option<Symbol>) -> &[Fact] {
    let Some(name) = name else { return facts };
    let start = facts.partition_point(|fact| fact.name < name);
    let end = facts.partition_point(|fact| fact.name <= name);
    &facts[start..end]
}

fn of_kind(fragment: &Fragment, kind: FactKind) -> &[Fact] {
    let facts = &fragment.facts;
    let start = facts.partition_point(|fact| fact.kind < kind);
    let end = facts.partition_point(|fact| fact.kind <= kind);
    &facts[start..end]
}
