//! Writes: one thing, or up to a hundred with an outcome each.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::list::{invalid, missing};
use super::{Item, WooCommerce, error, make, now};
use crate::hook::Hook;
use crate::{Answer, Call, Sim, iso_local};

const BATCH_MAX: usize = 100;

fn digest(value: &Value) -> String {
    hex::encode(Sha256::digest(value.to_string()))
}

fn singular(kind: &str) -> &str {
    kind.trim_end_matches('s')
}

/// What is wrong with a body's types: the vendor looks before it does anything.
fn check(kind: &str, input: &Value) -> Option<Answer> {
    let texts: &[&str] = match kind {
        "customers" => &["email", "first_name", "last_name", "username", "password"],
        "coupons" => &[
            "code",
            "amount",
            "discount_type",
            "description",
            "minimum_amount",
            "maximum_amount",
        ],
        "webhooks" => &["name", "status", "topic", "secret", "delivery_url"],
        "orders" => &["status", "customer_note", "currency"],
        _ => &["name", "status", "regular_price", "sale_price"],
    };
    for name in texts {
        if !(input[*name].is_string() || input[*name].is_null()) {
            return Some(invalid(name, &format!("{name} is not of type string.")));
        }
    }
    if let Some(email) = input["email"].as_str().filter(|_| kind == "customers") {
        let is_good = email.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && host.contains('.') && !email.contains(' ')
        });
        if !is_good {
            return Some(invalid("email", "Invalid email address."));
        }
    }
    let numbers = ["usage_limit", "usage_limit_per_user"];
    if let Some(name) = numbers
        .into_iter()
        .find(|name| !(input[*name].is_i64() || input[*name].is_null()))
    {
        return Some(invalid(name, &format!("{name} is not of type integer.")));
    }
    let kinds = ["percent", "fixed_cart", "fixed_product"];
    if input["discount_type"]
        .as_str()
        .is_some_and(|it| !kinds.contains(&it))
    {
        return Some(invalid(
            "discount_type",
            "discount_type is not one of percent, fixed_cart, and fixed_product.",
        ));
    }
    for name in ["billing", "shipping"] {
        if !(input[name].is_object() || input[name].is_null()) {
            return Some(invalid(name, &format!("{name} is not of type object.")));
        }
    }
    match &input["meta_data"] {
        Value::Null => None,
        Value::Array(rows) if rows.iter().all(|row| row.is_object()) => None,
        Value::Array(_) => Some(invalid("meta_data", "meta_data[0] is not of type object.")),
        _ => Some(invalid("meta_data", "meta_data is not of type array.")),
    }
}

/// Rows with the same key or id are replaced, others are added, null takes a row away.
fn merge_meta(known: &Value, new: &Value, next: &mut u64) -> Value {
    let mut rows = known.as_array().cloned().unwrap_or_default();
    for row in new.as_array().into_iter().flatten() {
        let is_it = |it: &Value| match row["id"].as_u64() {
            Some(id) => it["id"] == id,
            None => it["key"] == row["key"],
        };
        let at = rows.iter().position(is_it);
        match (at, row["value"].is_null()) {
            (Some(at), true) => drop(rows.remove(at)),
            (Some(at), false) => rows[at]["value"] = row["value"].clone(),
            (None, true) => {}
            (None, false) => {
                *next += 1;
                rows.push(json!({ "id": next, "key": row["key"], "value": row["value"] }));
            }
        }
    }
    Value::Array(rows)
}

impl WooCommerce {
    pub fn create(
        &mut self,
        kind: &'static str,
        input: &Value,
        sim: &mut Sim,
    ) -> Result<u64, Answer> {
        if let Some(refusal) = check(kind, input) {
            return Err(refusal);
        }
        let now_ms = now(sim);
        let text = |name: &str| input[name].as_str().filter(|it| !it.is_empty());
        let lack = |name: &str| {
            Answer::json(
                400,
                &json!({ "code": "rest_missing_callback_param", "message": format!("Missing parameter(s): {name}"), "data": { "status": 400, "params": [name] } }),
            )
        };
        let (fields, status, key) = match kind {
            "customers" => {
                let email = text("email").ok_or_else(|| lack("email"))?;
                if self.customer_of(email).is_some() {
                    let message = format!(
                        "An account is already registered with {email}. <a href=\"#\" class=\"showlogin\">Please log in.</a>"
                    );
                    return Err(error(400, "registration-error-email-exists", &message));
                }
                let is_twin = |it: &Item| {
                    text("username")
                        .is_some_and(|name| self.fields(kind, it.id)["username"] == name)
                };
                if self.items[kind].values().any(is_twin) {
                    return Err(error(
                        400,
                        "registration-error-username-exists",
                        "An account is already registered with that username.",
                    ));
                }
                (
                    make::blank_customer(email),
                    "customer",
                    email.to_lowercase(),
                )
            }
            "coupons" => {
                let code = text("code").ok_or_else(|| lack("code"))?.to_lowercase();
                let is_twin = |it: &&Item| !it.is_deleted && it.fields["code"] == code.as_str();
                if let Some(twin) = self.items[kind].values().find(is_twin) {
                    let body = json!({ "code": "woocommerce_rest_coupon_code_already_exists", "message": "The coupon code already exists", "data": { "status": 400, "resource_id": twin.id } });
                    return Err(Answer::json(400, &body));
                }
                let mut fields = make::coupon_fields(input);
                fields.insert("code".to_owned(), json!(code));
                (fields, "publish", code)
            }
            "webhooks" => {
                let url = text("delivery_url").filter(|it| it.starts_with("http")).ok_or_else(|| error(400, "woocommerce_rest_missing_params", "The delivery URL must be a valid URL starting with http:// or https://."))?;
                let topic = text("topic").filter(|it| is_topic(it)).ok_or_else(|| {
                    error(
                        400,
                        "woocommerce_rest_missing_params",
                        "Webhook topic must be valid.",
                    )
                })?;
                let fields = make::object(
                    json!({ "name": text("name").unwrap_or("Webhook"), "topic": topic, "resource": topic.split('.').next(), "event": topic.split('.').nth(1),
                    "hooks": [], "delivery_url": url, "secret": text("secret").unwrap_or(&self.keys.secret) }),
                );
                (
                    fields,
                    text("status").unwrap_or("active"),
                    format!("{topic} {url}"),
                )
            }
            _ => {
                return Err(error(
                    501,
                    "woocommerce_rest_not_simulated",
                    "Orders and products come from the shop alone.",
                ));
            }
        };
        let id = self.next_id(kind);
        let status = status.to_owned();
        let item = Item {
            id,
            source: None,
            created_ms: now_ms,
            modified_ms: now_ms,
            status,
            is_deleted: false,
            fields,
        };
        self.put(kind, item);
        if kind == "customers" {
            self.write(kind, id, input, sim);
        }
        sim.effect(
            &format!("{}.create", singular(kind)),
            &key,
            &digest(input),
            input.clone(),
        );
        if kind == "webhooks" {
            let url = input["delivery_url"].as_str().unwrap_or_default();
            let mut ping = Hook::json(url, format!("webhook_id={id}"));
            ping.headers = vec![
                (
                    "content-type".to_owned(),
                    "application/x-www-form-urlencoded".to_owned(),
                ),
                ("user-agent".to_owned(), super::hooks::AGENT.to_owned()),
            ];
            sim.hooks.push(ping);
        } else {
            self.tell(&format!("{}.created", singular(kind)), kind, id, sim);
        }
        Ok(id)
    }

    pub fn update(
        &mut self,
        kind: &'static str,
        id: u64,
        input: &Value,
        sim: &mut Sim,
    ) -> Result<u64, Answer> {
        if self.find(kind, &id.to_string()).is_none() {
            return Err(if kind == "customers" {
                error(400, "woocommerce_rest_invalid_id", "Invalid resource ID.")
            } else {
                missing(kind)
            });
        }
        if let Some(refusal) = check(kind, input) {
            return Err(refusal);
        }
        if let Some(email) = input["email"].as_str().filter(|_| kind == "customers")
            && self.customer_of(email).is_some_and(|holder| holder != id)
        {
            return Err(error(
                400,
                "woocommerce_rest_customer_invalid_email",
                "Email address is invalid.",
            ));
        }
        if let Some(name) = input["username"].as_str().filter(|_| kind == "customers")
            && self.fields(kind, id)["username"] != name
        {
            return Err(error(
                400,
                "woocommerce_rest_customer_invalid_argument",
                "Username isn't editable.",
            ));
        }
        self.write(kind, id, input, sim);
        sim.effect(
            &format!("{}.update", singular(kind)),
            &id.to_string(),
            &digest(input),
            input.clone(),
        );
        self.tell(&format!("{}.updated", singular(kind)), kind, id, sim);
        Ok(id)
    }

    /// Puts the sent keys on a thing; metadata alone does not move its instant.
    fn write(&mut self, kind: &'static str, id: u64, input: &Value, sim: &Sim) {
        let mut fields = self.fields(kind, id);
        let mut next = self.next_meta;
        let mut is_moved = false;
        let mut status = None;
        for (name, value) in input.as_object().into_iter().flatten() {
            match name.as_str() {
                "meta_data" => drop(fields.insert(
                    name.clone(),
                    merge_meta(&fields["meta_data"], value, &mut next),
                )),
                "billing" | "shipping" => {
                    let mut place = fields
                        .get(name)
                        .and_then(Value::as_object)
                        .cloned()
                        .unwrap_or_default();
                    for (part, value) in value
                        .as_object()
                        .into_iter()
                        .flatten()
                        .filter(|(part, _)| place.contains_key(*part))
                        .collect::<Vec<_>>()
                    {
                        place.insert(part.clone(), value.clone());
                    }
                    fields.insert(name.clone(), Value::Object(place));
                    is_moved = true;
                }
                "status" => {
                    status = value.as_str().map(str::to_owned);
                    is_moved = true;
                }
                "id" | "password" | "role" => {}
                "code" => drop(fields.insert(
                    name.clone(),
                    json!(value.as_str().unwrap_or_default().to_lowercase()),
                )),
                _ if fields.contains_key(name) => {
                    fields.insert(name.clone(), value.clone());
                    is_moved = true;
                }
                _ => {}
            }
        }
        self.next_meta = next;
        let at_ms = if is_moved {
            now(sim)
        } else {
            self.items[kind][&id].modified_ms
        };
        self.edit(kind, id, at_ms, |it| {
            it.fields = fields;
            it.status = status.unwrap_or_else(|| it.status.clone());
        });
    }

    pub fn delete(
        &mut self,
        kind: &'static str,
        id: u64,
        is_forced: bool,
        sim: &mut Sim,
    ) -> Result<Value, Answer> {
        let Some(item) = self.find(kind, &id.to_string()) else {
            return Err(if kind == "customers" {
                error(400, "woocommerce_rest_invalid_id", "Invalid resource id.")
            } else {
                missing(kind)
            });
        };
        if !is_forced && matches!(kind, "customers" | "webhooks") {
            let message = format!(
                "{} do not support trashing.",
                if kind == "customers" {
                    "Customers"
                } else {
                    "Webhooks"
                }
            );
            return Err(error(501, "woocommerce_rest_trash_not_supported", &message));
        }
        let shown = Value::Object(self.view(kind, item));
        self.edit(kind, id, now(sim), |it| match is_forced {
            true => it.is_deleted = true,
            false => it.status = "trash".to_owned(),
        });
        sim.effect(
            &format!("{}.delete", singular(kind)),
            &id.to_string(),
            if is_forced { "force" } else { "trash" },
            Value::Null,
        );
        let event = if is_forced { "deleted" } else { "updated" };
        self.tell(&format!("{}.{event}", singular(kind)), kind, id, sim);
        Ok(shown)
    }

    pub fn batch(&mut self, kind: &'static str, input: &Value, sim: &mut Sim) -> Answer {
        let rows = |name: &str| input[name].as_array().cloned().unwrap_or_default();
        let total = rows("create").len() + rows("update").len() + rows("delete").len();
        if total > BATCH_MAX {
            return error(
                413,
                "woocommerce_rest_request_entity_too_large",
                "Unable to accept more than 100 items for this request.",
            );
        }
        let poison = sim
            .vendor_fault("batch-partial")
            .map(|args| args["index"].as_u64().unwrap_or(0) as usize);
        let mut at = 0;
        let mut done = Map::new();
        for name in ["create", "update", "delete"] {
            let mut outcomes = Vec::new();
            for row in rows(name) {
                let id = row["id"].as_u64().or(row.as_u64()).unwrap_or(0);
                let outcome = if poison == Some(at) {
                    Err(error(
                        500,
                        "woocommerce_rest_cannot_write",
                        "The resource could not be saved.",
                    ))
                } else {
                    match name {
                        "create" => self.create(kind, &row, sim),
                        "update" => self.update(kind, id, &row, sim),
                        _ => self.delete(kind, id, true, sim).map(|_| id),
                    }
                };
                at += 1;
                outcomes.push(match outcome {
                    Ok(id) => self.items[kind]
                        .get(&id)
                        .map_or(Value::Null, |it| Value::Object(self.view(kind, it))),
                    Err(answer) => {
                        let error: Value =
                            serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
                        json!({ "id": id, "error": error })
                    }
                });
            }
            if !outcomes.is_empty() {
                done.insert(name.to_owned(), Value::Array(outcomes));
            }
        }
        Answer::json(200, &Value::Object(done))
    }

    pub fn note(&mut self, order: &str, call: &Call, sim: &mut Sim) -> Answer {
        if self.find("orders", order).is_none() {
            return missing("orders");
        }
        let input = call.json().unwrap_or(Value::Null);
        let Some(text) = input["note"].as_str().filter(|it| !it.is_empty()) else {
            return Answer::json(
                400,
                &json!({ "code": "rest_missing_callback_param", "message": "Missing parameter(s): note", "data": { "status": 400, "params": ["note"] } }),
            );
        };
        let id = self.notes.len() as u64 + 1;
        let at_ms = now(sim);
        let note = json!({ "id": id, "author": "crosspoint", "date_created": iso_local(at_ms, self.zone.offset_s(at_ms)), "date_created_gmt": iso_local(at_ms, 0), "note": text,
            "customer_note": input["customer_note"].as_bool().unwrap_or(false), "order_id": order });
        sim.effect("order.note", order, &digest(&input), input.clone());
        self.notes.push((order.to_owned(), note.clone()));
        Answer::json(201, &note)
    }
}

fn is_topic(topic: &str) -> bool {
    match topic.split_once('.') {
        Some(("action", rest)) => !rest.is_empty(),
        Some((thing, event)) => {
            matches!(thing, "customer" | "order" | "product" | "coupon")
                && matches!(event, "created" | "updated" | "deleted" | "restored")
        }
        None => false,
    }
}
