//! What the operator configures, as written. [`crate::plan::Plan`] is the checked form.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The settings of `plugin.toml`.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// Which files: a pattern over paths below the granted location.
    #[serde(default = "default_path")]
    pub path: String,
    /// How rows are laid out.
    #[serde(default)]
    pub format: FormatSetting,
    /// Which sheet of a workbook.
    #[serde(default)]
    pub sheet: SheetSetting,
    /// The delimiter, one ASCII character; overrules detection.
    #[serde(default)]
    pub delimiter: Option<String>,
    /// How characters are encoded.
    #[serde(default)]
    pub encoding: EncodingSetting,
    /// Whether there is a header, and on which line.
    #[serde(default)]
    pub header: Header,
    /// Names of the columns by position, for files without a header.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Lines that start with this text are not rows.
    #[serde(default)]
    pub comment: Option<String>,
    /// What a row with too few cells means.
    #[serde(default)]
    pub short_rows: ShortRows,
    /// Cells that mean "empty", besides the empty cell.
    #[serde(default)]
    pub null_tokens: Vec<String>,
    /// Numbers are written as `1.234,50`.
    #[serde(default)]
    pub decimal_comma: bool,
    /// The currency of all amounts whose row names none.
    #[serde(default)]
    pub currency: Option<String>,
    /// The notations of dates, tried in this order.
    #[serde(default)]
    pub date_formats: Vec<String>,
    /// The zone offset of dates that name none.
    #[serde(default = "default_zone")]
    pub zone: String,
    /// The country calling code of telephone numbers that name none.
    #[serde(default)]
    pub calling_code: Option<String>,
    /// A file counts as complete when it has not changed for so many seconds.
    #[serde(default)]
    pub stable_s: Option<u32>,
    /// What becomes of a file that was read.
    #[serde(default)]
    pub after: After,
    /// Where such a file goes, below the granted location.
    #[serde(default = "default_archive_folder")]
    pub archive_folder: String,
    /// The largest content of a packed file, in MiB.
    #[serde(default = "default_max_unpacked_mib")]
    pub max_unpacked_mib: u32,
    /// What a row becomes.
    pub records: Records,
}

fn default_archive_folder() -> String {
    "archive".to_owned()
}

fn default_max_unpacked_mib() -> u32 {
    128
}

fn default_path() -> String {
    "**".to_owned()
}

fn default_zone() -> String {
    "UTC".to_owned()
}

/// How rows are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum FormatSetting {
    /// Found out from the file's beginning.
    #[default]
    Auto,
    Csv,
    Tsv,
    Semicolon,
    Pipe,
    /// Columns aligned with spaces.
    Whitespace,
    /// One JSON object a line.
    Ndjson,
}

/// What becomes of a file that was read to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum After {
    /// It stays.
    #[default]
    Keep,
    /// The host moves it into the archive folder.
    Archive,
}

/// Which sheet of a workbook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SheetSetting {
    /// The first that is not hidden.
    #[default]
    First,
    /// The one with this number, counted from 1, hidden ones included.
    Number(u32),
    /// The one of this name.
    Name(String),
}

impl fmt::Display for SheetSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => f.write_str("at all"),
            Self::Number(number) => write!(f, "number {number}"),
            Self::Name(name) => write!(f, "`{name}`"),
        }
    }
}

impl<'de> Deserialize<'de> for SheetSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = SheetSetting;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sheet's name, or its number from 1 on")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<SheetSetting, E> {
                Ok(SheetSetting::Name(name.to_owned()))
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<SheetSetting, E> {
                match u32::try_from(number) {
                    Ok(number @ 1..) => Ok(SheetSetting::Number(number)),
                    _ => Err(E::invalid_value(
                        serde::de::Unexpected::Unsigned(number),
                        &self,
                    )),
                }
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<SheetSetting, E> {
                u64::try_from(number)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(number), &self))
                    .and_then(|number| self.visit_u64(number))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// How characters are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum EncodingSetting {
    /// By byte order mark; else UTF-8 if the file's beginning is, else Windows-1252.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// UTF-8.
    #[serde(rename = "utf-8")]
    Utf8,
    /// Windows-1252, a superset of ISO-8859-1's printable characters.
    #[serde(rename = "windows-1252", alias = "iso-8859-1")]
    Windows1252,
    /// ISO-8859-15.
    #[serde(rename = "iso-8859-15")]
    Iso8859_15,
    /// UTF-16, low byte first.
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// UTF-16, high byte first.
    #[serde(rename = "utf-16be")]
    Utf16Be,
}

/// What a row with too few cells means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShortRows {
    /// The missing cells at its end are empty.
    #[default]
    Pad,
    /// It is rejected.
    Reject,
}

/// Whether there is a header, and on which line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// None: columns go by position.
    None,
    /// On this line, counted from 1; lines before it are titles.
    Line(u32),
}

impl Default for Header {
    fn default() -> Self {
        Self::Line(1)
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false or a line number from 1 to 1000")
            }

            fn visit_bool<E: serde::de::Error>(self, flag: bool) -> Result<Header, E> {
                Ok(if flag { Header::Line(1) } else { Header::None })
            }

            fn visit_u64<E: serde::de::Error>(self, line: u64) -> Result<Header, E> {
                match u32::try_from(line) {
                    Ok(line @ 1..=1000) => Ok(Header::Line(line)),
                    _ => Err(E::invalid_value(
                        serde::de::Unexpected::Unsigned(line),
                        &self,
                    )),
                }
            }

            fn visit_i64<E: serde::de::Error>(self, line: i64) -> Result<Header, E> {
                u64::try_from(line)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(line), &self))
                    .and_then(|line| self.visit_u64(line))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// What a row becomes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Records {
    /// The kind of record: `order`, `contact`, ...
    pub kind: String,
    /// Key columns. Without any, a row is known by file and line.
    #[serde(default)]
    pub id: Names,
    /// When the row last changed.
    #[serde(default)]
    pub updated_at: Option<FieldSetting>,
    /// Who it is about: kind of identifier to column.
    #[serde(default)]
    pub identifiers: BTreeMap<String, FieldSetting>,
    /// Field of the record to column.
    #[serde(default)]
    pub fields: BTreeMap<String, FieldSetting>,
    /// Columns that hold a decision of the person.
    #[serde(default)]
    pub consents: Vec<ConsentSetting>,
    /// Rows that say that the object was deleted.
    #[serde(default)]
    pub deleted: Option<DeletedSetting>,
    /// Types of columns that no field names: column to type. Others stay text.
    #[serde(default)]
    pub types: BTreeMap<String, AttributeType>,
    /// Columns to leave out.
    #[serde(default)]
    pub ignore: Vec<String>,
}

/// Type of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum AttributeType {
    Text,
    Integer,
    Decimal,
    Boolean,
    Instant,
    Json,
}

/// A column that holds a decision of the person.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentSetting {
    /// What is decided: `email-marketing`, ...
    pub topic: String,
    /// The column.
    pub column: String,
    /// Cells that mean yes; without any the usual words.
    #[serde(default)]
    pub granted: Vec<String>,
    /// Cells that mean no; without any the usual words.
    #[serde(default)]
    pub withdrawn: Vec<String>,
    /// When it was decided; else when the row changed.
    #[serde(default)]
    pub decided_at: Option<FieldSetting>,
    /// Where and with which words.
    #[serde(default)]
    pub evidence: Option<FieldSetting>,
}

/// Rows that say that the object was deleted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeletedSetting {
    /// The column that says so.
    pub column: String,
    /// Cells that mean it.
    pub values: Vec<String>,
}

/// Where a field's value comes from: a column's name, or a table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldTable {
    /// The column.
    #[serde(default)]
    pub column: Option<String>,
    /// A value for every row; besides a column, where its cell is empty.
    #[serde(default)]
    pub value: Option<String>,
    /// The notation of dates in this column.
    #[serde(default)]
    pub format: Option<String>,
    /// The zone offset of dates in this column.
    #[serde(default)]
    pub zone: Option<String>,
    /// Numbers of this column are written as `1.234,50`.
    #[serde(default)]
    pub decimal_comma: Option<bool>,
    /// The vendor's word to ours.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
    /// What separates the parts of a list.
    #[serde(default)]
    pub split: Option<String>,
    /// Amounts of this column are in minor units (cents).
    #[serde(default)]
    pub minor_units: bool,
}

/// See [`FieldTable`].
#[derive(Clone, Debug, Default)]
pub struct FieldSetting(pub FieldTable);

impl<'de> Deserialize<'de> for FieldSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = FieldSetting;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a column's name, or a table with `column` or `value`")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<FieldSetting, E> {
                let column = Some(name.to_owned());
                Ok(FieldSetting(FieldTable {
                    column,
                    ..FieldTable::default()
                }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FieldSetting, A::Error> {
                FieldTable::deserialize(MapAccessDeserializer::new(map)).map(FieldSetting)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// One name or a list of names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(pub Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a column's name or a list of names")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Names, E> {
                Ok(Names(vec![name.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = seq.next_element()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
