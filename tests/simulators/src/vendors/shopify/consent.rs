//! What a customer agreed to, and the tags: mutations that change one thing about a customer.

use serde_json::{Value, json};

use super::data::Consent;
use super::view::{gid, parse_gid, reference};
use super::write::{Wrong, clean_tags, customer_id, done, is_email, new_customer, refused, wrong};
use super::{Shopify, digest, now};
use crate::Sim;

impl Shopify {
    pub fn consent(&mut self, input: &Value, is_email: bool, sim: &mut Sim) -> Value {
        let name = if is_email {
            "emailMarketingConsent"
        } else {
            "smsMarketingConsent"
        };
        let Some(id) =
            customer_id(&input["customerId"]).filter(|id| self.data.customers.contains_key(id))
        else {
            return refused(vec![wrong(
                &["input", "customerId"],
                "Customer not found",
                "INVALID",
            )]);
        };
        let wanted = match new_consent(&input[name], &["input", name], sim) {
            Ok(Some(wanted)) => wanted,
            Ok(None) => {
                return refused(vec![wrong(
                    &["input", name],
                    "Consent is missing",
                    "MISSING_ARGUMENT",
                )]);
            }
            Err(it) => return refused(vec![it]),
        };
        let customer = &self.data.customers[&id];
        if is_email && customer.email.is_none() {
            return refused(vec![wrong(
                &["input", name],
                "Customer must have an email to update email marketing consent",
                "INVALID",
            )]);
        }
        if !is_email && customer.phone.is_none() {
            return refused(vec![wrong(
                &["input", name],
                "A phone number is required to set the SMS consent state.",
                "INVALID",
            )]);
        }
        let kind = if is_email {
            "consent.email"
        } else {
            "consent.sms"
        };
        sim.effect(kind, &gid("Customer", id), &digest(input), input.clone());
        self.touch_customer(id, now(sim), sim, |customer| match is_email {
            true => customer.email_consent = wanted,
            false => customer.sms_consent = wanted,
        });
        if is_email {
            self.tell_consent(id, sim);
        }
        done("customer", reference("Customer", Some(id)))
    }

    pub fn erasure(&mut self, id: &Value, is_wanted: bool, sim: &mut Sim) -> Value {
        let Some(found) = customer_id(id).filter(|id| self.data.customers.contains_key(id)) else {
            return refused(vec![wrong(
                &["customerId"],
                "Customer does not exist",
                "DOES_NOT_EXIST",
            )]);
        };
        let mut customer = self.data.customers[&found].clone();
        if !is_wanted && customer.erasure_ms.is_none() {
            return refused(vec![wrong(
                &["customerId"],
                "Customer's data is not scheduled to be erased",
                "NOT_BEING_ERASED",
            )]);
        }
        customer.erasure_ms = is_wanted.then(|| now(sim));
        self.change().put_customer(customer);
        let kind = if is_wanted {
            "erasure.request"
        } else {
            "erasure.cancel"
        };
        sim.effect(kind, &gid("Customer", found), "", Value::Null);
        done("customerId", id.clone())
    }

    pub fn data_sale_opt_out(&mut self, email: &Value, sim: &mut Sim) -> Value {
        let email = email.as_str().unwrap_or_default();
        if !is_email(email) {
            return refused(vec![wrong(&["email"], "Email is invalid", "INVALID")]);
        }
        let id = match self.data.by_email(email) {
            Some(id) => id,
            None => {
                let mut new = new_customer(self.next_customer(), now(sim));
                new.email = Some(email.to_lowercase());
                let id = new.id;
                self.change().put_customer(new);
                id
            }
        };
        sim.effect("data_sale.opt_out", &gid("Customer", id), "", json!(email));
        self.touch_customer(id, now(sim), sim, |customer| {
            customer.data_sale_opt_out = true
        });
        done("customerId", json!(gid("Customer", id)))
    }

    pub fn tags(&mut self, args: &Value, is_added: bool, sim: &mut Sim) -> Value {
        let tags = clean_tags(&args["tags"]);
        let node = args["id"].clone();
        let missing = || refused(vec![wrong(&["id"], "Resource does not exist", "")]);
        let Some((kind, id)) = node.as_str().and_then(parse_gid) else {
            return missing();
        };
        let change = |known: &mut Vec<String>| {
            known.retain(|known| {
                is_added || !tags.iter().any(|tag| tag.eq_ignore_ascii_case(known))
            });
            for tag in tags.iter().filter(|_| is_added) {
                if !known.iter().any(|known| known.eq_ignore_ascii_case(tag)) {
                    known.push(tag.clone());
                }
            }
        };
        match kind {
            "Customer" if self.may("write_customers") => {
                let Some(customer) = self.data.customers.get(&id) else {
                    return missing();
                };
                let mut wanted = customer.tags.clone();
                change(&mut wanted);
                if wanted.len() > 250 {
                    return refused(vec![wrong(
                        &["tags"],
                        "Tags cannot have more than 250 values",
                        "",
                    )]);
                }
                if wanted != customer.tags {
                    self.touch_customer(id, now(sim), sim, |customer| customer.tags = wanted);
                    let topic = if is_added {
                        "CUSTOMER_TAGS_ADDED"
                    } else {
                        "CUSTOMER_TAGS_REMOVED"
                    };
                    let body = json!({ "customerId": node, "tags": tags, "occurredAt": crate::iso(now(sim)) });
                    self.tell(topic, &body, sim);
                }
            }
            "Order" if self.may("write_orders") => {
                let Some(mut order) = self.data.orders.get(&id).cloned() else {
                    return missing();
                };
                change(&mut order.tags);
                order.updated_ms = now(sim).max(order.updated_ms);
                self.change().put_order(order);
                self.tell_order("ORDERS_UPDATED", id, sim);
            }
            _ => return refused(vec![wrong(&["id"], "Access denied", "")]),
        }
        let kind = if is_added { "tags.add" } else { "tags.remove" };
        sim.effect(
            kind,
            node.as_str().unwrap_or_default(),
            &digest(&json!(tags)),
            json!(tags),
        );
        done("node", json!({ "__ref": node }))
    }
}

/// Only what somebody may decide can be set.
pub fn new_consent(input: &Value, field: &[&str], sim: &Sim) -> Result<Option<Consent>, Wrong> {
    let Some(state) = input["marketingState"].as_str() else {
        return Ok(None);
    };
    if !matches!(state, "SUBSCRIBED" | "UNSUBSCRIBED" | "PENDING") {
        let field: Vec<&str> = field.iter().copied().chain(["marketingState"]).collect();
        let message = format!("Cannot specify {state} as a marketing state input");
        return Err(wrong(&field, &message, "INVALID"));
    }
    let at_ms = match input["consentUpdatedAt"].as_str() {
        None => now(sim),
        Some(text) => match text.parse::<jiff::Timestamp>() {
            Ok(at) if at.as_millisecond() <= sim.now_ms() => at.as_millisecond(),
            _ => {
                return Err(wrong(
                    field,
                    "consentUpdatedAt must not be in the future",
                    "INVALID",
                ));
            }
        },
    };
    let level = input["marketingOptInLevel"].as_str().unwrap_or("UNKNOWN");
    Ok(Some(Consent {
        state: state.to_owned(),
        level: Some(level.to_owned()),
        at_ms: Some(at_ms),
    }))
}
