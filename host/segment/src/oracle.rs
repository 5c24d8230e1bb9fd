//! The batch oracle: the plainest evaluation that can be written down. It walks the syntax tree,
//! looks names up as text, collects facts into lists, and knows nothing of symbols, dependencies,
//! windows that move or instants at which results change. Of the evaluator it shares only the
//! operations on single values.

use std::collections::BTreeMap;

use crosspoint_model::profile::{Fact, FactKind, FactLine, Profile};
use crosspoint_model::record::{ConsentState, ConsentTopic};
use crosspoint_model::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, parse_span_ms};
use crosspoint_model::{Decimal, Instant, Symbol};
use crosspoint_profile::chronological_key;
use smol_str::SmolStr;

use crate::moving::{Comparison, Moving, Part};
use crate::ruleset::RuleSet;
use crate::schema::TraitType;
use crate::syntax::{Kind, Operator, Syntax};
use crate::value::{
    Arithmetic, Val, calculate, compare_values, in_case, json_contains, negate, order, round, size,
};
use crate::view::View;

impl RuleSet {
    /// The segments that a profile belongs to at `now`, sorted: computed from scratch, from the
    /// fragments alone, by an evaluator of its own.
    pub fn memberships_batch(
        &self,
        profile: &Profile,
        now: Instant,
        view: &dyn View,
    ) -> Vec<Symbol> {
        let mut oracle = Oracle {
            set: self,
            profile,
            now,
            view,
            known: BTreeMap::new(),
            rows: Vec::new(),
        };
        let rules = self.rules.iter();
        let mut segments: Vec<Symbol> = rules
            .filter(|rule| oracle.member(&rule.name))
            .map(|rule| rule.segment)
            .collect();
        segments.sort_unstable();
        segments
    }
}

type Row<'a> = (&'a Fact, Option<&'a FactLine>);

struct Oracle<'a> {
    set: &'a RuleSet,
    profile: &'a Profile,
    now: Instant,
    view: &'a dyn View,
    /// Memberships that were computed before.
    known: BTreeMap<SmolStr, bool>,
    rows: Vec<(SmolStr, Row<'a>)>,
}

impl<'a> Oracle<'a> {
    fn member(&mut self, name: &SmolStr) -> bool {
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        let rule = self.set.rules.iter().find(|rule| rule.name == *name);
        let outer = std::mem::take(&mut self.rows);
        let member = rule.is_some_and(|rule| self.value(&rule.syntax).is_true());
        self.rows = outer;
        self.known.insert(name.clone(), member);
        member
    }

    fn value(&mut self, syntax: &'a Syntax) -> Val<'a> {
        match &syntax.kind {
            Kind::Null | Kind::List(_) => Val::Absent,
            Kind::Bool(flag) => Val::Bool(*flag),
            Kind::Int(number) => Val::Int(*number),
            Kind::Decimal(number) => Val::Decimal(*number),
            Kind::Text(text) => Val::lent(text),
            Kind::Name(_) => Val::instant(self.now),
            Kind::Field(operand, name) => self.field(operand, name),
            Kind::Has(operand, name) => Val::Bool(!self.field(operand, name).is_absent()),
            Kind::Not(operand) => Val::Bool(!self.value(operand).is_true()),
            Kind::Negate(operand) => negate(self.value(operand)),
            Kind::Binary(operator, left, right) => self.binary(*operator, left, right),
            Kind::If(parts) => {
                let branch = if self.value(&parts[0]).is_true() {
                    &parts[1]
                } else {
                    &parts[2]
                };
                self.value(branch)
            }
            Kind::Function(name, args) => self.function(name, args),
            Kind::Method(target, name, args) => self.method(target, name, args),
        }
    }

    fn binary(&mut self, operator: Operator, left: &'a Syntax, right: &'a Syntax) -> Val<'a> {
        if operator == Operator::In {
            let operand = self.value(left);
            return Val::Bool(match &right.kind {
                Kind::List(items) => items.iter().any(|item| {
                    let item = self.value(item);
                    self.compare(Comparison::Equal, &operand, &item)
                }),
                _ => match self.value(right) {
                    Val::Json(json) => !operand.is_absent() && json_contains(&json, &operand),
                    _ => false,
                },
            });
        }
        let null = matches!(left.kind, Kind::Null) || matches!(right.kind, Kind::Null);
        let (left, right) = (self.value(left), self.value(right));
        let comparison = match operator {
            Operator::And => return Val::Bool(left.is_true() && right.is_true()),
            Operator::Or => return Val::Bool(left.is_true() || right.is_true()),
            Operator::Add => return calculate(Arithmetic::Add, left, right),
            Operator::Subtract => return calculate(Arithmetic::Subtract, left, right),
            Operator::Multiply => return calculate(Arithmetic::Multiply, left, right),
            Operator::Divide => return calculate(Arithmetic::Divide, left, right),
            Operator::Remainder => return calculate(Arithmetic::Remainder, left, right),
            Operator::Equal => Comparison::Equal,
            Operator::NotEqual => Comparison::NotEqual,
            Operator::Less => Comparison::Less,
            Operator::LessOrEqual => Comparison::LessOrEqual,
            Operator::Greater => Comparison::Greater,
            Operator::GreaterOrEqual => Comparison::GreaterOrEqual,
            Operator::In => return Val::Absent,
        };
        if null {
            let absent = left.is_absent() && right.is_absent();
            return Val::Bool(absent == (comparison == Comparison::Equal));
        }
        Val::Bool(self.compare(comparison, &left, &right))
    }

    fn compare(&self, comparison: Comparison, left: &Val<'_>, right: &Val<'_>) -> bool {
        let mut unused = Instant::MAX;
        compare_values(comparison, left, right, self.now, &mut unused)
    }

    fn field(&mut self, operand: &'a Syntax, name: &str) -> Val<'a> {
        let Kind::Name(root) = &operand.kind else {
            return Val::Absent;
        };
        if let Some((_, row)) = self
            .rows
            .iter()
            .rev()
            .find(|(variable, _)| variable == root)
        {
            return self.row_field(*row, name);
        }
        if let Some(computed) = self.set.language.computed.get(name) {
            let outer = std::mem::take(&mut self.rows);
            let value = self.value(&computed.syntax);
            self.rows = outer;
            return value.read_as(computed.declared);
        }
        let kind = self.set.language.schema.traits.get(name).copied();
        let traits = self
            .profile
            .fragments
            .iter()
            .flat_map(|fragment| &fragment.traits);
        let symbols = traits.map(|entry| entry.name);
        let Some(symbol) = symbols
            .into_iter()
            .find(|symbol| self.view.name(*symbol) == name)
        else {
            return Val::Absent;
        };
        match self.view.trait_value(self.profile, symbol) {
            Some(value) => Val::of_cow(value).read_as(kind.unwrap_or(TraitType::Any)),
            None => Val::Absent,
        }
    }

    fn row_field(&self, (fact, line): Row<'a>, name: &str) -> Val<'a> {
        let lent = |text: &'a Option<SmolStr>| match text {
            Some(text) => Val::lent(text),
            None => Val::Absent,
        };
        let own_name = match fact.kind {
            FactKind::Order | FactKind::Cart => "status",
            FactKind::Event => "name",
            FactKind::Submission => "form",
            FactKind::Engagement => "kind",
        };
        let total = match line {
            Some(line) => line.total,
            None => fact.total.map(|total| total.0),
        };
        match (name, line) {
            ("at", _) => Val::instant(fact.at),
            ("day", _) => Val::Int(fact.at.0.div_euclid(DAY_MS)),
            ("id", _) => Val::lent(&fact.id),
            ("total", _) => total.map_or(Val::Absent, Val::Decimal),
            ("currency", _) => match fact.total {
                Some((_, currency)) => Val::made(self.view.name(currency)),
                None => Val::Absent,
            },
            ("product", Some(line)) => lent(&line.product),
            ("sku", Some(line)) => lent(&line.sku),
            ("name", Some(line)) => lent(&line.name),
            ("category", Some(line)) => lent(&line.category),
            ("quantity", Some(line)) => Val::Decimal(line.quantity),
            (name, _) if name == own_name => Val::made(self.view.name(fact.name)),
            (name, _) => {
                let mut properties = fact.properties.iter();
                match properties.find(|property| self.view.name(property.0) == name) {
                    Some((_, value)) => Val::of(value),
                    None => Val::Absent,
                }
            }
        }
    }

    fn quoted(syntax: &'a Syntax) -> &'a str {
        match &syntax.kind {
            Kind::Text(text) => text,
            Kind::Function(_, args) => args.first().map_or("", Self::quoted),
            _ => "",
        }
    }

    fn function(&mut self, name: &str, args: &'a [Syntax]) -> Val<'a> {
        let Some(arg) = args.first() else {
            let parts = self.profile.fragments.iter();
            return match name {
                "spend" => self.sum(&self.facts(FactKind::Order, None), "total"),
                "first_seen" => {
                    let seen = parts.map(|fragment| fragment.first_seen).min();
                    seen.filter(|seen| *seen != Instant::MAX)
                        .map_or(Val::Absent, Val::instant)
                }
                _ => {
                    let seen = parts.map(|fragment| fragment.last_seen).max();
                    seen.filter(|seen| *seen != Instant::MIN)
                        .map_or(Val::Absent, Val::instant)
                }
            };
        };
        let consent = |this: &Self| {
            this.view
                .consent(this.profile, &ConsentTopic::from_word(Self::quoted(arg)))
        };
        match name {
            "in_segment" => Val::Bool(self.member(&SmolStr::new(Self::quoted(arg)))),
            "consent" => Val::Bool(consent(self) == Some(ConsentState::Granted)),
            "consent_state" => match consent(self) {
                Some(ConsentState::Granted) => Val::lent("granted"),
                Some(ConsentState::Withdrawn) => Val::lent("withdrawn"),
                Some(ConsentState::Pending) => Val::lent("pending"),
                None => Val::Absent,
            },
            "spend" => {
                let mut orders = self.facts(FactKind::Order, None);
                let currency = Self::quoted(arg);
                orders.retain(|(fact, _)| {
                    fact.total
                        .is_some_and(|total| self.view.name(total.1) == currency)
                });
                self.sum(&orders, "total")
            }
            "duration" => span(Self::quoted(arg)),
            "timestamp" => self.value(arg).read_as(TraitType::Instant),
            "days_since" => match self.value(arg).as_instant() {
                Some(instant) => Val::Int(self.now.0.saturating_sub(instant.ms) / DAY_MS),
                None => Val::Absent,
            },
            "double" => self.value(arg).read_as(TraitType::Decimal),
            "string" => self.value(arg).read_as(TraitType::Text),
            "round" => {
                let digits = match args.get(1).map(|digits| &digits.kind) {
                    Some(Kind::Int(digits)) => *digits as u32,
                    _ => 0,
                };
                round(&self.value(arg), digits)
            }
            _ => size(&self.value(arg)),
        }
    }

    fn method(&mut self, target: &'a Syntax, name: &str, args: &'a [Syntax]) -> Val<'a> {
        if let Some(rows) = self.collection(target) {
            let field = args.first().map_or("", Self::quoted);
            return self.answer(&rows, name, field);
        }
        let value = self.value(target);
        if let Some((_, part)) = Part::ALL.iter().find(|row| row.0 == name) {
            return match value {
                Val::Span(span) => Val::Int(match part {
                    Part::Hours => span.ms / HOUR_MS,
                    Part::Minutes => span.ms / MINUTE_MS,
                    _ => span.ms / SECOND_MS,
                }),
                value => match value.as_instant() {
                    Some(instant) => Val::Int(part.of_instant(instant.ms)),
                    None => Val::Absent,
                },
            };
        }
        match name {
            "lowerAscii" => return in_case(&value, false),
            "upperAscii" => return in_case(&value, true),
            "size" => return size(&value),
            _ => {}
        }
        let part = args.first().and_then(|arg| self.value(arg).text());
        let (Some(text), Some(part)) = (value.text(), part) else {
            return Val::Bool(false);
        };
        Val::Bool(match name {
            "contains" => text.contains(&*part),
            "startsWith" => text.starts_with(&*part),
            "endsWith" => text.ends_with(&*part),
            _ => regex::Regex::new(&part).is_ok_and(|pattern| pattern.is_match(&text)),
        })
    }

    /// All facts of a kind that happened up to now and count.
    fn facts(&self, kind: FactKind, name: Option<&str>) -> Vec<Row<'a>> {
        let facts = self
            .profile
            .fragments
            .iter()
            .flat_map(|fragment| &fragment.facts);
        facts
            .filter(|fact| fact.kind == kind && fact.counts && fact.at <= self.now)
            .filter(|fact| name.is_none_or(|name| self.view.name(fact.name) == name))
            .map(|fact| (fact, None))
            .collect()
    }

    fn collection(&mut self, syntax: &'a Syntax) -> Option<Vec<Row<'a>>> {
        match &syntax.kind {
            Kind::Name(name) => match name.as_str() {
                "orders" => Some(self.facts(FactKind::Order, None)),
                "carts" => Some(self.facts(FactKind::Cart, None)),
                "events" => Some(self.facts(FactKind::Event, None)),
                "submissions" => Some(self.facts(FactKind::Submission, None)),
                "engagements" => Some(self.facts(FactKind::Engagement, None)),
                "products" => Some(lines(self.facts(FactKind::Order, None))),
                _ => None,
            },
            Kind::Function(name, args) => {
                let wanted = args.first().map(Self::quoted);
                match name.as_str() {
                    "events" => Some(self.facts(FactKind::Event, wanted)),
                    "submissions" => Some(self.facts(FactKind::Submission, wanted)),
                    "engagements" => Some(self.facts(FactKind::Engagement, wanted)),
                    _ => None,
                }
            }
            Kind::Field(operand, name) if name == "lines" => {
                let Kind::Name(root) = &operand.kind else {
                    return None;
                };
                let row = self
                    .rows
                    .iter()
                    .rev()
                    .find(|(variable, _)| variable == root)?;
                Some(lines(vec![row.1]))
            }
            Kind::Method(target, name, args) => {
                let steps = ["within", "since", "before", "where"];
                if !steps.contains(&name.as_str()) {
                    return None;
                }
                let mut rows = self.collection(target)?;
                match name.as_str() {
                    "within" => {
                        let Val::Span(span) = span(Self::quoted(&args[0])) else {
                            return None;
                        };
                        let start = self.now.0.saturating_sub(span.ms);
                        rows.retain(|(fact, _)| fact.at.0 > start);
                    }
                    "since" | "before" => {
                        let bound = self.value(&args[0]).as_instant();
                        rows.retain(|(fact, _)| {
                            bound.is_some_and(|bound| (fact.at.0 < bound.ms) == (name == "before"))
                        });
                    }
                    _ => {
                        let Kind::Name(variable) = &args[0].kind else {
                            return None;
                        };
                        rows.retain(|row| {
                            self.rows.push((variable.clone(), *row));
                            let passes = self.value(&args[1]).is_true();
                            self.rows.pop();
                            passes
                        });
                    }
                }
                Some(rows)
            }
            _ => None,
        }
    }

    fn answer(&self, rows: &[Row<'a>], question: &str, field: &str) -> Val<'a> {
        let values = || {
            rows.iter()
                .map(|row| self.row_field(*row, field))
                .filter(|value| !value.is_absent())
        };
        match question {
            "count" => Val::Int(rows.len() as i64),
            "exists" => Val::Bool(!rows.is_empty()),
            "sum" => self.sum(rows, field),
            "avg" => {
                let count = values().filter(|value| value.decimal().is_some()).count();
                calculate(
                    Arithmetic::Divide,
                    self.sum(rows, field),
                    Val::Decimal(Decimal::from(count as i64)),
                )
            }
            "min" | "max" => {
                let better = if question == "min" {
                    Comparison::Less
                } else {
                    Comparison::Greater
                };
                let comparable = values().filter_map(|value| match value {
                    Val::Instant(_) => Some(value),
                    value => value.number().map(|number| number.into_val()),
                });
                let best = comparable.reduce(|best, value| {
                    if self.compare(better, &value, &best) {
                        value
                    } else {
                        best
                    }
                });
                best.unwrap_or(Val::Absent)
            }
            "first" | "last" => {
                let mut sorted = rows.to_vec();
                sorted.sort_by(|left, right| {
                    chronological_key(left.0).cmp(&chronological_key(right.0))
                });
                let row = if question == "first" {
                    sorted.first()
                } else {
                    sorted.last()
                };
                row.map_or(Val::Absent, |row| self.row_field(*row, field))
            }
            _ => {
                let mut values: Vec<_> = values().collect();
                values.sort_by(order);
                values.dedup_by(|left, right| order(left, right).is_eq());
                Val::Int(values.len() as i64)
            }
        }
    }

    fn sum(&self, rows: &[Row<'a>], field: &str) -> Val<'a> {
        let mut numbers = rows
            .iter()
            .filter_map(|row| self.row_field(*row, field).decimal());
        let sum = numbers.try_fold(Decimal::ZERO, Decimal::checked_add);
        sum.map_or(Val::Absent, Val::Decimal)
    }
}

fn lines(rows: Vec<Row<'_>>) -> Vec<Row<'_>> {
    rows.into_iter()
        .flat_map(|(fact, _)| fact.lines.iter().map(move |line| (fact, Some(line))))
        .collect()
}

fn span<'a>(text: &str) -> Val<'a> {
    parse_span_ms(text).map_or(Val::Absent, |ms| Val::Span(Moving::fixed(ms)))
}
