//! Mutations of customers: what they check, what they change, what they tell.

use serde_json::{Map, Value, json};

use super::consent::new_consent;
use super::data::{Address, Consent, Customer};
use super::view::{gid, parse_gid, reference};
use super::{CUSTOMERS, Shopify, digest, now};
use crate::Sim;

/// What is wrong with an input: where, why, and the vendor's code.
pub struct Wrong {
    pub field: Value,
    pub message: String,
    pub code: Value,
}

pub fn wrong(field: &[&str], message: &str, code: &str) -> Wrong {
    Wrong {
        field: if field.is_empty() {
            Value::Null
        } else {
            json!(field)
        },
        message: message.to_owned(),
        code: if code.is_empty() {
            Value::Null
        } else {
            json!(code)
        },
    }
}

/// A payload that says what is wrong and did nothing.
pub fn refused(wrongs: Vec<Wrong>) -> Value {
    let line = |it: Wrong| json!({ "field": it.field, "message": it.message, "code": it.code });
    json!({ "userErrors": wrongs.into_iter().map(line).collect::<Vec<_>>() })
}

/// A payload without errors.
pub fn done(name: &str, value: Value) -> Value {
    json!({ name: value, "userErrors": [] })
}

/// The customer that an id or gid names.
pub fn customer_id(value: &Value) -> Option<u64> {
    match parse_gid(value.as_str()?)? {
        ("Customer", id) => Some(id),
        _ => None,
    }
}

pub fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.split_once('@') else {
        return false;
    };
    let is_odd = |text: &str| text.is_empty() || text.contains([' ', '@', ',', ';', '<', '>']);
    !is_odd(name)
        && !is_odd(host)
        && host.contains('.')
        && !host.starts_with('.')
        && !host.ends_with('.')
}

fn is_phone(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (8..=15).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit())
}

fn text(value: &Value) -> Option<String> {
    value
        .as_str()
        .map(str::trim)
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
}

/// Tags without case twins, at most 250 of at most 255 letters.
pub fn clean_tags(tags: &Value) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for tag in tags.as_array().into_iter().flatten().filter_map(text) {
        // Commas part tags.
        for tag in tag.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            if !kept.iter().any(|known| known.eq_ignore_ascii_case(tag)) {
                kept.push(tag.to_owned());
            }
        }
    }
    kept
}

fn address(id: u64, it: &Value) -> Address {
    Address {
        id,
        address1: text(&it["address1"]),
        address2: text(&it["address2"]),
        city: text(&it["city"]),
        province_code: text(&it["provinceCode"]),
        country: text(&it["countryCode"]),
        zip: text(&it["zip"]),
        phone: text(&it["phone"]),
        first_name: text(&it["firstName"]),
        last_name: text(&it["lastName"]),
        company: text(&it["company"]),
    }
}

pub fn new_customer(id: u64, now_ms: i64) -> Customer {
    Customer {
        id,
        first_name: None,
        last_name: None,
        email: None,
        phone: None,
        locale: "en".to_owned(),
        state: "DISABLED",
        tags: Vec::new(),
        note: None,
        addresses: Vec::new(),
        email_consent: Consent::none(),
        sms_consent: Consent::none(),
        tax_exempt: false,
        verified_email: false,
        data_sale_opt_out: false,
        erasure_ms: None,
        orders: Vec::new(),
        spent_cents: 0,
        created_ms: now_ms,
        updated_ms: now_ms,
    }
}

impl Shopify {
    pub fn mutate_customer(&mut self, field: &str, args: &Value, sim: &mut Sim) -> Option<Value> {
        Some(match field {
            "customerSet" => self.customer_set(args, sim),
            "customerCreate" => self.customer_create(&args["input"], sim),
            "customerUpdate" => self.customer_update(&args["input"], sim),
            "customerDelete" => self.customer_delete(&args["input"]["id"], sim),
            "customerEmailMarketingConsentUpdate" => self.consent(&args["input"], true, sim),
            "customerSmsMarketingConsentUpdate" => self.consent(&args["input"], false, sim),
            "customerRequestDataErasure" => self.erasure(&args["customerId"], true, sim),
            "customerCancelDataErasure" => self.erasure(&args["customerId"], false, sim),
            "dataSaleOptOut" => self.data_sale_opt_out(&args["email"], sim),
            "tagsAdd" => self.tags(args, true, sim),
            "tagsRemove" => self.tags(args, false, sim),
            _ => return None,
        })
    }

    /// Puts the input's fields on a customer and says what is wrong with them.
    fn fill(&mut self, customer: &mut Customer, input: &Value) -> Vec<Wrong> {
        let empty = Map::new();
        let input = input.as_object().unwrap_or(&empty);
        let mut wrongs = Vec::new();
        for (name, value) in input {
            match name.as_str() {
                "firstName" => customer.first_name = text(value),
                "lastName" => customer.last_name = text(value),
                "note" => customer.note = text(value),
                "locale" => customer.locale = text(value).unwrap_or_else(|| "en".to_owned()),
                "taxExempt" => customer.tax_exempt = value.as_bool().unwrap_or(false),
                "tags" => customer.tags = clean_tags(value),
                "email" => customer.email = text(value).map(|it| it.to_lowercase()),
                "phone" => customer.phone = text(value),
                "addresses" => {
                    let rows = value.as_array().cloned().unwrap_or_default();
                    customer.addresses = rows
                        .iter()
                        .map(|it| address(self.change().new_id(), it))
                        .collect();
                }
                _ => {}
            }
        }
        for (name, value) in [
            ("firstName", &customer.first_name),
            ("lastName", &customer.last_name),
        ] {
            if value.as_ref().is_some_and(|it| it.chars().count() > 255) {
                wrongs.push(wrong(
                    &["input", name],
                    "is too long (maximum is 255 characters)",
                    "TOO_LONG",
                ));
            }
        }
        if customer.tags.len() > 250 {
            wrongs.push(wrong(
                &["input", "tags"],
                "Tags cannot have more than 250 values",
                "TOO_MANY_ARGUMENTS",
            ));
        }
        if let Some(email) = &customer.email {
            let holder = self.data.by_email(email);
            if !is_email(email) {
                wrongs.push(wrong(&["input", "email"], "Email is invalid", "INVALID"));
            } else if holder.is_some_and(|id| id != customer.id) {
                wrongs.push(wrong(
                    &["input", "email"],
                    "Email has already been taken",
                    "TAKEN",
                ));
            }
        }
        if let Some(phone) = &customer.phone {
            let holder = self.data.by_phone(phone);
            if !is_phone(phone) {
                wrongs.push(wrong(&["input", "phone"], "Phone is invalid", "INVALID"));
            } else if holder.is_some_and(|id| id != customer.id) {
                wrongs.push(wrong(
                    &["input", "phone"],
                    "Phone has already been taken",
                    "TAKEN",
                ));
            }
        }
        let names = [
            &customer.first_name,
            &customer.last_name,
            &customer.email,
            &customer.phone,
        ];
        if names.into_iter().all(Option::is_none) {
            wrongs.push(wrong(
                &["input"],
                "A name, phone number, or email address must be present",
                "BLANK",
            ));
        }
        wrongs
    }

    pub fn next_customer(&self) -> u64 {
        let known = self.data.customers.keys().next_back();
        let gone = self
            .data
            .deleted
            .keys()
            .filter(|(kind, _)| *kind == super::data::Kind::Customer);
        let last = known.into_iter().chain(gone.map(|(_, id)| id)).max();
        last.copied().unwrap_or(CUSTOMERS) + 1
    }

    fn customer_set(&mut self, args: &Value, sim: &mut Sim) -> Value {
        let (input, wanted) = (&args["input"], &args["identifier"]);
        let given: Vec<(&String, &Value)> = wanted
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, it)| !it.is_null())
            .collect();
        let found = match given.as_slice() {
            [] if input["id"].is_null() => None,
            [] => match customer_id(&input["id"]).filter(|id| self.data.customers.contains_key(id))
            {
                Some(id) => Some(id),
                None => {
                    return refused(vec![wrong(
                        &["input", "id"],
                        "Customer does not exist",
                        "NOT_FOUND",
                    )]);
                }
            },
            [_] if !input["id"].is_null() => {
                return refused(vec![wrong(
                    &["input"],
                    "The id field is not allowed if identifier is provided.",
                    "ID_NOT_ALLOWED",
                )]);
            }
            [(name, value)] => match name.as_str() {
                "id" => {
                    match customer_id(value).filter(|id| self.data.customers.contains_key(id)) {
                        Some(id) => Some(id),
                        None => {
                            return refused(vec![wrong(
                                &["identifier", "id"],
                                "Resource matching the identifier was not found.",
                                "NOT_FOUND",
                            )]);
                        }
                    }
                }
                "email" | "phone" => {
                    let same = |a: &Value, b: &Value| match (a.as_str(), b.as_str()) {
                        (Some(a), Some(b)) => a.trim().eq_ignore_ascii_case(b.trim()),
                        _ => false,
                    };
                    if !same(value, &input[name.as_str()]) {
                        let message = format!(
                            "The {name} in the input must match the {name} in the identifier."
                        );
                        return refused(vec![wrong(&["input"], &message, "INPUT_MISMATCH")]);
                    }
                    let text = value.as_str().unwrap_or_default();
                    if *name == "email" {
                        self.data.by_email(text)
                    } else {
                        self.data.by_phone(text)
                    }
                }
                _ => {
                    let space = value["namespace"].as_str().unwrap_or(super::APP_SPACE);
                    let is_it = |it: &&super::data::Metafield| {
                        it.namespace == space
                            && value["key"] == json!(it.key)
                            && value["value"] == json!(it.value)
                    };
                    match self.data.metafields.values().find(is_it) {
                        Some(it) => customer_id(&json!(it.owner)),
                        None => {
                            return refused(vec![wrong(
                                &["identifier", "customId"],
                                "Metafield definition of type 'id' is required when using custom ids.",
                                "NOT_FOUND",
                            )]);
                        }
                    }
                }
            },
            _ => {
                return refused(vec![wrong(
                    &["identifier"],
                    "Exactly one identifier must be given.",
                    "INVALID",
                )]);
            }
        };
        self.save(found, input, "customer.set", sim)
    }

    fn customer_create(&mut self, input: &Value, sim: &mut Sim) -> Value {
        if !input["id"].is_null() {
            return refused(vec![wrong(&["id"], "Cannot specify ID on creation", "")]);
        }
        for (name, consent) in [
            ("email", "emailMarketingConsent"),
            ("phone", "smsMarketingConsent"),
        ] {
            if !input[consent].is_null() && input[name].is_null() {
                return refused(vec![wrong(
                    &[consent],
                    "A contact method must be present to give consent",
                    "",
                )]);
            }
            if let Err(it) = new_consent(&input[consent], &[consent], sim) {
                return refused(vec![it]);
            }
        }
        self.save(None, input, "customer.create", sim)
    }

    fn customer_update(&mut self, input: &Value, sim: &mut Sim) -> Value {
        for name in ["emailMarketingConsent", "smsMarketingConsent"] {
            if !input[name].is_null() {
                let message = format!(
                    "To update {name}, please use the customer{}{}Update Mutation instead",
                    name[..1].to_uppercase(),
                    &name[1..]
                );
                return refused(vec![wrong(&[name], &message, "")]);
            }
        }
        match customer_id(&input["id"]).filter(|id| self.data.customers.contains_key(id)) {
            Some(id) => self.save(Some(id), input, "customer.update", sim),
            None => refused(vec![wrong(&["id"], "Customer does not exist", "")]),
        }
    }

    fn save(&mut self, found: Option<u64>, input: &Value, kind: &str, sim: &mut Sim) -> Value {
        let now_ms = now(sim);
        let id = found.unwrap_or_else(|| self.next_customer());
        let old = found.map(|id| self.data.customers[&id].clone());
        let mut customer = old.clone().unwrap_or_else(|| new_customer(id, now_ms));
        let wrongs = self.fill(&mut customer, input);
        if !wrongs.is_empty() {
            return refused(wrongs);
        }
        if old.is_none() {
            let consent = |name| new_consent(&input[name], &[], sim).ok().flatten();
            customer.email_consent =
                consent("emailMarketingConsent").unwrap_or(customer.email_consent);
            customer.sms_consent = consent("smsMarketingConsent").unwrap_or(customer.sms_consent);
        }
        let is_new = old.is_none();
        let is_same = old.is_some_and(|old| format!("{old:?}") == format!("{customer:?}"));
        let owner = gid("Customer", id);
        if let Some(rows) = input["metafields"].as_array() {
            let rows: Vec<Value> = rows
                .iter()
                .map(|row| {
                    let mut row = row.clone();
                    row["ownerId"] = json!(owner);
                    row
                })
                .collect();
            let wrongs = self.check_metafields(&rows, true);
            if !wrongs.is_empty() {
                return refused(wrongs);
            }
            self.put_metafields(&rows, now_ms);
        }
        sim.effect(kind, &owner, &digest(input), input.clone());
        if !is_same {
            customer.updated_ms = now_ms.max(customer.updated_ms);
            self.change().put_customer(customer);
            self.tell_customer(
                if is_new {
                    "CUSTOMERS_CREATE"
                } else {
                    "CUSTOMERS_UPDATE"
                },
                id,
                sim,
            );
        }
        done("customer", reference("Customer", Some(id)))
    }

    fn customer_delete(&mut self, id: &Value, sim: &mut Sim) -> Value {
        let found = customer_id(id).and_then(|id| self.data.customers.get(&id));
        let Some(customer) = found else {
            return refused(vec![wrong(&["id"], "Customer can't be found", "")]).with_shop();
        };
        if !customer.orders.is_empty() {
            return refused(vec![wrong(
                &["id"],
                "Customer can’t be deleted because they have associated orders",
                "",
            )])
            .with_shop();
        }
        let id = customer.id;
        let owner = gid("Customer", id);
        self.change().remove_customer(id, now(sim));
        sim.effect("customer.delete", &owner, "", Value::Null);
        self.tell(
            "CUSTOMERS_DELETE",
            &json!({ "id": id, "admin_graphql_api_id": owner }),
            sim,
        );
        done("deletedCustomerId", json!(owner)).with_shop()
    }
}

trait WithShop {
    fn with_shop(self) -> Self;
}

impl WithShop for Value {
    fn with_shop(mut self) -> Self {
        self["shop"] = super::shop();
        self
    }
}
