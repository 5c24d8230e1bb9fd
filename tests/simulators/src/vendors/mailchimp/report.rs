//! What campaigns did.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Mailchimp;
use super::data::{Campaign, Recipient, stamp};
use super::request::{Outcome, Problem, Request};

const LINK: &str = "https://shop.example/news";

/// A member's activity, newest first.
pub fn feed(
    campaigns: &BTreeMap<String, Campaign>,
    list: &str,
    hash: &str,
    wanted: Option<&str>,
) -> Vec<Value> {
    let mut rows = Vec::new();
    for campaign in campaigns.values().filter(|it| it.list == list) {
        let Some(recipient) = campaign.recipients.get(hash) else {
            continue;
        };
        rows.push((campaign.sent_ms, "sent", campaign));
        rows.extend(
            recipient
                .acts
                .iter()
                .map(|(action, at_ms)| (*at_ms, *action, campaign)),
        );
        rows.extend(
            recipient
                .unsubscribed
                .map(|(at_ms, _)| (at_ms, "unsub", campaign)),
        );
    }
    rows.retain(|(_, action, _)| wanted.is_none_or(|it| it.split(',').any(|it| it == *action)));
    rows.sort_by_key(|(at_ms, action, campaign)| (-at_ms, *action, &campaign.id));
    let row = |(at_ms, action, campaign): (i64, &str, &Campaign)| json!({ "activity_type": action, "created_at_timestamp": stamp(at_ms), "campaign_id": campaign.id, "campaign_title": campaign.title });
    rows.into_iter().map(row).collect()
}

impl Campaign {
    fn count(&self, is_counted: impl Fn(&Recipient) -> bool) -> usize {
        self.recipients.values().filter(|it| is_counted(it)).count()
    }

    fn did(&self, action: &str) -> usize {
        self.count(|it| it.acts.iter().any(|(known, _)| *known == action))
    }
}

impl Mailchimp {
    fn report(&self, it: &Campaign) -> Value {
        let (name, _) = self.name_of(&it.list);
        json!({
            "id": it.id, "campaign_title": it.title, "type": "regular", "list_id": it.list, "list_is_active": true, "list_name": name,
            "subject_line": it.title, "emails_sent": it.recipients.len(), "abuse_reports": it.count(|it| it.complained_ms.is_some()),
            "unsubscribed": it.count(|it| it.unsubscribed.is_some()), "send_time": stamp(it.sent_ms),
            "bounces": { "hard_bounces": it.count(|it| it.status == "hard"), "soft_bounces": it.count(|it| it.status == "soft"), "syntax_errors": 0 },
            "opens": { "unique_opens": it.did("open") }, "clicks": { "unique_clicks": it.did("click") }
        })
    }

    fn campaign(&self, it: &Campaign) -> Value {
        let (name, _) = self.name_of(&it.list);
        json!({ "id": it.id, "web_id": 3_042_000, "type": "regular", "status": "sent", "create_time": stamp(it.sent_ms - 3_600_000), "send_time": stamp(it.sent_ms),
                "emails_sent": it.recipients.len(), "recipients": { "list_id": it.list, "list_is_active": true, "list_name": name },
                "settings": { "subject_line": it.title, "title": it.title } })
    }

    /// `GET /campaigns` and `GET /reports`, with all that is below.
    pub fn reports(&self, request: &Request, parts: &[&str]) -> Outcome<Value> {
        let find = |id: &str| self.campaigns.get(id).ok_or_else(Problem::not_found);
        match parts {
            [kind] => {
                request.only(&[
                    "count",
                    "offset",
                    "type",
                    "status",
                    "list_id",
                    "since_send_time",
                    "before_send_time",
                    "sort_field",
                    "sort_dir",
                ])?;
                let (since, before) = (
                    request.instant("since_send_time")?,
                    request.instant("before_send_time")?,
                );
                let mut found: Vec<&Campaign> = self.campaigns.values().collect();
                found.retain(|it| {
                    since.is_none_or(|at_ms| it.sent_ms > at_ms)
                        && before.is_none_or(|at_ms| it.sent_ms < at_ms)
                });
                found.retain(|it| {
                    request.param("list_id").is_none_or(|id| id == it.list)
                        && request.param("status").is_none_or(|it| it == "sent")
                });
                found.sort_by_key(|it| (it.sent_ms, it.id.clone()));
                if request.param("sort_dir") != Some("ASC") {
                    found.reverse();
                }
                let (rows, total) = request.page(found)?;
                let show = |it| {
                    if *kind == "reports" {
                        self.report(it)
                    } else {
                        self.campaign(it)
                    }
                };
                Ok(
                    json!({ *kind: rows.into_iter().map(show).collect::<Vec<_>>(), "total_items": total }),
                )
            }
            ["campaigns", id] => Ok(self.campaign(find(id)?)),
            ["reports", id] => Ok(self.report(find(id)?)),
            ["reports", id, rest @ ..] => self.details(find(id)?, request, rest),
            _ => Err(Problem::not_found()),
        }
    }

    fn details(&self, campaign: &Campaign, request: &Request, parts: &[&str]) -> Outcome<Value> {
        let base = |hash: &str, it: &Recipient| json!({ "campaign_id": campaign.id, "list_id": campaign.list, "list_is_active": true, "email_id": hash, "email_address": it.email });
        let with = |mut row: Value, more: Value| {
            for (name, value) in more.as_object().into_iter().flatten() {
                row[name] = value.clone();
            }
            row
        };
        let has_since = matches!(parts, ["email-activity" | "open-details"]);
        request.only(if has_since {
            &["count", "offset", "since", "sort_field", "sort_dir"]
        } else {
            &["count", "offset"]
        })?;
        let since = request.instant("since")?.unwrap_or(i64::MIN);
        let all = campaign.recipients.iter();
        let (name, rows): (&str, Vec<Value>) = match parts {
            ["email-activity"] => {
                let act = |it: &Recipient, action: &str, at_ms: i64| {
                    let mut act =
                        json!({ "action": action, "timestamp": stamp(at_ms), "ip": "192.0.2.7" });
                    match action {
                        "click" => act["url"] = json!(LINK),
                        "bounce" => act["type"] = json!(it.status),
                        _ => {}
                    }
                    act
                };
                let rows = all.filter_map(|(hash, it)| {
                    let acts: Vec<Value> = it
                        .acts
                        .iter()
                        .filter(|(_, at_ms)| *at_ms > since)
                        .map(|(action, at_ms)| act(it, action, *at_ms))
                        .collect();
                    (since == i64::MIN || !acts.is_empty())
                        .then(|| with(base(hash, it), json!({ "activity": acts })))
                });
                ("emails", rows.collect())
            }
            ["sent-to"] => {
                let opens = |it: &Recipient| {
                    it.acts
                        .iter()
                        .filter(|(action, _)| *action == "open")
                        .count()
                };
                let row = |(hash, it): (&String, &Recipient)| {
                    with(
                        base(hash, it),
                        json!({ "status": it.status, "open_count": opens(it), "last_open": "", "absplit_group": "" }),
                    )
                };
                ("sent_to", all.map(row).collect())
            }
            ["unsubscribed"] => {
                let row = |(hash, it): (&String, &Recipient)| {
                    let (at_ms, reason) = it.unsubscribed?;
                    Some(with(
                        base(hash, it),
                        json!({ "timestamp": stamp(at_ms), "reason": reason }),
                    ))
                };
                ("unsubscribes", all.filter_map(row).collect())
            }
            ["abuse-reports"] => {
                let row = |(hash, it): (&String, &Recipient)| {
                    Some(with(
                        base(hash, it),
                        json!({ "id": 1, "date": stamp(it.complained_ms?) }),
                    ))
                };
                ("abuse_reports", all.filter_map(row).collect())
            }
            ["open-details"] => {
                let row = |(hash, it): (&String, &Recipient)| {
                    let opens: Vec<Value> = (it.acts.iter())
                        .filter(|(action, at_ms)| *action == "open" && *at_ms > since)
                        .map(|(_, at_ms)| json!({ "timestamp": stamp(*at_ms) }))
                        .collect();
                    (!opens.is_empty()).then(|| {
                        with(
                            base(hash, it),
                            json!({ "opens_count": opens.len(), "opens": opens }),
                        )
                    })
                };
                ("members", all.filter_map(row).collect())
            }
            ["click-details"] => {
                let total: usize = campaign
                    .recipients
                    .values()
                    .map(|it| {
                        it.acts
                            .iter()
                            .filter(|(action, _)| *action == "click")
                            .count()
                    })
                    .sum();
                let row = json!({ "id": "9c8f1c6e4b", "url": LINK, "total_clicks": total, "unique_clicks": campaign.did("click"), "campaign_id": campaign.id });
                ("urls_clicked", vec![row])
            }
            ["click-details", "9c8f1c6e4b", "members"] => {
                let row = |(hash, it): (&String, &Recipient)| {
                    let clicks = it
                        .acts
                        .iter()
                        .filter(|(action, _)| *action == "click")
                        .count();
                    (clicks > 0).then(|| {
                        with(
                            base(hash, it),
                            json!({ "clicks": clicks, "url_id": "9c8f1c6e4b" }),
                        )
                    })
                };
                ("members", all.filter_map(row).collect())
            }
            _ => return Err(Problem::not_found()),
        };
        let (rows, total) = request.page(rows)?;
        Ok(json!({ name: rows, "campaign_id": campaign.id, "total_items": total }))
    }
}
