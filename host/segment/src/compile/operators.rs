//! Operators: comparison, logic, membership of lists, arithmetic.

use crosspoint_model::Value;

use super::{Compiler, Type, Typed};
use crate::moving::Comparison;
use crate::node::{Function, Node};
use crate::syntax::{Kind, Operator, Syntax};
use crate::value::Arithmetic;

impl Compiler<'_> {
    pub(super) fn binary(
        &mut self,
        operator: Operator,
        left: &Syntax,
        right: &Syntax,
        syntax: &Syntax,
    ) -> Option<Typed> {
        let comparison = match operator {
            Operator::And | Operator::Or => {
                let operands: Vec<_> = syntax
                    .chain(operator)
                    .iter()
                    .map(|operand| self.truth(operand))
                    .collect();
                let operands = operands.into_iter().collect::<Option<Vec<_>>>()?;
                let node = if operator == Operator::And {
                    Node::And(operands)
                } else {
                    Node::Or(operands)
                };
                return Some((node, Type::Bool));
            }
            Operator::In => return self.membership(left, right),
            Operator::Equal => Comparison::Equal,
            Operator::NotEqual => Comparison::NotEqual,
            Operator::Less => Comparison::Less,
            Operator::LessOrEqual => Comparison::LessOrEqual,
            Operator::Greater => Comparison::Greater,
            Operator::GreaterOrEqual => Comparison::GreaterOrEqual,
            _ => return self.arithmetic(operator, left, right, syntax),
        };
        let (left_typed, right_typed) = (self.expression(left), self.expression(right));
        let ((left_node, left_kind), (right_node, right_kind)) = (left_typed?, right_typed?);
        let equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        let null = left_kind == Type::Null || right_kind == Type::Null;
        if null && equality {
            let other = if left_kind == Type::Null {
                right_node
            } else {
                left_node
            };
            let absent = Node::IsAbsent(Box::new(other));
            let node = match comparison {
                Comparison::Equal => absent,
                _ => Node::Not(Box::new(absent)),
            };
            return Some((node, Type::Bool));
        }
        let list = left_kind == Type::List || right_kind == Type::List;
        if list || null || !left_kind.comparable(right_kind) {
            let kinds = [left_kind, right_kind];
            let dated = kinds.contains(&Type::Instant) && kinds.contains(&Type::Text);
            let hint = match (list, dated) {
                (true, _) => Some("look into a list with `in`".to_owned()),
                (_, true) => Some("write an instant as `timestamp('2026-01-31')`".to_owned()),
                _ => None,
            };
            let message = format!("cannot compare {left_kind} with {right_kind}");
            self.fail(&syntax.place, message, hint);
            return None;
        }
        let ordered = left_kind.is_ordered() && right_kind.is_ordered();
        if !(equality || ordered) {
            let sign = operator.as_str();
            self.fail(
                &syntax.place,
                format!("`{sign}` does not order {left_kind}"),
                None,
            );
            return None;
        }
        Some((
            self.comparison(comparison, left_node, right_node),
            Type::Bool,
        ))
    }

    /// Chooses the form that is cheapest, and turns latest.
    fn comparison(&mut self, comparison: Comparison, left: Node, right: Node) -> Node {
        let counts = |node: &Node| match node {
            Node::Aggregate(aggregate) => {
                matches!(aggregate.function, Function::Count | Function::Sum(_))
            }
            _ => false,
        };
        match (left, right) {
            (Node::Aggregate(aggregate), bound) if counts(&Node::Aggregate(aggregate.clone())) => {
                Node::Threshold(aggregate, comparison, Box::new(bound))
            }
            (bound, Node::Aggregate(aggregate)) if counts(&Node::Aggregate(aggregate.clone())) => {
                Node::Threshold(aggregate, comparison.mirrored(), Box::new(bound))
            }
            (Node::Field(row, field), Node::Literal(Value::Text(text)))
            | (Node::Literal(Value::Text(text)), Node::Field(row, field))
                if field.is_symbol()
                    && matches!(comparison, Comparison::Equal | Comparison::NotEqual) =>
            {
                let is = Node::FieldIs(row, field, self.symbol(&text));
                match comparison {
                    Comparison::Equal => is,
                    _ => Node::Not(Box::new(is)),
                }
            }
            // What is collected stands on the left, where a few facts may decide.
            (bound, aggregate @ Node::Aggregate(_)) if !matches!(bound, Node::Aggregate(_)) => {
                let comparison = comparison.mirrored();
                Node::Compare(comparison, Box::new(aggregate), Box::new(bound))
            }
            (left, right) => Node::Compare(comparison, Box::new(left), Box::new(right)),
        }
    }

    fn membership(&mut self, left: &Syntax, right: &Syntax) -> Option<Typed> {
        let operand = self.expression(left);
        let Kind::List(items) = &right.kind else {
            let list = self.of_type(right, Type::List);
            return Some((
                Node::InList(Box::new(operand?.0), Box::new(list?.0)),
                Type::Bool,
            ));
        };
        let (operand, operand_kind) = operand?;
        let mut nodes = Vec::with_capacity(items.len());
        for item in items {
            let Some((node, kind)) = self.expression(item) else {
                continue;
            };
            if kind == Type::List || !operand_kind.comparable(kind) {
                let message = format!("cannot compare {operand_kind} with {kind}");
                self.fail(&item.span, message, None);
            }
            nodes.push(node);
        }
        Some((Node::AnyOf(Box::new(operand), nodes), Type::Bool))
    }

    fn arithmetic(
        &mut self,
        operator: Operator,
        left: &Syntax,
        right: &Syntax,
        syntax: &Syntax,
    ) -> Option<Typed> {
        let (left_typed, right_typed) = (self.expression(left), self.expression(right));
        let ((left_node, left), (right_node, right)) = (left_typed?, right_typed?);
        let operation = match operator {
            Operator::Add => Arithmetic::Add,
            Operator::Subtract => Arithmetic::Subtract,
            Operator::Multiply => Arithmetic::Multiply,
            Operator::Divide => Arithmetic::Divide,
            _ => Arithmetic::Remainder,
        };
        let (add, subtract) = (
            operation == Arithmetic::Add,
            operation == Arithmetic::Subtract,
        );
        let kind = match (left, right) {
            (Type::Int, Type::Int) => Some(Type::Int),
            (left, right) if left.is_number() && right.is_number() => Some(Type::Decimal),
            (Type::Any, other) | (other, Type::Any) if other.is_number() => Some(Type::Decimal),
            (Type::Any, Type::Any) if add || subtract => Some(Type::Any),
            (Type::Any, Type::Any) => Some(Type::Decimal),
            (Type::Text, Type::Text | Type::Any) | (Type::Any, Type::Text) if add => {
                Some(Type::Text)
            }
            (Type::Instant, Type::Span) if add || subtract => Some(Type::Instant),
            (Type::Span, Type::Instant) if add => Some(Type::Instant),
            (Type::Span, Type::Span) if add || subtract => Some(Type::Span),
            (Type::Instant, Type::Instant) if subtract => Some(Type::Span),
            (Type::Any, Type::Instant) if subtract => Some(Type::Span),
            (Type::Instant, Type::Any) if subtract => Some(Type::Any),
            (Type::Any, Type::Span) if add || subtract => Some(Type::Instant),
            (Type::Span | Type::Instant, Type::Any) if add => Some(Type::Instant),
            (Type::Any, Type::Instant) if add => Some(Type::Instant),
            _ => None,
        };
        let Some(kind) = kind else {
            let sign = operator.as_str();
            let message = format!("`{sign}` does not work on {left} and {right}");
            self.fail(&syntax.place, message, None);
            return None;
        };
        Some((
            Node::Calculate(operation, Box::new(left_node), Box::new(right_node)),
            kind,
        ))
    }
}
