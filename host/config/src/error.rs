//! What is wrong with a configuration, where, and what to do about it.

use std::fmt;

use serde::{Serialize, Serializer};

/// What is wrong, as a number that has a page in `docs/errors/`. New cases go to the end; a number
/// is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// The project file is not there, or a file is not where files are read.
    File,
    /// The text is not TOML.
    Syntax,
    /// Two things of one kind have the same name.
    DuplicateName,
    /// A key that nothing reads.
    UnknownKey,
    /// A value of another type than its key takes.
    WrongType,
    /// A key that must be there is not.
    MissingKey,
    /// A name with other characters than names have, or a reserved one.
    BadName,
    /// A span or size that cannot be read or is zero.
    BadAmount,
    /// A word that is not among those that the key takes.
    UnknownWord,
    /// A number outside the range of its key.
    OutOfRange,
    /// Text that does not have the form that its key takes.
    BadForm,
    /// A secret stands in the file itself.
    InlineSecret,
    /// A name that nothing declares.
    UnknownName,
    /// Keys that exclude or need each other.
    Contradiction,
    /// An action that the contract does not know; it must be the plugin's own.
    CustomAction,
    /// A rule or expression that does not compile.
    Rule,
    /// A table that belongs into `crosspoint.toml` stands in another file.
    WrongFile,
}

impl Code {
    /// All of them, in the order of their numbers.
    pub const ALL: [Code; 17] = [
        Code::File,
        Code::Syntax,
        Code::DuplicateName,
        Code::UnknownKey,
        Code::WrongType,
        Code::MissingKey,
        Code::BadName,
        Code::BadAmount,
        Code::UnknownWord,
        Code::OutOfRange,
        Code::BadForm,
        Code::InlineSecret,
        Code::UnknownName,
        Code::Contradiction,
        Code::CustomAction,
        Code::Rule,
        Code::WrongFile,
    ];

    /// `XP-CFG-001` and so on; the page is `docs/errors/<this>.md`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "XP-CFG-001",
            Self::Syntax => "XP-CFG-002",
            Self::DuplicateName => "XP-CFG-003",
            Self::UnknownKey => "XP-CFG-004",
            Self::WrongType => "XP-CFG-005",
            Self::MissingKey => "XP-CFG-006",
            Self::BadName => "XP-CFG-007",
            Self::BadAmount => "XP-CFG-008",
            Self::UnknownWord => "XP-CFG-009",
            Self::OutOfRange => "XP-CFG-010",
            Self::BadForm => "XP-CFG-011",
            Self::InlineSecret => "XP-CFG-012",
            Self::UnknownName => "XP-CFG-013",
            Self::Contradiction => "XP-CFG-014",
            Self::CustomAction => "XP-CFG-015",
            Self::Rule => "XP-CFG-016",
            Self::WrongFile => "XP-CFG-017",
        }
    }

    /// Whether the project can be used all the same.
    pub fn is_warning(self) -> bool {
        self == Self::CustomAction
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A place in a file of the project.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Position {
    /// Path within the project folder, `/` between parts.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl fmt::Display for Position {
    /// `file:line:column`, as editors read it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One thing that is wrong. Holds no secret: the text of a secret is never repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where.
    #[serde(flatten)]
    pub at: Position,
    /// Which kind.
    pub code: Code,
    /// What, for a person.
    pub message: String,
    /// What to do, where it is known.
    pub hint: Option<String>,
}

impl Problem {
    /// The sort key: where, then which kind.
    pub(crate) fn order(&self) -> (&Position, Code, &str) {
        (&self.at, self.code, &self.message)
    }
}

impl fmt::Display for Problem {
    /// Two lines: what and where as editors read it, then the hint, where there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.code.is_warning() {
            "warning "
        } else {
            ""
        };
        write!(f, "{}: {kind}{}: {}", self.at, self.code, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// A project could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read.
    #[error("could not read `{path}` of the project")]
    Read {
        /// What.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The files were read and are wrong.
    #[error("{}", lines(.0))]
    Problems(Vec<Problem>),
}

fn lines(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(Problem::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}
