//! JSON whose numbers keep every digit, for vendors that send amounts and long ids as numbers.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::model::{Attribute, Value};

/// Most significant digits that the contract carries in a decimal.
const MAX_DIGITS: usize = 28;

/// A JSON value. Numbers stay the text that the vendor sent, members keep their order; where a
/// member is named twice the last one counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// The vendor's own notation, such as `12.50` or `1e3`.
    Number(String),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Self>),
    /// An object.
    Object(Vec<(String, Self)>),
}

impl Json {
    /// Reads a JSON text.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        match text.trim_start().as_bytes().first() {
            Some(b'{') => {
                let Members(members) = serde_json::from_str(text)?;
                let mut object: Vec<(String, Self)> = Vec::with_capacity(members.len());
                for (name, raw) in members {
                    let value = Self::parse(raw.get())?;
                    match object.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, earlier)) => *earlier = value,
                        None => object.push((name, value)),
                    }
                }
                Ok(Self::Object(object))
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text)?;
                let items = items.into_iter().map(|raw| Self::parse(raw.get()));
                items.collect::<Result<_, _>>().map(Self::List)
            }
            Some(b'-' | b'0'..=b'9') => {
                let raw: &RawValue = serde_json::from_str(text)?;
                Ok(Self::Number(raw.get().to_owned()))
            }
            Some(b't' | b'f') => serde_json::from_str(text).map(Self::Bool),
            Some(b'n') => serde_json::from_str::<()>(text).map(|()| Self::Null),
            _ => serde_json::from_str(text).map(Self::Text),
        }
    }

    /// The member of that name; none where this is no object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let found = self.members().iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value)
    }

    /// The member at a dotted path such as `Owner.Email`.
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('.')
            .try_fold(self, |value, name| value.get(name))
    }

    /// Names and values of an object; nothing for anything else.
    pub fn members(&self) -> &[(String, Self)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// The items of a list; nothing for anything else.
    pub fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// The text of a string, or the digits of a number, unless there is nothing but white space.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Number(text) if !text.trim().is_empty() => Some(text),
            _ => None,
        }
    }

    /// `text` of the member at a dotted path.
    pub fn text_at(&self, path: &str) -> Option<&str> {
        self.at(path)?.text()
    }

    /// The member at a dotted path is `true`.
    pub fn is_true_at(&self, path: &str) -> bool {
        self.at(path) == Some(&Self::Bool(true))
    }

    /// Every member of an object that is not among `taken`, as an attribute under its own name.
    pub fn attributes_except(&self, taken: &[&str]) -> Vec<Attribute> {
        let left = self
            .members()
            .iter()
            .filter(|(name, _)| !taken.contains(&name.as_str()));
        left.map(|(name, value)| Attribute::new(name, value))
            .collect()
    }
}

impl From<&Json> for Value {
    /// Whole numbers of 64 bits become integers, other plain numbers decimal text; numbers with
    /// exponents or too many digits, lists and objects stay JSON.
    fn from(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(flag) => Self::Boolean(*flag),
            Json::Text(text) => Self::Text(text.clone()),
            Json::Number(text) => {
                if let Ok(integer) = text.parse::<i64>() {
                    return Self::Integer(integer);
                }
                let digits = text.bytes().filter(u8::is_ascii_digit).count();
                if text.contains(['e', 'E']) || digits > MAX_DIGITS {
                    Self::Json(text.clone())
                } else {
                    Self::Decimal(text.clone())
                }
            }
            other => Self::Json(other.to_string()),
        }
    }
}

/// Digits that a float holds, whatever they are.
const FLOAT_DIGITS: usize = 15;

impl From<&Json> for serde_json::Value {
    /// Numbers that a float cannot hold become text, so that no digit is lost.
    fn from(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(flag) => Self::Bool(*flag),
            Json::Text(text) => Self::String(text.clone()),
            Json::List(items) => items.iter().map(Self::from).collect(),
            Json::Object(members) => {
                let members = members.iter();
                Self::Object(
                    members
                        .map(|(name, one)| (name.clone(), one.into()))
                        .collect(),
                )
            }
            Json::Number(text) => {
                let digits = text.bytes().filter(u8::is_ascii_digit).count();
                let number = serde_json::from_str::<serde_json::Number>(text).ok();
                let is_whole =
                    |it: &serde_json::Number| digits <= FLOAT_DIGITS || it.to_string() == *text;
                number
                    .filter(is_whole)
                    .map_or_else(|| Self::String(text.clone()), Self::Number)
            }
        }
    }
}

impl fmt::Display for Json {
    /// Compact JSON with the numbers as they came.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Number(text) => f.write_str(text),
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::List(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    let comma = if at > 0 { "," } else { "" };
                    write!(f, "{comma}{item}")?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (at, (name, value)) in members.iter().enumerate() {
                    let comma = if at > 0 { "," } else { "" };
                    write!(f, "{comma}{}:{value}", quoted(name))?;
                }
                f.write_str("}")
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(raw.get()).map_err(D::Error::custom)
    }
}

/// An object's members as they stand.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(map.size_hint().unwrap_or(0));
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_keep_every_digit() {
        let json = Json::parse(
            r#"{"id":12345678901234567890123,"amount":10.10,"big":1e400,"n":-7,"x":0.1000000000000000055511151231257827021181583404541015625}"#,
        )
        .unwrap();
        let value = |name: &str| Value::from(json.get(name).unwrap());
        assert_eq!(
            value("id"),
            Value::Decimal("12345678901234567890123".into())
        );
        assert_eq!(value("amount"), Value::Decimal("10.10".into()));
        assert_eq!(value("big"), Value::Json("1e400".into()));
        assert_eq!(value("n"), Value::Integer(-7));
        assert!(matches!(value("x"), Value::Json(_)));
        assert_eq!(json.text_at("id"), Some("12345678901234567890123"));
        let others = serde_json::Value::from(&json);
        assert_eq!(others["id"], "12345678901234567890123");
        assert_eq!(others["big"], "1e400");
        assert_eq!(
            (&others["amount"], &others["n"]),
            (&10.1.into(), &(-7).into())
        );
    }

    #[test]
    fn members_are_found_by_path_and_the_rest_is_attributes() {
        let json = Json::parse(
            r#"{"Id":"7","Owner":{"Email":"o@example.com"},"Tags":["a",1.50],"Empty":null,"On":true}"#,
        )
        .unwrap();
        assert_eq!(json.text_at("Owner.Email"), Some("o@example.com"));
        assert_eq!(json.text_at("Owner.Phone"), None);
        assert_eq!(json.text_at("Empty.Anything"), None);
        assert!(json.is_true_at("On") && !json.is_true_at("Id"));
        let attributes = json.attributes_except(&["Id", "Owner"]);
        assert_eq!(
            attributes,
            [
                Attribute::new("Tags", Value::Json(r#"["a",1.50]"#.into())),
                Attribute::new("Empty", Value::Null),
                Attribute::new("On", true),
            ]
        );
    }

    #[test]
    fn what_is_no_json_is_an_error_and_structs_may_hold_it() {
        for text in ["", "{", "[1,]", "nul", "01", "{\"a\":}", "\"", "1 2"] {
            assert!(Json::parse(text).is_err(), "{text}");
        }
        #[derive(serde::Deserialize)]
        struct Page {
            records: Vec<Json>,
        }
        let text = r#" {"records":[{"a":1.0,"a":2.0}, "é\n" ]} "#;
        let mut reader = serde_json::Deserializer::from_str(text);
        let page: Page = serde_path_to_error::deserialize(&mut reader).unwrap();
        assert_eq!(page.records[0].to_string(), r#"{"a":2.0}"#);
        assert_eq!(page.records[1], Json::Text("é\n".to_owned()));
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            any::<String>().prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn reads_what_serde_reads(value in any_json()) {
            let text = value.to_string();
            prop_assert_eq!(Json::parse(&text).unwrap().to_string(), text);
        }
    }
}
