//! The account at the start, and what happens in it by itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Mailchimp;
use super::data::{
    Campaign, List, Member, MergeField, Recipient, Unsubscription, md5, subscriber_hash,
};
use crate::world::Person;
use crate::{Sim, World};

/// The list that everybody is on.
pub const NEWSLETTER: &str = "4ca5becb8d";
const PARTNERS: &str = "9b1deb4d3b";
pub const CATEGORY: &str = "a1e9f4b7cc";
const INTERESTS: &[(&str, &str)] = &[
    ("9143cf3bd1", "News"),
    ("3a2a927344", "Offers"),
    ("f9c8f5f0ff", "Events"),
];
const DAY_MS: i64 = 86_400_000;

pub fn list(id: &str, name: &str, now_ms: i64) -> List {
    let fields: [(&str, &str, &str, &[&str]); 9] = [
        ("FNAME", "First Name", "text", &[]),
        ("LNAME", "Last Name", "text", &[]),
        ("ADDRESS", "Address", "address", &[]),
        ("PHONE", "Phone Number", "phone", &[]),
        ("BIRTHDAY", "Birthday", "birthday", &[]),
        ("LTV", "Lifetime value", "number", &[]),
        ("LASTORDER", "Last order", "date", &[]),
        ("SITE", "Site", "url", &[]),
        ("TIER", "Tier", "dropdown", &["bronze", "silver", "gold"]),
    ];
    let field = |(id, (tag, name, kind, choices)): (u64, (&str, &str, &str, &[&str]))| MergeField {
        id,
        tag: tag.to_owned(),
        name: name.to_owned(),
        kind: kind.to_owned(),
        is_required: false,
        choices: choices.iter().map(|&it| it.to_owned()).collect(),
    };
    let pair = |(id, name): &(&str, &str)| ((*id).to_owned(), (*name).to_owned());
    List {
        id: id.to_owned(),
        name: name.to_owned(),
        created_ms: now_ms,
        members: BTreeMap::new(),
        forgotten: BTreeMap::new(),
        moved: BTreeMap::new(),
        merge_fields: (1..).zip(fields).map(field).collect(),
        segments: BTreeMap::new(),
        interests: INTERESTS.iter().map(pair).collect(),
        permissions: vec![pair(&("d8f2a1", "Email")), pair(&("e0c7b3", "Online ads"))],
        hooks: BTreeMap::new(),
        made: 0,
    }
}

fn member(person: &Person, number: u64, email: &str, list: &mut List) -> Member {
    let (status, opt_ms) = match person.email_consent {
        Some((true, at_ms)) if person.number.is_multiple_of(29) => ("cleaned", Some(at_ms)),
        Some((true, at_ms)) if person.number.is_multiple_of(31) => ("pending", Some(at_ms)),
        Some((true, at_ms)) => ("subscribed", Some(at_ms)),
        Some((false, at_ms)) => ("unsubscribed", Some(at_ms)),
        None => ("transactional", None),
    };
    let mut member = Member::new(number, email, status, person.updated_at_ms);
    member.opt_ms = opt_ms;
    member.signup_ms = Some(person.created_at_ms).filter(|_| number.is_multiple_of(2));
    member.changed_ms = person.updated_at_ms.max(opt_ms.unwrap_or(0));
    member.language.clone_from(&person.language);
    member.source = "Signup Form";
    let mut merge = Map::new();
    let mut set = |tag: &str, value: Value| merge.insert(tag.to_owned(), value);
    set("FNAME", json!(person.first_name));
    set("LNAME", json!(person.last_name));
    if let Some(phone) = &person.phone {
        set("PHONE", json!(phone));
    }
    if let Some(birthday) = &person.birthday {
        set("BIRTHDAY", json!(birthday[5..].replace('-', "/")));
    }
    if number.is_multiple_of(3) {
        set(
            "ADDRESS",
            json!({ "addr1": person.street, "addr2": "", "city": person.city, "state": person.city, "zip": person.postal_code, "country": person.country }),
        );
    }
    member.merge = merge;
    member.tags = person
        .tags
        .iter()
        .map(|name| list.tag(name, person.created_at_ms))
        .collect();
    if let Some((false, at_ms)) = person.email_consent {
        let is_by_member = !number.is_multiple_of(4);
        let reason = if is_by_member {
            "NORMAL"
        } else {
            "N/A (Unsubscribed by admin)"
        }
        .to_owned();
        member.unsubscribed = Some(Unsubscription {
            at_ms,
            is_by_member,
            reason,
        });
    }
    member
}

pub fn lists(world: &World) -> BTreeMap<String, List> {
    let started_ms = world.now_ms - 1100 * DAY_MS;
    let mut newsletter = list(NEWSLETTER, "Newsletter", started_ms);
    let mut partners = list(PARTNERS, "Partners", started_ms);
    for person in &world.people {
        let number = newsletter.next_number();
        let member = member(person, number, &person.email, &mut newsletter);
        newsletter
            .members
            .insert(subscriber_hash(&person.email), member);
    }
    for person in world.people.iter().filter(|it| it.company.is_some()) {
        let number = partners.next_number();
        let member = member(person, number, &person.work_email, &mut partners);
        partners
            .members
            .insert(subscriber_hash(&person.work_email), member);
    }
    [
        (NEWSLETTER.to_owned(), newsletter),
        (PARTNERS.to_owned(), partners),
    ]
    .into()
}

pub fn campaigns(world: &World, lists: &BTreeMap<String, List>) -> BTreeMap<String, Campaign> {
    let sent = (1..=4).map(|number| {
        campaign(
            &lists[NEWSLETTER],
            number,
            world.now_ms - number * 30 * DAY_MS,
        )
    });
    sent.map(|it| (it.id.clone(), it)).collect()
}

fn campaign(list: &List, number: i64, sent_ms: i64) -> Campaign {
    let mut recipients = BTreeMap::new();
    for (hash, member) in &list.members {
        let is_sent = matches!(
            member.status.as_str(),
            "subscribed" | "unsubscribed" | "cleaned"
        ) && member.opt_ms.is_some_and(|it| it < sent_ms);
        if !is_sent {
            continue;
        }
        let chance = i64::try_from(member.number).unwrap_or(0) * 7 + number;
        let later = |hours: i64| sent_ms + hours * 3_600_000 + chance % 3600 * 1000;
        let mut it = Recipient {
            email: member.email.clone(),
            status: "sent",
            acts: Vec::new(),
            unsubscribed: None,
            complained_ms: None,
        };
        match chance % 20 {
            0 => (it.status, it.acts) = ("soft", vec![("bounce", later(0))]),
            _ if member.status == "cleaned" => {
                (it.status, it.acts) = ("hard", vec![("bounce", later(0))])
            }
            1..8 => it.acts.push(("open", later(1))),
            8..11 => it.acts = vec![("open", later(2)), ("click", later(2)), ("open", later(9))],
            11 if number == 1 => {
                it.unsubscribed =
                    (member.status == "unsubscribed").then(|| (later(3), "None given"))
            }
            12 if chance % 500 == 12 => it.complained_ms = Some(later(4)),
            _ => {}
        }
        recipients.insert(hash.clone(), it);
    }
    let id = md5(&format!("campaign:{number}:{sent_ms}"))[..10].to_owned();
    Campaign {
        id,
        list: list.id.clone(),
        title: format!("News {number}"),
        sent_ms,
        recipients,
    }
}

impl Mailchimp {
    pub fn send_campaign(&mut self, sim: &mut Sim) -> Value {
        let number = i64::try_from(self.campaigns.len()).unwrap_or(0) + 1;
        let mut new = campaign(&self.lists[NEWSLETTER], number, self.now_ms);
        // Nobody has read it yet.
        new.recipients.values_mut().for_each(|it| it.acts.clear());
        self.tell_campaign(NEWSLETTER, &new.id, &new.title, sim);
        let done = json!({ "kind": "campaigns", "id": new.id, "change": "sent" });
        self.campaigns.insert(new.id.clone(), new);
        done
    }

    /// Something that a member or a clerk does to an address of the newsletter.
    pub fn happens(&mut self, what: &str, email: &str, sim: &mut Sim) -> Value {
        let hash = subscriber_hash(email);
        let now_ms = self.now_ms;
        let Some(mut member) = self.lists[NEWSLETTER].members.get(&hash).cloned() else {
            return json!({ "error": "not a member" });
        };
        let origin = match what {
            "unsubscribe" => {
                let reason = "NORMAL".to_owned();
                member.unsubscribed = Some(Unsubscription {
                    at_ms: now_ms,
                    is_by_member: true,
                    reason,
                });
                "unsubscribed".clone_into(&mut member.status);
                "user"
            }
            "clean" => {
                "cleaned".clone_into(&mut member.status);
                "admin"
            }
            "archive" => {
                "archived".clone_into(&mut member.status);
                "admin"
            }
            _ => {
                self.forget(NEWSLETTER, &hash, "admin", sim);
                return json!({ "kind": "members", "id": hash, "change": what });
            }
        };
        self.store(NEWSLETTER, Some(&hash), member, origin, sim);
        json!({ "kind": "members", "id": hash, "change": what })
    }

    pub fn random_change(&mut self, sim: &mut Sim) -> Value {
        self.now_ms = sim.now_ms().div_euclid(1000) * 1000;
        let list = &self.lists[NEWSLETTER];
        let hashes = list.members.len();
        let what = sim.rng.usize(..20);
        if what < 5 || hashes == 0 {
            let now_ms = self.now_ms;
            let at = self.world.sign_up(&mut sim.rng, now_ms);
            let person = self.world.people[at].clone();
            let Some(list) = self.lists.get_mut(NEWSLETTER) else {
                return Value::Null;
            };
            let number = list.next_number();
            let new = member(&person, number, &person.email, list);
            let id = subscriber_hash(&new.email);
            self.store(NEWSLETTER, None, new, "user", sim);
            return json!({ "kind": "members", "id": id, "change": "subscribed" });
        }
        let Some((hash, before)) = list.members.iter().nth(sim.rng.usize(..hashes)) else {
            return Value::Null;
        };
        let (hash, mut member) = (hash.clone(), before.clone());
        let email = member.email.clone();
        let change = match what {
            5 | 6 if member.status == "subscribed" => {
                return self.happens("unsubscribe", &email, sim);
            }
            7 if member.status == "subscribed" => return self.happens("clean", &email, sim),
            8 => return self.happens("archive", &email, sim),
            9 => return self.happens("forget", &email, sim),
            10 => {
                member.email = format!("new{}.{email}", sim.rng.u32(10..99));
                "moved"
            }
            11 => {
                let Some(list) = self.lists.get_mut(NEWSLETTER) else {
                    return Value::Null;
                };
                let tag = list.tag(
                    ["vip", "wholesale", "press"][sim.rng.usize(..3)],
                    self.now_ms,
                );
                if !member.tags.remove(&tag) {
                    member.tags.insert(tag);
                }
                "tagged"
            }
            12 if member.status == "pending" || member.status == "transactional" => {
                "subscribed".clone_into(&mut member.status);
                member.opt_ms = Some(self.now_ms);
                "confirmed"
            }
            13 | 14 => {
                let newest = self.campaigns.values_mut().max_by_key(|it| it.sent_ms);
                if let Some(it) = newest.and_then(|it| it.recipients.get_mut(&hash)) {
                    it.acts.push(("open", self.now_ms));
                    it.acts.push(("click", self.now_ms));
                }
                return json!({ "kind": "activity", "id": hash, "change": "opened" });
            }
            15 => return self.send_campaign(sim),
            _ => {
                member.merge.insert(
                    "LNAME".to_owned(),
                    json!(format!("Renamed {}", sim.rng.u32(0..100_000))),
                );
                "edited"
            }
        };
        self.store(NEWSLETTER, Some(&hash), member, "user", sim);
        self.last_change_ms = self.now_ms;
        json!({ "kind": "members", "id": hash, "change": change })
    }
}
