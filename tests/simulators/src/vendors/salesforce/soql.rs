//! The query language, as far as connectors use it: fields, parents' fields, `COUNT`, conditions,
//! order, limit. Children's queries and groups are refused.

use super::Fault;
use super::data::{Cell, Data, instant, long_id};
use super::schema::{Field, Object};

/// A field, through its parents: `Owner.Email`.
#[derive(Clone, Debug)]
pub struct Path {
    /// As the caller wrote it, in the vendor's own case.
    pub parts: Vec<String>,
}

#[derive(Clone, Debug)]
pub enum Condition {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Test(Path, Operator, Vec<Cell>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    Like,
    In,
    NotIn,
    Includes,
}

#[derive(Clone, Debug)]
pub struct Query {
    pub object: &'static str,
    pub fields: Vec<Path>,
    /// `COUNT()`, or `COUNT(Id)` where true.
    pub count: Option<bool>,
    pub condition: Option<Condition>,
    /// Descending, and nulls last.
    pub order: Vec<(Path, bool, bool)>,
    pub limit: Option<usize>,
    pub offset: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Word {
    Name(String),
    Text(String),
    Literal(String),
    Mark(&'static str),
}

const MARKS: &[&str] = &["<=", ">=", "!=", "<>", "=", "<", ">", "(", ")", ","];

fn malformed(text: &str) -> Fault {
    Fault::new(400, "MALFORMED_QUERY", text)
}

fn words(text: &str) -> Result<Vec<Word>, Fault> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(mark) = MARKS.iter().find(|it| rest.starts_with(**it)) {
            words.push(Word::Mark(mark));
            rest = &rest[mark.len()..];
        } else if first == '\'' {
            let (mut inner, mut chars, mut end) =
                (String::new(), rest.char_indices().skip(1), None);
            while let Some((at, it)) = chars.next() {
                match it {
                    '\\' => match chars.next() {
                        Some((_, 'n')) => inner.push('\n'),
                        Some((_, 'r')) => inner.push('\r'),
                        Some((_, 't')) => inner.push('\t'),
                        Some((_, it @ ('\'' | '"' | '\\' | '_' | '%'))) => inner.push(it),
                        _ => {
                            return Err(Fault::new(
                                400,
                                "MALFORMED_QUERY",
                                "Invalid string literal. Illegal character sequence '\\' in string literal.",
                            ));
                        }
                    },
                    '\'' => {
                        end = Some(at + 1);
                        break;
                    }
                    it => inner.push(it),
                }
            }
            let end =
                end.ok_or_else(|| malformed("line 1: mismatched character '<EOF>' expecting '''"))?;
            words.push(Word::Text(inner));
            rest = &rest[end..];
        } else if first.is_ascii_digit() || first == '-' {
            let is_part =
                |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '+' | ':' | '.');
            let end = rest.find(|it| !is_part(it)).unwrap_or(rest.len());
            words.push(Word::Literal(rest[..end].to_owned()));
            rest = &rest[end..];
        } else if first.is_ascii_alphabetic() {
            let is_part = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '.' | ':');
            let end = rest.find(|it| !is_part(it)).unwrap_or(rest.len());
            words.push(Word::Name(rest[..end].to_owned()));
            rest = &rest[end..];
        } else {
            return Err(malformed(&format!("line 1: unexpected char: '{first}'")));
        }
        rest = rest.trim_start();
    }
    Ok(words)
}

struct Reader<'a> {
    words: Vec<Word>,
    at: usize,
    data: &'a Data,
    hidden: &'a dyn Fn(&str, &str) -> bool,
    now_ms: i64,
}

pub fn parse(
    text: &str,
    data: &Data,
    hidden: &dyn Fn(&str, &str) -> bool,
    now_ms: i64,
) -> Result<Query, Fault> {
    let (words, at) = (words(text)?, 0);
    let mut reader = Reader {
        words,
        at,
        data,
        hidden,
        now_ms,
    };
    reader.query()
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Word> {
        self.words.get(self.at)
    }

    fn is_name(&mut self, name: &str) -> bool {
        let is_it = matches!(self.peek(), Some(Word::Name(it)) if it.eq_ignore_ascii_case(name));
        self.at += usize::from(is_it);
        is_it
    }

    fn is_mark(&mut self, mark: &'static str) -> bool {
        let is_it = self.peek() == Some(&Word::Mark(mark));
        self.at += usize::from(is_it);
        is_it
    }

    fn unexpected(&self) -> Fault {
        let text = match self.peek() {
            None => "unexpected token: '<EOF>'".to_owned(),
            Some(Word::Name(it) | Word::Literal(it)) => format!("unexpected token: '{it}'"),
            Some(Word::Text(it)) => format!("unexpected token: ''{it}''"),
            Some(Word::Mark(it)) => format!("unexpected token: '{it}'"),
        };
        malformed(&text)
    }

    fn name(&mut self) -> Result<String, Fault> {
        match self.peek() {
            Some(Word::Name(it)) => {
                let name = it.clone();
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn query(&mut self) -> Result<Query, Fault> {
        if !self.is_name("SELECT") {
            return Err(self.unexpected());
        }
        let (mut names, mut count, mut whole) = (Vec::new(), None, None);
        loop {
            let name = self.name()?;
            if name.eq_ignore_ascii_case("COUNT") && self.is_mark("(") {
                count = Some(!self.is_mark(")"));
                if count == Some(true) {
                    self.name()?;
                    if !self.is_mark(")") {
                        return Err(self.unexpected());
                    }
                }
            } else if name.eq_ignore_ascii_case("FIELDS") && self.is_mark("(") {
                whole = Some(self.name()?.to_uppercase());
                if !self.is_mark(")") {
                    return Err(self.unexpected());
                }
            } else {
                names.push(name);
            }
            if !self.is_mark(",") {
                break;
            }
        }
        if !self.is_name("FROM") {
            return Err(self.unexpected());
        }
        let asked = self.name()?;
        let data = self.data;
        let object = data.object(&asked).filter(|it| !(self.hidden)(it.name, ""));
        let Some(object) = object else {
            let text = format!(
                "sObject type '{asked}' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names."
            );
            return Err(Fault::new(400, "INVALID_TYPE", &text));
        };
        let mut query = Query {
            object: object.name,
            fields: Vec::new(),
            count,
            condition: None,
            order: Vec::new(),
            limit: None,
            offset: 0,
        };
        for name in names {
            let (path, _) = self.path(object, &name)?;
            if query.fields.iter().any(|it| it.parts == path.parts) {
                return Err(malformed(&format!("duplicate field selected: {name}")));
            }
            query.fields.push(path);
        }
        if self.is_name("WHERE") {
            query.condition = Some(self.either(object)?);
        }
        if self.is_name("ORDER") {
            self.order(object, &mut query)?;
        }
        if self.is_name("LIMIT") {
            query.limit = Some(self.number()?);
        }
        if self.is_name("OFFSET") {
            query.offset = self.number()?;
            if query.offset > 2000 {
                return Err(Fault::new(
                    400,
                    "NUMBER_OUTSIDE_VALID_RANGE",
                    "SOQL OFFSET must be between 0 and 2000",
                ));
            }
        }
        if self.peek().is_some() {
            return Err(self.unexpected());
        }
        if let Some(which) = whole {
            if which != "STANDARD" && query.limit.is_none_or(|it| it > 200) {
                return Err(malformed(
                    "The SOQL FIELDS function must have a LIMIT of at most 200",
                ));
            }
            let shown = object
                .fields
                .iter()
                .filter(|it| !(self.hidden)(object.name, it.name));
            let chosen = shown.filter(|it| match which.as_str() {
                "CUSTOM" => it.name.ends_with("__c"),
                "STANDARD" => !it.name.ends_with("__c"),
                _ => true,
            });
            query.fields = chosen
                .map(|it| Path {
                    parts: vec![it.name.to_owned()],
                })
                .collect();
        }
        Ok(query)
    }

    fn number(&mut self) -> Result<usize, Fault> {
        match self.peek() {
            Some(Word::Literal(it)) if it.parse::<usize>().is_ok() => {
                let number = it.parse().unwrap_or(0);
                self.at += 1;
                Ok(number)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn path(&self, object: &Object, text: &str) -> Result<(Path, Field), Fault> {
        let mut parts: Vec<&str> = text.split('.').collect();
        if parts.len() > 1 && parts[0].eq_ignore_ascii_case(object.name) {
            parts.remove(0);
        }
        let last = parts.pop().unwrap_or_default();
        let (mut at, mut path) = (object, Vec::new());
        for part in parts {
            let parent = at
                .by_relationship(part)
                .filter(|it| !(self.hidden)(at.name, it.name));
            let Some(parent) = parent else {
                let text = format!(
                    "Didn't understand relationship '{part}' in field path. If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL or the describe call for the appropriate names."
                );
                return Err(Fault::new(400, "INVALID_FIELD", &text));
            };
            path.push(parent.relationship().unwrap_or_default());
            at = self.data.object(parent.targets[0]).unwrap_or(object);
        }
        let field = at.field(last).filter(|it| !(self.hidden)(at.name, it.name));
        let Some(field) = field else {
            let text = format!(
                "\nSELECT {text}\n       ^\nERROR at Row:1:Column:8\nNo such column '{last}' on entity '{}'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.",
                at.name
            );
            return Err(Fault::new(400, "INVALID_FIELD", &text));
        };
        path.push(field.name.to_owned());
        Ok((Path { parts: path }, field.clone()))
    }

    /// Alternatives and conjunctions do not mix without parentheses.
    fn either(&mut self, object: &Object) -> Result<Condition, Fault> {
        let first = self.unary(object)?;
        for (word, other) in [("AND", "OR"), ("OR", "AND")] {
            let mut all = vec![first.clone()];
            while self.is_name(word) {
                all.push(self.unary(object)?);
            }
            if all.len() > 1 {
                if matches!(self.peek(), Some(Word::Name(it)) if it.eq_ignore_ascii_case(other)) {
                    return Err(self.unexpected());
                }
                return Ok(if word == "AND" {
                    Condition::And(all)
                } else {
                    Condition::Or(all)
                });
            }
        }
        Ok(first)
    }

    fn unary(&mut self, object: &Object) -> Result<Condition, Fault> {
        if self.is_name("NOT") {
            return Ok(Condition::Not(Box::new(self.unary(object)?)));
        }
        if self.is_mark("(") {
            let inner = self.either(object)?;
            return if self.is_mark(")") {
                Ok(inner)
            } else {
                Err(self.unexpected())
            };
        }
        let name = self.name()?;
        let (path, field) = self.path(object, &name)?;
        if !field.is_filterable {
            let text = format!("field '{}' can not be filtered in a query call", field.name);
            return Err(Fault::new(400, "INVALID_FIELD", &text));
        }
        let known = [
            ("=", Operator::Equal),
            ("!=", Operator::Unequal),
            ("<>", Operator::Unequal),
            ("<=", Operator::AtMost),
            (">=", Operator::AtLeast),
            ("<", Operator::Less),
            (">", Operator::More),
        ];
        for (mark, operator) in known {
            if self.is_mark(mark) {
                let value = self.value(&field)?;
                return Ok(Condition::Test(path, operator, vec![value]));
            }
        }
        if self.is_name("LIKE") {
            let value = self.value(&field)?;
            return Ok(Condition::Test(path, Operator::Like, vec![value]));
        }
        let operator = if self.is_name("NOT") {
            Operator::NotIn
        } else if self.is_name("INCLUDES") {
            self.at -= 1;
            Operator::Includes
        } else {
            Operator::In
        };
        if !self.is_name(if operator == Operator::Includes {
            "INCLUDES"
        } else {
            "IN"
        }) || !self.is_mark("(")
        {
            return Err(self.unexpected());
        }
        let mut values = Vec::new();
        loop {
            values.push(self.value(&field)?);
            if self.is_mark(")") {
                return Ok(Condition::Test(path, operator, values));
            }
            if !self.is_mark(",") {
                return Err(self.unexpected());
            }
        }
    }

    fn value(&mut self, field: &Field) -> Result<Cell, Fault> {
        let wrong = |quotes: &str| {
            let text = format!(
                "value of filter criterion for field '{}' must be of type {} and should {quotes}be enclosed in quotes",
                field.name,
                if field.kind == "datetime" {
                    "dateTime"
                } else {
                    field.kind
                }
            );
            Fault::new(400, "INVALID_FIELD", &text)
        };
        let Some(word) = self.peek().cloned() else {
            return Err(self.unexpected());
        };
        self.at += 1;
        match word {
            Word::Name(it) if it.eq_ignore_ascii_case("null") => Ok(Cell::Null),
            Word::Text(text) if field.is_text() => match field.kind {
                "id" | "reference" if text.len() == 15 => Ok(Cell::Text(long_id(&text))),
                "id" | "reference" if text.len() == 18 => Ok(Cell::Text(text)),
                "id" | "reference" => Err(Fault::new(
                    400,
                    "INVALID_QUERY_FILTER_OPERATOR",
                    &format!("invalid ID field: {text}"),
                )),
                _ => Ok(Cell::Text(text.to_lowercase())),
            },
            Word::Text(_) => Err(wrong("not ")),
            _ if field.is_text() => Err(wrong("")),
            Word::Name(it) if field.kind == "boolean" => match it.to_lowercase().as_str() {
                "true" => Ok(Cell::Flag(true)),
                "false" => Ok(Cell::Flag(false)),
                _ => Err(wrong("not ")),
            },
            Word::Name(it) if matches!(field.kind, "datetime" | "date") => {
                let day_ms = 86_400_000;
                let today_ms = self.now_ms.div_euclid(day_ms) * day_ms;
                let upper = it.to_uppercase();
                match upper.strip_prefix("LAST_N_DAYS:").map(str::parse::<i64>) {
                    Some(Ok(days)) => Ok(Cell::At(today_ms - days * day_ms)),
                    None if upper == "TODAY" => Ok(Cell::At(today_ms)),
                    None if upper == "YESTERDAY" => Ok(Cell::At(today_ms - day_ms)),
                    _ => Err(wrong("not ")),
                }
            }
            Word::Literal(it) => match field.kind {
                "datetime" if it.contains('T') => {
                    instant(&it).map(Cell::At).ok_or_else(|| wrong("not "))
                }
                "date" if it.len() == 10 => instant(&it).map(Cell::At).ok_or_else(|| wrong("not ")),
                "double" | "currency" | "int" => {
                    it.parse().map(Cell::Number).map_err(|_| wrong("not "))
                }
                _ => Err(wrong("not ")),
            },
            _ => {
                self.at -= 1;
                Err(self.unexpected())
            }
        }
    }

    fn order(&mut self, object: &Object, query: &mut Query) -> Result<(), Fault> {
        if !self.is_name("BY") {
            return Err(self.unexpected());
        }
        loop {
            let name = self.name()?;
            let (path, field) = self.path(object, &name)?;
            if !field.is_filterable {
                let text = format!("field '{}' can not be sorted in a query call", field.name);
                return Err(Fault::new(400, "INVALID_FIELD", &text));
            }
            let is_down = !self.is_name("ASC") && self.is_name("DESC");
            let mut are_nulls_last = false;
            if self.is_name("NULLS") {
                are_nulls_last = self.is_name("LAST");
                if !are_nulls_last && !self.is_name("FIRST") {
                    return Err(self.unexpected());
                }
            }
            query.order.push((path, is_down, are_nulls_last));
            if !self.is_mark(",") {
                return Ok(());
            }
        }
    }
}
