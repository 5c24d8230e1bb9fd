//! What sellers do by themselves.

use serde_json::{Map, Value, json};

use super::Salesforce;
use super::make::{day, object, person};
use crate::Sim;

fn set(fields: &mut Map<String, Value>, values: Value) {
    for (name, value) in object(values) {
        fields.insert(name, value);
    }
}

impl Salesforce {
    /// Somebody who is there and can be worked with.
    fn somebody(&self, kind: &'static str, sim: &mut Sim) -> Option<String> {
        let is_open = |row: &&super::data::Row| {
            !row.is_deleted && row.fields.get("IsConverted") != Some(&json!(true))
        };
        let ids: Vec<&String> = self
            .data
            .rows(kind)
            .filter(is_open)
            .map(|it| &it.id)
            .collect();
        let at = sim.rng.usize(..ids.len().max(1));
        ids.get(at).map(|it| (*it).clone())
    }

    fn born(
        &mut self,
        kind: &'static str,
        mut fields: Map<String, Value>,
        sim: &mut Sim,
    ) -> String {
        let now_ms = sim.now_ms();
        for name in ["OwnerId", "CreatedById", "LastModifiedById"] {
            fields.entry(name).or_insert(json!(self.users[1]));
        }
        let id = self.data.insert(kind, fields, now_ms);
        if self.commit_lag_ms > 0
            && let Some(mut row) = self.data.row(kind, &id).cloned()
        {
            row.visible_ms = now_ms + self.commit_lag_ms;
            self.data.put(kind, row);
        }
        id
    }

    pub fn happen(&mut self, sim: &mut Sim) -> Value {
        let (now_ms, what) = (sim.now_ms(), sim.rng.u32(0..100));
        let kind = if sim.rng.bool() { "Lead" } else { "Contact" };
        let told = |kind: &str, id: &str, change: &str| json!({ "kind": kind, "id": id, "change": change });
        let Some(id) = self.somebody(kind, sim).filter(|_| what >= 20) else {
            let at = self.world.sign_up(&mut sim.rng, now_ms);
            let id = self.born(kind, person(&self.world.people[at], kind == "Lead"), sim);
            return told(kind, &id, "created");
        };
        match what {
            // One job, one instant.
            20..30 => {
                let ids: Vec<String> = (0..5).filter_map(|_| self.somebody(kind, sim)).collect();
                for id in &ids {
                    self.data.edit(kind, id, now_ms, |row| {
                        set(
                            &mut row.fields,
                            json!({ "Segment__c": format!("Mass {now_ms}") }),
                        )
                    });
                }
                json!({ "kind": kind, "ids": ids, "change": "updated" })
            }
            30..40 => {
                self.data
                    .edit(kind, &id, now_ms, |row| row.is_deleted = true);
                told(kind, &id, "deleted")
            }
            40..44 => {
                let gone: Vec<String> = self
                    .data
                    .rows(kind)
                    .filter(|it| it.is_deleted && !it.fields.contains_key("MasterRecordId"))
                    .map(|it| it.id.clone())
                    .collect();
                let Some(id) = gone.first() else {
                    return told(kind, &id, "nothing");
                };
                self.data
                    .edit(kind, id, now_ms, |row| row.is_deleted = false);
                told(kind, id, "undeleted")
            }
            44..48 => {
                let Some(loser) = self.somebody(kind, sim).filter(|it| *it != id) else {
                    return told(kind, &id, "nothing");
                };
                self.data.edit(kind, &loser, now_ms, |row| {
                    row.is_deleted = true;
                    set(&mut row.fields, json!({ "MasterRecordId": id }));
                });
                self.data.edit(kind, &id, now_ms, |_| {});
                json!({ "kind": kind, "id": loser, "into": id, "change": "merged" })
            }
            48..54 if kind == "Lead" => self.convert(&id, sim),
            54..62 => {
                let is_out = sim.rng.bool();
                self.data.edit(kind, &id, now_ms, |row| {
                    set(
                        &mut row.fields,
                        json!({ "HasOptedOutOfEmail": is_out, "DoNotCall": !is_out }),
                    )
                });
                told(kind, &id, "consent")
            }
            62..70 => {
                let fields = json!({ "WhoId": id, "Subject": "Mail", "Status": "Completed", "Priority": "Low", "ActivityDate": day(now_ms), "TaskSubtype": "Email" });
                let task = self.born("Task", object(fields), sim);
                told("Task", &task, "created")
            }
            70..78 => match self.somebody("Opportunity", sim) {
                Some(deal) if what < 75 => {
                    let stage = if sim.rng.bool() {
                        "Closed Won"
                    } else {
                        "Negotiation"
                    };
                    self.data.edit("Opportunity", &deal, now_ms, |row| {
                        set(&mut row.fields, json!({ "StageName": stage }))
                    });
                    told("Opportunity", &deal, "updated")
                }
                _ => {
                    let fields = json!({ "Name": "New deal", "StageName": "Prospecting", "CloseDate": day(now_ms), "Amount": 99.9, "ContactId": (kind == "Contact").then_some(&id) });
                    let deal = self.born("Opportunity", object(fields), sim);
                    told("Opportunity", &deal, "created")
                }
            },
            78..84 => {
                let at = sim.rng.u32(..);
                self.data.edit(kind, &id, now_ms, |row| {
                    set(
                        &mut row.fields,
                        json!({ "Email": format!("moved{at}@new.example") }),
                    )
                });
                told(kind, &id, "updated")
            }
            84..86 => {
                let user = self.users[2].clone();
                self.data.edit("User", &user, now_ms, |row| {
                    let is_on = row.fields.get("IsActive") == Some(&json!(true));
                    set(&mut row.fields, json!({ "IsActive": !is_on }));
                });
                told("User", &user, "updated")
            }
            _ => {
                let number = sim.rng.u32(0..10_000);
                self.data.edit(kind, &id, now_ms, |row| {
                    set(&mut row.fields, json!({ "Title": format!("Größe {number}"), "Score__c": f64::from(number) / 100.0 }));
                    row.fields.remove("Phone");
                });
                told(kind, &id, "updated")
            }
        }
    }

    fn convert(&mut self, id: &str, sim: &mut Sim) -> Value {
        let Some(lead) = self.data.row("Lead", id).cloned() else {
            return json!({});
        };
        let account = self.born(
            "Account",
            object(json!({ "Name": lead.fields.get("Company") })),
            sim,
        );
        let mut fields = Map::new();
        for name in [
            "FirstName",
            "LastName",
            "Email",
            "MobilePhone",
            "Title",
            "HasOptedOutOfEmail",
            "DoNotCall",
        ] {
            fields.extend(
                lead.fields
                    .get(name)
                    .map(|it| (name.to_owned(), it.clone())),
            );
        }
        fields.insert("AccountId".to_owned(), json!(account));
        let contact = self.born("Contact", fields, sim);
        let now_ms = sim.now_ms();
        self.data.edit("Lead", id, now_ms, |row| {
            set(&mut row.fields, json!({ "IsConverted": true, "Status": "Qualified", "ConvertedDate": day(now_ms), "ConvertedContactId": contact, "ConvertedAccountId": account }));
        });
        json!({ "kind": "Lead", "id": id, "contact": contact, "change": "converted" })
    }
}
