//! `conformance.toml`: what the checks need to know of one plugin and cannot find out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::checks::Check;
use crate::error::Error;

/// The file beside a plugin's manifest. Texts may hold `{url}` and `{host}` of the simulator,
/// `{elsewhere}` for its address under another name, where it is on loopback, and `{settings.NAME}` and `{secrets.NAME}` of what it says of itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The simulator's name, for whoever starts it.
    pub simulator: String,
    /// People in the simulator's world.
    #[serde(default = "sixty")]
    pub customers: u64,
    /// The connector's settings.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// Its secrets.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// The streams that are checked, by name.
    #[serde(default)]
    pub streams: BTreeMap<String, StreamSubject>,
    /// The actions that are checked, by name.
    #[serde(default)]
    pub actions: BTreeMap<String, ActionSubject>,
    /// How the vendor calls back; absent where it does not.
    pub webhook: Option<WebhookSubject>,
    /// How credentials go bad.
    #[serde(default)]
    pub credentials: CredentialsSubject,
    /// Other ways in which the plugin can be set up, by name.
    #[serde(default)]
    pub also: BTreeMap<String, SetupSubject>,
    /// The simulator's command that sets the zone of the vendor's clock, where it has one: `{"offset_s",
    /// "then": {"at_ms", "offset_s"}}` is so many seconds east of UTC, and others from an instant on.
    pub time_zone: Option<String>,
    /// Why the vendor may refuse a few requests within the declared rate: it counts points, which it
    /// tells of afterwards.
    pub points: Option<String>,
    /// Checks to run; all where none is named. For whoever looks into one.
    #[serde(skip)]
    pub only: Vec<String>,
    /// The folder of the file: golden requests stand below it.
    #[serde(skip)]
    pub folder: Option<PathBuf>,
    /// Golden requests are written instead of compared.
    #[serde(skip)]
    pub bless: bool,
    /// Checks that do not pass, and why that is right for now.
    #[serde(default)]
    pub waivers: BTreeMap<String, String>,
}

/// A stream and where its truth is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamSubject {
    /// Name of the collection in the simulator's truth.
    pub collection: String,
    /// Objects count only where these fields have one of these values.
    #[serde(default, rename = "where")]
    pub only: BTreeMap<String, Vec<Value>>,
    /// The id of the record for an object: a text with `{FIELD}` of the object.
    #[serde(default = "id")]
    pub id: String,
    /// Field of the record, in dots, to field of the object: both must say the same.
    #[serde(default)]
    pub expect: BTreeMap<String, String>,
    /// The same for instants, which vendors write in whole seconds and their own zones: both are
    /// milliseconds here, and the seconds must agree.
    #[serde(default)]
    pub instants: BTreeMap<String, String>,
    /// How an object is spoilt so that no record can be made of it.
    pub spoil: Option<SpoilSubject>,
    /// The vendor tells of new objects only: later changes cannot be seen.
    #[serde(default)]
    pub only_new: bool,
    /// A field of the vendor's objects, as it sends them, beside which one that nobody has seen yet
    /// may stand. Empty where it sends nothing but what it is asked for.
    #[serde(default = "id_field")]
    pub beside: String,
    /// One object yields one record or more, under ids that begin with `id`.
    #[serde(default)]
    pub derived: bool,
}

/// A field in which the vendor writes what cannot be read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpoilSubject {
    /// The field of the vendor's objects that tells them apart.
    #[serde(default = "id_field")]
    pub beside: String,
    /// What stands there: a text with `{FIELD}` of the simulator's object.
    #[serde(default = "id")]
    pub is: String,
    /// The field that is spoilt, as the vendor writes it, in dots.
    pub field: String,
    /// What stands there then.
    pub with: Value,
    /// Settings with which the plugin asks for the objects one answer at a time.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

/// An action and what it is tried with. In texts `{n}`, `{email}` and `{phone}` are a made-up
/// person's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionSubject {
    /// The vendor's list, for actions that need one.
    pub list: Option<String>,
    /// What identifies the person: `email:{email}`, `phone:{phone}`, `vendor:{n}`.
    #[serde(default = "email")]
    pub identifiers: Vec<String>,
    /// Fields without which it is rejected.
    #[serde(default)]
    pub required: Map<String, Value>,
    /// Further fields.
    #[serde(default)]
    pub optional: Map<String, Value>,
    /// Fields that the vendor refuses, in place of the others of the same name.
    #[serde(default)]
    pub poison: Map<String, Value>,
    /// Identifiers that the vendor refuses, in place of the others.
    #[serde(default)]
    pub poison_identifiers: Vec<String>,
    /// Actions done for the same person before.
    #[serde(default)]
    pub before: Vec<String>,
    /// Kinds of effect that the action has at the simulator.
    #[serde(default)]
    pub effects: Vec<String>,
    /// Where to look for what was done.
    pub collection: Option<String>,
    /// Field of the object to text: the object that belongs to a person.
    #[serde(default, rename = "match")]
    pub matches: BTreeMap<String, String>,
    /// Field of the object to text: what it has to say afterwards.
    #[serde(default)]
    pub expect: BTreeMap<String, String>,
    /// The object has to be gone afterwards.
    #[serde(default)]
    pub removes: bool,
    /// Fields that arrive under other names: which of `expect` look for them.
    #[serde(default)]
    pub arrives: BTreeMap<String, Vec<String>>,
    /// Fields of which the simulator's truth cannot tell whether they arrived, and why.
    #[serde(default)]
    pub unseen: BTreeMap<String, String>,
    /// How the vendor refuses one of a batch.
    pub partial: Option<PartialSubject>,
    /// Whose consent the action takes.
    pub consent: Option<ConsentSubject>,
}

/// A fault of the vendor's own by which it does all of a batch but one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartialSubject {
    /// What the simulator calls it.
    pub name: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Value,
    /// Of the request that it strikes; any where absent.
    pub method: Option<String>,
    /// Path and query of the request that it strikes, `*` for anything; any where absent.
    pub path: Option<String>,
}

/// Which decisions of a person an action depends on.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentSubject {
    /// Topics, each of which may not be withdrawn or unconfirmed.
    #[serde(default)]
    pub topics: Vec<String>,
    /// They have to be granted: the action tells the vendor that they are.
    #[serde(default)]
    pub granted: bool,
    /// Why it takes nobody's consent, although its kind of action usually does.
    pub none: Option<String>,
}

/// Another way in which the plugin can be set up, and what it is put to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetupSubject {
    /// Settings that differ.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// All secrets, where they differ.
    pub secrets: Option<BTreeMap<String, String>>,
    /// Checks to run.
    pub checks: Vec<String>,
}

/// How the vendor is told where to call.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSubject {
    /// Arguments of `subscribe`.
    #[serde(default)]
    pub args: Value,
    /// The secret that the simulator's answer replaces, and the field of the answer.
    pub secret: Option<(String, String)>,
    /// Settings that differ where the vendor calls.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

/// How credentials go bad.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialsSubject {
    /// Secrets that are wrong.
    #[serde(default)]
    pub wrong: BTreeMap<String, String>,
    /// The simulator's command that makes valid ones expire or be revoked for good.
    pub revoke: Option<String>,
    /// Secrets that tokens are fetched with, where the others are ones that never expire.
    #[serde(default)]
    pub expiring: BTreeMap<String, String>,
    /// The simulator's command after which tokens have to be fetched anew.
    pub expire: Option<String>,
    /// The simulator's command that takes rights away, with its arguments.
    pub restrict: Option<(String, Value)>,
}

fn sixty() -> u64 {
    60
}

fn id_field() -> String {
    "id".to_owned()
}

fn id() -> String {
    "{id}".to_owned()
}

fn email() -> Vec<String> {
    vec!["email:{email}".to_owned()]
}

impl Subject {
    /// Reads the file.
    ///
    /// # Errors
    /// [`Error::Subject`] with the file and what is wrong.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let fault = |reason: String| Error::Subject {
            path: path.to_owned(),
            reason,
        };
        let text = std::fs::read_to_string(path).map_err(|error| fault(error.to_string()))?;
        let mut subject: Self = toml::from_str(&text).map_err(|error| fault(error.to_string()))?;
        subject.folder = path.parent().map(Path::to_owned);
        Ok(subject)
    }

    /// Whether the check is one to run.
    pub(crate) fn asks_for(&self, check: &Check) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == check.name)
    }

    /// The same plugin, set up in another way.
    pub(crate) fn set_up(&self, setup: &SetupSubject) -> Self {
        let mut subject = self.clone();
        subject.settings.extend(setup.settings.clone());
        if let Some(secrets) = &setup.secrets {
            subject.secrets.clone_from(secrets);
        }
        subject
    }
}

/// Fills `{NAME}` from `lookup`; what it does not know stays.
pub(crate) fn fill(text: &str, lookup: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        let (before, from) = rest.split_at(start);
        filled.push_str(before);
        let value = from
            .find('}')
            .and_then(|end| Some((end, lookup(&from[1..end])?)));
        match value {
            Some((end, value)) => {
                filled.push_str(&value);
                rest = &from[end + 1..];
            }
            None => {
                filled.push('{');
                rest = &from[1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// The same in every text of a value.
pub(crate) fn fill_value(value: &Value, lookup: &impl Fn(&str) -> Option<String>) -> Value {
    match value {
        Value::String(text) => Value::String(fill(text, lookup)),
        Value::Array(items) => items.iter().map(|item| fill_value(item, lookup)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), fill_value(value, lookup)))
            .collect(),
        other => other.clone(),
    }
}

/// The value at a dotted path. Names may have dots of their own.
pub(crate) fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    if let Value::Object(fields) = value
        && let Some(found) = fields.get(path)
    {
        return found;
    }
    let (part, rest) = path.split_once('.').unwrap_or((path, ""));
    let found = match value {
        Value::Array(items) => part.parse::<usize>().ok().and_then(|it| items.get(it)),
        other => other.get(part),
    };
    match found {
        Some(found) if !rest.is_empty() => at(found, rest),
        Some(found) => found,
        None => &Value::Null,
    }
}

/// As text, without the quotes of JSON.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
