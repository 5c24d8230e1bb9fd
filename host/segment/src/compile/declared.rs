//! Computed traits whose type is declared: the expression must be of that type, and what it gives is
//! read as that type wherever it is used.

use super::{Compiler, Type, Typed};
use crate::node::Node;
use crate::schema::TraitType;
use crate::syntax::Syntax;

impl Compiler<'_> {
    /// Reports an expression that is of another type than declared.
    pub(super) fn declared(
        &mut self,
        syntax: &Syntax,
        node: &Node,
        kind: Type,
        declared: TraitType,
    ) {
        if fits(node, kind, declared) {
            return;
        }
        let (said, found) = (word(declared.into()), word(kind));
        let message = format!("the trait is declared as {said}, but its expression gives {found}");
        let hint = match (declared, kind) {
            (TraitType::Int, Type::Decimal) => {
                "write `type = \"decimal\"`, or `round(...)` around the expression".to_owned()
            }
            (TraitType::Text, kind) if kind != Type::List => {
                format!("write `type = \"{found}\"`, or `string(...)` around the expression")
            }
            _ => format!("write `type = \"{found}\"`, or leave `type` out"),
        };
        self.fail(&syntax.span, message, Some(hint));
    }
}

/// What is known at load to be of another type does not fit; what is not known is read as declared.
fn fits(node: &Node, kind: Type, declared: TraitType) -> bool {
    let whole = matches!(node, Node::Round(_, 0));
    match (declared, kind) {
        (TraitType::Any, _) | (_, Type::Any | Type::Null) => true,
        (TraitType::Decimal, Type::Int) => true,
        (TraitType::Int, Type::Decimal) => whole,
        (declared, kind) => kind == Type::from(declared),
    }
}

/// The value of a computed trait, as the type that it was declared to be.
pub(super) fn as_declared((node, kind): Typed, declared: TraitType) -> Typed {
    let wanted = Type::from(declared);
    // Of the types that are known at load only `Decimal` leaves open which values come, but sums and
    // means are always decimals.
    let settled = wanted != Type::Decimal || matches!(node, Node::Aggregate(_));
    if declared == TraitType::Any || (kind == wanted && settled) {
        return (node, kind);
    }
    (Node::ReadAs(declared, Box::new(node)), wanted)
}

/// The word for `type` in a configuration.
fn word(kind: Type) -> &'static str {
    match kind {
        Type::Any | Type::Null => "any",
        Type::Bool => "boolean",
        Type::Int => "integer",
        Type::Decimal => "decimal",
        Type::Text => "text",
        Type::Instant => "instant",
        Type::Span => "a duration",
        Type::List => "list",
    }
}
