//! Rules and expressions: compiled to find their errors while a project is read, and again for
//! those who run them.

use std::collections::{BTreeMap, BTreeSet};

use crosspoint_model::Symbol;
use crosspoint_segment::{
    ComputedTrait, Program, RuleError, RuleSet, STANDARD_COMPUTED, Schema,
    TraitType as SegmentType, compile_set,
};
use smol_str::SmolStr;

use crate::draft::Noun;
use crate::error::{Code, Position, Problem};
use crate::project::{ProfileSync, Project, TraitType, Trigger};
use crate::source::{Places, Source, join};

/// Numbers a name.
type Intern<'a> = &'a mut dyn FnMut(&str) -> Symbol;

/// The expressions of a sync, compiled.
#[derive(Clone, Debug)]
pub struct SyncPrograms {
    /// By vendor's field, sorted.
    pub fields: Vec<(SmolStr, Program)>,
    /// The traits whose change triggers it, sorted by name; empty where a segment does.
    pub watched: Vec<Program>,
}

/// Compiles the segments and computed traits of a project.
///
/// # Errors
/// All faults of all rules. A project that [`crate::parse`] gave has none.
pub fn compile_rules(
    project: &Project,
    intern: &mut dyn FnMut(&str) -> Symbol,
) -> Result<RuleSet, Vec<Problem>> {
    compile_set(
        &segments(project),
        &computed(project),
        schema(project),
        intern,
    )
    .map_err(|errors| known(project, errors))
}

/// Compiles the expressions of the sync called `name`, which may name all that `rules`, compiled
/// from the same project, may name. A sync that does not exist has no expressions.
///
/// # Errors
/// All faults of all expressions. A project that [`crate::parse`] gave has none.
pub fn compile_sync(
    project: &Project,
    rules: &RuleSet,
    name: &str,
    intern: &mut dyn FnMut(&str) -> Symbol,
) -> Result<SyncPrograms, Vec<Problem>> {
    let Some(sync) = project.syncs.get(name) else {
        return Ok(SyncPrograms {
            fields: Vec::new(),
            watched: Vec::new(),
        });
    };
    sync_programs(rules, name, sync, intern).map_err(|errors| known(project, errors))
}

fn sync_programs(
    rules: &RuleSet,
    name: &str,
    sync: &ProfileSync,
    intern: Intern<'_>,
) -> Result<SyncPrograms, Vec<RuleError>> {
    let mut errors = Vec::new();
    let mut programs = SyncPrograms {
        fields: Vec::new(),
        watched: Vec::new(),
    };
    let path = join("syncs", name);
    for (field, text) in &sync.fields {
        match rules.compile_value(&join(&format!("{path}.fields"), field), text, intern) {
            Ok(program) => programs.fields.push((field.clone(), program)),
            Err(found) => errors.extend(found),
        }
    }
    if let Trigger::Traits { traits, .. } = &sync.trigger {
        for watched in traits {
            let text = trait_expression(watched);
            match rules.compile_value(&format!("{path}.traits"), &text, intern) {
                Ok(program) => programs.watched.push(program),
                Err(found) => errors.extend(found),
            }
        }
    }
    if errors.is_empty() {
        Ok(programs)
    } else {
        Err(errors)
    }
}

/// The expression that is the trait's value.
fn trait_expression(name: &str) -> String {
    format!(
        "traits['{}']",
        name.replace('\\', "\\\\").replace('\'', "\\'")
    )
}

/// Traits that every profile has without being declared.
pub(crate) fn standard_names() -> Vec<(Noun, SmolStr)> {
    let computed = STANDARD_COMPUTED
        .iter()
        .map(|(name, _)| SmolStr::new_static(name));
    let names = Schema::standard().traits.into_keys().chain(computed);
    names.map(|name| (Noun::Trait, name)).collect()
}

/// Whether the host computes the trait for every profile.
pub(crate) fn is_standard_computed(name: &str) -> bool {
    STANDARD_COMPUTED
        .iter()
        .any(|(standard, _)| *standard == name)
}

/// Compiles every segment, computed trait and field expression of the project, and reports the
/// faults at their place in the files.
pub(crate) fn check_rules(
    project: &Project,
    sources: &[Source<'_>],
    places: &Places,
) -> Vec<Problem> {
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    let mut intern = |name: &str| {
        let next = numbers.len() as u32;
        Symbol(*numbers.entry(name.to_owned()).or_insert(next))
    };
    let (rules, mut errors) = match compile_set(
        &segments(project),
        &computed(project),
        schema(project),
        &mut intern,
    ) {
        Ok(rules) => (Some(rules), Vec::new()),
        Err(errors) => (names_only(project, &errors, &mut intern), errors),
    };
    for (name, sync) in rules.iter().flat_map(|_| &project.syncs) {
        let Some(rules) = &rules else { break };
        // Names of watched traits are checked as references, with their own places.
        let fields_only = ProfileSync {
            trigger: Trigger::Segment("".into()),
            ..sync.clone()
        };
        if let Err(found) = sync_programs(rules, name, &fields_only, &mut intern) {
            errors.extend(found);
        }
        errors.extend(moving_watches(rules, name, sync, &mut intern));
    }
    errors
        .into_iter()
        .map(|error| located(project, error, sources, places))
        .collect()
}

/// Watched traits that change all the time: each change would be a delivery.
fn moving_watches(
    rules: &RuleSet,
    name: &str,
    sync: &ProfileSync,
    intern: Intern<'_>,
) -> Vec<RuleError> {
    let Trigger::Traits { traits, .. } = &sync.trigger else {
        return Vec::new();
    };
    let path = format!("{}.traits", join("syncs", name));
    let moving = traits.iter().filter(|watched| {
        let program = rules.compile_value(&path, &trait_expression(watched), intern);
        program.is_ok_and(|program| program.moves())
    });
    let error = |watched: &SmolStr| RuleError {
        rule: SmolStr::new(&path),
        message: format!("the trait `{watched}` changes at every moment and cannot be watched"),
        line: 1,
        column: 1,
        span: 0..0,
        hint: Some("watch whole days, as in `days_since(...)`".to_owned()),
    };
    moving.map(error).collect()
}

/// A rule set in which every name means something, though rules were faulty: so that expressions
/// which use those names show only faults of their own.
fn names_only(project: &Project, errors: &[RuleError], intern: Intern<'_>) -> Option<RuleSet> {
    let faulty: BTreeSet<&str> = errors
        .iter()
        .filter_map(|error| error.rule.strip_prefix("traits."))
        .collect();
    let segments: Vec<_> = project
        .segments
        .keys()
        .map(|name| (name.clone(), "false".to_owned()))
        .collect();
    let mut schema = schema(project);
    let (without, computed): (Vec<_>, Vec<_>) = computed(project)
        .into_iter()
        .partition(|computed| faulty.contains(computed.name.as_str()));
    let without = without.into_iter();
    let untyped = without.map(|computed| (computed.name, SegmentType::Any));
    schema.traits.extend(untyped);
    compile_set(&segments, &computed, schema, intern).ok()
}

/// An empty rule was reported when it was read.
fn segments(project: &Project) -> Vec<(SmolStr, String)> {
    let rule = |when: &str| {
        if when.is_empty() {
            "false".to_owned()
        } else {
            when.to_owned()
        }
    };
    project
        .segments
        .iter()
        .map(|(name, segment)| (name.clone(), rule(&segment.when)))
        .collect()
}

fn computed(project: &Project) -> Vec<ComputedTrait> {
    let computed = project.traits.iter().filter_map(|(name, declared)| {
        Some(ComputedTrait {
            name: name.clone(),
            text: declared.compute.clone()?.to_string(),
            declared: kind(declared.value_type),
        })
    });
    computed.collect()
}

fn kind(declared: Option<TraitType>) -> SegmentType {
    match declared {
        None => SegmentType::Any,
        Some(TraitType::Text) => SegmentType::Text,
        Some(TraitType::Boolean) => SegmentType::Bool,
        Some(TraitType::Integer) => SegmentType::Int,
        Some(TraitType::Decimal) => SegmentType::Decimal,
        Some(TraitType::Instant) => SegmentType::Instant,
        Some(TraitType::List) => SegmentType::List,
    }
}

fn schema(project: &Project) -> Schema {
    let mut schema = Schema::standard();
    for (name, declared) in &project.traits {
        if declared.compute.is_some() {
            continue;
        }
        if declared.value_type.is_some() || !schema.traits.contains_key(name) {
            let kind = kind(declared.value_type);
            schema.traits.insert(name.clone(), kind);
        }
    }
    schema
}

/// Dotted path of the expression that the compiler calls `rule`, and its text.
fn expression<'a>(project: &'a Project, rule: &str) -> Option<(String, &'a str)> {
    if let Some(segment) = project.segments.get(rule) {
        return Some((format!("{}.when", join("segments", rule)), &segment.when));
    }
    if let Some(name) = rule.strip_prefix("traits.") {
        let text = project.traits.get(name)?.compute.as_deref()?;
        return Some((format!("{}.compute", join("traits", name)), text));
    }
    project.syncs.iter().find_map(|(name, sync)| {
        let watched = format!("{}.traits", join("syncs", name));
        if watched == rule {
            return Some((watched, ""));
        }
        let path = format!("{}.fields", join("syncs", name));
        let (field, text) = sync
            .fields
            .iter()
            .find(|(field, _)| join(&path, field).as_str() == rule)?;
        Some((join(&path, field), text.as_str()))
    })
}

fn located(
    project: &Project,
    error: RuleError,
    sources: &[Source<'_>],
    places: &Places,
) -> Problem {
    let found =
        expression(project, &error.rule).and_then(|(path, text)| Some((places.get(&path)?, text)));
    let at = found.map(|(place, text)| {
        sources[place.file].position_within(&place.range, text, error.span.start)
    });
    problem(error, at.unwrap_or_default())
}

/// Faults of a project whose texts are no longer at hand: told at the start of the expression.
fn known(project: &Project, errors: Vec<RuleError>) -> Vec<Problem> {
    let at = |error: &RuleError| {
        let (path, _) = expression(project, &error.rule)?;
        project.position(&path).cloned()
    };
    let problems = errors.into_iter().map(|error| {
        let at = at(&error).unwrap_or_default();
        problem(error, at)
    });
    problems.collect()
}

fn problem(error: RuleError, at: Position) -> Problem {
    Problem {
        at,
        code: Code::Rule,
        message: error.message,
        hint: error.hint,
    }
}
