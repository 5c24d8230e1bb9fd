//! Why a profile is in a segment or not: the value of every clause of the rule, since when it has
//! that value, and the instants behind it.

mod evidence;
mod turns;

use crosspoint_model::Instant;
use crosspoint_model::profile::Profile;
use crosspoint_model::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS};

use crate::compile::{Compiled, Intern, Language, Type, compile, compile_part};
use crate::depends::Dependencies;
use crate::eval::Evaluator;
use crate::ruleset::Rule;
use crate::syntax::{Kind, Operator, Syntax};
use crate::value::Val;
use crate::view::View;
pub use evidence::Evidence;
use evidence::{Source, sources};
use turns::Course;

/// A clause of a rule, and what it gives for one profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// How deep it stands: the operands of the rule's `&&` or `||` at 0, theirs at 1 ...
    pub depth: usize,
    /// As written.
    pub text: String,
    /// Whether it holds.
    pub value: bool,
    /// The values behind it, as `traits.country = DE`.
    pub detail: Option<String>,
    /// The instants behind it. Of a clause that is made of clauses, theirs tell.
    pub evidence: Vec<Evidence>,
    /// Since when it has this value, as far as what is known today tells; `None` where it always had
    /// it, where only data changes it, or where it is made of clauses.
    pub since: Option<Instant>,
    /// The first later instant at which it has the other value if nothing arrives; `None` where
    /// there is none, or none near enough to be found.
    pub next_change: Option<Instant>,
}

/// A compiled clause.
#[derive(Clone, Debug)]
pub(crate) struct ClauseProgram {
    depth: usize,
    text: String,
    condition: Compiled,
    /// Sides of a comparison that are no literals.
    operands: Vec<(String, Compiled)>,
    /// Instants within those.
    instants: Vec<(String, Compiled)>,
    /// What else stands behind it.
    sources: Vec<Source>,
    /// Not made of other clauses.
    is_leaf: bool,
}

impl Rule {
    /// The value of each clause for a profile at `now`, in the order of the text. Membership of
    /// other segments is read from the profile.
    pub fn explain(&self, profile: &Profile, now: Instant, view: &dyn View) -> Vec<Clause> {
        let clauses = self.clauses.iter();
        clauses
            .map(|clause| clause.explain(profile, now, view))
            .collect()
    }
}

impl ClauseProgram {
    fn explain(&self, profile: &Profile, now: Instant, view: &dyn View) -> Clause {
        let value = Evaluator::new(profile, now, view).truth(&self.condition.node);
        let shown = |(text, operand): &(String, Compiled)| {
            let mut evaluator = Evaluator::new(profile, now, view);
            match evaluator.eval(&operand.node) {
                Val::Span(span) => format!("{text} = {}", duration(span.ms)),
                other => match other.into_value() {
                    Some(value) => format!("{text} = {value}"),
                    None => format!("{text} is absent"),
                },
            }
        };
        let detail: Vec<String> = self.operands.iter().map(shown).collect();
        let mut evidence = Vec::new();
        for (text, operand) in &self.instants {
            let mut evaluator = Evaluator::new(profile, now, view);
            if let Val::Instant(at) = evaluator.eval(&operand.node) {
                let (what, at) = (text.clone(), Some(Instant(at.ms)));
                evidence.push(Evidence { what, at });
            }
        }
        for source in &self.sources {
            let found = source.look_up(profile, now, view);
            evidence.extend(found.filter(|found| !evidence.contains(found)));
        }
        let course = Course {
            node: &self.condition.node,
            profile,
            view,
        };
        Clause {
            depth: self.depth,
            text: self.text.clone(),
            value,
            detail: (!detail.is_empty()).then(|| detail.join(", ")),
            since: self.since(&course, now, &evidence),
            next_change: course.next_turn(now),
            evidence,
        }
    }

    fn since(&self, course: &Course<'_>, now: Instant, evidence: &[Evidence]) -> Option<Instant> {
        if !self.is_leaf {
            return None;
        }
        let depends = &self.condition.depends;
        match depends.segments[..] {
            [] => {
                let known = evidence.iter().filter_map(|evidence| evidence.at);
                let floor = turns::floor(course.profile, known);
                course.last_turn(now, floor)
            }
            // Memberships are known as they are, not as they were.
            [segment] if depends.facts.is_empty() => turns::member_since(course.profile, segment),
            _ => None,
        }
    }
}

/// A duration in its two largest units.
fn duration(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let units = [
        (DAY_MS, "d"),
        (HOUR_MS, "h"),
        (MINUTE_MS, "m"),
        (SECOND_MS, "s"),
    ];
    let mut rest = ms.unsigned_abs();
    let mut parts = Vec::new();
    for (unit, name) in units {
        let count = rest / unit.unsigned_abs();
        rest %= unit.unsigned_abs();
        if count > 0 {
            parts.push(format!("{count}{name}"));
        }
    }
    parts.truncate(2);
    if parts.is_empty() {
        return format!("{ms}ms");
    }
    format!("{sign}{}", parts.concat())
}

/// Compiles the clauses of a rule that compiled as a whole.
pub(crate) fn compile_clauses(
    language: &Language,
    text: &str,
    syntax: &Syntax,
    intern: Intern<'_>,
) -> Vec<ClauseProgram> {
    let mut clauses = Vec::new();
    let negated = matches!(syntax.kind, Kind::Not(_));
    match parts(syntax) {
        Some(parts) if !negated => {
            for part in parts {
                clause(language, text, part, 0, &mut clauses, intern);
            }
        }
        _ => clause(language, text, syntax, 0, &mut clauses, intern),
    }
    clauses
}

/// The operands of a chain of `&&` or of `||`, or of the negation of one.
fn parts(syntax: &Syntax) -> Option<Vec<&Syntax>> {
    match &syntax.kind {
        Kind::Binary(operator @ (Operator::And | Operator::Or), _, _) => {
            Some(syntax.chain(*operator))
        }
        Kind::Not(operand) => parts(operand),
        _ => None,
    }
}

fn clause(
    language: &Language,
    text: &str,
    syntax: &Syntax,
    depth: usize,
    clauses: &mut Vec<ClauseProgram>,
    intern: Intern<'_>,
) {
    let Ok(condition) = compile(language, "", text, syntax, Type::Bool, &mut *intern) else {
        return;
    };
    let mut compiled = |syntax: &Syntax| compile_part(language, text, syntax, &mut *intern);
    let written = |syntax: &Syntax| {
        let words = text
            .get(syntax.span.clone())
            .unwrap_or_default()
            .split_whitespace();
        words.collect::<Vec<_>>().join(" ")
    };
    let parts = parts(syntax);
    let shown: Vec<&Syntax> = match &syntax.kind {
        _ if parts.is_some() => Vec::new(),
        Kind::Binary(_, left, right) => vec![left, right],
        Kind::Has(..) => vec![syntax],
        Kind::Method(target, ..) => vec![target],
        Kind::Not(operand) => vec![operand],
        _ => Vec::new(),
    };
    let operands = shown.into_iter().filter_map(|operand| {
        if let Kind::Has(root, name) = &operand.kind {
            let kind = Kind::Field(root.clone(), name.clone());
            let (place, span) = (operand.place.clone(), operand.span.clone());
            let field = Syntax { kind, place, span };
            let value = compiled(&field)?;
            return Some((format!("{}.{name}", written(root)), value));
        }
        let literal = matches!(
            operand.kind,
            Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Decimal(_) | Kind::Text(_)
        );
        if literal {
            return None;
        }
        let value = compiled(operand)?;
        // What reads nothing of the profile says nothing about it.
        let constant = value.depends == Dependencies::default();
        (!constant).then(|| (written(operand), value))
    });
    let operands: Vec<_> = operands.collect();
    let mut instants = Vec::new();
    if parts.is_none() {
        within(syntax, &mut |inner| {
            let Some(value) = compiled(inner) else {
                return false;
            };
            let found = value.kind == Type::Instant && value.depends != Dependencies::default();
            let text = written(inner);
            let known = operands.iter().chain(&instants).any(|row| row.0 == text);
            if found && !known {
                instants.push((text, value));
            }
            found
        });
    }
    let is_leaf = parts.is_none();
    let sources = match is_leaf {
        true => sources(&condition.node),
        false => Vec::new(),
    };
    clauses.push(ClauseProgram {
        depth,
        text: written(syntax),
        condition,
        operands,
        instants,
        sources,
        is_leaf,
    });
    for part in parts.into_iter().flatten() {
        clause(language, text, part, depth + 1, clauses, intern);
    }
}

/// Shows what a clause is made of, from the outside in, and does not look into what `each` took.
fn within(syntax: &Syntax, each: &mut dyn FnMut(&Syntax) -> bool) {
    let mut inner = |inner: &Syntax| {
        if !each(inner) {
            within(inner, each);
        }
    };
    match &syntax.kind {
        Kind::Not(operand) | Kind::Negate(operand) => inner(operand),
        Kind::Binary(_, left, right) => {
            inner(left);
            inner(right);
        }
        Kind::If(parts) => parts.iter().for_each(inner),
        Kind::Function(_, args) | Kind::List(args) => args.iter().for_each(inner),
        Kind::Method(target, _, args) => {
            inner(target);
            args.iter().for_each(inner);
        }
        Kind::Field(..)
        | Kind::Has(..)
        | Kind::Null
        | Kind::Bool(_)
        | Kind::Int(_)
        | Kind::Decimal(_)
        | Kind::Text(_)
        | Kind::Name(_) => {}
    }
}
