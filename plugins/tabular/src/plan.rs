//! The settings, checked and made ready for reading.

mod notations;

use crosspoint_sdk::map::instant::Pattern;
use crosspoint_sdk::map::number::{self, Notation};
use crosspoint_sdk::{Error, RecordKind};

use self::notations::{
    GRANTED, WITHDRAWN, archive_folder, dates, delimiter, identifier_kind, notation, words,
};
use crate::dialect::fold;
use crate::mapping::fields::{self, FieldForm};
use crate::settings::{
    AttributeType, EncodingSetting, FieldSetting, FieldTable, FormatSetting, Header, Settings,
    SheetSetting, ShortRows,
};

/// How long a file must not have changed before it is read and archived, where nothing is set.
const ARCHIVED_STABLE_S: u32 = 60;

/// Number of a column that the settings speak of.
pub type ColumnId = usize;

/// The settings in a form that reading can use.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Plan {
    pub path: String,
    pub format: FormatSetting,
    pub sheet: SheetSetting,
    /// For packed files.
    pub max_unpacked_bytes: u64,
    pub stable_ms: i64,
    /// Where files go that were read to their end; `None`: they stay.
    pub archive_folder: Option<String>,
    pub delimiter: Option<u8>,
    pub encoding: EncodingSetting,
    pub header: Header,
    pub columns: Vec<String>,
    pub comment: Option<String>,
    pub short_rows: ShortRows,
    pub null_tokens: Vec<String>,
    pub currency: Option<String>,
    pub calling_code: Option<String>,
    /// Dates without a declared format are read so.
    pub dates: Dates,
    pub notation: Notation,
    pub kind: RecordKind,
    /// Every column that the settings speak of, as written.
    pub mentioned: Vec<Mentioned>,
    pub id: Vec<ColumnId>,
    pub updated_at: Option<Field>,
    /// In the order of the record's identifiers.
    pub identifiers: Vec<(IdentifierKind, Field)>,
    /// By name.
    pub fields: Vec<(String, Field)>,
    pub consents: Vec<Consent>,
    pub deleted: Option<(ColumnId, Vec<String>)>,
    /// Says whether the settings have changed.
    pub fingerprint: u64,
}

/// A column that the settings speak of.
#[derive(Debug)]
pub struct Mentioned {
    /// The name as written in settings.
    pub name: String,
    /// The name as compared.
    pub folded: String,
    /// A file without it is refused.
    pub is_required: bool,
    /// Its cells become no attribute: a field took them, or they are ignored.
    pub is_taken: bool,
    /// Type of the attribute otherwise.
    pub attribute: AttributeType,
}

/// Where a field's value comes from.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Field {
    pub column: Option<ColumnId>,
    pub value: Option<String>,
    pub dates: Option<Dates>,
    pub notation: Notation,
    pub minor_units: bool,
    /// Vendor's word and ours.
    pub values: Vec<(String, String)>,
    pub split: Option<String>,
}

/// Notations of dates and the zone of those that name none.
#[derive(Clone, Debug)]
pub struct Dates {
    /// Tried in this order.
    pub patterns: Vec<Pattern>,
    /// Minutes east of UTC.
    pub zone: i32,
}

/// Kinds of identifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum IdentifierKind {
    Customer,
    UserId,
    Email,
    Phone,
    AnonymousId,
    Cookie,
    External(String),
}

/// A column that holds a decision of the person.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Consent {
    pub topic: String,
    pub column: ColumnId,
    pub granted: Vec<String>,
    pub withdrawn: Vec<String>,
    pub decided_at: Option<Field>,
    pub evidence: Option<Field>,
}

impl Plan {
    /// Checks settings.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the first that makes no sense.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let fingerprint = crate::cursor::fnv(format!("{settings:?}").as_bytes());
        let records = &settings.records;
        let kind = fields::kind_of(&records.kind)?;
        if settings.header != Header::None && !settings.columns.is_empty() {
            return Err(Error::invalid(
                "columns",
                "names by position need `header = false`",
            ));
        }
        let needs_columns = settings.header == Header::None
            && settings.format != FormatSetting::Ndjson
            && settings.columns.is_empty();
        if needs_columns {
            return Err(Error::invalid(
                "columns",
                "`header = false` needs names by position",
            ));
        }
        let archive_folder = archive_folder(settings)?;
        // A file that goes away must not grow any more.
        let standard_s = if archive_folder.is_some() {
            ARCHIVED_STABLE_S
        } else {
            0
        };
        let stable_s = settings.stable_s.unwrap_or(standard_s);
        let dates = dates("date_formats", &settings.date_formats, &settings.zone)?;
        let mut plan = Self {
            path: settings.path.clone(),
            format: settings.format,
            sheet: settings.sheet.clone(),
            max_unpacked_bytes: u64::from(settings.max_unpacked_mib) << 20,
            stable_ms: i64::from(stable_s) * 1000,
            archive_folder,
            delimiter: delimiter(settings)?,
            encoding: settings.encoding,
            header: settings.header,
            columns: settings.columns.clone(),
            comment: settings
                .comment
                .clone()
                .filter(|comment| !comment.is_empty()),
            short_rows: settings.short_rows,
            null_tokens: settings.null_tokens.clone(),
            currency: settings
                .currency
                .as_deref()
                .map(|code| {
                    number::currency(code).map_err(|e| Error::invalid("currency", e.to_string()))
                })
                .transpose()?,
            calling_code: settings.calling_code.clone(),
            notation: notation(settings.decimal_comma),
            dates,
            kind,
            mentioned: Vec::new(),
            id: Vec::new(),
            updated_at: None,
            identifiers: Vec::new(),
            fields: Vec::new(),
            consents: Vec::new(),
            deleted: None,
            fingerprint,
        };
        plan.add_records(settings)?;
        plan.check_currency()?;
        Ok(plan)
    }

    fn add_records(&mut self, settings: &Settings) -> Result<(), Error> {
        let records = &settings.records;
        for name in &records.id.0 {
            let column = self.mention(name, true, true);
            self.id.push(column);
        }
        if let Some(setting) = &records.updated_at {
            self.updated_at =
                Some(self.field("records.updated_at", setting, FieldForm::Instant, true)?);
        }
        for (name, setting) in &records.identifiers {
            let place = format!("records.identifiers.{name}");
            let kind = identifier_kind(name, &place)?;
            let field = self.field(&place, setting, FieldForm::Text, false)?;
            self.identifiers.push((kind, field));
        }
        for (name, setting) in &records.fields {
            let place = format!("records.fields.{name}");
            let (form, is_required) = fields::form_of(self.kind, name, &place)?;
            let field = self.field(&place, setting, form, is_required)?;
            self.fields.push((name.clone(), field));
        }
        fields::check_required(self.kind, &self.fields)?;
        for (at, consent) in records.consents.iter().enumerate() {
            let place = format!("records.consents[{at}]");
            let column = self.mention(&consent.column, false, true);
            let optional = |plan: &mut Self, name: &str, setting: &Option<FieldSetting>, form| {
                setting
                    .as_ref()
                    .map(|setting| plan.field(&format!("{place}.{name}"), setting, form, false))
                    .transpose()
            };
            let decided_at = optional(self, "decided_at", &consent.decided_at, FieldForm::Instant)?;
            let evidence = optional(self, "evidence", &consent.evidence, FieldForm::Text)?;
            if self.identifiers.is_empty() {
                return Err(Error::invalid(
                    place,
                    "a decision needs `records.identifiers`",
                ));
            }
            self.consents.push(Consent {
                topic: consent.topic.clone(),
                column,
                granted: words(&consent.granted, GRANTED),
                withdrawn: words(&consent.withdrawn, WITHDRAWN),
                decided_at,
                evidence,
            });
        }
        if let Some(deleted) = &records.deleted {
            let column = self.mention(&deleted.column, false, true);
            let values = deleted
                .values
                .iter()
                .map(|value| value.to_lowercase())
                .collect();
            self.deleted = Some((column, values));
        }
        for name in &records.ignore {
            self.mention(name, false, true);
        }
        for (name, attribute) in &records.types {
            let column = self.mention(name, false, false);
            self.mentioned[column].attribute = *attribute;
        }
        Ok(())
    }

    fn mention(&mut self, name: &str, is_required: bool, is_taken: bool) -> ColumnId {
        let folded = fold(name);
        let found = self
            .mentioned
            .iter()
            .position(|mentioned| mentioned.folded == folded);
        let id = found.unwrap_or_else(|| {
            self.mentioned.push(Mentioned {
                name: name.to_owned(),
                folded,
                is_required: false,
                is_taken: false,
                attribute: AttributeType::Text,
            });
            self.mentioned.len() - 1
        });
        self.mentioned[id].is_required |= is_required;
        self.mentioned[id].is_taken |= is_taken;
        id
    }

    fn field(
        &mut self,
        place: &str,
        FieldSetting(table): &FieldSetting,
        form: FieldForm,
        is_required: bool,
    ) -> Result<Field, Error> {
        let FieldTable {
            column,
            value,
            format,
            zone,
            decimal_comma,
            values,
            split,
            minor_units,
        } = table;
        if column.is_none() && value.is_none() {
            return Err(Error::invalid(place, "needs `column`, `value` or both"));
        }
        let dates = if form == FieldForm::Instant && (format.is_some() || zone.is_some()) {
            let formats: Vec<_> = format.iter().cloned().collect();
            let own = dates(place, &formats, zone.as_deref().unwrap_or("UTC"))?;
            Some(Dates {
                patterns: if format.is_some() {
                    own.patterns
                } else {
                    self.dates.patterns.clone()
                },
                zone: if zone.is_some() {
                    own.zone
                } else {
                    self.dates.zone
                },
            })
        } else if form == FieldForm::Date && format.is_some() {
            Some(dates(
                place,
                &format.iter().cloned().collect::<Vec<_>>(),
                "UTC",
            )?)
        } else if format.is_some() || zone.is_some() {
            return Err(Error::invalid(place, "`format` and `zone` are for dates"));
        } else {
            None
        };
        if *minor_units && form != FieldForm::Money {
            return Err(Error::invalid(place, "`minor_units` is for amounts"));
        }
        let is_required = is_required && value.is_none();
        Ok(Field {
            column: column
                .as_ref()
                .map(|name| self.mention(name, is_required, true)),
            value: value.clone(),
            dates,
            notation: decimal_comma.map_or(self.notation, notation),
            minor_units: *minor_units,
            values: values
                .iter()
                .map(|(from, to)| (from.to_lowercase(), to.clone()))
                .collect(),
            split: split.clone(),
        })
    }

    fn check_currency(&self) -> Result<(), Error> {
        let names_currency = self.field_named("currency").is_some() || self.currency.is_some();
        let amount = self.fields.iter().find(|(name, _)| {
            matches!(
                fields::form_of(self.kind, name, ""),
                Ok((FieldForm::Money, _))
            )
        });
        match amount {
            Some((name, _)) if !names_currency => Err(Error::invalid(
                "currency",
                format!("`{name}` is an amount: set `currency`, or map `records.fields.currency`"),
            )),
            _ => Ok(()),
        }
    }

    /// The field mapped under that name. There are few, and names of different length are told
    /// apart at once: quicker than a search.
    pub fn field_named(&self, name: &str) -> Option<&Field> {
        self.fields
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, field)| field)
    }

    /// Whether any field below that prefix is mapped.
    pub fn has_below(&self, prefix: &str) -> bool {
        self.fields.iter().any(|(name, _)| name.starts_with(prefix))
    }

    /// Lines that hold no row: blank ones and comments.
    pub fn is_blank(&self, line: &[u8]) -> bool {
        let line = line.trim_ascii();
        line.is_empty()
            || self
                .comment
                .as_ref()
                .is_some_and(|comment| line.starts_with(comment.as_bytes()))
    }
}
