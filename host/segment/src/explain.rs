//! Why a profile is in a segment or not: the value of every clause of the rule.

use crosspoint_model::Instant;
use crosspoint_model::profile::Profile;

use crate::compile::{Compiled, Intern, Language, Type, compile};
use crate::depends::Dependencies;
use crate::eval::Evaluator;
use crate::program::change;
use crate::ruleset::Rule;
use crate::syntax::{Kind, Operator, Syntax};
use crate::view::View;

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
    /// The first later instant at which it may change without new data.
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
}

impl Rule {
    /// The value of each clause for a profile at `now`, in the order of the text. Membership of
    /// other segments is read from the profile.
    pub fn explain(&self, profile: &Profile, now: Instant, view: &dyn View) -> Vec<Clause> {
        let clauses = self.clauses.iter().map(|clause| {
            let mut evaluator = Evaluator::new(profile, now, view);
            let value = evaluator.truth(&clause.condition.node);
            let next_change = change(evaluator.next);
            let detail = clause.operands.iter().map(|(text, operand)| {
                let mut evaluator = Evaluator::new(profile, now, view);
                match evaluator.outcome(&operand.node) {
                    Some(value) => format!("{text} = {value}"),
                    None => format!("{text} is absent"),
                }
            });
            let detail: Vec<String> = detail.collect();
            let detail = (!detail.is_empty()).then(|| detail.join(", "));
            Clause {
                depth: clause.depth,
                text: clause.text.clone(),
                value,
                detail,
                next_change,
            }
        });
        clauses.collect()
    }
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
    let mut compiled =
        |syntax: &Syntax, wanted| compile(language, "", text, syntax, wanted, &mut *intern).ok();
    let Some(condition) = compiled(syntax, Type::Bool) else {
        return;
    };
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
            let value = compiled(&field, Type::Any)?;
            return Some((format!("{}.{name}", written(root)), value));
        }
        let literal = matches!(
            operand.kind,
            Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Decimal(_) | Kind::Text(_)
        );
        if literal {
            return None;
        }
        let value = compiled(operand, Type::Any)?;
        // What reads nothing of the profile says nothing about it.
        let constant = value.depends == Dependencies::default();
        (!constant).then(|| (written(operand), value))
    });
    let operands = operands.collect();
    clauses.push(ClauseProgram {
        depth,
        text: written(syntax),
        condition,
        operands,
    });
    for part in parts.into_iter().flatten() {
        clause(language, text, part, depth + 1, clauses, intern);
    }
}
