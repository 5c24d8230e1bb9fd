//! Collections of facts: `orders.within('30d').where(o, o.total > 50).count()`.

use std::ops::Range;

use crosspoint_model::nearest::did_you_mean;
use crosspoint_model::profile::FactKind;
use crosspoint_model::record::EngagementKind;
use crosspoint_model::time::parse_span_ms;
use smol_str::SmolStr;

use super::{Compiler, Type};
use crate::node::{Collection, Field, MAX_ROWS, MAX_WINDOWS, Node, Rows, Window};
use crate::syntax::{Kind, Syntax};

/// A variable of a `where`.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub name: SmolStr,
    pub kind: RowKind,
    pub row: usize,
}

/// What a variable stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowKind {
    Fact(FactKind),
    Line(FactKind),
}

/// Collections by name.
pub(super) const COLLECTIONS: [(&str, RowKind); 6] = [
    ("orders", RowKind::Fact(FactKind::Order)),
    ("carts", RowKind::Fact(FactKind::Cart)),
    ("events", RowKind::Fact(FactKind::Event)),
    ("submissions", RowKind::Fact(FactKind::Submission)),
    ("engagements", RowKind::Fact(FactKind::Engagement)),
    ("products", RowKind::Line(FactKind::Order)),
];

pub(super) const STEPS: [&str; 4] = ["within", "since", "before", "where"];
pub(super) const QUESTIONS: [&str; 9] = [
    "count", "exists", "sum", "min", "max", "avg", "first", "last", "distinct",
];

const LINE_FIELDS: [(&str, Field, Type); 10] = [
    ("at", Field::At, Type::Instant),
    ("category", Field::LineCategory, Type::Text),
    ("currency", Field::Currency, Type::Text),
    ("id", Field::Id, Type::Text),
    ("name", Field::LineName, Type::Text),
    ("product", Field::LineProduct, Type::Text),
    ("quantity", Field::LineQuantity, Type::Decimal),
    ("sku", Field::LineSku, Type::Text),
    ("status", Field::Name, Type::Text),
    ("total", Field::LineTotal, Type::Decimal),
];

const ENGAGEMENTS: [EngagementKind; 9] = [
    EngagementKind::Sent,
    EngagementKind::Delivered,
    EngagementKind::Opened,
    EngagementKind::Clicked,
    EngagementKind::Bounced,
    EngagementKind::Deferred,
    EngagementKind::Unsubscribed,
    EngagementKind::Complained,
    EngagementKind::Replied,
];

impl Compiler<'_> {
    /// Whether the expression is a collection, rightly used or not.
    pub(super) fn is_collection(&self, syntax: &Syntax) -> bool {
        let known = |name: &str| COLLECTIONS.iter().any(|row| row.0 == name);
        match &syntax.kind {
            Kind::Name(name) => self.scope(name).is_none() && known(name),
            Kind::Function(name, _) => known(name),
            Kind::Method(target, _, _) => self.is_collection(target),
            Kind::Field(operand, name) => {
                name == "lines"
                    && matches!(&operand.kind, Kind::Name(root) if self.scope(root).is_some())
            }
            _ => false,
        }
    }

    /// A field of a fact or position.
    pub(super) fn row_field(
        &mut self,
        kind: RowKind,
        name: &str,
        place: &Range<usize>,
    ) -> Option<(Field, Type)> {
        let RowKind::Fact(kind) = kind else {
            let found = LINE_FIELDS.iter().find(|row| row.0 == name);
            if found.is_none() {
                let hint = did_you_mean(name, LINE_FIELDS.iter().map(|row| row.0));
                self.fail(place, format!("a position has no field `{name}`"), hint);
            }
            return found.map(|row| (row.1, row.2));
        };
        let own_name = match kind {
            FactKind::Order | FactKind::Cart => "status",
            FactKind::Event => "name",
            FactKind::Submission => "form",
            FactKind::Engagement => "kind",
        };
        Some(match name {
            "at" => (Field::At, Type::Instant),
            "id" => (Field::Id, Type::Text),
            "total" => (Field::Total, Type::Decimal),
            "currency" => (Field::Currency, Type::Text),
            "lines" => {
                let hint = "ask something of them, as in `o.lines.count()`";
                self.fail(place, "`lines` is a collection", Some(hint.into()));
                return None;
            }
            name if name == own_name => (Field::Name, Type::Text),
            name => (Field::Property(self.symbol(name)), Type::Any),
        })
    }

    /// The collection that `syntax` describes, and what its elements are.
    pub(super) fn collection(&mut self, syntax: &Syntax) -> Option<(Collection, RowKind)> {
        match &syntax.kind {
            Kind::Name(name) => {
                let (_, kind) = COLLECTIONS.iter().find(|row| row.0 == name)?;
                self.collect(*kind, None, syntax)
            }
            Kind::Function(name, args) => {
                let (_, kind) = *COLLECTIONS.iter().find(|row| row.0 == name)?;
                let named = matches!(
                    kind,
                    RowKind::Fact(FactKind::Event | FactKind::Submission | FactKind::Engagement)
                );
                let wanted = match (named, args.as_slice()) {
                    (
                        true,
                        [
                            Syntax {
                                kind: Kind::Text(wanted),
                                span,
                                ..
                            },
                        ],
                    ) => (wanted, span),
                    (true, _) => {
                        let message = format!("`{name}` takes one name in quotes");
                        self.fail(
                            &syntax.place,
                            message,
                            Some(format!("as in `{name}('...')`")),
                        );
                        return None;
                    }
                    (false, _) => {
                        let hint = Some(format!("write `{name}`"));
                        self.fail(&syntax.place, format!("`{name}` is no function"), hint);
                        return None;
                    }
                };
                self.check_fact_name(kind, wanted.0, wanted.1)?;
                self.collect(kind, Some(wanted.0), syntax)
            }
            Kind::Field(operand, _) => {
                let Kind::Name(root) = &operand.kind else {
                    return None;
                };
                let scope = self.scope(root)?;
                let RowKind::Fact(kind) = scope.kind else {
                    self.fail(
                        &syntax.place,
                        "a position has no positions of its own",
                        None,
                    );
                    return None;
                };
                let row = self.free_row(&syntax.place)?;
                let rows = Rows::LinesOf(scope.row);
                let collection = Collection {
                    rows,
                    windows: Vec::new(),
                    filter: None,
                    row,
                };
                Some((collection, RowKind::Line(kind)))
            }
            Kind::Method(target, name, args) => {
                let (mut collection, kind) = self.collection(target)?;
                self.step(&mut collection, kind, name, args, syntax)?;
                Some((collection, kind))
            }
            _ => None,
        }
    }

    fn check_fact_name(&mut self, kind: RowKind, name: &str, span: &Range<usize>) -> Option<()> {
        let (what, known): (_, Vec<&str>) = match kind {
            RowKind::Fact(FactKind::Engagement) => (
                "engagement",
                ENGAGEMENTS.iter().map(|kind| kind.as_str()).collect(),
            ),
            RowKind::Fact(FactKind::Event) => match &self.language.schema.events {
                Some(events) => ("event", events.iter().map(SmolStr::as_str).collect()),
                None => return Some(()),
            },
            _ => return Some(()),
        };
        if known.contains(&name) {
            return Some(());
        }
        let hint = did_you_mean(name, known);
        self.fail(span, format!("unknown {what} `{name}`"), hint);
        None
    }

    fn free_row(&mut self, place: &Range<usize>) -> Option<usize> {
        let row = self.scopes.len();
        if row >= MAX_ROWS {
            let message = format!("more than {MAX_ROWS} collections within one another");
            self.fail(place, message, None);
            return None;
        }
        Some(row)
    }

    pub(super) fn collect(
        &mut self,
        kind: RowKind,
        name: Option<&str>,
        syntax: &Syntax,
    ) -> Option<(Collection, RowKind)> {
        let row = self.free_row(&syntax.place)?;
        let name = name.map(|name| self.symbol(name));
        let rows = match kind {
            RowKind::Fact(kind) => Rows::Facts(kind, name),
            RowKind::Line(kind) => Rows::Lines(kind),
        };
        let (RowKind::Fact(fact) | RowKind::Line(fact)) = kind;
        self.depends.facts.push((fact, name));
        Some((
            Collection {
                rows,
                windows: Vec::new(),
                filter: None,
                row,
            },
            kind,
        ))
    }

    fn step(
        &mut self,
        collection: &mut Collection,
        kind: RowKind,
        name: &str,
        args: &[Syntax],
        syntax: &Syntax,
    ) -> Option<()> {
        match (name, args) {
            (
                "where",
                [
                    Syntax {
                        kind: Kind::Name(variable),
                        span,
                        ..
                    },
                    condition,
                ],
            ) => {
                let taken = COLLECTIONS.iter().any(|row| row.0 == variable);
                if taken || variable == "traits" || variable == "now" {
                    let hint = Some("take another name, such as `o`".to_owned());
                    self.fail(span, format!("`{variable}` has a meaning already"), hint);
                    return None;
                }
                let scope = Scope {
                    name: variable.clone(),
                    kind,
                    row: collection.row,
                };
                self.scopes.push(scope);
                let condition = self.truth(condition);
                self.scopes.pop();
                collection.filter = Some(match collection.filter.take() {
                    Some(Node::And(mut all)) => {
                        all.push(condition?);
                        Node::And(all)
                    }
                    Some(first) => Node::And(vec![first, condition?]),
                    None => condition?,
                });
                return Some(());
            }
            ("where", _) => {
                let hint = "as in `.where(o, o.total > 50)`";
                let message = "`where` takes a name for the fact and a condition";
                self.fail(&syntax.place, message, Some(hint.into()));
                return None;
            }
            _ => {}
        }
        if !STEPS.contains(&name) {
            if QUESTIONS.contains(&name) {
                let message = format!("nothing can follow `{name}` here");
                self.fail(&syntax.place, message, None);
            } else {
                let hint = did_you_mean(name, STEPS.into_iter().chain(QUESTIONS));
                self.fail(&syntax.place, format!("collections have no `{name}`"), hint);
            }
            return None;
        }
        if matches!(collection.rows, Rows::LinesOf(_)) {
            let message = format!("`{name}` does not work on the positions of one fact");
            self.fail(&syntax.place, message, None);
            return None;
        }
        let [arg] = args else {
            self.fail(&syntax.place, format!("`{name}` takes one argument"), None);
            return None;
        };
        let window = match name {
            "within" => Window::Within(self.span_literal(arg)?),
            "since" => Window::Since(self.of_type(arg, Type::Instant)?.0),
            _ => Window::Before(self.of_type(arg, Type::Instant)?.0),
        };
        collection.windows.push(window);
        if collection.windows.len() > MAX_WINDOWS {
            let message = format!("more than {MAX_WINDOWS} time windows on one collection");
            self.fail(&syntax.place, message, None);
            return None;
        }
        Some(())
    }

    /// `'30d'`, or `duration('30d')`.
    pub(super) fn span_literal(&mut self, syntax: &Syntax) -> Option<i64> {
        match &syntax.kind {
            Kind::Text(text) => match parse_span_ms(text) {
                Ok(ms) => Some(ms),
                Err(error) => {
                    self.fail(&syntax.span, error.to_string(), None);
                    None
                }
            },
            Kind::Function(name, args) if name == "duration" => match args.as_slice() {
                [arg] => self.span_literal(arg),
                _ => {
                    self.fail(&syntax.place, "`duration` takes one text in quotes", None);
                    None
                }
            },
            _ => {
                let hint = Some("as in `'30d'`".to_owned());
                self.fail(&syntax.span, "expected a duration in quotes", hint);
                None
            }
        }
    }
}
