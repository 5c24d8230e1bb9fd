//! What is asked of a collection: `.count()`, `.sum('total')`, `spend('EUR')`.

use crosspoint_model::Value;
use crosspoint_model::nearest::did_you_mean;
use crosspoint_model::profile::FactKind;

use super::collections::{QUESTIONS, RowKind, STEPS};
use super::{Compiler, Type, Typed};
use crate::moving::Comparison;
use crate::node::{Aggregate, Field, Function, Node};
use crate::syntax::{Kind, Syntax};

impl Compiler<'_> {
    /// The question that ends a chain, such as `count()`.
    pub(super) fn question(
        &mut self,
        target: &Syntax,
        name: &str,
        args: &[Syntax],
        syntax: &Syntax,
    ) -> Option<Typed> {
        if STEPS.contains(&name) {
            return self.unasked(syntax);
        }
        let (collection, kind) = self.collection(target)?;
        let aggregate = |collection, function| {
            Node::Aggregate(Box::new(Aggregate {
                collection,
                function,
            }))
        };
        match (name, args) {
            ("count", []) => Some((aggregate(collection, Function::Count), Type::Int)),
            ("exists", []) => {
                let function = Function::Count;
                let counted = Box::new(Aggregate {
                    collection,
                    function,
                });
                let zero = Box::new(Node::Literal(Value::Int(0)));
                Some((
                    Node::Threshold(counted, Comparison::Greater, zero),
                    Type::Bool,
                ))
            }
            ("count" | "exists", _) => {
                let hint = Some("filter before, with `.where(o, ...)`".to_owned());
                self.fail(&syntax.place, format!("`{name}` takes no arguments"), hint);
                None
            }
            (
                _,
                [
                    Syntax {
                        kind: Kind::Text(field),
                        span,
                        ..
                    },
                ],
            ) if QUESTIONS.contains(&name) => {
                let (field, field_kind) = match field.as_str() {
                    "day" => (Field::Day, Type::Int),
                    field => self.row_field(kind, field, span)?,
                };
                let (function, result) = match name {
                    "sum" => (Function::Sum(field), Type::Decimal),
                    "avg" => (Function::Average(field), Type::Decimal),
                    "min" => (Function::Min(field), field_kind),
                    "max" => (Function::Max(field), field_kind),
                    "first" => (Function::First(field), field_kind),
                    "last" => (Function::Last(field), field_kind),
                    _ => (Function::Distinct(field), Type::Int),
                };
                let works = match name {
                    "sum" | "avg" => field_kind.fits(Type::Decimal),
                    "min" | "max" => field_kind.fits(Type::Decimal) || field_kind == Type::Instant,
                    _ => true,
                };
                if !works {
                    let message = format!("`{name}` needs numbers; this is {field_kind}");
                    self.fail(span, message, None);
                    return None;
                }
                Some((aggregate(collection, function), result))
            }
            (_, _) if QUESTIONS.contains(&name) => {
                let hint = format!("as in `.{name}('total')`");
                let message = format!("`{name}` takes the name of one field in quotes");
                self.fail(&syntax.place, message, Some(hint));
                None
            }
            _ => {
                let hint = did_you_mean(name, STEPS.into_iter().chain(QUESTIONS));
                self.fail(&syntax.place, format!("collections have no `{name}`"), hint);
                None
            }
        }
    }

    /// A collection where a value should be. Faults within the chain come first.
    pub(super) fn unasked(&mut self, syntax: &Syntax) -> Option<Typed> {
        self.collection(syntax)?;
        let hint = "end it with a question, as in `.count()` or `.exists()`";
        self.fail(&syntax.place, "a collection is no value", Some(hint.into()));
        None
    }

    /// `spend()` and `spend('EUR')`.
    pub(super) fn spend(&mut self, args: &[Syntax], syntax: &Syntax) -> Option<Typed> {
        let (mut collection, _) = self.collect(RowKind::Fact(FactKind::Order), None, syntax)?;
        collection.filter = match args {
            [] => None,
            [
                Syntax {
                    kind: Kind::Text(currency),
                    ..
                },
            ] => {
                let currency = self.symbol(currency);
                Some(Node::FieldIs(collection.row, Field::Currency, currency))
            }
            _ => {
                let hint = Some("as in `spend('EUR')`".to_owned());
                self.fail(
                    &syntax.place,
                    "`spend` takes a currency in quotes, or nothing",
                    hint,
                );
                return None;
            }
        };
        let function = Function::Sum(Field::Total);
        Some((
            Node::Aggregate(Box::new(Aggregate {
                collection,
                function,
            })),
            Type::Decimal,
        ))
    }
}
