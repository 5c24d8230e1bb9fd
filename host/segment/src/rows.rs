//! Which facts stand in a collection at an instant, and until when.

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

impl<'a> Evaluator<'a> {
    /// Shows every row that counts or may come to count by itself.
    pub fn visit(
        &mut self,
        collection: &'a Collection,
        each: &mut impl FnMut(&mut Self, Row<'a>, Standing),
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
                    this.row(
                        collection,
                        Row {
                            fact,
                            line: Some(line),
                        },
                        time,
                        each,
                    );
                }
            }),
            Rows::LinesOf(row) => {
                let Some(Row { fact, .. }) = self.rows[row] else {
                    return;
                };
                let time = Standing {
                    counts: true,
                    until: Instant::MAX,
                };
                for line in &fact.lines {
                    self.row(
                        collection,
                        Row {
                            fact,
                            line: Some(line),
                        },
                        time,
                        each,
                    );
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
            each(self, row, standing);
        }
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
