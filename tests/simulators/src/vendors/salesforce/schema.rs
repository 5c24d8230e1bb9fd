//! Objects and their fields, as `describe` tells them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// One field.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: &'static str,
    /// As `describe` calls it.
    pub kind: &'static str,
    /// Of texts.
    pub length: usize,
    /// Of references.
    pub targets: Vec<&'static str>,
    pub choices: Vec<&'static str>,
    pub is_writable: bool,
    pub is_required: bool,
    pub is_external: bool,
    pub is_unique: bool,
    pub is_filterable: bool,
    /// Only these choices.
    pub is_restricted: bool,
}

impl Field {
    /// `Owner` of `OwnerId`, `Parent__r` of `Parent__c`.
    pub fn relationship(&self) -> Option<String> {
        if self.targets.is_empty() {
            return None;
        }
        let short = self.name.strip_suffix("Id").unwrap_or(self.name);
        Some(short.replace("__c", "__r"))
    }

    /// Made up of others: not written, and not for Bulk.
    pub fn is_compound(&self) -> bool {
        self.kind == "address" || self.name == "Name" && !self.is_writable
    }

    pub fn is_text(&self) -> bool {
        matches!(
            self.kind,
            "string"
                | "textarea"
                | "email"
                | "phone"
                | "url"
                | "picklist"
                | "multipicklist"
                | "id"
                | "reference"
        )
    }

    fn describe(&self) -> Value {
        let choices = self.choices.iter().map(|it| json!({ "active": true, "defaultValue": false, "label": it, "validFor": null, "value": it }));
        json!({
            "name": self.name, "label": self.name, "type": self.kind, "length": self.length, "referenceTo": self.targets,
            "relationshipName": self.relationship(), "createable": self.is_writable, "updateable": self.is_writable,
            "nillable": !self.is_required && self.kind != "boolean", "externalId": self.is_external, "unique": self.is_unique,
            "idLookup": self.is_external || self.name == "Id", "filterable": self.is_filterable, "sortable": self.is_filterable,
            "custom": self.name.ends_with("__c"), "calculated": false, "defaultedOnCreate": self.kind == "boolean" || self.name == "OwnerId",
            "picklistValues": choices.collect::<Vec<_>>(), "restrictedPicklist": self.is_restricted, "compoundFieldName": null,
            "permissionable": self.is_writable && !self.is_required, "deprecatedAndHidden": false
        })
    }
}

/// One kind of object.
#[derive(Clone, Debug)]
pub struct Object {
    pub name: &'static str,
    pub prefix: &'static str,
    pub fields: Vec<Field>,
}

impl Object {
    /// By name in any case.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields
            .iter()
            .find(|it| it.name.eq_ignore_ascii_case(name))
    }

    pub fn by_relationship(&self, name: &str) -> Option<&Field> {
        let is_it = |it: &&Field| {
            it.relationship()
                .is_some_and(|own| own.eq_ignore_ascii_case(name))
        };
        self.fields.iter().find(is_it)
    }

    pub fn describe(&self, base: &str, hidden: impl Fn(&str) -> bool) -> Value {
        let shown = self.fields.iter().filter(|it| !hidden(it.name));
        let is_data = !matches!(self.name, "User" | "Group");
        json!({
            "name": self.name, "label": self.name, "keyPrefix": self.prefix, "queryable": true, "retrieveable": true, "searchable": true,
            "createable": is_data, "updateable": is_data, "deletable": is_data, "undeletable": is_data, "replicateable": true,
            "custom": false, "childRelationships": [], "recordTypeInfos": [], "fields": shown.map(Field::describe).collect::<Vec<_>>(),
            "urls": { "sobject": format!("{base}/sobjects/{}", self.name), "describe": format!("{base}/sobjects/{}/describe", self.name),
                "rowTemplate": format!("{base}/sobjects/{}/{{ID}}", self.name) }
        })
    }
}

/// `Name type[/length][>Target,…] flags [choice|…]`; flags: `w` writable, `!` required, `x` external
/// id, `u` unique, `n` neither filtered nor sorted, `*` only these choices, `-` nothing.
const SYSTEM: &str = "Id id/18 -
IsDeleted boolean -
CreatedDate datetime -
CreatedById reference/18>User -
LastModifiedDate datetime -
LastModifiedById reference/18>User -
SystemModstamp datetime -";

const OBJECTS: &[(&str, &str, &str)] = &[
    (
        "Account",
        "001",
        "MasterRecordId reference/18>Account -
Name string/255 w!
Type picklist/40 w Customer|Prospect|Partner
Website url/255 w
Phone phone/40 w
Industry picklist/40 w Retail|Technology|Education
BillingStreet textarea/255 w
BillingCity string/40 w
BillingPostalCode string/20 w
BillingCountry string/80 w
BillingAddress address n
AnnualRevenue currency w
NumberOfEmployees int w
Description textarea/32000 wn
OwnerId reference/18>User w
Crosspoint_Id__c string/80 wxu",
    ),
    (
        "Contact",
        "003",
        "MasterRecordId reference/18>Contact -
AccountId reference/18>Account w
LastName string/80 w!
FirstName string/40 w
Salutation picklist/40 w Mr.|Ms.|Dr.
Name string/121 -
Email email/80 w
Phone phone/40 w
MobilePhone phone/40 w
Title string/128 w
Department string/80 w
Birthdate date w
LeadSource picklist/40 w Web|Phone Inquiry|Partner Referral|Other
MailingStreet textarea/255 w
MailingCity string/40 w
MailingPostalCode string/20 w
MailingCountry string/80 w
MailingAddress address n
HasOptedOutOfEmail boolean w
HasOptedOutOfFax boolean w
DoNotCall boolean w
EmailBouncedDate datetime -
EmailBouncedReason string/255 -
Description textarea/32000 wn
OwnerId reference/18>User w
Private_Email__c email/80 w
Interests__c multipicklist/4099 w Garden|Kitchen|Outdoor|Books
Segment__c string/255 w
Score__c double w
Legacy_Id__c string/40 wx
Crosspoint_Id__c string/80 wxu",
    ),
    (
        "Event",
        "00U",
        "WhoId reference/18>Contact,Lead w
WhatId reference/18>Account,Opportunity w
Subject string/255 w
StartDateTime datetime w
DurationInMinutes int w
ActivityDate date w
Description textarea/32000 wn
OwnerId reference/18>User w",
    ),
    (
        "Group",
        "00G",
        "Name string/40 -
DeveloperName string/80 -
Type picklist/40 - Queue|Regular",
    ),
    (
        "Lead",
        "00Q",
        "MasterRecordId reference/18>Lead -
LastName string/80 w!
FirstName string/40 w
Salutation picklist/40 w Mr.|Ms.|Dr.
Name string/121 -
Company string/255 w!
Title string/128 w
Email email/80 w
Phone phone/40 w
MobilePhone phone/40 w
Website url/255 w
Street textarea/255 w
City string/40 w
PostalCode string/20 w
Country string/80 w
Address address n
LeadSource picklist/40 w Web|Phone Inquiry|Partner Referral|Other
Status picklist/255 w* Open|Working|Qualified|Unqualified
Rating picklist/40 w Hot|Warm|Cold
HasOptedOutOfEmail boolean w
HasOptedOutOfFax boolean w
DoNotCall boolean w
EmailBouncedDate datetime -
IsConverted boolean -
ConvertedDate date -
ConvertedContactId reference/18>Contact -
ConvertedAccountId reference/18>Account -
ConvertedOpportunityId reference/18>Opportunity -
Description textarea/32000 wn
OwnerId reference/18>User,Group w
Segment__c string/255 w
Score__c double w
Legacy_Id__c string/40 wx
Crosspoint_Id__c string/80 wxu",
    ),
    (
        "Opportunity",
        "006",
        "AccountId reference/18>Account w
ContactId reference/18>Contact w
Name string/120 w!
StageName picklist/255 w! Prospecting|Negotiation|Closed Won|Closed Lost
CloseDate date w!
Amount currency w
Probability double w
IsWon boolean -
IsClosed boolean -
Type picklist/40 w New Business|Existing Business
LeadSource picklist/40 w Web|Phone Inquiry|Partner Referral|Other
Description textarea/32000 wn
OwnerId reference/18>User w
Crosspoint_Id__c string/80 wxu",
    ),
    (
        "Task",
        "00T",
        "WhoId reference/18>Contact,Lead w
WhatId reference/18>Account,Opportunity w
Subject string/255 w
Status picklist/40 w! Not Started|In Progress|Completed
Priority picklist/40 w! High|Normal|Low
ActivityDate date w
TaskSubtype picklist/40 w Task|Email|Call
IsClosed boolean -
Description textarea/32000 wn
OwnerId reference/18>User w
Crosspoint_Id__c string/80 wxu",
    ),
    (
        "User",
        "005",
        "Username string/80 -
LastName string/80 -
FirstName string/40 -
Name string/121 -
Email email/128 -
IsActive boolean -
TimeZoneSidKey picklist/40 - Europe/Berlin
LocaleSidKey picklist/40 - de_DE",
    ),
];

fn field(line: &'static str) -> Field {
    let mut parts = line.splitn(4, ' ');
    let name = parts.next().unwrap_or_default();
    let kind = parts.next().unwrap_or_default();
    let flags = parts.next().unwrap_or_default();
    let (kind, targets) = kind.split_once('>').unwrap_or((kind, ""));
    let (kind, length) = kind.split_once('/').unwrap_or((kind, "0"));
    let list = |text: &'static str, mark| -> Vec<&'static str> {
        text.split(mark).filter(|it| !it.is_empty()).collect()
    };
    Field {
        name,
        kind,
        length: length.parse().unwrap_or(0),
        targets: list(targets, ','),
        choices: list(parts.next().unwrap_or_default(), '|'),
        is_writable: flags.contains('w'),
        is_required: flags.contains('!'),
        is_external: flags.contains('x'),
        is_unique: flags.contains('u'),
        is_filterable: !flags.contains('n'),
        is_restricted: flags.contains('*'),
    }
}

pub fn objects() -> BTreeMap<&'static str, Object> {
    let made = OBJECTS.iter().map(|(name, prefix, lines)| {
        let lines = SYSTEM.lines().chain(lines.lines());
        let fields = lines.map(field).collect();
        (
            *name,
            Object {
                name,
                prefix,
                fields,
            },
        )
    });
    made.collect()
}
