//! Scripted faults: which calls they strike and what they do to them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::{Answer, Call};

/// One line of the script. A call is struck by the first line that matches it and has strikes left.
///
/// ```
/// let fault: simulators::Fault = serde_json::from_str(
///     r#"{"method": "POST", "path": "/3.0/batches*", "skip": 1, "times": 2, "do": {"status": {"status": 503}}}"#,
/// ).unwrap();
/// ```
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Any method where absent.
    #[serde(default)]
    pub method: Option<String>,
    /// The path and query, `*` for anything; any where absent.
    #[serde(default)]
    pub path: Option<String>,
    /// A text that the body holds.
    #[serde(default)]
    pub contains: Option<String>,
    /// Matching calls that pass before the first strike.
    #[serde(default)]
    pub skip: u64,
    /// Strikes; absent: one.
    #[serde(default = "one")]
    pub times: u64,
    #[serde(rename = "do")]
    pub effect: Effect,
}

/// What a fault does.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// Answers with this status; the vendor does nothing. Without a body: the vendor's own shape.
    Status {
        status: u16,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        #[serde(default)]
        body: Option<String>,
    },
    /// A page of HTML with this status.
    Html(u16),
    /// The connection breaks before the vendor has done anything.
    Reset,
    /// The vendor does it, then the connection breaks.
    LoseAnswer,
    /// The vendor does it; the answer breaks off in the middle.
    Truncate,
    /// No answer, ever; the vendor does nothing.
    Hang,
    /// The vendor does it and never answers.
    HangAfter,
    /// The answer comes later.
    DelayMs(u64),
    /// Every object of the answer that has a field `beside` has further `fields`, written as they
    /// stand between the braces of JSON: a version of the vendor's that nobody has seen yet.
    Widen { beside: String, fields: String },
    /// Every object of the answer whose field `beside` is one of `ids` has the value `with` at the
    /// dotted path `field`, if there is anything: one that a program of the vendor's wrote wrongly.
    Spoil {
        beside: String,
        ids: Vec<Value>,
        field: String,
        with: Value,
    },
    /// A fault of this vendor's own, see its docs.
    Vendor {
        name: String,
        #[serde(default)]
        args: Value,
    },
}

fn one() -> u64 {
    1
}

/// The script.
#[derive(Debug, Default)]
pub struct Script {
    lines: Vec<Fault>,
}

impl Script {
    pub fn add(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.lines.extend(faults);
    }

    pub fn clear(&mut self) {
        self.lines.clear();
    }

    /// What has strikes left.
    #[must_use]
    pub fn lines(&self) -> &[Fault] {
        &self.lines
    }

    /// What strikes this call, if anything does.
    pub fn strike(&mut self, call: &Call) -> Option<Effect> {
        let target = match call.raw_query.as_str() {
            "" => call.path.clone(),
            query => format!("{}?{query}", call.path),
        };
        for line in &mut self.lines {
            if line.times == 0 || !matches(line, call, &target) {
                continue;
            }
            if line.skip > 0 {
                line.skip -= 1;
                continue;
            }
            line.times -= 1;
            let effect = line.effect.clone();
            self.lines.retain(|line| line.times > 0);
            return Some(effect);
        }
        None
    }
}

fn matches(fault: &Fault, call: &Call, target: &str) -> bool {
    let method = fault.method.as_deref();
    let body = || String::from_utf8_lossy(&call.body);
    method.is_none_or(|it| it.eq_ignore_ascii_case(call.method.as_str()))
        && fault.path.as_deref().is_none_or(|it| glob(it, target))
        && (fault.contains.as_deref()).is_none_or(|it| body().contains(it))
}

/// `*` stands for any text.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        if let Some(part) = last.replace(part) {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
    }
    match last {
        None => rest.is_empty(),
        Some(part) => rest.ends_with(part),
    }
}

/// The answer with `fields` in every object that has a field `beside`. What is no JSON stays, and so
/// does a part of something.
pub(crate) fn widened(answer: Answer, beside: &str, fields: &str) -> Answer {
    // No vendor calls a field so.
    const HERE: &str = "\u{1}widen";
    fn mark(value: &mut Value, beside: &str) {
        match value {
            Value::Object(members) => {
                members.values_mut().for_each(|member| mark(member, beside));
                if members.contains_key(beside) {
                    members.insert(HERE.to_owned(), Value::Null);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| mark(item, beside)),
            _ => {}
        }
    }
    let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) else {
        return answer;
    };
    if answer.status != 200 {
        return answer;
    }
    mark(&mut body, beside);
    let marker = format!("{}:null", Value::from(HERE));
    answer.with_body(&body.to_string().replace(&marker, fields))
}

/// The answer with a wrong value in some of its objects. Lines of JSON are taken one by one.
pub(crate) fn spoilt(
    answer: Answer,
    (beside, ids): (&str, &[Value]),
    field: &str,
    with: &Value,
) -> Answer {
    fn strike(value: &mut Value, beside: &str, ids: &[Value], (path, with): (&str, &Value)) {
        match value {
            Value::Object(members) => {
                let is_meant = members.get(beside).is_some_and(|id| ids.contains(id));
                let members = members.values_mut();
                members.for_each(|member| strike(member, beside, ids, (path, with)));
                if let Some(place) = value.pointer_mut(path).filter(|_| is_meant) {
                    *place = with.clone();
                }
            }
            Value::Array(items) => {
                let items = items.iter_mut();
                items.for_each(|item| strike(item, beside, ids, (path, with)));
            }
            _ => {}
        }
    }
    let path = format!("/{}", field.replace('.', "/"));
    let struck = |text: &[u8]| {
        let mut value: Value = serde_json::from_slice(text).ok()?;
        strike(&mut value, beside, ids, (&path, with));
        Some(value.to_string())
    };
    if answer.status != 200 {
        return answer;
    }
    if let Some(body) = struck(&answer.body) {
        return answer.with_body(&body);
    }
    let lines = answer.body.split(|byte| *byte == b'\n');
    let lines = lines.map(|line| match line {
        [] => Some(String::new()),
        line => struck(line),
    });
    match lines.collect::<Option<Vec<String>>>() {
        Some(lines) => answer.with_body(&lines.join("\n")),
        None => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_fields_stand_beside_known_ones_as_they_were_written() {
        let answer = |text: &str| Answer::json(200, &Value::Null).with_body(text);
        let widened = |text: &str| widened(answer(text), "id", r#""new":1.10"#).body;
        assert_eq!(
            widened(r#"[{"id":1,"of":{"x":2}}]"#),
            r#"[{"new":1.10,"id":1,"of":{"x":2}}]"#
        );
        assert_eq!(
            widened(r#"{"of":{"id":"1"}}"#),
            r#"{"of":{"new":1.10,"id":"1"}}"#
        );
        assert_eq!(widened("a text"), "a text");
    }

    #[test]
    fn only_what_is_named_is_spoilt() {
        let spoil = |text: &str| {
            let answer = Answer::json(200, &Value::Null).with_body(text);
            let ids = [Value::from(2)];
            spoilt(answer, ("id", &ids), "a.b", &Value::from("bad")).body
        };
        assert_eq!(
            spoil(r#"[{"a":{"b":1},"id":1},{"a":{"b":1},"id":2}]"#),
            r#"[{"a":{"b":1},"id":1},{"a":{"b":"bad"},"id":2}]"#
        );
        assert_eq!(
            spoil("{\"id\":2}\n{\"a\":{\"b\":1},\"id\":2}\n"),
            "{\"id\":2}\n{\"a\":{\"b\":\"bad\"},\"id\":2}\n"
        );
        assert_eq!(spoil("no JSON"), "no JSON");
    }

    #[test]
    fn globs_match_paths() {
        for (pattern, text, wanted) in [
            ("/a", "/a", true),
            ("/a", "/a?x=1", false),
            ("/a*", "/a?x=1", true),
            ("/a/*/c", "/a/b/c", true),
            ("/a/*/c", "/a/b/d", false),
            ("*", "/x", true),
            ("/a/*/b/*", "/a/1/b/2/b/3", true),
        ] {
            assert_eq!(glob(pattern, text), wanted, "{pattern} {text}");
        }
    }
}
