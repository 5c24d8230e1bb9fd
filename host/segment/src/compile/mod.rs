//! Syntax tree to compiled form: resolves names, checks types, inlines computed traits and notes
//! what the rule depends on. All faults are reported, not only the first.

mod calls;
mod collections;
mod types;

use std::collections::BTreeMap;
use std::ops::Range;

use crosspoint_model::{Symbol, Value};
use smol_str::SmolStr;

pub(crate) use types::Type;

use crate::depends::Dependencies;
use crate::error::RuleError;
use crate::moving::Comparison;
use crate::node::{Function, Node};
use crate::schema::{Schema, TraitType, did_you_mean};
use crate::syntax::{Kind, Operator, Syntax};
use crate::value::Arithmetic;
use collections::{COLLECTIONS, Scope};

/// Everything that an expression may refer to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Language {
    pub schema: Schema,
    /// Computed traits by name.
    pub computed: BTreeMap<SmolStr, Syntax>,
    /// Segments by name.
    pub segments: BTreeMap<SmolStr, Symbol>,
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub(crate) struct Compiled {
    pub node: Node,
    pub depends: Dependencies,
    /// Segments that it names, with the place.
    pub segments: Vec<(SmolStr, Range<usize>)>,
}

pub(crate) type Intern<'a> = &'a mut dyn FnMut(&str) -> Symbol;

/// Why an expression does not compile.
pub(crate) struct Faults {
    pub errors: Vec<RuleError>,
    /// The text itself is right, but for a computed trait that it uses.
    pub elsewhere: bool,
}

/// Compiles an expression of type `wanted`.
pub(crate) fn compile(
    language: &Language,
    rule: &str,
    text: &str,
    syntax: &Syntax,
    wanted: Type,
    intern: Intern<'_>,
) -> Result<Compiled, Vec<RuleError>> {
    compile_trait(language, None, rule, text, syntax, wanted, intern)
        .map_err(|faults| faults.errors)
}

/// Compiles the expression of the computed trait `owner`, which must not need itself.
pub(crate) fn compile_trait(
    language: &Language,
    owner: Option<&SmolStr>,
    rule: &str,
    text: &str,
    syntax: &Syntax,
    wanted: Type,
    intern: Intern<'_>,
) -> Result<Compiled, Faults> {
    let mut compiler = Compiler {
        language,
        rule,
        text,
        intern,
        owner,
        errors: Vec::new(),
        inner_error: None,
        depends: Dependencies::default(),
        segments: Vec::new(),
        scopes: Vec::new(),
        hidden: 0,
        inlined: Vec::new(),
    };
    let compiled = match wanted {
        Type::Any => compiler.expression(syntax),
        wanted => compiler.of_type(syntax, wanted),
    };
    if matches!(&compiled, Some((_, Type::Span))) {
        let hint = "count it with `.getHours()`, or `days_since(...)`";
        compiler.fail(&syntax.span, "a duration is no value for a field", Some(hint.into()));
    }
    match compiled {
        Some((node, _)) if compiler.inner_error.is_none() && compiler.errors.is_empty() => {
            let (mut depends, segments) = (compiler.depends, compiler.segments);
            depends.normalize();
            Ok(Compiled { node, depends, segments })
        }
        _ => {
            let elsewhere = compiler.errors.is_empty();
            let mut errors = compiler.errors;
            if elsewhere {
                errors.extend(compiler.inner_error);
            }
            Err(Faults { errors, elsewhere })
        }
    }
}

type Typed = (Node, Type);

struct Compiler<'l> {
    language: &'l Language,
    rule: &'l str,
    text: &'l str,
    intern: Intern<'l>,
    /// The computed trait that is compiled, if it is one.
    owner: Option<&'l SmolStr>,
    errors: Vec<RuleError>,
    /// The first fault within an inlined text.
    inner_error: Option<RuleError>,
    depends: Dependencies,
    segments: Vec<(SmolStr, Range<usize>)>,
    /// Variables of `where`, outermost first.
    scopes: Vec<Scope>,
    /// So many of `scopes` cannot be named: they belong to the text around an inlined one.
    hidden: usize,
    /// Computed traits that are being inlined, and where they are named, outermost first.
    inlined: Vec<(SmolStr, Range<usize>)>,
}

impl<'l> Compiler<'l> {
    fn fail(&mut self, span: &Range<usize>, message: impl Into<String>, hint: Option<String>) {
        // An inlined text is checked, and its faults told, on its own.
        if let Some((_, place)) = self.inlined.first() {
            let error =
                RuleError::at(self.rule, self.text, place.clone(), message.into(), hint);
            self.inner_error.get_or_insert(error);
        } else {
            let error = RuleError::at(self.rule, self.text, span.clone(), message.into(), hint);
            self.errors.push(error);
        }
    }

    fn symbol(&mut self, name: &str) -> Symbol {
        (self.intern)(name)
    }

    /// An expression that must be of a type.
    fn of_type(&mut self, syntax: &Syntax, wanted: Type) -> Option<Typed> {
        let (node, kind) = self.expression(syntax)?;
        if !kind.fits(wanted) {
            self.fail(&syntax.span, format!("expected {wanted}, found {kind}"), None);
            return None;
        }
        Some((node, kind))
    }

    fn truth(&mut self, syntax: &Syntax) -> Option<Node> {
        self.of_type(syntax, Type::Bool).map(|typed| typed.0)
    }

    fn expression(&mut self, syntax: &Syntax) -> Option<Typed> {
        match &syntax.kind {
            Kind::Null => Some((Node::Literal(Value::Null), Type::Null)),
            Kind::Bool(flag) => Some((Node::Literal(Value::Bool(*flag)), Type::Bool)),
            Kind::Int(number) => Some((Node::Literal(Value::Int(*number)), Type::Int)),
            Kind::Decimal(number) => Some((Node::decimal(*number), Type::Decimal)),
            Kind::Text(text) => Some((Node::Literal(Value::Text(text.clone())), Type::Text)),
            Kind::Name(name) => self.name(name, syntax),
            Kind::Field(operand, name) => self.field(operand, name, syntax),
            Kind::Has(operand, name) => {
                let (node, _) = self.field(operand, name, syntax)?;
                Some((Node::Not(Box::new(Node::IsAbsent(Box::new(node)))), Type::Bool))
            }
            Kind::Not(operand) => {
                let operand = self.truth(operand)?;
                Some((Node::Not(Box::new(operand)), Type::Bool))
            }
            Kind::Negate(operand) => {
                let (node, kind) = self.expression(operand)?;
                if !kind.fits(Type::Decimal) && kind != Type::Span {
                    self.fail(&operand.span, format!("expected a number, found {kind}"), None);
                    return None;
                }
                Some((Node::Negate(Box::new(node)), kind))
            }
            Kind::Binary(operator, left, right) => self.binary(*operator, left, right, syntax),
            Kind::If(parts) => {
                let [condition, then, otherwise] = &**parts;
                let condition = self.truth(condition);
                let (then_typed, otherwise_typed) =
                    (self.expression(then), self.expression(otherwise));
                let ((then_node, left), (otherwise_node, right)) = (then_typed?, otherwise_typed?);
                let Some(kind) = left.either(right) else {
                    let message = format!("both results must be of one type: {left} or {right}");
                    self.fail(&otherwise.span, message, None);
                    return None;
                };
                Some((Node::If(Box::new([condition?, then_node, otherwise_node])), kind))
            }
            Kind::List(_) => {
                self.fail(&syntax.span, "a list stands only to the right of `in`", None);
                None
            }
            Kind::Function(name, args) => self.function(name, args, syntax),
            Kind::Method(target, name, args) => self.method(target, name, args, syntax),
        }
    }

    fn scope(&self, name: &str) -> Option<Scope> {
        self.scopes[self.hidden..].iter().rev().find(|scope| scope.name == name).cloned()
    }

    fn name(&mut self, name: &str, syntax: &Syntax) -> Option<Typed> {
        if self.scope(name).is_some() {
            let hint = format!("name one of its fields, as in `{name}.at`");
            self.fail(&syntax.span, format!("`{name}` is a whole fact"), Some(hint));
            return None;
        }
        if name == "now" {
            return Some((Node::Now, Type::Instant));
        }
        let (message, hint) = if COLLECTIONS.iter().any(|row| row.0 == name) {
            let hint = format!("ask something of it, as in `{name}.count()`");
            (format!("`{name}` is a collection"), Some(hint))
        } else if name == "traits" {
            ("`traits` is no value".to_owned(), Some("name one, as in `traits.email`".to_owned()))
        } else if self.knows_trait(name) {
            (format!("unknown name `{name}`"), Some(format!("did you mean `traits.{name}`?")))
        } else {
            let names = COLLECTIONS.iter().map(|row| row.0).chain(["now", "traits"]);
            (format!("unknown name `{name}`"), did_you_mean(name, names))
        };
        self.fail(&syntax.span, message, hint);
        None
    }

    fn knows_trait(&self, name: &str) -> bool {
        self.language.schema.traits.contains_key(name) || self.language.computed.contains_key(name)
    }

    fn field(&mut self, operand: &Syntax, name: &SmolStr, syntax: &Syntax) -> Option<Typed> {
        let Kind::Name(root) = &operand.kind else {
            let hint = Some("fields exist on `traits` and on the fact of a `where`".to_owned());
            self.fail(&syntax.place, format!("no field `{name}` here"), hint);
            return None;
        };
        if let Some(scope) = self.scope(root) {
            let (field, kind) = self.row_field(scope.kind, name, &syntax.place)?;
            return Some((Node::Field(scope.row, field), kind));
        }
        if root == "traits" {
            return self.profile_trait(name, &syntax.place);
        }
        // Tells what is wrong with the root.
        self.name(root, operand)?;
        self.fail(&syntax.place, format!("`{root}` has no fields"), None);
        None
    }

    fn profile_trait(&mut self, name: &SmolStr, place: &Range<usize>) -> Option<Typed> {
        let language = self.language;
        if let Some(computed) = language.computed.get(name) {
            return self.inline(name, computed, place);
        }
        let kind = match language.schema.traits.get(name) {
            Some(kind) => *kind,
            None if !language.schema.strict => TraitType::Any,
            None => {
                let known = language.schema.traits.keys().chain(language.computed.keys());
                let hint = did_you_mean(name, known.map(SmolStr::as_str));
                self.fail(place, format!("unknown trait `{name}`"), hint);
                return None;
            }
        };
        let symbol = self.symbol(name);
        self.depends.traits.push(symbol);
        Some((Node::Trait(symbol, kind), kind.into()))
    }

    fn inline(&mut self, name: &SmolStr, syntax: &Syntax, place: &Range<usize>) -> Option<Typed> {
        let path = self.owner.into_iter().chain(self.inlined.iter().map(|(name, _)| name));
        let circle: Vec<&str> =
            path.skip_while(|found| *found != name).map(SmolStr::as_str).collect();
        if !circle.is_empty() {
            let message =
                format!("the computed trait `{name}` needs itself: {} -> {name}", circle.join(" -> "));
            if self.owner == Some(name) {
                let place = self.inlined.first().map_or(place, |(_, place)| place);
                let error = RuleError::at(self.rule, self.text, place.clone(), message, None);
                self.errors.push(error);
            } else {
                self.fail(place, message, None);
            }
            return None;
        }
        self.inlined.push((name.clone(), place.clone()));
        let hidden = std::mem::replace(&mut self.hidden, self.scopes.len());
        let typed = self.expression(syntax);
        self.hidden = hidden;
        self.inlined.pop();
        typed
    }

    fn binary(
        &mut self,
        operator: Operator,
        left: &Syntax,
        right: &Syntax,
        syntax: &Syntax,
    ) -> Option<Typed> {
        let comparison = match operator {
            Operator::And | Operator::Or => {
                let operands: Vec<_> =
                    syntax.chain(operator).iter().map(|operand| self.truth(operand)).collect();
                let operands = operands.into_iter().collect::<Option<Vec<_>>>()?;
                let node =
                    if operator == Operator::And { Node::And(operands) } else { Node::Or(operands) };
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
            let other = if left_kind == Type::Null { right_node } else { left_node };
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
        if !equality && !(left_kind.is_ordered() && right_kind.is_ordered()) {
            let sign = operator.as_str();
            self.fail(&syntax.place, format!("`{sign}` does not order {left_kind}"), None);
            return None;
        }
        Some((self.comparison(comparison, left_node, right_node), Type::Bool))
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
            (left, right) => Node::Compare(comparison, Box::new(left), Box::new(right)),
        }
    }

    fn membership(&mut self, left: &Syntax, right: &Syntax) -> Option<Typed> {
        let operand = self.expression(left);
        let Kind::List(items) = &right.kind else {
            let list = self.of_type(right, Type::List);
            return Some((Node::InList(Box::new(operand?.0), Box::new(list?.0)), Type::Bool));
        };
        let (operand, operand_kind) = operand?;
        let mut nodes = Vec::with_capacity(items.len());
        for item in items {
            let Some((node, kind)) = self.expression(item) else { continue };
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
        let (add, subtract) =
            (operation == Arithmetic::Add, operation == Arithmetic::Subtract);
        let kind = match (left, right) {
            (Type::Int, Type::Int) => Some(Type::Int),
            (left, right) if left.is_number() && right.is_number() => Some(Type::Decimal),
            (Type::Any, other) | (other, Type::Any) if other.is_number() => Some(Type::Decimal),
            (Type::Any, Type::Any) if add || subtract => Some(Type::Any),
            (Type::Any, Type::Any) => Some(Type::Decimal),
            (Type::Text, Type::Text | Type::Any) | (Type::Any, Type::Text) if add => Some(Type::Text),
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
        Some((Node::Calculate(operation, Box::new(left_node), Box::new(right_node)), kind))
    }
}
