//! What can be wrong with a rule.

use std::ops::Range;

use smol_str::SmolStr;

/// A fault in the text of a rule, with its place. The caller shows all of them at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}:{line}:{column}: {message}")]
pub struct RuleError {
    /// The rule's name, as the caller gave it.
    pub rule: SmolStr,
    /// What is wrong.
    pub message: String,
    /// Line of the fault, from 1.
    pub line: u32,
    /// Character within the line, from 1.
    pub column: u32,
    /// Bytes of the rule's text that are at fault.
    pub span: Range<usize>,
    /// How to put it right, where that is known.
    pub hint: Option<String>,
}

impl RuleError {
    /// A fault at `span` of `text`.
    pub(crate) fn at(
        rule: &str,
        text: &str,
        span: Range<usize>,
        message: String,
        hint: Option<String>,
    ) -> Self {
        let start = text.floor_char_boundary(span.start);
        let span = start..text.ceil_char_boundary(span.end.max(start));
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            rule: SmolStr::new(rule),
            message,
            line: before.matches('\n').count() as u32 + 1,
            column: before[line_start..].chars().count() as u32 + 1,
            span,
            hint,
        }
    }
}
