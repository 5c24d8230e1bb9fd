//! Members in pages and by search.

use serde_json::{Value, json};

use super::Mailchimp;
use super::data::{List, Member};
use super::request::{Outcome, Problem, Request};

impl Mailchimp {
    pub fn list_members(&self, list_id: &str, request: &Request) -> Outcome<Value> {
        request.only(&[
            "count",
            "offset",
            "email_type",
            "status",
            "since_timestamp_opt",
            "before_timestamp_opt",
            "since_last_changed",
            "before_last_changed",
            "unsubscribed_since",
            "unique_email_id",
            "vip_only",
            "interest_category_id",
            "interest_ids",
            "interest_match",
            "sort_field",
            "sort_dir",
        ])?;
        let list = &self.lists[list_id];
        let (since, before) = (
            request.instant("since_last_changed")?,
            request.instant("before_last_changed")?,
        );
        let (since_opt, before_opt) = (
            request.instant("since_timestamp_opt")?,
            request.instant("before_timestamp_opt")?,
        );
        let unsubscribed_since = request.instant("unsubscribed_since")?;
        let status = request.param("status");
        let known = [
            "subscribed",
            "unsubscribed",
            "cleaned",
            "pending",
            "transactional",
            "archived",
        ];
        if status.is_some_and(|it| !known.contains(&it)) {
            return Err(Problem::field(
                "status",
                &format!("Value must be one of: {}", known.join(", ")),
            ));
        }
        if unsubscribed_since.is_some() && status != Some("unsubscribed") {
            return Err(Problem::field(
                "unsubscribed_since",
                "This is only available with the status unsubscribed.",
            ));
        }
        let interests: Vec<&str> = request
            .param("interest_ids")
            .map(|it| it.split(',').collect())
            .unwrap_or_default();
        if interests.is_empty() != request.param("interest_match").is_none()
            || interests.is_empty() != request.param("interest_category_id").is_none()
        {
            return Err(Problem::field(
                "interest_ids",
                "interest_category_id, interest_ids and interest_match go together.",
            ));
        }
        let has = |member: &Member, id: &&str| member.interests.get(*id).copied().unwrap_or(false);
        let is_wanted = |member: &&Member| {
            status.map_or(member.status != "archived", |status| {
                member.status == status
            }) && since.is_none_or(|at_ms| member.changed_ms > at_ms)
                && before.is_none_or(|at_ms| member.changed_ms < at_ms)
                && since_opt.is_none_or(|at_ms| member.opt_ms.is_some_and(|it| it > at_ms))
                && before_opt.is_none_or(|at_ms| member.opt_ms.is_some_and(|it| it < at_ms))
                && unsubscribed_since.is_none_or(|at_ms| {
                    member
                        .unsubscribed
                        .as_ref()
                        .is_some_and(|it| it.at_ms > at_ms)
                })
                && (!request.is_on("vip_only") || member.is_vip)
                && request
                    .param("email_type")
                    .is_none_or(|it| member.email_type == it)
                && match request.param("interest_match") {
                    Some("all") => interests.iter().all(|id| has(member, id)),
                    Some("none") => !interests.iter().any(|id| has(member, id)),
                    Some(_) => interests.iter().any(|id| has(member, id)),
                    None => true,
                }
        };
        let mut rows: Vec<&Member> = list.members.values().filter(is_wanted).collect();
        match request.param("sort_field") {
            None => rows.sort_by_key(|it| it.number),
            Some("last_changed") => rows.sort_by_key(|it| (it.changed_ms, it.number)),
            Some("timestamp_opt") => rows.sort_by_key(|it| (it.opt_ms, it.number)),
            Some("timestamp_signup") => rows.sort_by_key(|it| (it.signup_ms, it.number)),
            Some(_) => {
                return Err(Problem::field(
                    "sort_field",
                    "Value must be one of: timestamp_opt, timestamp_signup, last_changed",
                ));
            }
        }
        match request.param("sort_dir") {
            None | Some("ASC") => {}
            Some("DESC") => rows.reverse(),
            Some(_) => {
                return Err(Problem::field(
                    "sort_dir",
                    "Value must be one of: ASC, DESC",
                ));
            }
        }
        let (rows, total) = request.page(rows)?;
        let rows: Vec<Value> = rows.into_iter().map(|it| list.member_view(it)).collect();
        Ok(json!({ "members": rows, "list_id": list_id, "total_items": total }))
    }

    pub fn search(&self, request: &Request) -> Outcome<Value> {
        request.only(&["query", "list_id"])?;
        let query = request.param("query").filter(|it| it.len() >= 3);
        let query = query
            .ok_or_else(|| Problem::field("query", "This value is too short."))?
            .to_lowercase();
        let lists: Vec<&List> = self
            .lists
            .values()
            .filter(|it| request.param("list_id").is_none_or(|id| id == it.id))
            .collect();
        let found = |is_exact: bool| -> Value {
            let rows = lists
                .iter()
                .flat_map(|list| list.members.values().map(move |it| (list, it)));
            let is_hit = |email: &str| {
                if is_exact {
                    email.to_lowercase() == query
                } else {
                    email.to_lowercase().contains(&query)
                }
            };
            let rows: Vec<Value> = rows
                .filter(|(_, it)| is_hit(&it.email))
                .take(30)
                .map(|(list, it)| list.member_view(it))
                .collect();
            json!({ "total_items": rows.len(), "members": rows })
        };
        Ok(json!({ "exact_matches": found(true), "full_search": found(false) }))
    }
}
