//! Functions and methods on values.

use crosspoint_model::nearest::did_you_mean;
use crosspoint_model::record::ConsentTopic;
use crosspoint_model::time::DAY_MS;
use crosspoint_model::{Instant, Value};
use regex::RegexBuilder;
use smol_str::SmolStr;

use super::collections::COLLECTIONS;
use super::{Compiler, Type, Typed};
use crate::moving::Part;
use crate::node::{Node, TextTest};
use crate::schema::TraitType;
use crate::syntax::{Kind, Syntax};
use crate::value::Arithmetic;

const FUNCTIONS: [&str; 17] = [
    "consent",
    "consent_state",
    "days_since",
    "double",
    "duration",
    "engagements",
    "events",
    "first_seen",
    "has",
    "in_segment",
    "last_seen",
    "round",
    "size",
    "spend",
    "string",
    "submissions",
    "timestamp",
];

const TEXT_METHODS: [&str; 7] = [
    "contains",
    "endsWith",
    "lowerAscii",
    "matches",
    "size",
    "startsWith",
    "upperAscii",
];

/// Bytes that a compiled pattern may take.
const PATTERN_LIMIT_BYTES: usize = 1 << 20;

impl Compiler<'_> {
    pub(super) fn function(
        &mut self,
        name: &SmolStr,
        args: &[Syntax],
        syntax: &Syntax,
    ) -> Option<Typed> {
        match (name.as_str(), args) {
            ("spend", _) => self.spend(args, syntax),
            ("in_segment", [arg]) => {
                let wanted = self.quoted(arg)?;
                let Some(symbol) = self.language.segments.get(&wanted).copied() else {
                    let known = self.language.segments.keys().map(SmolStr::as_str);
                    let hint = did_you_mean(&wanted, known);
                    self.fail(&arg.span, format!("unknown segment `{wanted}`"), hint);
                    return None;
                };
                self.depends.segments.push(symbol);
                let place = self.inlined.first().map_or(&arg.span, |(_, place)| place);
                self.segments.push((wanted, place.clone()));
                Some((Node::Member(symbol), Type::Bool))
            }
            ("consent", [arg]) => {
                let topic = ConsentTopic::from_word(&self.quoted(arg)?);
                self.depends.consents = true;
                Some((Node::Granted(topic), Type::Bool))
            }
            ("consent_state", [arg]) => {
                let topic = ConsentTopic::from_word(&self.quoted(arg)?);
                self.depends.consents = true;
                Some((Node::ConsentState(topic), Type::Text))
            }
            ("duration", [arg]) => Some((Node::Span(self.span_literal(arg)?), Type::Span)),
            (
                "timestamp",
                [
                    Syntax {
                        kind: Kind::Text(text),
                        span,
                        ..
                    },
                ],
            ) => match text.parse::<Instant>() {
                Ok(instant) => Some((Node::Literal(Value::Instant(instant)), Type::Instant)),
                Err(error) => {
                    self.fail(span, error.to_string(), None);
                    None
                }
            },
            ("timestamp", [arg]) => {
                let (node, kind) = self.expression(arg)?;
                if !matches!(kind, Type::Text | Type::Instant | Type::Any) {
                    self.fail(&arg.span, format!("expected text, found {kind}"), None);
                    return None;
                }
                Some((
                    Node::ReadAs(TraitType::Instant, Box::new(node)),
                    Type::Instant,
                ))
            }
            ("days_since", [arg]) => {
                let (node, _) = self.of_type(arg, Type::Instant)?;
                let instant = Node::ReadAs(TraitType::Instant, Box::new(node));
                let span =
                    Node::Calculate(Arithmetic::Subtract, Box::new(Node::Now), Box::new(instant));
                Some((Node::WholeUnits(DAY_MS, Box::new(span)), Type::Int))
            }
            ("double", [arg]) => {
                let (node, kind) = self.expression(arg)?;
                if !matches!(kind, Type::Text) && !kind.fits(Type::Decimal) {
                    self.fail(&arg.span, format!("cannot make a number of {kind}"), None);
                    return None;
                }
                Some((
                    Node::ReadAs(TraitType::Decimal, Box::new(node)),
                    Type::Decimal,
                ))
            }
            ("string", [arg]) => {
                let (node, kind) = self.expression(arg)?;
                if matches!(kind, Type::Span | Type::List | Type::Null) {
                    self.fail(&arg.span, format!("cannot make text of {kind}"), None);
                    return None;
                }
                Some((Node::ReadAs(TraitType::Text, Box::new(node)), Type::Text))
            }
            ("round", [number]) => {
                let (node, kind) = self.of_type(number, Type::Decimal)?;
                Some((Node::Round(Box::new(node), 0), kind))
            }
            (
                "round",
                [
                    number,
                    Syntax {
                        kind: Kind::Int(digits @ 0..=28),
                        ..
                    },
                ],
            ) => {
                let (node, kind) = self.of_type(number, Type::Decimal)?;
                Some((Node::Round(Box::new(node), *digits as u32), kind))
            }
            ("size", [arg]) => self.size(arg),
            ("first_seen", []) => {
                self.depends.seen = true;
                Some((Node::FirstSeen, Type::Instant))
            }
            ("last_seen", []) => {
                self.depends.seen = true;
                Some((Node::LastSeen, Type::Instant))
            }
            _ if COLLECTIONS.iter().any(|row| row.0 == name) => self.unasked(syntax),
            (name, _) if FUNCTIONS.contains(&name) => {
                let takes = match name {
                    "first_seen" | "last_seen" => "no arguments",
                    "round" => "a number and up to 28 digits",
                    _ => "one argument",
                };
                self.fail(&syntax.place, format!("`{name}` takes {takes}"), None);
                None
            }
            (name, _) => {
                let hint = did_you_mean(name, FUNCTIONS);
                self.fail(&syntax.place, format!("unknown function `{name}`"), hint);
                None
            }
        }
    }

    /// A name in quotes.
    fn quoted(&mut self, syntax: &Syntax) -> Option<SmolStr> {
        if let Kind::Text(text) = &syntax.kind {
            return Some(text.clone());
        }
        self.fail(&syntax.span, "expected a name in quotes", None);
        None
    }

    fn size(&mut self, operand: &Syntax) -> Option<Typed> {
        let (node, kind) = self.expression(operand)?;
        if !matches!(kind, Type::Text | Type::List | Type::Any) {
            self.fail(
                &operand.span,
                format!("`size` needs text or a list, found {kind}"),
                None,
            );
            return None;
        }
        Some((Node::Size(Box::new(node)), Type::Int))
    }

    pub(super) fn method(
        &mut self,
        target: &Syntax,
        name: &SmolStr,
        args: &[Syntax],
        syntax: &Syntax,
    ) -> Option<Typed> {
        // `orders.count()` asks a collection; `orders.first('status').contains('x')` asks what
        // came of it.
        if self.is_collection(target) && !self.is_question(target) {
            return self.question(target, name, args, syntax);
        }
        if let Some((_, part)) = Part::ALL.iter().find(|row| row.0 == name) {
            return self.part(*part, target, name, args, syntax);
        }
        let test = match (name.as_str(), args) {
            ("contains", [_]) => Some(TextTest::Contains),
            ("startsWith", [_]) => Some(TextTest::StartsWith),
            ("endsWith", [_]) => Some(TextTest::EndsWith),
            _ => None,
        };
        match (name.as_str(), args) {
            (_, [arg]) if let Some(test) = test => {
                let (text, part) = (
                    self.of_type(target, Type::Text),
                    self.of_type(arg, Type::Text),
                );
                let (text, part) = (Box::new(text?.0), Box::new(part?.0));
                Some((Node::TextTest(test, text, part), Type::Bool))
            }
            ("matches", [arg]) => {
                let (text, _) = self.of_type(target, Type::Text)?;
                let pattern = self.quoted(arg)?;
                match RegexBuilder::new(&pattern)
                    .size_limit(PATTERN_LIMIT_BYTES)
                    .build()
                {
                    Ok(pattern) => Some((Node::Matches(Box::new(text), pattern), Type::Bool)),
                    Err(error) => {
                        let message = match error {
                            regex::Error::CompiledTooBig(_) => "the pattern is too big".to_owned(),
                            _ => "the pattern is no regular expression".to_owned(),
                        };
                        let hint = error.to_string().lines().last().map(str::to_owned);
                        self.fail(&arg.span, message, hint);
                        None
                    }
                }
            }
            ("lowerAscii", []) => {
                let (text, _) = self.of_type(target, Type::Text)?;
                Some((Node::Lower(Box::new(text)), Type::Text))
            }
            ("upperAscii", []) => {
                let (text, _) = self.of_type(target, Type::Text)?;
                Some((Node::Upper(Box::new(text)), Type::Text))
            }
            ("size", []) => self.size(target),
            (name, _) if TEXT_METHODS.contains(&name) => {
                let takes = if matches!(name, "lowerAscii" | "upperAscii" | "size") {
                    "no arguments"
                } else {
                    "one argument"
                };
                self.fail(&syntax.place, format!("`{name}` takes {takes}"), None);
                None
            }
            (name, _) => {
                self.expression(target)?;
                let known = TEXT_METHODS.into_iter().chain(Part::ALL.map(|row| row.0));
                let hint = did_you_mean(name, known);
                self.fail(&syntax.place, format!("unknown function `{name}`"), hint);
                None
            }
        }
    }

    /// Whether a chain over a collection already ends in a question.
    fn is_question(&self, syntax: &Syntax) -> bool {
        match &syntax.kind {
            Kind::Method(target, name, _) => {
                let asks = !matches!(name.as_str(), "within" | "since" | "before" | "where");
                (asks && self.is_collection(target)) || self.is_question(target)
            }
            _ => false,
        }
    }

    fn part(
        &mut self,
        part: Part,
        target: &Syntax,
        name: &str,
        args: &[Syntax],
        syntax: &Syntax,
    ) -> Option<Typed> {
        let (node, kind) = self.expression(target)?;
        if !args.is_empty() {
            let hint = Some("instants are in UTC".to_owned());
            self.fail(&syntax.place, format!("`{name}` takes no arguments"), hint);
            return None;
        }
        let works = match kind {
            Type::Instant | Type::Any => true,
            Type::Span => part.span_unit().is_some(),
            _ => false,
        };
        if !works {
            self.fail(
                &target.span,
                format!("`{name}` does not work on {kind}"),
                None,
            );
            return None;
        }
        Some((Node::Part(part, Box::new(node)), Type::Int))
    }
}
