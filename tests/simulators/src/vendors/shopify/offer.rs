//! Mutations of discount codes, gift cards and webhook subscriptions.

use serde_json::{Value, json};

use super::data::{CodeJob, Discount, GiftCard};
use super::hooks::Subscription;
use super::view::{gid, parse_gid, reference};
use super::write::{Wrong, customer_id, done, refused, wrong};
use super::{Shopify, digest, now};
use crate::Sim;

impl Shopify {
    pub fn mutate_offer(&mut self, field: &str, args: &Value, sim: &mut Sim) -> Option<Value> {
        Some(match field {
            "metafieldsSet" => self.metafields_set(&args["metafields"], sim),
            "metafieldsDelete" => self.metafields_delete(&args["metafields"], sim),
            "discountCodeBasicCreate" => self.discount_create(&args["basicCodeDiscount"], sim),
            "discountRedeemCodeBulkAdd" => self.codes_add(args, sim),
            "giftCardCreate" => self.gift_card_create(&args["input"], sim),
            "webhookSubscriptionCreate" => self.webhook_create(args, sim),
            "webhookSubscriptionUpdate" => self.webhook_update(args, sim),
            "webhookSubscriptionDelete" => self.webhook_delete(&args["id"], sim),
            _ => return None,
        })
    }

    fn discount_create(&mut self, input: &Value, sim: &mut Sim) -> Value {
        let mut wrongs = Vec::new();
        let mut refuse = |name: &str, message: &str, code: &str| {
            wrongs.push(wrong(&["basicCodeDiscount", name], message, code))
        };
        let instant = |name: &str| {
            input[name].as_str().map(|text| {
                text.parse::<jiff::Timestamp>()
                    .map(|at| at.as_millisecond())
            })
        };
        let (code, title) = (
            input["code"].as_str().unwrap_or_default(),
            input["title"].as_str().unwrap_or_default(),
        );
        if code.trim().is_empty() {
            refuse("code", "Code can't be blank", "BLANK");
        } else if code.len() > 255 {
            refuse(
                "code",
                "Code is too long (maximum is 255 characters)",
                "TOO_LONG",
            );
        } else if self.data.has_code(code) {
            refuse(
                "code",
                "Code must be unique. Please try a different code.",
                "TAKEN",
            );
        }
        if title.trim().is_empty() {
            refuse("title", "Title can't be blank", "BLANK");
        }
        let starts = instant("startsAt");
        match &starts {
            None => refuse("startsAt", "Starts at can't be blank", "BLANK"),
            Some(Err(_)) => refuse("startsAt", "Starts at is invalid", "INVALID"),
            Some(Ok(_)) => {}
        }
        let ends = instant("endsAt");
        if let (Some(Ok(from)), Some(Ok(to))) = (&starts, &ends)
            && to <= from
        {
            refuse("endsAt", "Ends at needs to be after starts at", "INVALID");
        }
        if input["context"].is_null() {
            refuse("context", "Context can't be blank", "BLANK");
        }
        let (value, items) = (
            &input["customerGets"]["value"],
            &input["customerGets"]["items"],
        );
        match (
            value["percentage"].as_f64(),
            value["discountAmount"]["amount"].as_str(),
        ) {
            (Some(share), None) if share > 0.0 && share <= 1.0 => {}
            (Some(_), None) => refuse(
                "customerGets",
                "Value must be between 0.0 and 1.0",
                "VALUE_OUTSIDE_RANGE",
            ),
            (None, Some(amount)) if amount.parse::<f64>().is_ok_and(|it| it > 0.0) => {}
            _ => refuse("customerGets", "Customer gets can't be blank", "BLANK"),
        }
        if items.is_null() {
            refuse(
                "customerGets",
                "Items in 'customer gets' must be selected",
                "REQUIRED",
            );
        }
        if input["usageLimit"].as_i64().is_some_and(|limit| limit < 1) {
            refuse(
                "usageLimit",
                "Usage limit must be greater than 0",
                "GREATER_THAN",
            );
        }
        if !wrongs.is_empty() {
            return refused(wrongs);
        }
        let now_ms = now(sim);
        let data = self.change();
        let (id, code_id) = (data.new_id(), data.new_id());
        data.discounts.insert(
            id,
            Discount {
                id,
                title: title.to_owned(),
                gives: input["customerGets"]["value"].clone(),
                usage_limit: input["usageLimit"].as_i64(),
                once: input["appliesOncePerCustomer"].as_bool().unwrap_or(false),
                starts_ms: starts.and_then(Result::ok).unwrap_or(now_ms),
                ends_ms: ends.and_then(Result::ok),
                codes: vec![(code_id, code.to_owned())],
                created_ms: now_ms,
                updated_ms: now_ms,
            },
        );
        sim.effect("discount.create", &code.to_lowercase(), "", input.clone());
        done("codeDiscountNode", reference("DiscountCodeNode", Some(id)))
    }

    /// Codes are checked and added one by one, later: one that is taken stops no other.
    fn codes_add(&mut self, args: &Value, sim: &mut Sim) -> Value {
        let codes: Vec<String> = args["codes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|it| it["code"].as_str().map(str::to_owned))
            .collect();
        let discount = args["discountId"]
            .as_str()
            .and_then(parse_gid)
            .map(|(_, id)| id);
        let Some(discount) = discount.filter(|id| self.data.discounts.contains_key(id)) else {
            return refused(vec![wrong(
                &["discountId"],
                "Code discount does not exist.",
                "INVALID",
            )]);
        };
        if codes.is_empty() {
            return refused(vec![wrong(&["codes"], "Codes can't be blank", "BLANK")]);
        }
        if codes.len() > 250 {
            return refused(vec![wrong(
                &["codes"],
                "Exceeded the maximum of 250 codes",
                "EXCEEDED_MAX",
            )]);
        }
        let (now_ms, job_ms) = (sim.now_ms(), self.job_ms);
        let data = self.change();
        let mut results = Vec::new();
        for code in codes {
            let result = if code.trim().is_empty() {
                Err("can't be blank".to_owned())
            } else if data.has_code(&code) {
                Err("must be unique".to_owned())
            } else {
                let id = data.new_id();
                if let Some(discount) = data.discounts.get_mut(&discount) {
                    discount.codes.push((id, code.clone()));
                }
                sim.effect("discount.code_add", &code.to_lowercase(), "", json!(code));
                Ok(id)
            };
            results.push((code, result));
        }
        let id = data.new_id();
        data.code_jobs.insert(
            id,
            CodeJob {
                id,
                created_ms: now_ms,
                done_ms: now_ms + job_ms,
                codes: results,
            },
        );
        done(
            "bulkCreation",
            reference("DiscountRedeemCodeBulkCreation", Some(id)),
        )
    }

    fn gift_card_create(&mut self, input: &Value, sim: &mut Sim) -> Value {
        let amount = input["initialAmount"]["amount"]
            .as_str()
            .or(input["initialValue"].as_str());
        let cents = amount
            .and_then(|it| it.parse::<f64>().ok())
            .map(|it| (it * 100.0).round() as i64);
        let Some(cents) = cents.filter(|it| *it > 0) else {
            let (message, code) = match amount {
                None => ("Initial amount is required", "MISSING_ARGUMENT"),
                Some(_) => ("Initial value must be greater than 0", "GREATER_THAN"),
            };
            return refused(vec![wrong(&["input", "initialAmount"], message, code)]);
        };
        let customer = customer_id(&input["customerId"]);
        if !input["customerId"].is_null()
            && !customer.is_some_and(|id| self.data.customers.contains_key(&id))
        {
            return refused(vec![wrong(
                &["input", "customerId"],
                "The customer could not be found.",
                "CUSTOMER_NOT_FOUND",
            )]);
        }
        if let Some(code) = input["code"].as_str() {
            let is_taken = self
                .data
                .gift_cards
                .values()
                .any(|it| it.code.eq_ignore_ascii_case(code));
            let problem = match code.len() {
                ..8 => Some(("Code is too short (minimum is 8 characters)", "TOO_SHORT")),
                21.. => Some(("Code is too long (maximum is 20 characters)", "TOO_LONG")),
                _ if !code.bytes().all(|it| it.is_ascii_alphanumeric()) => {
                    Some(("Code can only contain letters and numbers", "INVALID"))
                }
                _ if is_taken => Some(("Code has already been taken", "TAKEN")),
                _ => None,
            };
            if let Some((message, code)) = problem {
                return refused(vec![wrong(&["input", "code"], message, code)]);
            }
        }
        let data = self.change();
        let id = data.new_id();
        let made = format!("{:016x}", id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let code = input["code"].as_str().map_or(made, str::to_lowercase);
        data.gift_cards.insert(
            id,
            GiftCard {
                id,
                code: code.clone(),
                cents,
                customer,
                expires_on: input["expiresOn"].as_str().map(str::to_owned),
                note: input["note"].as_str().map(str::to_owned),
                created_ms: now(sim),
            },
        );
        sim.effect(
            "gift_card.create",
            &gid("GiftCard", id),
            &digest(input),
            input.clone(),
        );
        json!({ "giftCard": reference("GiftCard", Some(id)), "giftCardCode": code, "userErrors": [] })
    }

    fn check_webhook(&self, topic: &str, input: &Value, own: Option<u64>) -> Option<Wrong> {
        let field = ["webhookSubscription", "uri"];
        let uri = input["uri"].as_str().unwrap_or_default();
        // The vendor takes https alone; on loopback nobody has a certificate.
        if !(uri.starts_with("https://")
            || uri.starts_with("http://127.0.0.1")
            || uri.starts_with("http://localhost"))
        {
            return Some(wrong(
                &field,
                "Address protocol http:// is not supported",
                "",
            ));
        }
        if input["filter"].as_str().is_some_and(|it| !it.is_empty()) {
            return Some(wrong(
                &["webhookSubscription", "filter"],
                "The specified filter is invalid",
                "",
            ));
        }
        let is_twin = |it: &&Subscription| it.topic == topic && it.uri == uri && Some(it.id) != own;
        (self.subscriptions.iter().find(is_twin))
            .map(|_| wrong(&field, "Address for this topic has already been taken", ""))
    }

    fn webhook_create(&mut self, args: &Value, sim: &mut Sim) -> Value {
        let (topic, input) = (
            args["topic"].as_str().unwrap_or_default(),
            &args["webhookSubscription"],
        );
        let needed = match topic {
            _ if topic.starts_with("CUSTOMER") => "read_customers",
            _ if topic.starts_with("PRODUCTS") => "read_products",
            _ if topic.starts_with("APP") || topic.starts_with("BULK") => "",
            _ => "read_orders",
        };
        if !needed.is_empty() && !self.may(needed) {
            return refused(vec![wrong(
                &["topic"],
                "You do not have permission to create this topic",
                "",
            )]);
        }
        if let Some(it) = self.check_webhook(topic, input, None) {
            return refused(vec![it]);
        }
        let id = self.change().new_id();
        self.subscriptions
            .push(Subscription::new(id, topic, input, now(sim)));
        sim.effect(
            "webhook.create",
            topic,
            input["uri"].as_str().unwrap_or_default(),
            input.clone(),
        );
        done(
            "webhookSubscription",
            reference("WebhookSubscription", Some(id)),
        )
    }

    fn webhook_update(&mut self, args: &Value, sim: &mut Sim) -> Value {
        let id = args["id"].as_str().and_then(parse_gid).map(|(_, id)| id);
        let at = self.subscriptions.iter().position(|it| Some(it.id) == id);
        let Some(at) = at else {
            return refused(vec![wrong(
                &["id"],
                "Webhook subscription does not exist",
                "",
            )]);
        };
        let mut input = args["webhookSubscription"].clone();
        let old = &self.subscriptions[at];
        if input["uri"].is_null() {
            input["uri"] = json!(old.uri);
        }
        if let Some(it) = self.check_webhook(&old.topic, &input, id) {
            return refused(vec![it]);
        }
        let mut new = Subscription::new(old.id, &old.topic, &input, now(sim));
        new.created_ms = old.created_ms;
        self.subscriptions[at] = new;
        done("webhookSubscription", reference("WebhookSubscription", id))
    }

    fn webhook_delete(&mut self, id: &Value, sim: &mut Sim) -> Value {
        let found = id.as_str().and_then(parse_gid);
        let at = self
            .subscriptions
            .iter()
            .position(|it| found == Some(("WebhookSubscription", it.id)));
        let Some(at) = at else {
            return refused(vec![wrong(
                &["id"],
                "Webhook subscription does not exist",
                "",
            )]);
        };
        let gone = self.subscriptions.remove(at);
        sim.effect("webhook.delete", &gone.topic, &gone.uri, Value::Null);
        done("deletedWebhookSubscriptionId", id.clone())
    }
}
