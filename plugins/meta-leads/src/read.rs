//! One page of a stream: a sweep over the forms of all pages, form by form, newest lead first.

use crosspoint_sdk::map::instant;
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::recent::{Seen, mark};
use crosspoint_sdk::{Budget, Context, Error, Instant, Page, Record, Reject};

use crate::client::{Client, FORM_FIELDS, Fault, LEAD_FIELDS, names, order};
use crate::cursor::Cursor;
use crate::map::{self, View};
use crate::settings::Settings;

/// Most leads of one request.
const MAX_LEADS: u32 = 100;

/// Most leads of one request for consents: a lead may have many, and the cursor remembers all of a
/// page that a budget ends in.
const MAX_LEADS_WITH_CONSENTS: u32 = 25;

/// Most requests for leads in one call.
const MAX_REQUESTS: usize = 20;

/// A page under construction.
struct Filling {
    page: Page,
    budget: Budget,
    bytes: u64,
}

impl Filling {
    fn new(budget: Budget) -> Self {
        let mut page = Page::empty();
        page.more = true;
        Self {
            page,
            budget,
            bytes: 0,
        }
    }

    fn used(&self) -> usize {
        self.page.records.len() + self.page.rejects.len()
    }

    /// Adds a record or reject of so many bytes; answers false where it does not fit. The first one
    /// always does.
    fn add(&mut self, size: usize, one: Result<Record, Reject>) -> bool {
        let is_over = self.bytes + size as u64 > self.budget.bytes
            || self.used() >= self.budget.records as usize;
        if self.used() > 0 && is_over {
            return false;
        }
        self.bytes += size as u64;
        match one {
            Ok(record) => self.page.records.push(record),
            Err(reject) => self.page.rejects.push(reject),
        }
        true
    }
}

/// One page of leads or of their consents.
///
/// # Errors
/// The vendor's, or a cursor that is not ours.
pub fn leads(
    ctx: &Context,
    settings: &Settings,
    view: View,
    cursor: Option<&[u8]>,
    budget: Budget,
) -> Result<Page, Error> {
    let mut cursor = Cursor::decode(cursor)?;
    let client = Client::new(ctx, settings);
    let mut forms = Vec::new();
    for page in &settings.pages {
        let (found, date) = client.forms(page, "id,name")?;
        forms.extend(found);
        if cursor.form.is_empty() && cursor.began.is_none() {
            cursor.began = date;
        }
    }
    let forms = names(&forms);
    let mut filling = Filling::new(budget);
    let most = match view {
        View::Leads => MAX_LEADS,
        View::Consents => MAX_LEADS_WITH_CONSENTS,
    };
    let limit = budget.records.clamp(1, most);
    for _ in 0..MAX_REQUESTS {
        // The form under way, else the next one by id: those made meanwhile are not skipped.
        let next = forms.iter().find(|(id, _)| match order(id, &cursor.form) {
            _ if cursor.form.is_empty() => true,
            std::cmp::Ordering::Equal => !cursor.is_done,
            ordering => ordering.is_gt(),
        });
        let Some((form, name)) = next else {
            cursor.end(settings.overlap_ms());
            filling.page.more = false;
            break;
        };
        if *form != cursor.form {
            cursor.form.clone_from(form);
            cursor.is_done = false;
            cursor.after = None;
            cursor.held.clear();
        }
        let mut call = client
            .get(&format!("{form}/leads"))
            .query("fields", LEAD_FIELDS)
            .query("limit", limit);
        if let Some(since) = cursor.since {
            call = call.query("filtering", filter(since));
        }
        if let Some(after) = &cursor.after {
            call = call.query("after", after);
        }
        let list = match client.list(call) {
            Ok(list) => list,
            // The place is no longer known: the form is read anew.
            Err(Fault::Parameter(_)) if cursor.after.is_some() => {
                cursor.after = None;
                continue;
            }
            Err(Fault::Missing(said)) => {
                let notice = format!("form {form} cannot be read: {said}");
                filling.page.notices.push(notice);
                cursor.go_on(None)?;
                continue;
            }
            Err(fault) => return Err(fault.into()),
        };
        let is_full = !take(
            &mut cursor,
            &mut filling,
            &list.data,
            name.as_deref(),
            view,
            settings,
        )?;
        if is_full {
            break;
        }
        if list.after.is_some() && list.after == cursor.after {
            return Err(Error::Transient(
                "the vendor's list does not move on".to_owned(),
            ));
        }
        cursor.go_on(list.after)?;
        if filling.used() >= budget.records as usize {
            break;
        }
    }
    filling.page.next_cursor = cursor.encode()?;
    Ok(filling.page)
}

/// Seconds as a number: text would be ignored, and all leads would come back.
fn filter(since: Instant) -> String {
    let value = since.div_euclid(1_000) - 1;
    format!(r#"[{{"field":"time_created","operator":"GREATER_THAN","value":{value}}}]"#)
}

/// Hands over the leads of a page; answers false where one no longer fits.
fn take(
    cursor: &mut Cursor,
    filling: &mut Filling,
    data: &[Json],
    form_name: Option<&str>,
    view: View,
    settings: &Settings,
) -> Result<bool, Error> {
    for lead in data {
        let text = lead.to_string();
        let id = lead.text_at("id").unwrap_or_default();
        let created = lead.text_at("created_time");
        let created_at = created.and_then(|text| instant::parse(text, 0).ok());
        let (records, reject) = match map::records(lead, form_name, view, settings) {
            Ok(records) => (records, None),
            Err(problem) => (Vec::new(), Some(problem.reject(id, &text))),
        };
        let own = records.iter().map(|record| mark([record.id.as_str()]));
        let refused = reject.iter().map(|_| mark([text.as_str()]));
        let marks: Vec<_> = own.chain(refused).collect();
        let one_each = records.into_iter().map(Ok).chain(reject.map(Err));
        for (mark, one) in marks.into_iter().zip(one_each) {
            let is_known = cursor.held.contains(&mark)
                || created_at.is_some_and(|at| cursor.recent.contains(at, mark));
            if is_known {
                continue;
            }
            if !filling.add(text.len(), one) {
                return Ok(false);
            }
            cursor.held.push(mark);
            if let Some(at) = created_at {
                cursor.recent.insert(at, mark);
            }
        }
        cursor.newest = cursor.newest.max(created_at);
    }
    Ok(true)
}

/// One page of forms. The vendor has no instant of change for them: one whose content differs from
/// what was handed over counts as changed when the vendor answered so.
///
/// # Errors
/// The vendor's, or a cursor that is not ours.
pub fn forms(
    ctx: &Context,
    settings: &Settings,
    cursor: Option<&[u8]>,
    budget: Budget,
) -> Result<Page, Error> {
    let mut cursor = Cursor::decode(cursor)?;
    let client = Client::new(ctx, settings);
    let mut all = Vec::new();
    let mut vendor_now = None;
    for page in &settings.pages {
        let (forms, date) = client.forms(page, FORM_FIELDS)?;
        all.extend(forms);
        vendor_now = date.or(vendor_now);
    }
    all.retain(|form| form.text_at("id").is_some());
    let id = |form: &Json| form.text_at("id").unwrap_or_default().to_owned();
    all.sort_by(|a, b| order(&id(a), &id(b)));
    let mut filling = Filling::new(budget);
    for form in &all {
        let id = id(form);
        if !cursor.form.is_empty() && order(&id, &cursor.form).is_le() {
            continue;
        }
        // How many leads a form has is no change of the form.
        let steady = Json::Object(
            form.members()
                .iter()
                .filter(|(name, _)| !name.ends_with("leads_count"))
                .cloned()
                .collect(),
        );
        let place = id.parse::<i64>().unwrap_or(i64::MAX);
        let version = mark([steady.to_string().as_str()]);
        let changed_at = match cursor.recent.look(place, version) {
            Seen::Same => None,
            Seen::Changed => Some(vendor_now),
            Seen::New => Some(None),
        };
        if let Some(changed_at) = changed_at {
            let text = form.to_string();
            let one = map::form(form, &id, changed_at).map_err(|it| it.reject(&id, &text));
            if !filling.add(text.len(), one) {
                filling.page.next_cursor = cursor.encode()?;
                return Ok(filling.page);
            }
            cursor.recent.replace(place, version);
        }
        cursor.form = id;
    }
    cursor.form.clear();
    filling.page.more = false;
    filling.page.next_cursor = cursor.encode()?;
    Ok(filling.page)
}
