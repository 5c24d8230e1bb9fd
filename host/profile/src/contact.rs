//! A contact's fields as traits.

use crosspoint_model::profile::{Fragment, FragmentTrait};
use crosspoint_model::record::{Attribute, Contact, Version};
use crosspoint_model::touched::Touched;
use crosspoint_model::{Identifier, Instant, Symbol, Value};
use smol_str::SmolStr;

use crate::content::json_list;
use crate::names::Names;

/// Sets traits of one fragment from one record.
///
/// Per trait the newest version's value stands, and the earliest version's that was not empty; a
/// deletion blanks what is not newer. Each is a maximum or minimum, so order does not matter. A
/// name that a record sets twice keeps what was set first.
pub(crate) struct TraitWriter<'a> {
    pub fragment: &'a mut Fragment,
    pub version: Version,
    pub touched: &'a mut Touched,
}

impl TraitWriter<'_> {
    fn set(&mut self, name: Symbol, value: Value) {
        let dead = self
            .fragment
            .deleted
            .is_some_and(|deleted| self.version <= deleted);
        let value = if dead { blank(&value) } else { value };
        let traits = &mut self.fragment.traits;
        match traits.binary_search_by_key(&name, |entry| entry.name) {
            Err(at) => {
                let version = self.version;
                let first_value = value.clone();
                let entry = FragmentTrait {
                    name,
                    value,
                    version,
                    first: version,
                    first_value,
                };
                traits.insert(at, entry);
                self.touched.touch_trait(name);
            }
            Ok(at) => {
                let entry = &mut traits[at];
                let rank = |value: &Value, version| (*value == Value::Null, version);
                let earlier = rank(&value, self.version) < rank(&entry.first_value, entry.first);
                if earlier {
                    entry.first = self.version;
                    entry.first_value = value.clone();
                }
                let newer = self.version > entry.version;
                if newer {
                    entry.version = self.version;
                    entry.value = value;
                }
                if earlier || newer {
                    self.touched.touch_trait(name);
                }
            }
        }
    }

    fn set_text(&mut self, name: Symbol, text: &Option<SmolStr>) {
        if let Some(text) = text {
            self.set(name, Value::Text(text.clone()));
        }
    }

    /// Email and phone from the identifiers: the first of each kind, as the source ranks them.
    pub fn addresses(&mut self, identifiers: &[Identifier], names: &Names) {
        let (mut email, mut phone) = (None, None);
        for identifier in identifiers {
            match identifier {
                Identifier::Email(address) => _ = email.get_or_insert(address),
                Identifier::Phone(number) => _ = phone.get_or_insert(number),
                _ => {}
            }
        }
        self.set_text(names.email, &email.cloned());
        self.set_text(names.phone, &phone.cloned());
    }

    /// The contact's own fields. What is absent was not said; tags are said whole, so an empty
    /// list empties the trait.
    pub fn contact(&mut self, contact: &Contact, names: &Names) {
        self.set_text(names.first_name, &contact.first_name);
        self.set_text(names.last_name, &contact.last_name);
        self.set_text(names.full_name, &contact.full_name);
        self.set_text(names.company, &contact.company);
        self.set_text(names.job_title, &contact.job_title);
        self.set_text(names.language, &contact.language);
        self.set_text(names.time_zone, &contact.time_zone);
        self.set_text(names.birthday, &contact.birthday);
        self.set_text(names.gender, &contact.gender);
        if let Some(address) = &contact.address {
            self.set_text(names.company, &address.company);
            if !address.street.is_empty() {
                self.set(names.street, Value::text(address.street.join(", ")));
            }
            self.set_text(names.city, &address.city);
            self.set_text(names.region, &address.region);
            self.set_text(names.postal_code, &address.postal_code);
            self.set_text(names.country, &address.country);
        }
        if let Some(tags) = &contact.tags {
            self.set(names.tags, json_list(tags).unwrap_or(Value::Null));
        }
        if let Some(created_at) = contact.created_at {
            self.set(names.created_at, Value::Instant(created_at));
        }
    }

    /// Vendor fields under their own names. Come last, so that the body's fields win.
    pub fn attributes(&mut self, attributes: &[Attribute], intern: &mut dyn FnMut(&str) -> Symbol) {
        for attribute in attributes {
            self.set(intern(&attribute.name), attribute.value.clone());
        }
    }
}

/// Notes that the person was deleted in `version`, and blanks what was said up to then.
pub(crate) fn delete(fragment: &mut Fragment, version: Version, touched: &mut Touched) {
    if fragment.deleted >= Some(version) {
        return;
    }
    fragment.deleted = Some(version);
    for entry in &mut fragment.traits {
        if entry.first <= version {
            entry.first_value = blank(&entry.first_value);
            touched.touch_trait(entry.name);
        }
        if entry.version <= version {
            entry.value = blank(&entry.value);
        }
    }
}

/// The version in which an object was deleted at `at`: later than anything said in the same
/// millisecond.
pub(crate) fn deletion(updated_at: Instant, at: Instant) -> Version {
    Version {
        updated_at: updated_at.max(at),
        content: u64::MAX,
    }
}

/// Keeps that there was a value, not which.
fn blank(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        _ => Value::Text(SmolStr::default()),
    }
}
