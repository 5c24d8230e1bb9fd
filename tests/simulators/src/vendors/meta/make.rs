//! The business at the start: two pages with four forms, ads, what people of the world sent in the
//! last 120 days, and a few audiences that a marketer made by hand.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::audiences::Audience;
use super::leads::{Ad, Form, Lead, Page};
use super::{DAY_MS, KEPT_MS, Meta};
use crate::World;
use crate::world::Person;

pub const PAGES: usize = 2;
pub const FORMS: usize = 4;
pub const ADS: usize = 5;
/// Audiences begin here.
pub const AUDIENCES: u64 = 120_208_300_000_000_000;

pub fn pages() -> Vec<Page> {
    let page = |id, name| Page {
        id,
        name,
        is_installed: false,
    };
    vec![
        page(102_938_475_600_001_029, "Garten & Küche"),
        page(102_938_475_600_002_031, "Outdoor"),
    ]
}

pub fn forms(now_ms: i64) -> Vec<Form> {
    let form = |id, page, name: &str, status, locale, days| Form {
        id,
        page,
        name: name.to_owned(),
        status,
        locale,
        created_ms: now_ms - days * DAY_MS,
        updated_ms: now_ms - days * DAY_MS,
    };
    vec![
        form(
            998_877_665_544_000_101,
            0,
            "Spring offer",
            "ACTIVE",
            "en_US",
            400,
        ),
        form(
            998_877_665_544_000_202,
            0,
            "Händler-Anfrage",
            "ARCHIVED",
            "de_DE",
            300,
        ),
        form(
            998_877_665_544_000_303,
            1,
            "Newsletter",
            "ACTIVE",
            "en_US",
            200,
        ),
        form(
            998_877_665_544_000_404,
            1,
            "お問い合わせ",
            "ACTIVE",
            "ja_JP",
            150,
        ),
    ]
}

pub fn ads() -> Vec<Ad> {
    let base = 120_210_000_000_000_000;
    let ad = |number: u64, name| Ad {
        id: base + number,
        name,
        adset: base + 100 + number % 2,
        campaign: base + 200,
    };
    vec![
        ad(1, "Spring"),
        ad(2, "Spring – video"),
        ad(3, "Händler"),
        ad(4, "Reels"),
        ad(5, "日本"),
    ]
}

/// The questions of a form by its index: key, label, type, answers to choose from.
pub type Question = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

pub fn questions(form: usize) -> &'static [Question] {
    match form {
        0 => &[
            ("email", "E-mail", "EMAIL", &[]),
            ("full_name", "Full name", "FULL_NAME", &[]),
            ("phone_number", "Phone number", "PHONE", &[]),
            (
                "which_product?",
                "Which product?",
                "CUSTOM",
                &["A", "B", "C"],
            ),
        ],
        1 => &[
            ("work_email", "Geschäftliche E-Mail", "WORK_EMAIL", &[]),
            ("first_name", "Vorname", "FIRST_NAME", &[]),
            ("last_name", "Nachname", "LAST_NAME", &[]),
            ("company_name", "Firma", "COMPANY_NAME", &[]),
            ("job_title", "Position", "JOB_TITLE", &[]),
            ("größe des teams", "Größe des Teams", "CUSTOM", &[]),
        ],
        2 => &[
            ("email", "E-mail", "EMAIL", &[]),
            ("first_name", "First name", "FIRST_NAME", &[]),
            ("country", "Country", "COUNTRY", &[]),
            ("post_code", "Post code", "POST_CODE", &[]),
            ("date_of_birth", "Date of birth", "DOB", &[]),
        ],
        _ => &[
            ("email", "メール", "EMAIL", &[]),
            ("full_name", "氏名", "FULL_NAME", &[]),
            ("ご質問", "ご質問", "CUSTOM", &[]),
        ],
    }
}

/// The optional checkboxes of a form.
pub fn boxes(form: usize) -> &'static [&'static str] {
    match form {
        0 => &["newsletter_opt_in", "sms_opt_in"],
        2 => &["newsletter_opt_in"],
        _ => &[],
    }
}

fn answer(key: &str, person: &Person, rng: &mut fastrand::Rng) -> Vec<String> {
    let text = match key {
        "email" => Some(person.email.clone()),
        "work_email" => Some(person.work_email.clone()),
        "full_name" => Some(format!("{} {}", person.first_name, person.last_name)),
        "first_name" => Some(person.first_name.clone()),
        "last_name" => Some(person.last_name.clone()),
        "phone_number" => person.phone.clone(),
        "company_name" => person.company.clone(),
        "job_title" => person.job_title.clone(),
        "country" => Some(person.country.clone()),
        "post_code" => Some(person.postal_code.clone()),
        // As people see it in the form, not ISO.
        "date_of_birth" => person.birthday.as_ref().map(|day| {
            let parts: Vec<&str> = day.split('-').collect();
            format!("{}/{}/{}", parts[1], parts[2], parts[0])
        }),
        "which_product?" => {
            let chosen = ["A", "B", "C"].iter().filter(|_| rng.bool());
            return chosen.map(|&it| it.to_owned()).collect();
        }
        "größe des teams" => Some(rng.u32(1..500).to_string()),
        _ => Some("納期は? \u{1f600}".to_owned()),
    };
    text.into_iter().collect()
}

/// What somebody sent.
pub fn lead(
    number: u64,
    at_ms: i64,
    form: usize,
    who: (usize, &Person),
    rng: &mut fastrand::Rng,
) -> Lead {
    let (person, data) = who;
    let mut answers: Vec<(String, Vec<String>)> = questions(form)
        .iter()
        .map(|(key, ..)| ((*key).to_owned(), answer(key, data, rng)))
        .collect();
    if form == 0 {
        answers.push(("utm_source".to_owned(), vec!["fb".to_owned()]));
    }
    let decisions = [data.email_consent, data.sms_consent];
    let ticked = boxes(form).iter().zip(decisions).map(|(name, decision)| {
        let no = if rng.bool() { "" } else { "0" };
        let is_yes = decision.is_some_and(|(is_yes, _)| is_yes);
        ((*name).to_owned(), if is_yes { "1" } else { no })
    });
    let ticked = ticked.collect();
    let is_organic = rng.u32(0..4) == 0;
    let ads: &[usize] = [&[0, 1][..], &[2], &[3], &[4]][form];
    Lead {
        id: 100_000_000_000_000_000
            + (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) & ((1 << 56) - 1)),
        created_ms: at_ms.div_euclid(1000) * 1000,
        form,
        ad: (!is_organic).then(|| ads[rng.usize(..ads.len())]),
        platform: if form == 2 || rng.u32(0..5) == 0 {
            "ig"
        } else {
            "fb"
        },
        person: Some(person),
        answers,
        ticked,
        is_deleted: false,
        is_test: false,
        hidden: None,
    }
}

pub fn audiences(now_ms: i64) -> BTreeMap<u64, Audience> {
    let names = ["Visitors 30 days", "Käufer 2025", "Lookalike base"];
    let made = (1..).zip(names).map(|(number, name)| {
        let mut audience = Audience::new(name, now_ms - 100 * DAY_MS);
        audience.id = AUDIENCES + number;
        audience.by_hand = true;
        audience
    });
    made.map(|it| (it.id, it)).collect()
}

pub fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// The hashes under which at most so many people of the world can be found.
pub fn known(world: &World, count: usize) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    // One in ten has no account.
    let people = world.people.iter().filter(|it| it.number % 10 != 0);
    for person in people.take(count) {
        known.insert(hash(&person.email.to_lowercase()));
        if let Some(phone) = &person.phone {
            known.insert(hash(phone.trim_start_matches('+')));
        }
    }
    known
}

impl Meta {
    pub fn fill(&mut self, seed: u64) {
        let mut rng = fastrand::Rng::with_seed(seed ^ 0x3e7a);
        let count = self.world.people.len() * 2 / 3;
        // More than what is kept, and a minute in which many came at once.
        let reach_s = (KEPT_MS + 30 * DAY_MS) / 1000;
        let crowd_ms = self.world.now_ms - 20 * DAY_MS;
        for number in 0..count {
            let person = rng.usize(..self.world.people.len());
            let at_ms = match number % 20 {
                0 => crowd_ms,
                _ => self.world.now_ms - rng.i64(1..reach_s) * 1000,
            };
            let form = rng.usize(..FORMS);
            let id = self.next();
            let made = lead(
                id,
                at_ms,
                form,
                (person, &self.world.people[person]),
                &mut rng,
            );
            self.put(made);
        }
    }

    pub fn told(&self) -> Value {
        let leads = self.leads.iter().map(|it| {
            json!({ "id": it.id.to_string(), "updated_at_ms": it.created_ms, "created_at_ms": it.created_ms, "deleted": it.is_deleted,
                "kept": it.created_ms >= self.now_ms - KEPT_MS,
                "test": it.is_test, "form_id": self.forms[it.form].id.to_string(), "page_id": self.pages[self.forms[it.form].page].id.to_string(),
                "ad_id": it.ad.map(|ad| self.ads[ad].id.to_string()), "platform": it.platform, "is_organic": it.ad.is_none(),
                "person": it.person, "answers": it.answers.iter().map(|(name, values)| (name.clone(), json!(values))).collect::<serde_json::Map<_, _>>(),
                "ticked": it.ticked.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<serde_json::Map<_, _>>() })
        });
        let forms = self.forms.iter().enumerate().map(|(at, it)| {
            json!({ "id": it.id.to_string(), "updated_at_ms": it.updated_ms, "deleted": it.status == "DELETED", "name": it.name,
                "status": it.status, "page_id": self.pages[it.page].id.to_string(), "leads": self.by_form[at].len() })
        });
        let pages = self.pages.iter().map(|it| json!({ "id": it.id.to_string(), "updated_at_ms": 0, "deleted": false, "name": it.name, "installed": it.is_installed }));
        let audiences = self.audiences.values().map(Audience::told);
        let members = self.audiences.values().flat_map(Audience::members_told);
        let sessions = self.sessions.iter().map(|(id, it)| it.told(*id));
        let subscriptions = self.subscriptions.iter().map(|it| json!({ "id": it.url, "updated_at_ms": 0, "deleted": !it.is_active, "verified": it.is_verified }));
        json!({
            "leads": leads.collect::<Vec<_>>(), "forms": forms.collect::<Vec<_>>(), "pages": pages.collect::<Vec<_>>(),
            "audiences": audiences.collect::<Vec<_>>(), "members": members.collect::<Vec<_>>(), "sessions": sessions.collect::<Vec<_>>(),
            "subscriptions": subscriptions.collect::<Vec<_>>()
        })
    }
}
