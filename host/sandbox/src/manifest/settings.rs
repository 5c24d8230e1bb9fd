//! The schema of a connector's settings, and checking settings against it.

use std::collections::BTreeMap;

use crosspoint_model::nearest::nearest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::validate::Problem;

/// One setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: SettingType,
    /// Must be given.
    #[serde(default)]
    pub required: bool,
    /// Taken where it is not given.
    #[serde(default)]
    pub default: Option<Value>,
    /// One sentence for the operator.
    #[serde(default)]
    pub description: String,
    /// The only values allowed, for text.
    #[serde(default)]
    pub choices: Vec<String>,
    /// Smallest number, or shortest text or list.
    #[serde(default)]
    pub min: Option<f64>,
    /// Largest number, or longest text or list.
    #[serde(default)]
    pub max: Option<f64>,
}

/// What a setting holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum SettingType {
    Text,
    Integer,
    /// A number, or text that is a decimal.
    Decimal,
    Boolean,
    List,
    Table,
    Any,
}

impl SettingType {
    fn accepts(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Decimal => value.is_number() || decimal(value).is_some(),
            Self::Boolean => value.is_boolean(),
            Self::List => value.is_array(),
            Self::Table => value.is_object(),
            Self::Any => true,
        }
    }

    fn wanted(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "a whole number",
            Self::Decimal => "a number",
            Self::Boolean => "true or false",
            Self::List => "a list",
            Self::Table => "a table",
            Self::Any => "anything",
        }
    }
}

fn decimal(value: &Value) -> Option<crosspoint_model::Decimal> {
    value.as_str()?.parse().ok()
}

impl Setting {
    /// What is wrong with the value, if anything.
    pub(super) fn complaint(&self, value: &Value) -> Option<String> {
        if !self.kind.accepts(value) {
            return Some(format!("must be {}", self.kind.wanted()));
        }
        if let Some(text) = value.as_str()
            && !self.choices.is_empty()
            && !self.choices.iter().any(|choice| choice == text)
        {
            let hint = nearest(text, self.choices.iter().map(String::as_str))
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default();
            return Some(format!("must be one of {}{hint}", self.choices.join(", ")));
        }
        let (size, unit) = match value {
            Value::Number(number) => (number.as_f64()?, ""),
            Value::String(text) if self.kind == SettingType::Decimal => (text.parse().ok()?, ""),
            Value::String(text) => (text.chars().count() as f64, " characters"),
            Value::Array(items) => (items.len() as f64, " items"),
            _ => return None,
        };
        match (self.min, self.max) {
            (Some(min), _) if size < min => Some(format!("must be at least {min}{unit}")),
            (_, Some(max)) if size > max => Some(format!("must be at most {max}{unit}")),
            _ => None,
        }
    }
}

impl super::Manifest {
    /// Checks settings against the schema and fills in defaults.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn checked_settings(
        &self,
        given: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut settings = given.clone();
        for name in given
            .keys()
            .filter(|name| !self.settings.contains_key(*name))
        {
            let hint = nearest(name, self.settings.keys().map(String::as_str))
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default();
            problems.push(Problem {
                place: format!("settings.{name}"),
                reason: format!("is not a setting of plugin `{}`{hint}", self.id),
            });
        }
        check(&self.settings, &mut settings, &mut problems);
        if problems.is_empty() {
            Ok(settings)
        } else {
            Err(problems)
        }
    }
}

fn check(
    schema: &BTreeMap<String, Setting>,
    settings: &mut Map<String, Value>,
    problems: &mut Vec<Problem>,
) {
    for (name, setting) in schema {
        let problem = match (settings.get(name), &setting.default) {
            (Some(value), _) => setting.complaint(value),
            (None, Some(default)) => {
                settings.insert(name.clone(), default.clone());
                None
            }
            (None, None) if setting.required => Some(format!("is missing: {}", described(setting))),
            (None, None) => None,
        };
        if let Some(reason) = problem {
            problems.push(Problem {
                place: format!("settings.{name}"),
                reason,
            });
        }
    }
}

fn described(setting: &Setting) -> String {
    if setting.description.is_empty() {
        format!("the plugin needs {} here", setting.kind.wanted())
    } else {
        setting.description.clone()
    }
}
