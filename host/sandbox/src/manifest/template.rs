//! `{settings.NAME}` in texts of the manifest.

use serde_json::{Map, Value};

/// The settings that `text` names.
pub(super) fn names(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("{settings.") {
        rest = &rest[start + "{settings.".len()..];
        let Some(end) = rest.find('}') else { break };
        found.push(&rest[..end]);
        rest = &rest[end + 1..];
    }
    found
}

/// Puts the settings' values in; `None` where one is missing or is neither text nor number.
pub(crate) fn fill(text: &str, settings: &Map<String, Value>) -> Option<String> {
    let mut filled = text.to_owned();
    for name in names(text) {
        let value = match settings.get(name)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        filled = filled.replace(&format!("{{settings.{name}}}"), &value);
    }
    Some(filled)
}
