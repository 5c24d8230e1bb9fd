//! Syntax tree to compiled form: resolves names, checks types, inlines computed traits and notes
//! what the rule depends on. All faults are reported, not only the first.

mod calls;
mod collections;
mod declared;
mod operators;
mod questions;
mod types;

use std::collections::BTreeMap;
use std::ops::Range;

use crosspoint_model::nearest::did_you_mean;
use crosspoint_model::{Symbol, Value};
use smol_str::SmolStr;

pub(crate) use types::Type;

use crate::depends::Dependencies;
use crate::error::RuleError;
use crate::node::Node;
use crate::schema::{Schema, TraitType};
use crate::syntax::{Kind, Syntax};
use collections::{COLLECTIONS, Scope};
use declared::as_declared;

/// Everything that an expression may refer to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Language {
    pub schema: Schema,
    /// Computed traits by name.
    pub computed: BTreeMap<SmolStr, Computed>,
    /// Segments by name.
    pub segments: BTreeMap<SmolStr, Symbol>,
}

/// A computed trait that parsed.
#[derive(Clone, Debug)]
pub(crate) struct Computed {
    pub syntax: Syntax,
    /// What it was declared to be; its expression is known to fit once it was checked.
    pub declared: TraitType,
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub(crate) struct Compiled {
    pub node: Node,
    pub kind: Type,
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
    let compiler = Compiler::new(language, None, rule, text, intern);
    let compiled = compiler.compile(syntax, wanted, Some(TraitType::Any));
    compiled.map_err(|faults| faults.errors)
}

/// Compiles a part of an expression that compiles as a whole; `None` where it means nothing by
/// itself.
pub(crate) fn compile_part(
    language: &Language,
    text: &str,
    syntax: &Syntax,
    intern: Intern<'_>,
) -> Option<Compiled> {
    let compiler = Compiler::new(language, None, "", text, intern);
    compiler.compile(syntax, Type::Any, None).ok()
}

/// Compiles the expression of the computed trait `owner`, which must not need itself and must be of
/// the type that it was declared to be.
pub(crate) fn compile_trait(
    language: &Language,
    owner: &SmolStr,
    text: &str,
    computed: &Computed,
    intern: Intern<'_>,
) -> Result<Compiled, Faults> {
    let rule = format!("traits.{owner}");
    let compiler = Compiler::new(language, Some(owner), &rule, text, intern);
    compiler.compile(&computed.syntax, Type::Any, Some(computed.declared))
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
    fn new(
        language: &'l Language,
        owner: Option<&'l SmolStr>,
        rule: &'l str,
        text: &'l str,
        intern: Intern<'l>,
    ) -> Self {
        Self {
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
        }
    }

    /// Compiles the expression to a value that is `wanted`. Where it leaves the evaluation, it is the
    /// value of a trait or field that was declared to be `declared`.
    fn compile(
        mut self,
        syntax: &Syntax,
        wanted: Type,
        declared: Option<TraitType>,
    ) -> Result<Compiled, Faults> {
        let typed = match wanted {
            Type::Any => self.expression(syntax),
            wanted => self.of_type(syntax, wanted),
        };
        match &typed {
            Some((_, Type::Span)) if declared.is_some() => {
                let hint = "count it with `.getHours()`, or `days_since(...)`";
                let message = "a duration is no value for a field";
                self.fail(&syntax.span, message, Some(hint.into()));
            }
            Some((node, kind)) => {
                self.declared(syntax, node, *kind, declared.unwrap_or(TraitType::Any));
            }
            None => {}
        }
        match typed {
            Some(typed) if self.inner_error.is_none() && self.errors.is_empty() => {
                self.depends.normalize();
                let (node, kind) = as_declared(typed, declared.unwrap_or(TraitType::Any));
                Ok(Compiled {
                    node,
                    kind,
                    depends: self.depends,
                    segments: self.segments,
                })
            }
            _ => {
                let elsewhere = self.errors.is_empty();
                let mut errors = self.errors;
                if elsewhere {
                    errors.extend(self.inner_error);
                }
                Err(Faults { errors, elsewhere })
            }
        }
    }

    fn fail(&mut self, span: &Range<usize>, message: impl Into<String>, hint: Option<String>) {
        // An inlined text is checked, and its faults told, on its own.
        if let Some((_, place)) = self.inlined.first() {
            let error = RuleError::at(self.rule, self.text, place.clone(), message.into(), hint);
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
            self.fail(
                &syntax.span,
                format!("expected {wanted}, found {kind}"),
                None,
            );
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
                Some((
                    Node::Not(Box::new(Node::IsAbsent(Box::new(node)))),
                    Type::Bool,
                ))
            }
            Kind::Not(operand) => {
                let operand = self.truth(operand)?;
                Some((Node::Not(Box::new(operand)), Type::Bool))
            }
            Kind::Negate(operand) => {
                let (node, kind) = self.expression(operand)?;
                if !kind.fits(Type::Decimal) && kind != Type::Span {
                    self.fail(
                        &operand.span,
                        format!("expected a number, found {kind}"),
                        None,
                    );
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
                Some((
                    Node::If(Box::new([condition?, then_node, otherwise_node])),
                    kind,
                ))
            }
            Kind::List(_) => {
                self.fail(
                    &syntax.span,
                    "a list stands only to the right of `in`",
                    None,
                );
                None
            }
            Kind::Function(name, args) => self.function(name, args, syntax),
            Kind::Method(target, name, args) => self.method(target, name, args, syntax),
        }
    }

    fn scope(&self, name: &str) -> Option<Scope> {
        self.scopes[self.hidden..]
            .iter()
            .rev()
            .find(|scope| scope.name == name)
            .cloned()
    }

    fn name(&mut self, name: &str, syntax: &Syntax) -> Option<Typed> {
        if self.scope(name).is_some() {
            let hint = format!("name one of its fields, as in `{name}.at`");
            self.fail(
                &syntax.span,
                format!("`{name}` is a whole fact"),
                Some(hint),
            );
            return None;
        }
        if name == "now" {
            return Some((Node::Now, Type::Instant));
        }
        let (message, hint) = if COLLECTIONS.iter().any(|row| row.0 == name) {
            let hint = format!("ask something of it, as in `{name}.count()`");
            (format!("`{name}` is a collection"), Some(hint))
        } else if name == "traits" {
            (
                "`traits` is no value".to_owned(),
                Some("name one, as in `traits.email`".to_owned()),
            )
        } else if self.knows_trait(name) {
            (
                format!("unknown name `{name}`"),
                Some(format!("did you mean `traits.{name}`?")),
            )
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
                let known = language
                    .schema
                    .traits
                    .keys()
                    .chain(language.computed.keys());
                let hint = did_you_mean(name, known.map(SmolStr::as_str));
                self.fail(place, format!("unknown trait `{name}`"), hint);
                return None;
            }
        };
        let symbol = self.symbol(name);
        self.depends.traits.push(symbol);
        Some((Node::Trait(symbol, kind), kind.into()))
    }

    fn inline(
        &mut self,
        name: &SmolStr,
        computed: &Computed,
        place: &Range<usize>,
    ) -> Option<Typed> {
        let path = self
            .owner
            .into_iter()
            .chain(self.inlined.iter().map(|(name, _)| name));
        let circle: Vec<&str> = path
            .skip_while(|found| *found != name)
            .map(SmolStr::as_str)
            .collect();
        if !circle.is_empty() {
            let message = format!(
                "the computed trait `{name}` needs itself: {} -> {name}",
                circle.join(" -> ")
            );
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
        let typed = self.expression(&computed.syntax);
        self.hidden = hidden;
        self.inlined.pop();
        typed.map(|typed| as_declared(typed, computed.declared))
    }
}
