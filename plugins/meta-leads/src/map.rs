//! From leads and forms to records.

use crosspoint_sdk::map::instant;
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::map::phone;
use crosspoint_sdk::model::{
    Address, Consent, ConsentState, ConsentTopic, Contact, Content, Submission,
};
use crosspoint_sdk::{Attribute, Body, Identifier, Instant, Record, Reject, Value};

use crate::settings::{Settings, is_id};

/// What of a lead a stream yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The filled form.
    Leads,
    /// The ticked disclaimer boxes.
    Consents,
}

/// Where the lead came from, in the vendor's words.
const ORIGIN: [&str; 10] = [
    "platform",
    "is_organic",
    "campaign_id",
    "campaign_name",
    "adset_id",
    "adset_name",
    "ad_id",
    "ad_name",
    "partner_name",
    "retailer_item_id",
];

/// Why an object cannot become a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The member at fault, where one is.
    pub field: Option<&'static str>,
    /// What was expected.
    pub reason: String,
}

impl Problem {
    /// About one member.
    pub fn of(field: &'static str, reason: impl ToString) -> Self {
        Self {
            field: Some(field),
            reason: reason.to_string(),
        }
    }

    /// The object itself, for quarantine.
    pub fn reject(self, id: &str, raw: &str) -> Reject {
        Reject {
            locator: if id.is_empty() {
                "lead".to_owned()
            } else {
                id.to_owned()
            },
            field: self.field.map(str::to_owned),
            reason: self.reason,
            raw: raw.as_bytes().to_vec(),
        }
    }
}

/// The records of one lead: the submission, or one per ticked box.
///
/// # Errors
/// The member that cannot be used.
pub fn records(
    lead: &Json,
    form_name: Option<&str>,
    view: View,
    settings: &Settings,
) -> Result<Vec<Record>, Problem> {
    let id = lead.text_at("id").filter(|id| is_id(id));
    let id = id.ok_or_else(|| Problem::of("id", "expected an id in digits"))?;
    let created = lead.text_at("created_time").unwrap_or_default();
    let created_at =
        instant::parse(created, 0).map_err(|error| Problem::of("created_time", error))?;
    let form = lead.text_at("form_id").unwrap_or_default();
    if view == View::Consents {
        return Ok(consents(lead, id, form, created_at, settings));
    }
    let answers = Answers::new(lead);
    let origin = ORIGIN
        .iter()
        .filter_map(|name| Some(Attribute::new(*name, lead.get(name)?)));
    let submission = Submission {
        form_id: form.to_owned(),
        form_name: form_name.map(str::to_owned),
        submitted_at: created_at,
        origin: origin.collect(),
        contact: Some(answers.contact()),
    };
    let mut record = Record::new(id, created_at, Body::Submission(submission));
    record.identifiers = answers.identifiers(settings);
    record.attributes = answers.attributes();
    let taken = ["id", "created_time", "form_id", "field_data"];
    let taken: Vec<_> = taken.into_iter().chain(ORIGIN).collect();
    record.attributes.extend(lead.attributes_except(&taken));
    Ok(vec![record])
}

/// A box that is not ticked gives no consent, and takes none away either.
fn consents(
    lead: &Json,
    id: &str,
    form: &str,
    decided_at: Instant,
    settings: &Settings,
) -> Vec<Record> {
    let boxes = lead
        .get("custom_disclaimer_responses")
        .map_or(&[][..], Json::items);
    let ticked = boxes.iter().filter(|one| match one.get("is_checked") {
        Some(Json::Bool(flag)) => *flag,
        Some(json) => matches!(json.text(), Some("1" | "true")),
        None => false,
    });
    ticked
        .filter_map(|one| one.text_at("checkbox_key"))
        .map(|key| {
            let topic = settings.consents.get(key).map_or(key, String::as_str);
            let consent = Consent {
                topic: ConsentTopic::from_word(topic),
                state: ConsentState::Granted,
                decided_at,
                evidence: Some(format!("lead form {form}, checkbox {key}, lead {id}")),
            };
            let mut record = Record::new(format!("{id}/{key}"), decided_at, Body::Consent(consent));
            record.identifiers = Answers::new(lead).identifiers(settings);
            record
        })
        .collect()
}

/// The answers of a lead, by the question's key.
struct Answers<'a>(Vec<(&'a str, Vec<&'a Json>)>);

impl<'a> Answers<'a> {
    fn new(lead: &'a Json) -> Self {
        let data = lead.get("field_data").map_or(&[][..], Json::items);
        let answer = |one: &'a Json| {
            let values = one.get("values").map_or(&[][..], Json::items);
            Some((one.text_at("name")?, values.iter().collect()))
        };
        Self(data.iter().filter_map(answer).collect())
    }

    /// The only answer to a standard question. Leads of the vendor's test tool hold dummies.
    fn text(&self, key: &str) -> Option<String> {
        let (_, values) = self.0.iter().find(|(name, _)| *name == key)?;
        let text = values.first()?.text()?.trim();
        (!text.starts_with("<test lead:")).then(|| text.to_owned())
    }

    fn contact(&self) -> Contact {
        let country = self
            .text("country")
            .filter(|text| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase()));
        let address = Address {
            street: self.text("street_address").into_iter().collect(),
            city: self.text("city"),
            region: self.text("state").or_else(|| self.text("province")),
            postal_code: self.text("post_code").or_else(|| self.text("zip_code")),
            country,
            ..Address::default()
        };
        // Other notations are ambiguous, and stay an answer.
        let birthday = self
            .text("date_of_birth")
            .filter(|text| text.len() == 10 && instant::parse(text, 0).is_ok());
        Contact {
            first_name: self.text("first_name"),
            last_name: self.text("last_name"),
            full_name: self.text("full_name"),
            company: self.text("company_name"),
            job_title: self.text("job_title"),
            birthday,
            gender: self.text("gender"),
            address: (address != Address::default()).then_some(address),
            ..Contact::default()
        }
    }

    /// Addresses and the person's own number; a number at work may be a switchboard's.
    fn identifiers(&self, settings: &Settings) -> Vec<Identifier> {
        let emails = ["email", "work_email"]
            .iter()
            .filter_map(|key| self.text(key));
        let mut all: Vec<_> = emails.map(Identifier::Email).collect();
        let number = self.text("phone_number");
        let number = number.and_then(|text| phone::e164(&text, settings.calling_code()).ok());
        all.extend(number.map(Identifier::Phone));
        all
    }

    /// Every answer: one value as it is, several as a list, none as null.
    fn attributes(&self) -> Vec<Attribute> {
        let attribute = |(name, values): &(&str, Vec<&Json>)| {
            let value = match values.as_slice() {
                [] => Value::Null,
                [one] => Value::from(*one),
                many => {
                    let list = many.iter().map(|it| (*it).clone()).collect();
                    Value::Json(Json::List(list).to_string())
                }
            };
            Attribute::new(*name, value)
        };
        self.0.iter().map(attribute).collect()
    }
}

/// A form: its questions and the legal text under which leads were given.
///
/// # Errors
/// The member that cannot be used.
pub fn form(form: &Json, id: &str, changed_at: Option<Instant>) -> Result<Record, Problem> {
    let created_at = match form.text_at("created_time") {
        Some(text) => {
            instant::parse(text, 0).map_err(|error| Problem::of("created_time", error))?
        }
        None => 0,
    };
    let content = Content {
        kind: "lead-form".to_owned(),
        title: form.text_at("name").unwrap_or_default().to_owned(),
        summary: None,
        url: None,
        image_url: None,
        language: form
            .text_at("locale")
            .map(|locale| locale.replace('_', "-")),
        topics: Vec::new(),
        author: None,
        published_at: None,
        expires_at: None,
        published: form.text_at("status") == Some("ACTIVE"),
    };
    let updated_at = changed_at.map_or(created_at, |at| at.max(created_at));
    let mut record = Record::new(id, updated_at, Body::Content(content));
    record.attributes = form.attributes_except(&["id", "name", "locale"]);
    Ok(record)
}
