//! What is known so far while files are read.

use std::collections::BTreeMap;

use crosspoint_model::nearest::did_you_mean;
use smol_str::SmolStr;

use crate::error::{Code, Position, Problem};
use crate::project::Project;
use crate::source::{Sink, Source, join};
use crate::table::{Table, Text};

/// What has a name of the operator's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Noun {
    Trait,
    Connector,
    Segment,
    Sync,
}

impl Noun {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Trait => "trait",
            Self::Connector => "connector",
            Self::Segment => "segment",
            Self::Sync => "sync",
        }
    }

    pub(crate) fn with_article(self) -> &'static str {
        match self {
            Self::Trait => "a trait",
            Self::Connector => "a connector",
            Self::Segment => "a segment",
            Self::Sync => "a sync",
        }
    }

    /// The table that holds them.
    pub(crate) fn table(self) -> &'static str {
        match self {
            Self::Trait => "traits",
            Self::Connector => "connectors",
            Self::Segment => "segments",
            Self::Sync => "syncs",
        }
    }
}

/// The use of a name that something else must declare.
struct Reference {
    noun: Noun,
    name: String,
    at: Position,
    by: String,
}

/// A project under construction.
pub(crate) struct Draft<'a> {
    pub(crate) project: Project,
    source: &'a Source<'a>,
    declared: BTreeMap<(Noun, String), Position>,
    references: Vec<Reference>,
}

impl<'a> Draft<'a> {
    /// `source` is the project file.
    pub(crate) fn new(source: &'a Source<'a>, project: Project) -> Self {
        Self {
            project,
            source,
            declared: BTreeMap::new(),
            references: Vec::new(),
        }
    }

    /// Goes on with another file.
    pub(crate) fn enter(&mut self, source: &'a Source<'a>) {
        self.source = source;
    }

    /// Whether the name is new; otherwise it is reported.
    pub(crate) fn declare(&mut self, noun: Noun, name: &Text<'_>, table: &Table<'_>) -> bool {
        let at = self.source.position(name.at);
        let key = (noun, name.text.to_owned());
        if let Some(first) = self.declared.get(&key) {
            let message = format!(
                "{} `{}` is already declared at {first}",
                noun.as_str(),
                name.text
            );
            let hint = "names are unique across all files: rename or remove one".to_owned();
            table.report(Code::DuplicateName, name.at, message, Some(hint));
            return false;
        }
        self.declared.insert(key, at);
        true
    }

    /// Notes that `by` uses a name.
    pub(crate) fn refer(&mut self, noun: Noun, name: &Text<'_>, by: &str) {
        self.references.push(Reference {
            noun,
            name: name.text.to_owned(),
            at: self.source.position(name.at),
            by: by.to_owned(),
        });
    }

    /// Names of a kind.
    pub(crate) fn names(&self, noun: Noun) -> impl Iterator<Item = &str> {
        self.declared
            .keys()
            .filter(move |(kind, _)| *kind == noun)
            .map(|(_, name)| name.as_str())
    }

    /// Reports every use of a name that nothing declares. `extra` are names that exist without
    /// being declared.
    pub(crate) fn check_references(&self, sink: &Sink, extra: &[(Noun, SmolStr)]) {
        for reference in &self.references {
            let noun = reference.noun;
            let others = extra
                .iter()
                .filter(|(kind, _)| *kind == noun)
                .map(|(_, name)| &**name);
            let mut known = self.names(noun).chain(others);
            if known.any(|name| name == reference.name) {
                continue;
            }
            let others = extra
                .iter()
                .filter(|(kind, _)| *kind == noun)
                .map(|(_, name)| &**name);
            let hint = did_you_mean(&reference.name, self.names(noun).chain(others))
                .unwrap_or_else(|| {
                    format!("declare it as `[{}]`", join(noun.table(), &reference.name))
                });
            sink.push(Problem {
                code: Code::UnknownName,
                at: reference.at.clone(),
                message: format!(
                    "{} names {} `{}`, which nothing declares",
                    reference.by,
                    noun.as_str(),
                    reference.name
                ),
                hint: Some(hint),
            });
        }
    }
}
