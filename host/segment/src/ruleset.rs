//! All segments of a configuration, compiled together.

use std::collections::BTreeMap;

use crosspoint_model::profile::Profile;
use crosspoint_model::{Instant, Symbol, Touched};
use smol_str::SmolStr;

use crate::compile::{Compiled, Computed, Intern, Language, Type, compile, compile_trait};
use crate::depends::{Dependencies, Index, RuleBits};
use crate::error::RuleError;
use crate::eval::Evaluator;
use crate::explain::{ClauseProgram, compile_clauses};
use crate::program::{Program, Timed, change};
use crate::schema::{Schema, TraitType};
use crate::standard::standard_computed;
use crate::syntax::{Syntax, parse};
use crate::view::{Nothing, View};

/// An instant before everything, at which a profile that holds nothing shows what a rule gives
/// where there is no data. Far from the ends of the range, so that spans can be added.
const BEFORE_ALL: Instant = Instant(i64::MIN / 4);

/// One segment's rule.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(crate) name: SmolStr,
    pub(crate) segment: Symbol,
    pub(crate) text: String,
    pub(crate) syntax: Syntax,
    pub(crate) compiled: Compiled,
    pub(crate) clauses: Vec<ClauseProgram>,
    /// What it gives for a profile that holds nothing of what it reads; `None` where that
    /// depends on the time.
    pub(crate) default: Option<bool>,
}

impl Rule {
    /// The segment's name.
    pub fn name(&self) -> &SmolStr {
        &self.name
    }

    /// The segment's name as a symbol.
    pub fn segment(&self) -> Symbol {
        self.segment
    }

    /// The rule as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it reads.
    pub fn dependencies(&self) -> &Dependencies {
        &self.compiled.depends
    }

    /// Whether a profile belongs to the segment at `now`. Membership of other segments is read
    /// from the profile, which must be up to date.
    pub fn evaluate(&self, profile: &Profile, now: Instant, view: &dyn View) -> Timed<bool> {
        let mut evaluator = Evaluator::new(profile, now, view);
        let value = evaluator.truth(&self.compiled.node);
        Timed {
            value,
            next_change: change(evaluator.next),
        }
    }
}

/// The segments of a configuration, in an order in which each comes after those it names.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    pub(crate) language: Language,
    pub(crate) rules: Vec<Rule>,
    pub(crate) index: Index,
    /// Rules that name the segment, by rule.
    pub(crate) dependents: Vec<Vec<u32>>,
    /// Number of a segment's rule, sorted by symbol.
    pub(crate) by_segment: Vec<(Symbol, u32)>,
    /// Rules that hold, or may hold, for a profile of which they know nothing.
    pub(crate) true_of_nothing: Vec<u32>,
}

/// A computed trait as it is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComputedTrait {
    /// Its name.
    pub name: SmolStr,
    /// The expression that is its value.
    pub text: String,
    /// What it is declared to be; `Any` leaves that to the expression.
    pub declared: TraitType,
}

/// Compiles all segments and computed traits of a configuration. `segments` are (name, rule); a
/// fault in a computed trait is told under `traits.NAME`. `intern` numbers names.
///
/// # Errors
/// All faults of all texts.
pub fn compile_set(
    segments: &[(SmolStr, String)],
    computed: &[ComputedTrait],
    schema: Schema,
    intern: &mut dyn FnMut(&str) -> Symbol,
) -> Result<RuleSet, Vec<RuleError>> {
    let mut errors = Vec::new();
    let computed_traits = standard_computed().clone();
    let mut language = Language {
        schema,
        computed: computed_traits,
        segments: BTreeMap::new(),
    };
    for ComputedTrait {
        name,
        text,
        declared,
    } in computed
    {
        match parse(&format!("traits.{name}"), text) {
            Ok(syntax) => {
                let declared = *declared;
                let parsed = Computed { syntax, declared };
                language.computed.insert(name.clone(), parsed);
            }
            Err(found) => {
                errors.extend(found);
                disregard(&mut language, name);
            }
        }
    }
    for (name, _) in segments {
        language.segments.insert(name.clone(), intern(name));
    }
    errors.extend(check_computed(&mut language, computed, intern));
    let mut rules = Vec::new();
    for (name, text) in segments {
        let Some(segment) = language.segments.get(name).copied() else {
            continue;
        };
        let compiled = parse(name, text).and_then(|syntax| {
            let compiled = compile(&language, name, text, &syntax, Type::Bool, intern)?;
            let clauses = compile_clauses(&language, text, &syntax, intern);
            Ok((syntax, compiled, clauses))
        });
        match compiled {
            Ok((syntax, compiled, clauses)) => rules.push(Rule {
                name: name.clone(),
                segment,
                text: text.clone(),
                syntax,
                compiled,
                clauses,
                default: None,
            }),
            Err(found) => errors.extend(found),
        }
    }
    let rules = match in_order(rules) {
        Ok(rules) => rules,
        Err(cycle) => {
            errors.push(cycle);
            Vec::new()
        }
    };
    if errors.is_empty() {
        Ok(RuleSet::of(language, rules))
    } else {
        Err(errors)
    }
}

/// Compiles every declared computed trait on its own. A trait that is at fault only through
/// another is looked at again without that one, so that each fault is told once.
fn check_computed(
    language: &mut Language,
    computed: &[ComputedTrait],
    intern: Intern<'_>,
) -> Vec<RuleError> {
    let mut errors = Vec::new();
    loop {
        let mut faulty = Vec::new();
        let mut through_others = Vec::new();
        for ComputedTrait { name, text, .. } in computed {
            let Some(parsed) = language.computed.get(name) else {
                continue;
            };
            match compile_trait(language, name, text, parsed, intern) {
                Ok(_) => {}
                Err(faults) if faults.elsewhere => through_others.extend(faults.errors),
                Err(faults) => {
                    errors.extend(faults.errors);
                    faulty.push(name);
                }
            }
        }
        if faulty.is_empty() {
            errors.extend(through_others);
            return errors;
        }
        for name in faulty {
            disregard(language, name);
        }
    }
}

/// Lets rules that use a faulty computed trait pass: they have no fault of their own.
fn disregard(language: &mut Language, name: &SmolStr) {
    language.computed.remove(name);
    language.schema.traits.insert(name.clone(), TraitType::Any);
}

/// Sorts rules so that each comes after those whose segments it names; otherwise as they came.
fn in_order(rules: Vec<Rule>) -> Result<Vec<Rule>, RuleError> {
    let number: BTreeMap<&SmolStr, usize> = rules
        .iter()
        .enumerate()
        .map(|(at, rule)| (&rule.name, at))
        .collect();
    // 0 unseen, 1 under way, 2 done
    let mut state = vec![0u8; rules.len()];
    let mut order = Vec::with_capacity(rules.len());
    for start in 0..rules.len() {
        if state[start] != 0 {
            continue;
        }
        state[start] = 1;
        let mut path = vec![(start, 0)];
        while let Some((rule, edge)) = path.last_mut() {
            let from = *rule;
            let Some((name, place)) = rules[from].compiled.segments.get(*edge) else {
                state[from] = 2;
                order.push(from);
                path.pop();
                continue;
            };
            *edge += 1;
            let Some(&to) = number.get(name) else {
                continue;
            };
            match state[to] {
                0 => {
                    state[to] = 1;
                    path.push((to, 0));
                }
                1 => {
                    let cycle = path.iter().map(|step| step.0).skip_while(|at| *at != to);
                    let names: Vec<&str> = cycle.map(|at| rules[at].name.as_str()).collect();
                    let message = format!(
                        "segments need one another: {} -> {name}",
                        names.join(" -> ")
                    );
                    let Rule { name, text, .. } = &rules[from];
                    return Err(RuleError::at(name, text, place.clone(), message, None));
                }
                _ => {}
            }
        }
    }
    let mut rules: Vec<Option<Rule>> = rules.into_iter().map(Some).collect();
    Ok(order
        .into_iter()
        .filter_map(|at| rules[at].take())
        .collect())
}

impl RuleSet {
    fn of(language: Language, rules: Vec<Rule>) -> Self {
        let index = Index::of(rules.iter().map(|rule| &rule.compiled.depends));
        let mut by_segment: Vec<(Symbol, u32)> = (0u32..)
            .zip(&rules)
            .map(|(at, rule)| (rule.segment, at))
            .collect();
        by_segment.sort_unstable();
        let mut set = Self {
            dependents: vec![Vec::new(); rules.len()],
            language,
            rules,
            index,
            by_segment,
            true_of_nothing: Vec::new(),
        };
        for at in 0..set.rules.len() {
            for segment in &set.rules[at].compiled.depends.segments {
                if let Some(named) = set.rule_of(*segment) {
                    set.dependents[named].push(at as u32);
                }
            }
        }
        set.settle_defaults();
        set
    }

    /// Evaluates every rule for a profile that holds nothing. A rule of which a profile holds
    /// nothing gives the same, so that it need not be evaluated.
    fn settle_defaults(&mut self) {
        let mut nobody = Profile {
            id: crosspoint_model::ProfileId([0; 16]),
            fragments: Vec::new(),
            memberships: Vec::new(),
            expiries: Vec::new(),
            epoch: 0,
            handed_over: Vec::new(),
        };
        for at in 0..self.rules.len() {
            let rule = &self.rules[at];
            let timed = rule.evaluate(&nobody, BEFORE_ALL, &Nothing);
            let depends = &rule.compiled.depends;
            let settled = timed.next_change.is_none()
                && depends.segments.iter().all(|segment| {
                    self.rule_of(*segment)
                        .is_none_or(|at| self.rules[at].default.is_some())
                });
            let default = settled.then_some(timed.value);
            if default == Some(true) {
                crate::reevaluate::join(&mut nobody, rule.segment, BEFORE_ALL);
            }
            self.rules[at].default = default;
            if default != Some(false) {
                self.true_of_nothing.push(at as u32);
            }
        }
    }

    /// The number of a segment's rule.
    pub fn rule_of(&self, segment: Symbol) -> Option<usize> {
        let at = self
            .by_segment
            .binary_search_by_key(&segment, |row| row.0)
            .ok()?;
        Some(self.by_segment[at].1 as usize)
    }

    /// The rule of the segment with this name.
    pub fn rule_named(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.name == name)
    }

    /// All rules, each after those whose segments it names.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Numbers of the rules that a change of data can change by itself, ascending. Rules that
    /// follow because another segment is entered or left are not among them.
    pub fn affected(&self, touched: &Touched) -> impl Iterator<Item = usize> + use<> {
        let count = self.rules.len();
        let mut bits = RuleBits::none_of(count);
        if touched.everything {
            (0..count).for_each(|rule| bits.insert(rule));
        } else {
            self.index.affected(touched, &mut bits);
        }
        let mut start = 0;
        std::iter::from_fn(move || {
            let rule = bits.next(start)?;
            start = rule + 1;
            Some(rule)
        })
    }

    /// Compiles an expression of any type that may name all that the rules may name. Errors are
    /// told under `name`.
    ///
    /// # Errors
    /// All faults of the text.
    pub fn compile_value(
        &self,
        name: &str,
        text: &str,
        intern: &mut dyn FnMut(&str) -> Symbol,
    ) -> Result<Program, Vec<RuleError>> {
        self.program(name, text, Type::Any, intern)
    }

    /// Compiles an expression that is true or false.
    ///
    /// # Errors
    /// All faults of the text.
    pub fn compile_condition(
        &self,
        name: &str,
        text: &str,
        intern: &mut dyn FnMut(&str) -> Symbol,
    ) -> Result<Program, Vec<RuleError>> {
        self.program(name, text, Type::Bool, intern)
    }

    fn program(
        &self,
        name: &str,
        text: &str,
        wanted: Type,
        intern: Intern<'_>,
    ) -> Result<Program, Vec<RuleError>> {
        let syntax = parse(name, text)?;
        let compiled = compile(&self.language, name, text, &syntax, wanted, intern)?;
        Ok(Program::new(compiled))
    }

    /// Compiles the computed traits, standard and declared, by name.
    pub fn computed_traits(
        &self,
        intern: &mut dyn FnMut(&str) -> Symbol,
    ) -> BTreeMap<SmolStr, Program> {
        let computed = self
            .language
            .computed
            .iter()
            .filter_map(|(name, computed)| {
                let compiled = compile_trait(&self.language, name, "", computed, intern).ok()?;
                Some((name.clone(), Program::new(compiled)))
            });
        computed.collect()
    }
}
