//! What is sent: the same for every run of a seed. A person belongs to one client, which sends one
//! request after the other, so that what is known of a person does not depend on the others.

use std::collections::BTreeMap;

use crosspoint_harness::Dice;
use serde_json::{Value, json};

/// Clients at a time.
const CLIENTS: u64 = 4;
/// Requests for each person: some twenty messages, far less than a lookup shows.
const REQUESTS_PER_PERSON: u64 = 8;
/// 2026-01-02T03:04:05Z.
const FIRST_MS: i64 = 1_767_323_045_000;

/// One request.
pub enum Send {
    /// A body for the tracking API.
    Track { path: &'static str, body: String },
    /// An id and a body for the hook address.
    Hook { id: String, body: String },
}

/// Everything that is sent.
pub struct Plan {
    pub clients: Vec<Vec<Send>>,
    /// Ids of events by the profile that has them.
    events: BTreeMap<String, Vec<String>>,
    /// Customers of the shop.
    customers: Vec<String>,
    messages: usize,
}

/// One client's part while it is drawn.
struct Part<'a> {
    plan: &'a mut Plan,
    client: u64,
    people: u64,
    /// Messages so far, by person.
    said: BTreeMap<u64, u64>,
    number: u64,
}

impl Plan {
    pub fn draw(dice: &mut Dice, requests: u64) -> Self {
        let mut plan = Self {
            clients: Vec::new(),
            events: BTreeMap::new(),
            customers: Vec::new(),
            messages: 0,
        };
        for client in 0..CLIENTS {
            let mut part = Part {
                plan: &mut plan,
                client,
                people: (requests / CLIENTS / REQUESTS_PER_PERSON).max(1),
                said: BTreeMap::new(),
                number: 0,
            };
            let sends = (0..requests.div_ceil(CLIENTS))
                .map(|_| part.send(dice))
                .collect();
            plan.clients.push(sends);
        }
        plan.customers.sort_unstable();
        plan.customers.dedup();
        for ids in plan.events.values_mut() {
            ids.sort_unstable();
            assert!(ids.len() <= 100, "more than a lookup shows");
        }
        plan
    }

    /// For each person, the ids of the events that belong to them, sorted.
    pub fn events(&self) -> impl Iterator<Item = (String, &Vec<String>)> {
        self.events.iter().map(|(who, ids)| (who.clone(), ids))
    }

    /// Everybody, as a lookup names them.
    pub fn people(&self) -> impl Iterator<Item = String> {
        let customers = self.customers.iter().cloned();
        self.events.keys().cloned().chain(customers)
    }

    pub fn requests(&self) -> usize {
        self.clients.iter().map(Vec::len).sum()
    }

    pub fn messages(&self) -> usize {
        self.messages
    }
}

impl Part<'_> {
    fn send(&mut self, dice: &mut Dice) -> Send {
        match dice.roll(20) {
            0..=9 => Send::Track {
                path: "/v1/track",
                body: self.message(dice).to_string(),
            },
            10..=16 => {
                // A long one is several entries.
                let count = match dice.once_in(10) {
                    true => 30 + dice.roll(40),
                    false => 1 + dice.roll(6),
                };
                let messages: Vec<_> = (0..count).map(|_| self.message(dice)).collect();
                Send::Track {
                    path: "/v1/batch",
                    body: json!({ "batch": messages }).to_string(),
                }
            }
            _ => self.hook(dice),
        }
    }

    fn next(&mut self) -> (u64, i64) {
        self.number += 1;
        self.plan.messages += 1;
        (self.number, FIRST_MS + self.number as i64 * 1_000)
    }

    fn hook(&mut self, dice: &mut Dice) -> Send {
        let (number, at) = self.next();
        let customer = format!("c{}-{}", self.client, dice.roll(self.people));
        self.plan.customers.push(format!("shop:{customer}"));
        let order = json!({ "topic": "order", "value": {
            "id": format!("h{}-{number}", self.client),
            "customer": customer,
            "total": format!("{}.50", 1 + dice.roll(100)),
            "placed_at": at,
            "updated_at": at,
        }});
        Send::Hook {
            id: format!("call-{}-{number}", self.client),
            body: order.to_string(),
        }
    }

    /// Somebody's next message. First a device speaks, then it turns out whose it is.
    fn message(&mut self, dice: &mut Dice) -> Value {
        let (number, at) = self.next();
        let person = dice.roll(self.people);
        let said = self.said.entry(person).or_default();
        *said += 1;
        let said = *said;
        let name = format!("{}-{person}", self.client);
        let id = format!("m{}-{number}", self.client);
        let ids = self.plan.events.entry(format!("user-id:u{name}"));
        ids.or_default().push(id.clone());
        let mut message = json!({ "messageId": id, "timestamp": instant(at) });
        let fields = message.as_object_mut().unwrap();
        if said <= 3 {
            fields.insert("anonymousId".into(), format!("a{name}").into());
        }
        // Whoever says only one thing says who they are.
        if said == 1 || said >= 3 {
            fields.insert("userId".into(), format!("u{name}").into());
        }
        let more = match dice.roll(6) {
            0 => json!({ "type": "identify", "traits": {
                "email": format!("u{name}@example.com"), "plan": format!("p{number}") } }),
            1 => json!({ "type": "track", "event": "Order Completed", "properties": {
                "order_id": format!("o{}-{number}", self.client), "total": 12.5, "currency": "EUR" } }),
            2 => json!({ "type": "page", "name": format!("Page {number}") }),
            _ => json!({ "type": "track", "event": "Seen", "properties": { "n": number } }),
        };
        fields.extend(more.as_object().unwrap().clone());
        message
    }
}

/// Milliseconds since the epoch: clients may send numbers.
fn instant(at: i64) -> Value {
    at.into()
}
