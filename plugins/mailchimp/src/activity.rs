//! Opens, clicks and bounces of campaigns.
//!
//! Mailchimp tells activity by campaign and has no list of all of it. So a round asks every recent
//! campaign for what is newer than the last round; it ends caught up, and the next one starts an
//! hour before it, since activity of one campaign comes while another is read.

use std::time::{SystemTime, UNIX_EPOCH};

use crosspoint_sdk::map::instant;
use crosspoint_sdk::model::{Engagement, EngagementKind};
use crosspoint_sdk::recent::{Recent, mark};
use crosspoint_sdk::serde_json::Value;
use crosspoint_sdk::{
    Body, Budget, Context, Error, Identifier, Instant, Page, Record, Reject, settings as cursors,
};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use crate::client::{api, read};
use crate::cursor;
use crate::mapping::attribute;
use crate::settings::Settings;

const VERSION: u8 = 1;
const DAY_MS: i64 = 86_400_000;

/// How far a round reaches back before the one before it.
const OVERLAP_MS: i64 = 3_600_000;

/// Campaigns that one round looks at; their ids are in the cursor.
const MAX_CAMPAIGNS: usize = 1000;

/// What a fact's record holds of its member.
const MEMBER_BYTES: u64 = 200;

/// Members of one request, of whom each brings up to a thousand opens and clicks.
const MAX_ROWS: u32 = 200;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    v: u8,
    /// Activity before it is read. Milliseconds.
    since: Option<Instant>,
    /// The newest activity seen.
    seen: Option<Instant>,
    /// What was handed over lately.
    recent: Recent,
    /// The round under way.
    round: Option<Round>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Round {
    started: Instant,
    /// Campaigns still to read, the first being read.
    campaigns: Vec<String>,
    /// Members of it that are read.
    skip: u32,
    /// Facts of the next member that are read.
    within: usize,
    total: u32,
    /// Rows moved while they were read: the next round starts where this one did.
    dirty: bool,
}

impl Cursor {
    fn is_plausible(&self) -> bool {
        let started = self.round.as_ref().map(|round| round.started);
        let instants = [self.since, self.seen, started];
        let mut instants = instants.into_iter().flatten();
        instants.all(|at| cursor::is_plausible(at.div_euclid(1000)))
    }
}

/// One page of activity.
///
/// # Errors
/// The class of the answer.
pub fn page(
    ctx: &Context,
    settings: &Settings,
    cursor: Option<&[u8]>,
    budget: Budget,
) -> Result<Page, Error> {
    let mut cursor = match cursors::decode_cursor::<Cursor>(cursor)? {
        Some(cursor) if cursor.v == VERSION && cursor.is_plausible() => cursor,
        Some(_) => {
            return Err(Error::CursorExpired(
                "the cursor is of another version, or damaged".to_owned(),
            ));
        }
        None => Cursor {
            v: VERSION,
            since: None,
            seen: None,
            recent: Recent::default(),
            round: None,
        },
    };
    let mut page = Page::empty();
    let mut round = match cursor.round.take() {
        Some(round) => round,
        None => Round {
            started: now_ms(),
            campaigns: campaigns(ctx, settings)?,
            skip: 0,
            within: 0,
            total: 0,
            dirty: false,
        },
    };
    if let Some(campaign) = round.campaigns.first().cloned() {
        let is_read = one(
            ctx,
            settings,
            &campaign,
            &mut cursor,
            &mut round,
            budget,
            &mut page,
        )?;
        if is_read {
            round.campaigns.remove(0);
            (round.skip, round.within, round.total) = (0, 0, 0);
        }
    }
    if round.campaigns.is_empty() {
        if !round.dirty {
            let reached = round.started - OVERLAP_MS;
            cursor.since = cursor.seen.map(|seen| seen.min(reached)).max(cursor.since);
            if let Some(since) = cursor.since {
                cursor.recent.forget_before(since.div_euclid(1000) * 1000);
            }
        }
    } else {
        page.more = true;
        cursor.round = Some(round);
    }
    page.next_cursor = cursors::encode_cursor(&cursor)?;
    Ok(page)
}

/// Ids of campaigns sent lately, oldest first.
fn campaigns(ctx: &Context, settings: &Settings) -> Result<Vec<String>, Error> {
    let mut found: Vec<(Instant, String)> = Vec::new();
    for skip in (0..20_000).step_by(1000) {
        let answer = read(
            api(ctx, settings)
                .get("/reports")
                .query(
                    "fields",
                    "reports.id,reports.list_id,reports.send_time,total_items",
                )
                .query("count", 1000)
                .query("offset", skip)
                .send(),
        )?;
        let rows = answer["reports"].as_array().map_or(&[][..], Vec::as_slice);
        for row in rows {
            let list = row["list_id"].as_str();
            let sent = row["send_time"].as_str();
            let sent = sent.and_then(|text| instant::parse(text, 0).ok());
            if let (Some(id), Some(sent)) = (row["id"].as_str(), sent)
                && list.is_none_or(|list| list == settings.list_id)
            {
                found.push((sent, id.to_owned()));
            }
        }
        let total = answer["total_items"].as_u64().unwrap_or_default();
        if rows.is_empty() || skip + rows.len() as u64 >= total {
            break;
        }
    }
    found.sort();
    found.dedup();
    let newest = found.last().map_or(0, |(sent, _)| *sent);
    let from = newest - settings.activity_days * DAY_MS;
    found.retain(|(sent, _)| *sent >= from);
    let surplus = found.len().saturating_sub(MAX_CAMPAIGNS);
    Ok(found.drain(surplus..).map(|(_, id)| id).collect())
}

/// Reads some of one campaign; true when nothing of it is left.
fn one(
    ctx: &Context,
    settings: &Settings,
    campaign: &str,
    cursor: &mut Cursor,
    round: &mut Round,
    budget: Budget,
    page: &mut Page,
) -> Result<bool, Error> {
    let path = format!(
        "/reports/{}/email-activity",
        crosspoint_sdk::http::encode_component(campaign)
    );
    let mut call = api(ctx, settings)
        .get(&path)
        .query("count", budget.records.clamp(1, MAX_ROWS))
        .query("offset", round.skip)
        .query("exclude_fields", "emails._links,_links");
    if let Some(since) = cursor.since {
        let text = instant::to_rfc3339(since.div_euclid(1000) * 1000);
        call = call.query("since", text.replace('Z', "+00:00"));
    }
    let answer = match read(call.send()) {
        Ok(answer) => answer,
        // Deleted meanwhile.
        Err(Error::Gone(_)) => return Ok(true),
        Err(error) => return Err(error),
    };
    let rows = answer["emails"].as_array().map_or(&[][..], Vec::as_slice);
    let total = answer["total_items"].as_u64().unwrap_or_default();
    let total = u32::try_from(total).unwrap_or(u32::MAX);
    round.dirty |= round.skip > 0 && total != round.total;
    round.total = total;

    let mut taken = 0u32;
    let mut bytes = 0;
    'rows: for row in rows {
        let facts = facts(row);
        for (at, fact) in facts.iter().enumerate().skip(round.within) {
            let made = record(campaign, row, fact);
            let is_known = made.as_ref().is_ok_and(|record| {
                let mark = mark([record.id.as_str()]);
                cursor.recent.contains(record.updated_at, mark)
            });
            if is_known {
                continue;
            }
            bytes += fact.to_string().len() as u64 + MEMBER_BYTES;
            let handed = page.records.len() + page.rejects.len();
            if handed > 0 && (bytes > budget.bytes || handed >= budget.records as usize) {
                round.within = at;
                break 'rows;
            }
            match made {
                Ok(record) => {
                    let mark = mark([record.id.as_str()]);
                    cursor.recent.insert(record.updated_at, mark);
                    cursor.seen = cursor.seen.max(Some(record.updated_at));
                    page.records.push(record);
                }
                Err((field, reason)) => page.rejects.push(Reject {
                    locator: format!("campaign {campaign}"),
                    field: Some(field.to_owned()),
                    reason,
                    raw: raw(campaign, row, fact),
                }),
            }
        }
        round.within = 0;
        taken += 1;
    }
    round.skip += taken;
    Ok(rows.is_empty() || (taken as usize == rows.len() && round.skip >= total))
}

/// A member's facts, earliest first, so that later ones do not move those that were read.
fn facts(row: &Value) -> Vec<&Value> {
    let mut facts: Vec<_> = row["activity"].as_array().into_iter().flatten().collect();
    facts.sort_by_key(|fact| {
        let text = |name: &str| fact[name].as_str().unwrap_or_default().to_owned();
        (text("timestamp"), text("action"), text("url"))
    });
    facts
}

/// What `retry` reads: one fact with what stood around it.
fn raw(campaign: &str, row: &Value, fact: &Value) -> Vec<u8> {
    let mut row = row.clone();
    row["campaign_id"] = campaign.into();
    row["activity"] = Value::Array(vec![fact.clone()]);
    row.to_string().into_bytes()
}

/// A fact that was rejected before, as [`raw`] wrote it.
///
/// # Errors
/// Field and reason where it still is none.
pub fn again(row: &Value) -> Result<Record, (&'static str, String)> {
    let campaign = row["campaign_id"].as_str().unwrap_or_default();
    record(campaign, row, &row["activity"][0])
}

fn record(campaign: &str, row: &Value, fact: &Value) -> Result<Record, (&'static str, String)> {
    let email = row["email_address"].as_str().unwrap_or_default();
    let member = row["email_id"].as_str().unwrap_or_default();
    if member.is_empty() {
        return Err(("email_id", "is missing or empty".to_owned()));
    }
    let action = fact["action"].as_str().unwrap_or_default();
    let hardness = fact["type"].as_str().unwrap_or_default();
    let kind = match (action, hardness) {
        ("open", _) => EngagementKind::Opened,
        ("click", _) => EngagementKind::Clicked,
        ("bounce", "soft") => EngagementKind::Deferred,
        ("bounce", _) => EngagementKind::Bounced,
        _ => return Err(("action", "expected `open`, `click` or `bounce`".to_owned())),
    };
    let text = fact["timestamp"].as_str().unwrap_or_default();
    let occurred_at = instant::parse(text, 0).map_err(|error| ("timestamp", error.to_string()))?;
    let url = fact["url"].as_str().filter(|url| !url.is_empty());
    // Mailchimp numbers no facts: what tells them apart is what they say.
    let url_hash = url.map(|url| {
        let digest = Md5::digest(url.as_bytes());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!(":{hex}")
    });
    let id = format!(
        "{campaign}:{member}:{action}:{occurred_at}{}",
        url_hash.unwrap_or_default()
    );
    let body = Engagement {
        kind,
        occurred_at,
        channel: "email".to_owned(),
        campaign: Some(campaign.to_owned()),
        message_id: None,
        delivery_key: None,
        url: url.map(str::to_owned),
        reason: (action == "bounce").then(|| hardness.to_owned()),
    };
    let mut record = Record::new(id, occurred_at, Body::Engagement(body));
    if !email.is_empty() {
        record.identifiers.push(Identifier::Email(email.to_owned()));
    } else {
        record
            .identifiers
            .push(Identifier::Customer(member.to_owned()));
    }
    let others = row.as_object().into_iter().flatten();
    for (name, value) in others.filter(|(name, _)| {
        !["activity", "email_address", "campaign_id", "_links"].contains(&name.as_str())
    }) {
        record.attributes.push(attribute(name, value));
    }
    let others = fact.as_object().into_iter().flatten();
    for (name, value) in
        others.filter(|(name, _)| !["action", "timestamp", "url"].contains(&name.as_str()))
    {
        record.attributes.push(attribute(name, value));
    }
    Ok(record)
}

fn now_ms() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}
