//! Text to syntax tree. The only place that knows the parser crate.

use std::ops::Range;

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators};
use cel::parser::{ParseErrors, Parser};
use crosspoint_model::Decimal;
use smol_str::SmolStr;

use crate::error::RuleError;

/// An expression with its place in the text.
#[derive(Clone, Debug)]
pub(crate) struct Syntax {
    pub kind: Kind,
    /// Where a fault of this expression is shown: its name or operator.
    pub place: Range<usize>,
    /// The whole expression.
    pub span: Range<usize>,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Decimal(Decimal),
    Text(SmolStr),
    /// A variable.
    Name(SmolStr),
    /// `operand.name` or `operand['name']`.
    Field(Box<Syntax>, SmolStr),
    /// `has(operand.name)`.
    Has(Box<Syntax>, SmolStr),
    Not(Box<Syntax>),
    Negate(Box<Syntax>),
    Binary(Operator, Box<Syntax>, Box<Syntax>),
    /// `condition ? then : otherwise`.
    If(Box<[Syntax; 3]>),
    List(Vec<Syntax>),
    /// `name(args)`.
    Function(SmolStr, Vec<Syntax>),
    /// `operand.name(args)`.
    Method(Box<Syntax>, SmolStr, Vec<Syntax>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    And,
    Or,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    In,
}

/// Operator by the parser's name, and as written.
const OPERATORS: [(&str, Operator, &str); 14] = [
    (operators::LOGICAL_AND, Operator::And, "&&"),
    (operators::LOGICAL_OR, Operator::Or, "||"),
    (operators::EQUALS, Operator::Equal, "=="),
    (operators::NOT_EQUALS, Operator::NotEqual, "!="),
    (operators::LESS, Operator::Less, "<"),
    (operators::LESS_EQUALS, Operator::LessOrEqual, "<="),
    (operators::GREATER, Operator::Greater, ">"),
    (operators::GREATER_EQUALS, Operator::GreaterOrEqual, ">="),
    (operators::ADD, Operator::Add, "+"),
    (operators::SUBSTRACT, Operator::Subtract, "-"),
    (operators::MULTIPLY, Operator::Multiply, "*"),
    (operators::DIVIDE, Operator::Divide, "/"),
    (operators::MODULO, Operator::Remainder, "%"),
    (operators::IN, Operator::In, "in"),
];

impl Operator {
    /// As written in a rule.
    pub fn as_str(self) -> &'static str {
        OPERATORS
            .iter()
            .find(|row| row.1 == self)
            .map_or("", |row| row.2)
    }
}

impl Syntax {
    /// The operands of a chain of `operator`, in their order; the expression alone where it is
    /// none.
    pub fn chain(&self, operator: Operator) -> Vec<&Syntax> {
        match &self.kind {
            Kind::Binary(found, left, right) if *found == operator => {
                let mut operands = left.chain(operator);
                operands.extend(right.chain(operator));
                operands
            }
            _ => vec![self],
        }
    }
}

/// Reads a rule.
pub(crate) fn parse(rule: &str, text: &str) -> Result<Syntax, Vec<RuleError>> {
    if text.trim().is_empty() {
        let message = "the rule is empty".to_owned();
        return Err(vec![RuleError::at(rule, text, 0..0, message, None)]);
    }
    let (expression, source) = Parser::default()
        .parse_with_source_info(text)
        .map_err(|errors| syntax_errors(rule, text, errors))?;
    let mut reader = Reader {
        rule,
        text,
        source,
        errors: Vec::new(),
    };
    match reader.read(&expression) {
        Some(syntax) if reader.errors.is_empty() => Ok(syntax),
        _ => Err(reader.errors),
    }
}

fn syntax_errors(rule: &str, text: &str, errors: ParseErrors) -> Vec<RuleError> {
    // Later ones follow from the first more often than not.
    let first = errors.errors.into_iter().next();
    let (line, column, found) = first.map_or((1, 1, String::new()), |error| {
        (error.pos.0, error.pos.1, error.msg)
    });
    let line_start: usize = text
        .split_inclusive('\n')
        .take(usize::try_from(line - 1).unwrap_or(0))
        .map(str::len)
        .sum();
    let column = usize::try_from(column - 1).unwrap_or(0);
    let start = text.get(line_start..).map_or(text.len(), |rest| {
        rest.char_indices()
            .nth(column)
            .map_or(text.len(), |(at, _)| line_start + at)
    });
    let (message, hint) = in_our_words(&found);
    vec![RuleError::at(
        rule,
        text,
        start..text.len().min(start + 1),
        message,
        hint,
    )]
}

/// The parser's messages list every token of its grammar.
fn in_our_words(found: &str) -> (String, Option<String>) {
    if found.contains("has() macro") {
        let hint = "write `traits['name'] != null` for a name that is no identifier";
        return (
            "`has` takes a field, as in `has(traits.email)`".into(),
            Some(hint.into()),
        );
    }
    let found = found.strip_prefix("Syntax error: ").unwrap_or(found);
    if found.contains("<EOF>") && !found.contains("extraneous") {
        return ("the rule ends too early".into(), None);
    }
    if let Some(rest) = found.strip_prefix("token recognition error at: '") {
        let rest = rest.strip_suffix('\'').unwrap_or(rest).trim();
        let hint = match rest {
            "=" => Some("`==` compares"),
            "&" => Some("`&&` is and"),
            "|" => Some("`||` is or"),
            _ if rest.starts_with(['\'', '"']) => Some("close the text with the same quote"),
            _ => None,
        };
        return (format!("cannot read `{rest}`"), hint.map(str::to_owned));
    }
    for prefix in [
        "extraneous input '",
        "mismatched input '",
        "no viable alternative at input '",
    ] {
        if let Some(rest) = found.strip_prefix(prefix) {
            let token = rest
                .split("' expecting")
                .next()
                .unwrap_or(rest)
                .trim_end_matches('\'');
            return (format!("unexpected `{token}`"), None);
        }
    }
    (found.to_lowercase(), None)
}

struct Reader<'t> {
    rule: &'t str,
    text: &'t str,
    source: SourceInfo,
    errors: Vec<RuleError>,
}

impl Reader<'_> {
    fn fail(&mut self, span: Range<usize>, message: impl Into<String>, hint: Option<&str>) {
        let hint = hint.map(str::to_owned);
        self.errors.push(RuleError::at(
            self.rule,
            self.text,
            span,
            message.into(),
            hint,
        ));
    }

    /// Bytes of the node's own token.
    fn token(&self, id: u64) -> Range<usize> {
        let (start, stop) = self.source.offset_for(id).unwrap_or((0, 0));
        let end = (stop as usize + 1).min(self.text.len());
        (start as usize).min(end)..end
    }

    /// The name that ends right before the parenthesis at `token`.
    fn name_before(&self, token: &Range<usize>, name: &str) -> Range<usize> {
        let before = self.text.get(..token.start).unwrap_or("").trim_end();
        if before.ends_with(name) {
            before.len() - name.len()..before.len()
        } else {
            token.clone()
        }
    }

    /// The name that follows the point at `token`.
    fn name_after(&self, token: &Range<usize>, name: &str) -> Range<usize> {
        let after = self.text.get(token.end..).unwrap_or("");
        let start = token.end + (after.len() - after.trim_start().len());
        if self
            .text
            .get(start..)
            .is_some_and(|rest| rest.starts_with(name))
        {
            start..start + name.len()
        } else {
            token.clone()
        }
    }

    /// One past the bracket that closes after `end`.
    fn closed(&self, end: usize, bracket: char) -> usize {
        let rest = self.text.get(end..).unwrap_or("");
        let skipped = rest.find(|c: char| !c.is_whitespace() && c != ',' && c != ')');
        match rest.find(bracket) {
            Some(at) if skipped.is_none_or(|limit| at <= limit) => end + at + 1,
            _ => end,
        }
    }

    fn read(&mut self, expression: &IdedExpr) -> Option<Syntax> {
        let token = self.token(expression.id);
        match &expression.expr {
            Expr::Literal(literal) => {
                let kind = self.literal(literal, &token)?;
                // The parser gives a negative number the place of its digits.
                let negative = match &kind {
                    Kind::Int(number) => *number < 0,
                    Kind::Decimal(number) => *number < Decimal::ZERO,
                    _ => false,
                };
                let sign = self.text.get(..token.start).unwrap_or("").trim_end();
                let span = if negative && sign.ends_with('-') {
                    sign.len() - 1..token.end
                } else {
                    token
                };
                Some(Syntax {
                    kind,
                    place: span.clone(),
                    span,
                })
            }
            Expr::Ident(name) => Some(Syntax {
                kind: Kind::Name(name.into()),
                place: token.clone(),
                span: token,
            }),
            Expr::Select(select) => {
                let operand = Box::new(self.read(&select.operand)?);
                let name = SmolStr::new(&select.field);
                if select.test {
                    let start = self.name_before(&token, "has").start;
                    let field_end = self
                        .text
                        .get(operand.span.end..)
                        .and_then(|rest| rest.find(name.as_str()))
                        .map_or(operand.span.end, |at| operand.span.end + at + name.len());
                    let place = field_end - name.len().min(field_end)..field_end;
                    let span = start..self.closed(field_end, ')');
                    return Some(Syntax {
                        kind: Kind::Has(operand, name),
                        place,
                        span,
                    });
                }
                let place = self.name_after(&token, &name);
                let span = operand.span.start..place.end;
                Some(Syntax {
                    kind: Kind::Field(operand, name),
                    place,
                    span,
                })
            }
            Expr::List(list) => {
                let items = self.read_all(&list.elements)?;
                let last = items.last().map_or(token.end, |item| item.span.end);
                let span = token.start..self.closed(last, ']');
                Some(Syntax {
                    kind: Kind::List(items),
                    place: span.clone(),
                    span,
                })
            }
            Expr::Call(call) => self.call(call, token),
            Expr::Comprehension(_) => {
                let hint = "filter facts with `.where(o, ...)` and test with `.exists()` without arguments";
                self.fail(
                    token,
                    "the macros of CEL are not part of this language",
                    Some(hint),
                );
                None
            }
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                self.fail(
                    token,
                    "maps and messages are not part of this language",
                    None,
                );
                None
            }
        }
    }

    fn read_all(&mut self, expressions: &[IdedExpr]) -> Option<Vec<Syntax>> {
        let read: Vec<_> = expressions
            .iter()
            .map(|expression| self.read(expression))
            .collect();
        read.into_iter().collect()
    }

    fn literal(&mut self, literal: &LiteralValue, token: &Range<usize>) -> Option<Kind> {
        Some(match literal {
            LiteralValue::Null => Kind::Null,
            LiteralValue::Boolean(flag) => Kind::Bool(*flag.inner()),
            LiteralValue::Int(number) => Kind::Int(*number.inner()),
            LiteralValue::String(text) => Kind::Text(text.inner().into()),
            LiteralValue::Double(number) => {
                // The shortest text that reads as this double is what the person wrote.
                match number.inner().to_string().parse() {
                    Ok(number) => Kind::Decimal(number),
                    Err(_) => {
                        self.fail(token.clone(), "the number has more than 28 digits", None);
                        return None;
                    }
                }
            }
            LiteralValue::UInt(number) => match i64::try_from(*number.inner()) {
                Ok(number) => Kind::Int(number),
                Err(_) => {
                    self.fail(token.clone(), "the number is too big", None);
                    return None;
                }
            },
            LiteralValue::Bytes(_) => {
                self.fail(token.clone(), "bytes are not part of this language", None);
                return None;
            }
        })
    }

    fn call(&mut self, call: &CallExpr, token: Range<usize>) -> Option<Syntax> {
        let name = call.func_name.as_str();
        if let (None, [left, right]) = (&call.target, call.args.as_slice()) {
            if let Some((_, operator, _)) = OPERATORS.iter().find(|row| row.0 == name) {
                let (left, right) = (self.read(left), self.read(right));
                let (left, right) = (Box::new(left?), Box::new(right?));
                let span = left.span.start..right.span.end;
                let kind = Kind::Binary(*operator, left, right);
                return Some(Syntax {
                    kind,
                    place: token,
                    span,
                });
            }
            if name == operators::INDEX {
                let (operand, key) = (self.read(left)?, self.read(right)?);
                let span = operand.span.start..self.closed(key.span.end, ']');
                let Kind::Text(field) = key.kind else {
                    self.fail(key.span, "an index is a text in quotes", None);
                    return None;
                };
                let kind = Kind::Field(Box::new(operand), field);
                return Some(Syntax {
                    kind,
                    place: key.span,
                    span,
                });
            }
        }
        let mut args = self.read_all(&call.args)?;
        match (name, args.len()) {
            (operators::LOGICAL_NOT | operators::NEGATE, 1) => {
                let operand = Box::new(args.remove(0));
                let span = token.start..operand.span.end;
                let kind = if name == operators::LOGICAL_NOT {
                    Kind::Not(operand)
                } else {
                    Kind::Negate(operand)
                };
                return Some(Syntax {
                    kind,
                    place: token,
                    span,
                });
            }
            (operators::CONDITIONAL, 3) => {
                let span = args[0].span.start..args[2].span.end;
                let parts: Box<[Syntax; 3]> = Box::new(args.try_into().ok()?);
                return Some(Syntax {
                    kind: Kind::If(parts),
                    place: token,
                    span,
                });
            }
            _ => {}
        }
        let place = self.name_before(&token, name);
        let inner_end = args.last().map_or(token.end, |last| last.span.end);
        let end = self.closed(inner_end, ')');
        match &call.target {
            None => {
                let span = place.start..end;
                Some(Syntax {
                    kind: Kind::Function(name.into(), args),
                    place,
                    span,
                })
            }
            Some(target) => {
                let target = Box::new(self.read(target)?);
                let span = target.span.start..end;
                Some(Syntax {
                    kind: Kind::Method(target, name.into(), args),
                    place,
                    span,
                })
            }
        }
    }
}
