//! Who ought to be reached, by what the sources themselves hold: all at once, without the host, its
//! plugins or its rules. Addresses and decisions that were seen once stay: a person keeps an address
//! that another replaced, and a decision stands until a newer one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::vendors::rows;

const DAY_MS: i64 = 86_400_000;
/// The page whose leads the project reads.
const TICKED: &str = "newsletter_opt_in";

/// A decision about mail: when, and whether it forbids. Of two at once the stricter is the greater.
type Decision = (i64, bool);

/// Everything seen so far.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    /// What a source calls somebody, and the addresses and numbers that it ever had for them.
    known: BTreeMap<String, BTreeSet<String>>,
    /// The newest by what a source calls somebody.
    decided: BTreeMap<String, Decision>,
    /// Purchases that stand: customer and instant.
    orders: Vec<(String, i64)>,
}

/// One person.
#[derive(Clone, Debug, Default)]
pub struct Person {
    /// What the sources call them.
    pub names: BTreeSet<String>,
    pub emails: BTreeSet<String>,
    pub phones: BTreeSet<String>,
    orders: Vec<i64>,
    decision: Option<Decision>,
}

impl Person {
    /// Opted in, bought three times, and not within 60 days.
    pub fn is_meant(&self, now_ms: i64) -> bool {
        self.has_opted_in() && self.has_drifted_off(now_ms)
    }

    pub fn has_opted_in(&self) -> bool {
        self.decision.is_some_and(|(_, forbids)| !forbids)
    }

    pub fn has_drifted_off(&self, now_ms: i64) -> bool {
        let is_recent = |at: &i64| *at > now_ms - 60 * DAY_MS && *at <= now_ms;
        self.orders.len() >= 3 && !self.orders.iter().any(is_recent)
    }

    /// Who this is at the shop.
    pub fn customers(&self) -> impl Iterator<Item = &str> {
        self.names
            .iter()
            .filter_map(|name| name.strip_prefix("shop:"))
    }
}

fn text(value: &Value) -> Option<&str> {
    value
        .as_str()
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

impl Oracle {
    /// Looks at what the sources hold now.
    pub fn look(&mut self, shop: &Value, crm: &Value, leads: &Value, page: &str) {
        self.orders.clear();
        self.look_at_shop(shop);
        self.look_at_crm(crm);
        self.look_at_leads(leads, page);
    }

    fn know(&mut self, name: &str, emails: &[&Value], phones: &[&Value]) {
        let known = self.known.entry(name.to_owned()).or_default();
        let emails = emails.iter().filter_map(|it| text(it));
        known.extend(emails.map(|it| format!("email:{}", it.to_lowercase())));
        let phones = phones.iter().filter_map(|it| text(it));
        known.extend(phones.map(|it| format!("phone:{it}")));
    }

    fn decide(&mut self, name: &str, decision: Decision) {
        let newest = self.decided.entry(name.to_owned()).or_insert(decision);
        *newest = decision.max(*newest);
    }

    fn look_at_shop(&mut self, shop: &Value) {
        for it in rows(shop, "customers").filter(|it| it["deleted"] == false) {
            let name = format!("shop:{}", it["id"].as_str().unwrap());
            self.know(&name, &[&it["email"]], &[&it["phone"]]);
            let state = it["email_consent"].as_str().unwrap();
            if let (Some(at), "SUBSCRIBED" | "UNSUBSCRIBED") =
                (it["email_consent_at_ms"].as_i64(), state)
            {
                self.decide(&name, (at, state == "UNSUBSCRIBED"));
            }
        }
        for it in rows(shop, "orders").filter(|it| it["deleted"] == false) {
            let Some(customer) = it["customer_id"].as_str() else {
                continue;
            };
            let name = format!("shop:{customer}");
            let is_read = it["is_test"] == false;
            if is_read {
                self.know(&name, &[&it["email"]], &[]);
            }
            let is_undone = it["is_cancelled"] == true
                || matches!(it["financial_status"].as_str(), Some("VOIDED" | "REFUNDED"));
            if is_read && !is_undone {
                self.orders
                    .push((name, it["created_at_ms"].as_i64().unwrap()));
            }
        }
    }

    fn look_at_crm(&mut self, crm: &Value) {
        for kind in ["Lead", "Contact"] {
            for it in rows(crm, kind).filter(|it| it["deleted"] == false) {
                let (name, fields) = (format!("crm:{}", it["id"].as_str().unwrap()), &it["fields"]);
                self.know(&name, &[&fields["Email"]], &[&fields["MobilePhone"]]);
                if let Some(contact) = text(&fields["ConvertedContactId"]) {
                    let known = self.known.get_mut(&name).unwrap();
                    known.insert(format!("crm:{contact}"));
                }
                if fields["HasOptedOutOfEmail"] == true {
                    self.decide(&name, (it["updated_at_ms"].as_i64().unwrap(), true));
                }
            }
        }
    }

    fn look_at_leads(&mut self, leads: &Value, page: &str) {
        let is_read = |it: &&Value| it["page_id"] == page && it["test"] == false;
        for it in rows(leads, "leads").filter(is_read) {
            let name = format!("lead:{}", it["id"].as_str().unwrap());
            // Only what is kept can be read; what was read before stays.
            if it["kept"] == false && !self.known.contains_key(&name) {
                continue;
            }
            let answer = |key: &str| &it["answers"][key][0];
            let emails = [answer("email"), answer("work_email")];
            self.know(&name, &emails, &[answer("phone_number")]);
            if it["ticked"][TICKED] == "1" {
                self.decide(&name, (it["created_at_ms"].as_i64().unwrap(), false));
            }
        }
    }

    /// Everybody, joined by what they share.
    pub fn people(&self) -> Vec<Person> {
        let mut groups = Groups::default();
        for (name, known) in &self.known {
            groups.of(name);
            for other in known {
                groups.join(name, other);
            }
        }
        let mut people: BTreeMap<usize, Person> = BTreeMap::new();
        let each: Vec<String> = groups.numbers.keys().cloned().collect();
        for name in each {
            let person = people.entry(groups.of(&name)).or_default();
            if let Some(email) = name.strip_prefix("email:") {
                person.emails.insert(email.to_owned());
            } else if let Some(phone) = name.strip_prefix("phone:") {
                person.phones.insert(phone.to_owned());
            } else {
                person.decision = person.decision.max(self.decided.get(&name).copied());
                person.names.insert(name);
            }
        }
        for (name, at) in &self.orders {
            let person = people.entry(groups.of(name)).or_default();
            person.orders.push(*at);
        }
        people.into_values().collect()
    }
}

/// Which names mean the same person: each points at another, or at itself.
#[derive(Default)]
struct Groups {
    numbers: BTreeMap<String, usize>,
    parents: Vec<usize>,
}

impl Groups {
    fn of(&mut self, name: &str) -> usize {
        let fresh = self.parents.len();
        let mut at = *self.numbers.entry(name.to_owned()).or_insert(fresh);
        if at == fresh {
            self.parents.push(fresh);
        }
        while self.parents[at] != at {
            self.parents[at] = self.parents[self.parents[at]];
            at = self.parents[at];
        }
        at
    }

    fn join(&mut self, one: &str, other: &str) {
        let (one, other) = (self.of(one), self.of(other));
        self.parents[one.max(other)] = one.min(other);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn customer(id: &str, email: &str, consent: &str, at_ms: i64) -> Value {
        json!({ "id": id, "deleted": false, "email": email, "phone": "+4911", "email_consent": consent, "email_consent_at_ms": at_ms })
    }

    fn seen(customers: Value, contacts: Value) -> Vec<Person> {
        let mut oracle = Oracle::default();
        let order = |at: i64| json!({ "deleted": false, "customer_id": "1", "email": "a@x.example", "is_test": false, "is_cancelled": false, "financial_status": "PAID", "created_at_ms": at });
        let shop = json!({ "customers": customers, "orders": [order(1), order(2), order(3)] });
        oracle.look(
            &shop,
            &json!({ "Lead": [], "Contact": contacts }),
            &json!({ "leads": [] }),
            "",
        );
        oracle.people()
    }

    #[test]
    fn people_are_joined_by_what_they_share() {
        let contact = json!([{ "id": "003", "deleted": false, "updated_at_ms": 9, "fields": { "Email": "A@work.example", "MobilePhone": "+4911" } }]);
        let people = seen(
            json!([customer("1", "a@x.example", "NOT_SUBSCRIBED", 0)]),
            contact,
        );
        assert_eq!(people.len(), 1);
        let emails: Vec<_> = people[0].emails.iter().collect();
        assert_eq!(emails, ["a@work.example", "a@x.example"]);
        assert!(!people[0].is_meant(100 * DAY_MS), "nobody asked them");
    }

    #[test]
    fn the_newest_decision_counts() {
        for (at_ms, is_meant) in [(5, false), (9, false), (10, true)] {
            let contact = json!([{ "id": "003", "deleted": false, "updated_at_ms": 9, "fields": { "MobilePhone": "+4911", "HasOptedOutOfEmail": true } }]);
            let people = seen(
                json!([customer("1", "a@x.example", "SUBSCRIBED", at_ms)]),
                contact,
            );
            assert_eq!(people[0].is_meant(100 * DAY_MS), is_meant, "{at_ms}");
            assert!(
                !people[0].is_meant(60 * DAY_MS),
                "the last order is too young"
            );
        }
    }
}
