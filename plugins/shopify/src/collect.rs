//! A page under construction, within the host's budget.

use crosspoint_sdk::map::instant;
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::{Budget, Error, Page, Record, Reject};

use crate::Settings;
use crate::client::{Answer, Client, Failure};
use crate::cursor::Cursor;
use crate::entity::Entity;
use crate::map::{self, Fault};

/// Nested items asked for at a time: the most that a connection gives.
const NESTED_PAGE: u32 = 250;

/// Questions in one call: with a slow shop they still end within the host's patience.
const MAX_QUESTIONS: u32 = 20;

/// What a call has gathered so far.
pub(crate) struct Collector<'a> {
    pub(crate) client: Client<'a>,
    pub(crate) settings: &'a Settings,
    pub(crate) entity: Entity,
    budget: Budget,
    bytes: u64,
    questions: u32,
    page: Page,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(
        client: Client<'a>,
        settings: &'a Settings,
        entity: Entity,
        budget: Budget,
    ) -> Self {
        Self {
            client,
            settings,
            entity,
            budget,
            bytes: 0,
            questions: 0,
            page: Page::empty(),
        }
    }

    /// The same with nothing gathered.
    pub(crate) fn anew(self) -> Self {
        Self {
            bytes: 0,
            page: Page::empty(),
            ..self
        }
    }

    /// Asks, and notes what the operator should know of the answer.
    pub(crate) fn ask(
        &mut self,
        query: &str,
        variables: crosspoint_sdk::serde_json::Value,
    ) -> Result<Answer, Failure> {
        self.questions += 1;
        let answer = self.client.ask(query, variables)?;
        if let Some(version) = &answer.other_version {
            let asked = &self.settings.api_version;
            let notice =
                format!("the shop answers with API version {version} instead of {asked}: update");
            if !self.page.notices.contains(&notice) {
                self.page.notices.push(notice);
            }
        }
        Ok(answer)
    }

    pub(crate) fn notice(&mut self, text: String) {
        self.page.notices.push(text);
    }

    /// Records and rejects that still fit.
    pub(crate) fn room(&self) -> u32 {
        let used = self.page.records.len() + self.page.rejects.len();
        self.budget
            .records
            .max(1)
            .saturating_sub(u32::try_from(used).unwrap_or(u32::MAX))
    }

    /// Nothing was gathered.
    pub(crate) fn is_empty(&self) -> bool {
        self.page.records.is_empty() && self.page.rejects.is_empty()
    }

    /// Another question would take too long.
    pub(crate) fn is_tired(&self) -> bool {
        self.questions >= MAX_QUESTIONS
    }

    /// There is room for something of `bytes`; the first always fits.
    pub(crate) fn fits(&self, bytes: u64) -> bool {
        self.room() > 0 && (self.is_empty() || self.bytes + bytes <= self.budget.bytes)
    }

    pub(crate) fn add(&mut self, record: Record, bytes: u64) {
        self.bytes += bytes;
        self.page.records.push(record);
    }

    pub(crate) fn reject(&mut self, node: &Json, fault: Fault, bytes: u64) {
        self.bytes += bytes;
        self.page.rejects.push(rejected(self.entity, node, fault));
    }

    /// A test order that is not wanted.
    pub(crate) fn is_unwanted(&self, node: &Json) -> bool {
        self.entity == Entity::Orders && !self.settings.test_orders && node.is_true_at("test")
    }

    /// The object's nested list has further pages, which this call has no time for.
    pub(crate) fn is_for_later(&self, node: &Json) -> bool {
        let has_more = self.entity.nested().is_some_and(|nested| {
            let info = node.get(nested.field).and_then(|list| list.get("pageInfo"));
            info.is_some_and(|info| info.is_true_at("hasNextPage"))
        });
        has_more && self.is_tired() && !self.is_empty()
    }

    /// Puts the further pages of the object's nested list into the object.
    pub(crate) fn complete(&mut self, node: &mut Json) -> Result<(), Failure> {
        let Some(nested) = self.entity.nested().filter(|it| !it.root.is_empty()) else {
            return Ok(());
        };
        let Some(id) = node.text_at("id").map(str::to_owned) else {
            return Ok(());
        };
        let page_info = format!("{}.pageInfo", nested.field);
        let mut info = node.at(&page_info).cloned().unwrap_or(Json::Null);
        let mut further = Vec::new();
        let query = nested.page_query();
        while info.is_true_at("hasNextPage") {
            let after = info.text_at("endCursor").map(str::to_owned);
            let variables = crosspoint_sdk::serde_json::json!({
                "id": id, "first": NESTED_PAGE, "after": after,
            });
            let answer = self.ask(&query, variables)?;
            // The object may have gone in between; what came with it is what there was.
            let Some(list) = answer.data.at(&format!("{}.{}", nested.root, nested.field)) else {
                break;
            };
            further.extend(list.get("nodes").map_or(&[][..], Json::items).to_vec());
            let next = list.get("pageInfo").cloned().unwrap_or(Json::Null);
            if next == info {
                break;
            }
            info = next;
        }
        if !further.is_empty()
            && let Json::Object(members) = node
            && let Some((_, Json::Object(list))) =
                members.iter_mut().find(|(name, _)| name == nested.field)
            && let Some((_, Json::List(items))) = list.iter_mut().find(|(name, _)| name == "nodes")
        {
            items.extend(further);
        }
        Ok(())
    }

    /// Ends the call; where more is waiting the host asks again at once.
    pub(crate) fn finish(mut self, cursor: &Cursor, more: bool) -> Result<Page, Error> {
        self.page.next_cursor = cursor.encode()?;
        self.page.more = more;
        Ok(self.page)
    }
}

/// For quarantine.
pub(crate) fn rejected(entity: Entity, node: &Json, fault: Fault) -> Reject {
    let id = node.text_at("id").map_or("?", map::number_of);
    Reject {
        locator: format!("{}/{id}", entity.stream()),
        field: Some(fault.field.to_owned()),
        reason: fault.reason,
        raw: map::quarantined(entity, node),
    }
}

/// `updated_at:>='2026-01-02T03:04:05Z'`, and what else the list is narrowed by. Never an empty
/// comparison, which the shop answers with an internal error.
pub(crate) fn filter(entity: Entity, settings: &Settings, since: Option<i64>) -> Option<String> {
    let since = since.map(|since| {
        let second = since.div_euclid(1000) * 1000;
        let text = instant::to_rfc3339(second).replace(".000Z", "Z");
        format!("updated_at:>='{text}'")
    });
    let test = (entity == Entity::Orders && !settings.test_orders).then(|| "test:false".to_owned());
    let terms: Vec<_> = [since, test].into_iter().flatten().collect();
    (!terms.is_empty()).then(|| terms.join(" "))
}
