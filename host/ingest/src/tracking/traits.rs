//! Traits as a contact. Names are those of Segment's specification
//! (<https://segment.com/docs/connections/spec/identify/#traits>), in any spelling.

use crosspoint_model::record::{Address, Attribute, Contact};
use crosspoint_model::{Identifier, Instant, Value};
use serde_json::Value as Json;
use smol_str::{SmolStr, format_smolstr};

use super::call::Object;
use super::value::{folded, instant_of, snake, text_of, value_of};

/// A contact, and what no field of it names.
#[derive(Default)]
pub(super) struct Traits {
    pub contact: Contact,
    pub attributes: Vec<Attribute>,
    /// Names of traits that the contact's fields set: an attribute of that name would be lost.
    taken: Vec<&'static str>,
}

impl Traits {
    /// What an `identify` says about a person.
    pub fn of_person(traits: &Object) -> Self {
        let mut all = Self::default();
        for (name, json) in traits {
            if !all.field(name, json) {
                all.attribute(name, value_of(json));
            }
        }
        all
    }

    /// What a `group` says about the company that a person belongs to.
    pub fn of_company(id: Option<&SmolStr>, traits: &Object) -> Self {
        let mut all = Self::default();
        if let Some(id) = id {
            all.attribute("company_id", Value::Text(id.clone()));
        }
        all.company(traits);
        all
    }

    /// Sets `language` and `time_zone` from the client's own, unless a trait did.
    pub fn surroundings(&mut self, context: &Object) {
        let contact = &mut self.contact;
        for (name, field) in [
            ("locale", &mut contact.language),
            ("timezone", &mut contact.time_zone),
        ] {
            if field.is_none() {
                *field = context.get(name).and_then(text_of);
            }
        }
    }

    /// Takes a trait that has a field. False where it has none, or where its value does not fit.
    fn field(&mut self, name: &str, json: &Json) -> bool {
        let text = text_of(json);
        let contact = &mut self.contact;
        let (trait_name, field) = match folded(name).as_str() {
            "email" => return self.identifier("email", Identifier::email, json),
            "phone" => return self.identifier("phone", Identifier::phone, json),
            "firstname" => ("first_name", &mut contact.first_name),
            "lastname" => ("last_name", &mut contact.last_name),
            "name" | "fullname" => ("full_name", &mut contact.full_name),
            "title" | "jobtitle" => ("job_title", &mut contact.job_title),
            "language" => ("language", &mut contact.language),
            "timezone" => ("time_zone", &mut contact.time_zone),
            "gender" => ("gender", &mut contact.gender),
            "birthday" => return self.birthday(json),
            "createdat" => return self.created_at(json),
            "tags" => return self.tags(json),
            "company" => {
                if let Json::Object(company) = json {
                    self.company(company);
                    return true;
                }
                ("company", &mut contact.company)
            }
            "address" => return self.address(json),
            _ => return false,
        };
        if field.is_some() || self.taken.contains(&trait_name) {
            return false;
        }
        match text {
            Some(text) => {
                *field = Some(text);
                self.taken.push(trait_name);
            }
            // Empty, or no text: under the trait's own name all the same.
            None => self.attribute(trait_name, value_of(json)),
        }
        true
    }

    /// What is an identifier becomes a trait by being one.
    fn identifier(
        &mut self,
        name: &'static str,
        read: fn(&str) -> Option<Identifier>,
        json: &Json,
    ) -> bool {
        let is_one = text_of(json).and_then(|text| read(&text)).is_some();
        if is_one && !self.taken.contains(&name) {
            self.taken.push(name);
            return true;
        }
        false
    }

    /// The day of an instant or date; `--MM-DD` as it is.
    fn birthday(&mut self, json: &Json) -> bool {
        let Some(text) = text_of(json).filter(|_| json.is_string()) else {
            return false;
        };
        let day = text.get(..10).unwrap_or(&text);
        let is_date = instant_of(&Json::from(day)).is_some();
        let without_year = text.len() == 7 && text.starts_with("--");
        if !(is_date || without_year) || self.taken.contains(&"birthday") {
            return false;
        }
        self.contact.birthday = Some(if is_date { day.into() } else { text });
        self.taken.push("birthday");
        true
    }

    fn created_at(&mut self, json: &Json) -> bool {
        let created_at: Option<Instant> = instant_of(json);
        if created_at.is_none() || self.contact.created_at.is_some() {
            return false;
        }
        self.contact.created_at = created_at;
        self.taken.push("created_at");
        true
    }

    fn tags(&mut self, json: &Json) -> bool {
        let Json::Array(list) = json else {
            return false;
        };
        let tags: Option<Vec<SmolStr>> = list.iter().map(text_of).collect();
        if tags.is_none() || self.contact.tags.is_some() {
            return false;
        }
        self.contact.tags = tags;
        self.taken.push("tags");
        true
    }

    fn company(&mut self, company: &Object) {
        for (name, json) in company {
            match (name.as_str(), text_of(json)) {
                ("name", Some(text)) if self.contact.company.is_none() => {
                    self.contact.company = Some(text);
                    self.taken.push("company");
                }
                _ => self.attribute(&format!("company_{}", snake(name)), value_of(json)),
            }
        }
    }

    fn address(&mut self, json: &Json) -> bool {
        let mut address = Address::default();
        match json {
            Json::String(_) => {
                let Some(street) = text_of(json) else {
                    return false;
                };
                address.street.push(street);
                self.taken.push("street");
            }
            Json::Object(parts) => {
                for (name, json) in parts {
                    if !self.address_part(&mut address, name, json) {
                        self.attribute(&format!("address_{}", snake(name)), value_of(json));
                    }
                }
            }
            _ => return false,
        }
        self.contact.address = Some(address);
        true
    }

    fn address_part(&mut self, address: &mut Address, name: &str, json: &Json) -> bool {
        let Some(text) = text_of(json) else {
            return false;
        };
        let (trait_name, field) = match folded(name).as_str() {
            "street" if address.street.is_empty() => {
                address.street.push(text);
                self.taken.push("street");
                return true;
            }
            "city" => ("city", &mut address.city),
            "state" | "region" => ("region", &mut address.region),
            "postalcode" | "zip" | "zipcode" => ("postal_code", &mut address.postal_code),
            "country" => ("country", &mut address.country),
            _ => return false,
        };
        let is_code = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
        if field.is_some() || (trait_name == "country" && !is_code) {
            return false;
        }
        *field = Some(match trait_name {
            "country" => text.to_ascii_uppercase().into(),
            _ => text,
        });
        self.taken.push(trait_name);
        true
    }

    fn attribute(&mut self, name: &str, value: Value) {
        self.attributes.push(Attribute {
            name: name.into(),
            value,
        });
    }

    /// Whether there is anything to fold.
    pub fn says_something(&self) -> bool {
        // An e-mail address is none of the contact's fields.
        let is_address = |name: &&str| matches!(*name, "email" | "phone");
        !self.attributes.is_empty()
            || self.contact != Contact::default()
            || self.taken.iter().any(is_address)
    }

    /// The contact, and attributes none of which has the name of a trait that it sets.
    pub fn finish(mut self) -> (Contact, Vec<Attribute>) {
        for attribute in &mut self.attributes {
            let taken = self.taken.iter().any(|name| *name == attribute.name);
            if taken && attribute.value != Value::Null {
                attribute.name = format_smolstr!("traits_{}", attribute.name);
            }
        }
        (self.contact, self.attributes)
    }
}
