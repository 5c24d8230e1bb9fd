//! The organisation at the start: half of the world's people, as contacts and leads.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::data::{Data, stamp};
use crate::World;
use crate::world::Person;

const DAY_MS: i64 = 86_400_000;

pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// A day of an instant: `2026-02-03`.
pub fn day(at_ms: i64) -> String {
    stamp(at_ms)[..10].to_owned()
}

pub fn users(data: &mut Data, world: &World) -> Vec<String> {
    let at_ms = world.now_ms - 1100 * DAY_MS;
    let names = [
        ("Crosspoint", "Integration"),
        ("Ana", "Ito"),
        ("Björn", "Ångström"),
        ("Chidi", "Okafor"),
    ];
    let made = names.iter().zip(0..).map(|((first, last), number)| {
        let fields = json!({ "FirstName": first, "LastName": last, "Username": format!("user{number}@crosspoint-test.example"),
            "Email": format!("user{number}@seller.example"), "IsActive": number != 3, "TimeZoneSidKey": "Europe/Berlin", "LocaleSidKey": "de_DE" });
        data.insert("User", object(fields), at_ms)
    });
    let users: Vec<String> = made.collect();
    let queue = object(json!({ "Name": "Inbound", "DeveloperName": "Inbound", "Type": "Queue" }));
    let queue = data.insert("Group", queue, at_ms);
    users.into_iter().chain([queue]).collect()
}

/// What a seller knows of a person.
pub fn person(person: &Person, is_lead: bool) -> Map<String, Value> {
    let prefix = if is_lead { "" } else { "Mailing" };
    let wants_no_mail = person.email_consent.is_some_and(|(is_yes, _)| !is_yes);
    let wants_no_call = person.sms_consent.is_some_and(|(is_yes, _)| !is_yes);
    let mut fields = object(json!({
        "FirstName": person.first_name, "LastName": person.last_name, "Email": person.work_email, "Title": person.job_title,
        "MobilePhone": person.phone, "HasOptedOutOfEmail": wants_no_mail, "DoNotCall": wants_no_call,
        format!("{prefix}Street"): person.street, format!("{prefix}City"): person.city,
        format!("{prefix}PostalCode"): person.postal_code, format!("{prefix}Country"): person.country,
        "LeadSource": if person.number.is_multiple_of(3) { "Web" } else { "Partner Referral" }
    }));
    if is_lead {
        let company = person
            .company
            .clone()
            .unwrap_or_else(|| "[not provided]".to_owned());
        fields.insert("Company".to_owned(), json!(company));
        fields.insert(
            "Status".to_owned(),
            json!(["Open", "Working", "Qualified", "Unqualified"][person.number as usize % 4]),
        );
    } else {
        fields.insert("Birthdate".to_owned(), json!(person.birthday));
        if person.number.is_multiple_of(4) {
            fields.insert("Private_Email__c".to_owned(), json!(person.email));
        }
        if person.number.is_multiple_of(6) {
            fields.insert("Interests__c".to_owned(), json!("Garden;Books"));
        }
    }
    fields
}

pub fn fill(data: &mut Data, world: &World, users: &[String], seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed ^ 0x5a1e);
    let mut accounts: BTreeMap<&str, String> = BTreeMap::new();
    // Everybody whom a bulk job touched has its instant.
    let mass_ms = world.now_ms - 7 * DAY_MS;
    for about in world.people.iter().filter(|it| it.number.is_multiple_of(2)) {
        let is_lead = about.number.is_multiple_of(4) == rng.bool();
        let kind = if is_lead { "Lead" } else { "Contact" };
        let mut fields = person(about, is_lead);
        let owner = if is_lead && rng.u32(0..5) == 0 {
            &users[4]
        } else {
            &users[rng.usize(1..4)]
        };
        let own = |fields: &mut Map<String, Value>| {
            for (name, id) in [
                ("OwnerId", owner),
                ("CreatedById", &users[0]),
                ("LastModifiedById", &users[0]),
            ] {
                fields.insert(name.to_owned(), json!(id));
            }
        };
        own(&mut fields);
        if let Some(company) = about.company.as_deref().filter(|_| !is_lead) {
            let account = accounts.entry(company).or_insert_with(|| {
                let mut fields = object(json!({ "Name": company, "Type": "Customer", "Industry": "Retail", "Phone": "+49 30 1234567",
                    "AnnualRevenue": 1_250_000.5, "NumberOfEmployees": 120, "BillingCity": about.city, "BillingCountry": about.country }));
                own(&mut fields);
                data.insert("Account", fields, about.created_at_ms)
            });
            fields.insert("AccountId".to_owned(), json!(account));
        }
        let account = fields.get("AccountId").cloned().unwrap_or(Value::Null);
        let id = data.insert(kind, fields, about.created_at_ms);
        let stamp_ms = if rng.u32(0..10) < 3 {
            mass_ms.max(about.created_at_ms)
        } else {
            about.updated_at_ms
        };
        data.edit(kind, &id, stamp_ms, |_| {});
        if !is_lead && rng.u32(0..5) == 0 {
            let stage = ["Prospecting", "Negotiation", "Closed Won", "Closed Lost"][rng.usize(..4)];
            let mut fields = object(
                json!({ "Name": format!("Deal {}", about.number), "StageName": stage, "CloseDate": day(about.updated_at_ms),
                "Amount": rng.i64(1000..900_000) as f64 / 100.0, "Probability": 50.0, "AccountId": account, "ContactId": id, "Type": "New Business" }),
            );
            own(&mut fields);
            data.insert("Opportunity", fields, about.updated_at_ms);
        }
        if rng.u32(0..3) == 0 {
            let mut fields = object(
                json!({ "WhoId": id, "Subject": "Call", "Status": if rng.bool() { "Completed" } else { "Not Started" },
                "Priority": "Normal", "ActivityDate": day(about.updated_at_ms), "TaskSubtype": "Call", "Description": "Wanted “more”\nabout prices" }),
            );
            own(&mut fields);
            data.insert("Task", fields, about.updated_at_ms);
        }
        if rng.u32(0..10) == 0 {
            let mut fields = object(
                json!({ "WhoId": id, "Subject": "Meeting", "StartDateTime": stamp(about.updated_at_ms), "DurationInMinutes": 30,
                "ActivityDate": day(about.updated_at_ms) }),
            );
            own(&mut fields);
            data.insert("Event", fields, about.updated_at_ms);
        }
    }
}
