//! Pages, forms, ads and leads: reading, test leads, what happens by itself.

use serde_json::{Value, json};

use super::graph::{Ask, Field, Params, Problem, Shape, page};
use super::{KEPT_MS, Meta, make, seconds, stamp};
use crate::Sim;

/// A page of the business.
#[derive(Clone, Debug)]
pub struct Page {
    pub id: u64,
    pub name: &'static str,
    /// The app gets its events.
    pub is_installed: bool,
}

/// A form of a page.
#[derive(Clone, Debug)]
pub struct Form {
    pub id: u64,
    /// Index.
    pub page: usize,
    pub name: String,
    pub status: &'static str,
    pub locale: &'static str,
    pub created_ms: i64,
    pub updated_ms: i64,
}

/// An advertisement that shows a form.
#[derive(Clone, Debug)]
pub struct Ad {
    pub id: u64,
    pub name: &'static str,
    pub adset: u64,
    pub campaign: u64,
}

/// What somebody sent.
#[derive(Clone, Debug)]
pub struct Lead {
    pub id: u64,
    pub created_ms: i64,
    /// Index.
    pub form: usize,
    /// Index; absent: organic.
    pub ad: Option<usize>,
    pub platform: &'static str,
    /// Index into the world's people.
    pub person: Option<usize>,
    pub answers: Vec<(String, Vec<String>)>,
    pub ticked: Vec<(String, &'static str)>,
    pub is_deleted: bool,
    pub is_test: bool,
    /// The code with which a fetch is refused.
    pub hidden: Option<u64>,
}

const LEAD: Shape = Shape {
    name: "LeadGenData",
    fields: &[
        "id",
        "created_time",
        "ad_id",
        "ad_name",
        "adset_id",
        "adset_name",
        "campaign_id",
        "campaign_name",
        "form_id",
        "is_organic",
        "platform",
        "partner_name",
        "retailer_item_id",
        "field_data",
        "custom_disclaimer_responses",
        "home_listing",
        "post",
        "vehicle",
    ],
    usual: &["created_time", "id", "field_data"],
};

const FORM: Shape = Shape {
    name: "LeadGenForm",
    fields: &[
        "id",
        "name",
        "status",
        "locale",
        "leads_count",
        "organic_leads_count",
        "expired_leads_count",
        "created_time",
        "page",
        "page_id",
        "questions",
        "legal_content",
        "privacy_policy_url",
        "tracking_parameters",
        "allow_organic_lead",
        "context_card",
        "thank_you_page",
        "follow_up_action_url",
        "is_optimized_for_quality",
        "question_page_custom_headline",
        "leads",
    ],
    usual: &["id", "locale", "name", "status"],
};

impl Meta {
    pub fn put(&mut self, lead: Lead) {
        let key = (lead.created_ms, lead.id);
        if !lead.is_test {
            self.by_form[lead.form].insert(key);
            if let Some(ad) = lead.ad {
                self.by_ad[ad].insert(key);
            }
        }
        self.by_id.insert(lead.id, self.leads.len());
        self.leads.push(lead);
    }

    pub fn lead_mut(&mut self, id: u64) -> Option<&mut Lead> {
        let at = *self.by_id.get(&id)?;
        self.leads.get_mut(at)
    }

    pub fn remove_lead(&mut self, id: u64, sim: &mut Sim) -> Option<()> {
        let lead = self.lead_mut(id).filter(|it| !it.is_deleted)?;
        lead.is_deleted = true;
        let (key, form, ad) = ((lead.created_ms, id), lead.form, lead.ad);
        self.by_form[form].remove(&key);
        if let Some(ad) = ad {
            self.by_ad[ad].remove(&key);
        }
        sim.effect("lead.delete", &id.to_string(), "", Value::Null);
        Some(())
    }

    fn lead_view(&self, lead: &Lead) -> Value {
        let answers: Vec<Value> = lead
            .answers
            .iter()
            .map(|(name, values)| json!({ "name": name, "values": values }))
            .collect();
        let mut view = json!({
            "id": lead.id.to_string(), "created_time": stamp(lead.created_ms), "form_id": self.forms[lead.form].id.to_string(),
            "is_organic": lead.ad.is_none(), "platform": lead.platform, "field_data": answers
        });
        if !lead.ticked.is_empty() {
            let ticked = lead
                .ticked
                .iter()
                .map(|(name, value)| json!({ "checkbox_key": name, "is_checked": value }));
            view["custom_disclaimer_responses"] = ticked.collect();
        }
        // Without a role at the ad account these are absent, not null.
        if let Some(ad) = lead.ad.filter(|_| self.scopes.contains("ads_management")) {
            let ad = &self.ads[ad];
            for (name, value) in [
                ("ad_id", ad.id.to_string()),
                ("ad_name", ad.name.to_owned()),
                ("adset_id", ad.adset.to_string()),
                ("adset_name", format!("Set {}", ad.adset % 10)),
                ("campaign_id", ad.campaign.to_string()),
                ("campaign_name", "Q1".to_owned()),
            ] {
                view[name] = json!(value);
            }
        }
        view
    }

    /// `/{form}/leads` and `/{ad}/leads`.
    pub fn leads_of(
        &self,
        owner: (Option<usize>, Option<usize>),
        ask: &Ask,
        sim: &mut Sim,
    ) -> Result<Value, Problem> {
        self.needs("leads_retrieval")?;
        let fields = ask.fields()?;
        LEAD.check(fields.as_deref())?;
        match self.restricted.as_str() {
            "empty" => return Ok(json!({ "data": [] })),
            "error" => {
                let text = "(#103) CRM access has been revoked from Lead Access Manager";
                return Err(Problem::new(403, 103, text));
            }
            _ => {}
        }
        let mut bounds = (sim.now_ms() - KEPT_MS, i64::MAX - 1);
        for (operator, second) in times(ask)? {
            let at_ms = second.saturating_mul(1000);
            match operator.as_str() {
                "GREATER_THAN" => bounds.0 = bounds.0.max(at_ms.saturating_add(1000)),
                "GREATER_THAN_OR_EQUAL" => bounds.0 = bounds.0.max(at_ms),
                "LESS_THAN" => bounds.1 = bounds.1.min(at_ms - 1),
                _ => bounds.1 = bounds.1.min(at_ms.saturating_add(999)),
            }
        }
        let keys = match owner {
            (Some(form), _) => &self.by_form[form],
            (None, ad) => &self.by_ad[ad.unwrap_or(0)],
        };
        page(ask, sim, keys, bounds, 500, |id| {
            let lead = &self.leads[*self.by_id.get(&id)?];
            Some(LEAD.cut(&self.lead_view(lead), fields.as_deref()))
        })
    }

    /// `/{lead}`
    pub fn lead(&self, id: u64, ask: &Ask, sim: &Sim) -> Result<Value, Problem> {
        self.needs("leads_retrieval")?;
        let fields = ask.fields()?;
        LEAD.check(fields.as_deref())?;
        let text = id.to_string();
        let found = self.by_id.get(&id).map(|at| &self.leads[*at]);
        let is_kept = |it: &&Lead| !it.is_deleted && it.created_ms >= sim.now_ms() - KEPT_MS;
        let lead = found
            .filter(is_kept)
            .ok_or(Problem::missing(&text, "get"))?;
        match lead.hidden {
            Some(803) => return Err(Problem::alias(&text)),
            Some(_) => return Err(Problem::missing(&text, "get")),
            None if self.restricted == "error" || self.restricted == "empty" => {
                let text = "(#103) CRM access has been revoked from Lead Access Manager";
                return Err(Problem::new(403, 103, text));
            }
            None => {}
        }
        Ok(LEAD.cut(&self.lead_view(lead), fields.as_deref()))
    }

    fn form_view(&self, at: usize, sim: &Sim) -> Value {
        let form = &self.forms[at];
        let since_ms = sim.now_ms() - KEPT_MS;
        let expired = self.by_form[at].range(..(since_ms, 0)).count();
        let organic = self.by_form[at]
            .iter()
            .filter(|(_, id)| self.leads[self.by_id[id]].ad.is_none());
        let questions = make::questions(at).iter().zip(1_u64..).map(|((key, label, kind, options), number)| {
            let mut question = json!({ "id": (form.id * 10 + number).to_string(), "key": key, "label": label, "type": kind });
            if !options.is_empty() {
                question["options"] = options.iter().map(|it| json!({ "key": it.to_lowercase(), "value": it })).collect();
            }
            question
        });
        let page = &self.pages[form.page];
        let boxes = make::boxes(at).iter().map(|key| json!({ "key": key, "is_required": false, "is_checked_by_default": false, "text": "I agree" }));
        let tracking = if at == 0 {
            json!([{ "key": "utm_source", "value": "fb" }])
        } else {
            json!([])
        };
        json!({
            "id": form.id.to_string(), "name": form.name, "status": form.status, "locale": form.locale,
            "leads_count": self.by_form[at].len(), "organic_leads_count": organic.count(), "expired_leads_count": expired,
            "created_time": stamp(form.created_ms), "page_id": page.id.to_string(), "page": { "id": page.id.to_string(), "name": page.name },
            "questions": questions.collect::<Vec<_>>(), "privacy_policy_url": "https://shop.example/privacy", "tracking_parameters": tracking,
            "legal_content": { "id": (form.id + 7).to_string(), "privacy_policy": { "url": "https://shop.example/privacy", "link_text": "Privacy" },
                "custom_disclaimer": { "title": "Terms", "checkboxes": boxes.collect::<Vec<_>>() } },
            "allow_organic_lead": true, "is_optimized_for_quality": false, "follow_up_action_url": "https://shop.example/"
        })
    }

    fn form_cut(
        &self,
        at: usize,
        fields: Option<&[Field]>,
        ask: &Ask,
        sim: &mut Sim,
    ) -> Result<Value, Problem> {
        let mut all = self.form_view(at, sim);
        // What is expanded knows no filter.
        let expanded = fields
            .into_iter()
            .flatten()
            .find(|it| it.name == "leads")
            .cloned();
        if let Some(field) = expanded {
            let mut inner = ask.clone();
            inner.params = Params::default();
            inner.parts = vec![self.forms[at].id.to_string(), "leads".to_owned()];
            if let Some(limit) = field.limit {
                inner.params.0.insert("limit".to_owned(), json!(limit));
            }
            if let Some(inside) = field.inside {
                let names: Vec<String> = inside.into_iter().map(|it| it.name).collect();
                inner
                    .params
                    .0
                    .insert("fields".to_owned(), json!(names.join(",")));
            }
            all["leads"] = self.leads_of((Some(at), None), &inner, sim)?;
        }
        let plain: Option<Vec<Field>> = fields.map(|fields| {
            let whole = |it: &Field| Field {
                inside: None,
                ..it.clone()
            };
            fields
                .iter()
                .map(|it| {
                    if it.name == "leads" {
                        whole(it)
                    } else {
                        it.clone()
                    }
                })
                .collect()
        });
        Ok(FORM.cut(&all, plain.as_deref()))
    }

    /// `/{form}`
    pub fn form(&self, at: usize, ask: &Ask, sim: &mut Sim) -> Result<Value, Problem> {
        self.needs("leads_retrieval")?;
        let fields = ask.fields()?;
        FORM.check(fields.as_deref())?;
        self.form_cut(at, fields.as_deref(), ask, sim)
    }

    /// `/{page}/leadgen_forms`
    pub fn forms_of(&self, owner: usize, ask: &Ask, sim: &mut Sim) -> Result<Value, Problem> {
        self.needs("pages_manage_ads")?;
        let fields = ask.fields()?;
        FORM.check(fields.as_deref())?;
        let owned = self
            .forms
            .iter()
            .filter(|it| it.page == owner && it.status != "DELETED");
        let keys = owned.map(|it| (it.created_ms, it.id)).collect();
        let mut views = std::collections::BTreeMap::new();
        for (at, form) in self
            .forms
            .iter()
            .enumerate()
            .filter(|(_, it)| it.page == owner)
        {
            views.insert(form.id, self.form_cut(at, fields.as_deref(), ask, sim)?);
        }
        page(ask, sim, &keys, (i64::MIN, i64::MAX), 100, |id| {
            views.get(&id).cloned()
        })
    }

    /// `/{form}/test_leads`
    pub fn test_leads(&mut self, form: usize, ask: &Ask, sim: &mut Sim) -> Result<Value, Problem> {
        self.needs("leads_retrieval")?;
        let is_there = |it: &&Lead| it.is_test && it.form == form && !it.is_deleted;
        if ask.method == "GET" {
            let fields = ask.fields()?;
            LEAD.check(fields.as_deref())?;
            let views = self
                .leads
                .iter()
                .filter(is_there)
                .map(|it| LEAD.cut(&self.lead_view(it), fields.as_deref()));
            return Ok(json!({ "data": views.collect::<Vec<_>>() }));
        }
        if self.leads.iter().any(|it| is_there(&it)) {
            let text =
                "A test lead already exists for this form. Delete it before you create another.";
            return Err(Problem::parameter(text));
        }
        let given = ask.params.json("field_data");
        let mut answers = Vec::new();
        for (key, ..) in make::questions(form) {
            let own = given
                .as_ref()
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .find(|it| it["name"] == *key);
            let values = own.and_then(|it| it["values"].as_array()).map(|it| {
                it.iter()
                    .filter_map(|it| it.as_str().map(str::to_owned))
                    .collect()
            });
            let dummy = || vec![format!("<test lead: dummy data for {key}>")];
            answers.push(((*key).to_owned(), values.unwrap_or_else(dummy)));
        }
        let number = self.next();
        let (person, mut rng) = (0, fastrand::Rng::with_seed(number));
        let mut lead = make::lead(
            number,
            sim.now_ms(),
            form,
            (person, &self.world.people[person]),
            &mut rng,
        );
        (lead.answers, lead.is_test, lead.ad, lead.person) = (answers, true, None, None);
        lead.ticked = make::boxes(form)
            .iter()
            .map(|it| ((*it).to_owned(), "1"))
            .collect();
        let id = lead.id;
        self.put(lead);
        self.announce(&[id], sim);
        Ok(json!({ "id": id.to_string() }))
    }

    /// Somebody sends a form; its event goes out.
    pub fn submit(&mut self, person: usize, sim: &mut Sim) -> Value {
        let id = self.submitted(person, sim);
        self.announce(&[id], sim);
        json!({ "kind": "lead", "id": id.to_string(), "change": "created" })
    }

    fn submitted(&mut self, person: usize, sim: &mut Sim) -> u64 {
        let open: Vec<usize> = (0..self.forms.len())
            .filter(|at| self.forms[*at].status == "ACTIVE")
            .collect();
        let form = open[sim.rng.usize(..open.len())];
        let (number, now_ms) = (self.next(), sim.now_ms());
        let made = make::lead(
            number,
            now_ms,
            form,
            (person, &self.world.people[person]),
            &mut sim.rng,
        );
        let id = made.id;
        self.put(made);
        id
    }

    /// Several at once, told of in one call.
    pub fn burst(&mut self, count: u64, sim: &mut Sim) -> Value {
        let people = self.world.people.len();
        let ids: Vec<u64> = (0..count)
            .map(|_| {
                let person = sim.rng.usize(..people);
                self.submitted(person, sim)
            })
            .collect();
        self.announce(&ids, sim);
        let told: Vec<String> = ids.iter().map(u64::to_string).collect();
        json!({ "kind": "lead", "ids": told, "change": "created" })
    }

    pub fn happen(&mut self, sim: &mut Sim) -> Value {
        let what = if self.world.people.is_empty() {
            4
        } else {
            sim.rng.u32(0..20)
        };
        match what {
            0 => {
                // One form stays open, so that something can come.
                let at = sim.rng.usize(1..self.forms.len());
                let is_open = self.forms[at].status == "ACTIVE";
                self.forms[at].status = if is_open { "ARCHIVED" } else { "ACTIVE" };
                self.forms[at].updated_ms = sim.now_ms();
                json!({ "kind": "form", "id": self.forms[at].id.to_string(), "change": self.forms[at].status })
            }
            1 => self.audience_by_hand(sim),
            2 | 3 => self.burst(3, sim),
            4 => {
                let now_ms = sim.now_ms();
                let person = self.world.sign_up(&mut sim.rng, now_ms);
                self.submit(person, sim)
            }
            _ => {
                let person = sim.rng.usize(..self.world.people.len());
                self.submit(person, sim)
            }
        }
    }

    /// Who is the subject of an event, for its body.
    pub fn lead_by_id(&self, id: u64) -> Option<&Lead> {
        self.leads.get(*self.by_id.get(&id)?)
    }

    pub fn lead_second(&self, id: u64) -> i64 {
        self.lead_by_id(id).map_or(0, |it| seconds(it.created_ms))
    }
}

/// What `filtering` says about `time_created`: operator and second. A text that is no number says
/// nothing.
fn times(ask: &Ask) -> Result<Vec<(String, i64)>, Problem> {
    if ask.params.text("filtering").is_none() {
        return Ok(Vec::new());
    }
    let filters = ask.params.json("filtering");
    let Some(Value::Array(filters)) = filters else {
        return Err(Problem::parameter("param filtering must be an array."));
    };
    let mut times = Vec::new();
    for filter in filters {
        let (field, operator) = (filter["field"].as_str(), filter["operator"].as_str());
        let (Some(field), Some(operator)) = (field, operator) else {
            return Err(Problem::parameter(
                "param filtering[0] must have field and operator.",
            ));
        };
        let is_known = matches!(
            operator,
            "GREATER_THAN" | "GREATER_THAN_OR_EQUAL" | "LESS_THAN" | "LESS_THAN_OR_EQUAL"
        );
        if field != "time_created" || !is_known {
            let text = format!(
                "Filtering field {field} with operation {} is not supported",
                operator.to_lowercase()
            );
            return Err(Problem::parameter(&text));
        }
        let value = &filter["value"];
        let second = value.as_i64().or_else(|| value.as_str()?.parse().ok());
        times.extend(second.map(|second| (operator.to_owned(), second)));
    }
    Ok(times)
}
