//! WordPress 7.1, REST API `wp/v2`, with plain facts of the handbook: application passwords over
//! Basic, `modified_after` against the site's local clock unless it has a zone, 400 for a page past
//! the end, users and comments without an instant of change, no webhooks.
//!
//! Faults of its own: `private-users` (the users' list is refused, as security plugins do),
//! `rest-disabled` (401 `rest_not_logged_in` on everything). Commands: `set-time-zone`
//! (see [`Zone::from_json`]), `revoke-passwords`, `drop-capability` `{"capability": "list_users"}`.

mod make;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::{Answer, Call, Options, Sim, Vendor, Zone, iso, iso_local};

const USER: &str = "crosspoint";
const PASSWORD: &str = "abcd EFGH ijkl MNOP qrst UVWX";

/// One object with its instants.
#[derive(Clone, Debug)]
struct Item {
    id: u64,
    created_at_ms: i64,
    modified_at_ms: i64,
    is_deleted: bool,
    status: &'static str,
    /// As `context=edit` shows it, without dates.
    fields: Map<String, Value>,
}

/// Which instant of an object is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Date,
    Modified,
}

/// On which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    After,
    Before,
}

/// A filter by the site's own clock: strictly on its side, by whole seconds.
#[derive(Clone, Copy, Debug)]
struct Bound {
    of: Of,
    side: Side,
    second: i64,
}

impl Bound {
    fn lets_through(self, item: &Item, zone: Zone) -> bool {
        let at_ms = match self.of {
            Of::Date => item.created_at_ms,
            Of::Modified => item.modified_at_ms,
        };
        let second = zone.local_s(at_ms);
        match self.side {
            Side::After => second > self.second,
            Side::Before => second < self.second,
        }
    }
}

/// The site.
pub struct WordPress {
    items: BTreeMap<&'static str, Vec<Item>>,
    zone: Zone,
    password: Option<String>,
    /// What the user may not do.
    lacking: BTreeSet<String>,
}

impl WordPress {
    #[must_use]
    pub fn new(options: &Options) -> Self {
        Self {
            items: make::items(&options.world(), options.seed),
            zone: Zone::fixed(3600),
            password: Some(PASSWORD.replace(' ', "")),
            lacking: BTreeSet::new(),
        }
    }

    fn list(&self, kind: &'static str, call: &Call, may_edit: bool) -> Answer {
        let per_page = number(call, "per_page", 10);
        if !(1..=100).contains(&per_page) {
            return invalid(
                "per_page",
                "per_page must be between 1 (inclusive) and 100 (inclusive)",
            );
        }
        let bounds = match self.bounds(kind, call) {
            Ok(bounds) => bounds,
            Err(parameter) => return invalid(parameter, "Invalid date."),
        };
        let wanted = call.param("status").unwrap_or(if kind == "comments" {
            "approve"
        } else {
            "publish"
        });
        if wanted != "publish" && wanted != "approve" && !may_edit {
            return error(400, "rest_invalid_param", "Invalid parameter(s): status");
        }
        let ids: Option<Vec<u64>> = call
            .param("include")
            .map(|text| text.split(',').filter_map(|id| id.parse().ok()).collect());
        let is_shown = |item: &&Item| {
            !item.is_deleted
                && bounds
                    .iter()
                    .all(|bound| bound.lets_through(item, self.zone))
                && ids.as_ref().is_none_or(|ids| ids.contains(&item.id))
                && is_status(kind, item.status, wanted)
        };
        let mut found: Vec<&Item> = self.items[kind].iter().filter(is_shown).collect();
        let default_order = if is_dated(kind) { "date" } else { "id" };
        match call.param("orderby").unwrap_or(default_order) {
            "modified" => {
                found.sort_by_key(|item| (self.zone.local_s(item.modified_at_ms), item.id))
            }
            "date" | "date_gmt" | "registered_date" => {
                found.sort_by_key(|item| (self.zone.local_s(item.created_at_ms), item.id))
            }
            "id" | "name" | "include" => found.sort_by_key(|item| item.id),
            _ => {
                return invalid(
                    "orderby",
                    "orderby is not one of author, date, id, modified.",
                );
            }
        }
        let default_direction = if is_dated(kind) { "desc" } else { "asc" };
        if call.param("order").unwrap_or(default_direction) == "desc" {
            found.reverse();
        }
        let total = found.len() as i64;
        let pages = (total + per_page - 1) / per_page;
        let page = number(call, "page", 1);
        let offset = call
            .param("offset")
            .and_then(|it| it.parse().ok())
            .unwrap_or((page - 1) * per_page);
        if page < 1 || is_dated(kind) && kind != "comments" && page > pages.max(1) {
            return error(
                400,
                "rest_post_invalid_page_number",
                "The page number requested is larger than the number of pages available.",
            );
        }
        let shown = found
            .into_iter()
            .skip(offset as usize)
            .take(per_page as usize);
        let list = shown
            .map(|item| self.view(kind, item, call, may_edit))
            .collect();
        Answer::json(200, &Value::Array(list))
            .with("x-wp-total", total)
            .with("x-wp-totalpages", pages)
    }

    /// What of the instants that a list is asked for: the users' list takes the parameters and does
    /// nothing with them, and comments have no instant of change.
    fn bounds(&self, kind: &str, call: &Call) -> Result<Vec<Bound>, &'static str> {
        let mut bounds = Vec::new();
        for (parameter, of, side) in [
            ("after", Of::Date, Side::After),
            ("before", Of::Date, Side::Before),
            ("modified_after", Of::Modified, Side::After),
            ("modified_before", Of::Modified, Side::Before),
        ] {
            let is_known = is_dated(kind) && (of == Of::Date || kind != "comments");
            if let Some(text) = call.param(parameter).filter(|_| is_known) {
                let second = self.site_second(text).ok_or(parameter)?;
                bounds.push(Bound { of, side, second });
            }
        }
        Ok(bounds)
    }

    /// What the site's clock shows at a date with a zone; one without is of that clock.
    fn site_second(&self, text: &str) -> Option<i64> {
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            return Some(self.zone.local_s(at.as_millisecond()));
        }
        let local: jiff::civil::DateTime = text.parse().ok()?;
        let as_utc = local.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(as_utc.timestamp().as_second())
    }

    fn view(&self, kind: &str, item: &Item, call: &Call, may_edit: bool) -> Value {
        let mut shown = item.fields.clone();
        shown.insert("id".to_owned(), json!(item.id));
        if is_dated(kind) {
            let mut date = |name: &str, at_ms: i64| {
                let local = iso_local(at_ms, self.zone.offset_s(at_ms));
                shown.insert(name.to_owned(), json!(local));
                shown.insert(format!("{name}_gmt"), json!(iso_local(at_ms, 0)));
            };
            date("date", item.created_at_ms);
            if kind != "comments" {
                date("modified", item.modified_at_ms);
            }
            shown.insert("status".to_owned(), json!(item.status));
        }
        if kind == "users" {
            let registered = iso(item.created_at_ms).replace('Z', "+00:00");
            shown.insert("registered_date".to_owned(), json!(registered));
        }
        let is_edit = may_edit && call.param("context") == Some("edit");
        if !is_edit {
            make::hide(kind, &mut shown);
        }
        if let Some(fields) = call.param("_fields") {
            let wanted: Vec<&str> = fields.split(',').collect();
            shown.retain(|name, _| wanted.iter().any(|it| it.split('.').next() == Some(name)));
        }
        Value::Object(shown)
    }
}

impl Vendor for WordPress {
    fn settings(&self, url: &str) -> Value {
        json!({ "site": url, "user": USER })
    }

    fn secrets(&self) -> Value {
        json!({ "application_password": PASSWORD })
    }

    fn handle(&mut self, call: &Call, sim: &mut Sim) -> Answer {
        if sim.vendor_fault("rest-disabled").is_some() {
            return error(
                401,
                "rest_not_logged_in",
                "You are not currently logged in.",
            );
        }
        let may_edit = match call.basic() {
            None => false,
            Some((user, password)) => {
                if user != USER {
                    return error(
                        401,
                        "invalid_username",
                        "Unknown username. Check again or try your email address.",
                    );
                }
                if self.password.as_deref() != Some(&password.replace(' ', "")) {
                    return error(
                        401,
                        "incorrect_password",
                        "The provided password is an invalid application password.",
                    );
                }
                true
            }
        };
        let segments = route(call);
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        if parts.is_empty() {
            return Answer::json(
                200,
                &json!({
                    "name": "A site", "description": "", "url": sim.url, "home": sim.url,
                    "gmt_offset": self.zone.offset_s(sim.now_ms()) as f64 / 3600.0, "timezone_string": "",
                    "namespaces": ["oembed/1.0", "wp/v2"],
                    "authentication": { "application-passwords": { "endpoints": { "authorization": format!("{}/wp-admin/authorize-application.php", sim.url) } } },
                    "routes": {}
                }),
            );
        }
        if call.method != http::Method::GET {
            return error(
                404,
                "rest_no_route",
                "No route was found matching the URL and request method.",
            );
        }
        if call.param("context") == Some("edit") && !may_edit {
            return error(
                401,
                "rest_forbidden_context",
                "Sorry, you are not allowed to edit posts in this post type.",
            );
        }
        match parts.as_slice() {
            ["wp", "v2", "types"] => Answer::json(200, &make::types()),
            ["wp", "v2", "users", "me"] if !may_edit => error(
                401,
                "rest_not_logged_in",
                "You are not currently logged in.",
            ),
            ["wp", "v2", "users", "me"] => {
                let able = ["list_users", "edit_posts", "moderate_comments"];
                let able = able.map(|it| (it.to_owned(), json!(!self.lacking.contains(it))));
                let me = json!({
                    "id": 1, "name": "Crosspoint", "username": USER, "roles": ["administrator"],
                    "capabilities": Map::from_iter(able)
                });
                Answer::json(200, &me)
            }
            ["wp", "v2", "users"]
                if self.lacking.contains("list_users")
                    || sim.vendor_fault("private-users").is_some() =>
            {
                error(
                    403,
                    "rest_user_cannot_view",
                    "Sorry, you are not allowed to list users.",
                )
            }
            ["wp", "v2", kind] => match self.kind(kind) {
                Some(kind) => self.list(kind, call, may_edit),
                None => error(
                    404,
                    "rest_no_route",
                    "No route was found matching the URL and request method.",
                ),
            },
            ["wp", "v2", kind, id] => {
                let items = self.kind(kind).map(|kind| (kind, &self.items[kind]));
                let found = items.and_then(|(kind, items)| {
                    let item = items
                        .iter()
                        .find(|item| item.id.to_string() == *id && !item.is_deleted)?;
                    Some(Answer::json(200, &self.view(kind, item, call, may_edit)))
                });
                found.unwrap_or_else(|| error(404, "rest_post_invalid_id", "Invalid post ID."))
            }
            _ => error(
                404,
                "rest_no_route",
                "No route was found matching the URL and request method.",
            ),
        }
    }

    fn error(&self, status: u16) -> Answer {
        error(
            status,
            "internal_server_error",
            "There has been a critical error on this website.",
        )
    }

    fn change(&mut self, sim: &mut Sim) -> Value {
        let now_ms = sim.now_ms().div_euclid(1000) * 1000;
        let kind = ["posts", "posts", "posts", "pages", "comments", "users"][sim.rng.usize(..6)];
        let items = self.items.get_mut(kind).expect("every kind is there");
        let what = sim.rng.usize(..10);
        // Comments and users only come to be: an incremental reader could not see more.
        if what < 4 || items.is_empty() || matches!(kind, "comments" | "users") {
            let id = items.iter().map(|item| item.id).max().unwrap_or(0) + 1;
            items.push(make::new_item(kind, id, now_ms, &mut sim.rng));
            return json!({ "kind": kind, "id": id, "change": "created" });
        }
        let at = sim.rng.usize(..items.len());
        let item = &mut items[at];
        item.modified_at_ms = now_ms.max(item.modified_at_ms);
        let change = if what < 8 {
            make::edit(item, &mut sim.rng);
            "edited"
        } else {
            item.status = "trash";
            "trashed"
        };
        json!({ "kind": kind, "id": item.id, "change": change })
    }

    fn truth(&self) -> Value {
        let tell = |item: &Item| {
            json!({ "id": item.id.to_string(), "updated_at_ms": item.modified_at_ms, "created_at_ms": item.created_at_ms,
                    "deleted": item.is_deleted || item.status == "trash", "status": item.status,
                    "fields": item.fields })
        };
        let collections = self.items.iter().map(|(kind, items)| {
            (
                (*kind).to_owned(),
                Value::Array(items.iter().map(tell).collect()),
            )
        });
        Value::Object(collections.collect())
    }

    fn command(&mut self, name: &str, args: &Value, _: &mut Sim) -> Option<Value> {
        match name {
            "set-time-zone" => self.zone = Zone::from_json(args)?,
            "revoke-passwords" => self.password = None,
            "drop-capability" => drop(self.lacking.insert(args["capability"].as_str()?.to_owned())),
            _ => return None,
        }
        Some(json!({}))
    }
}

impl WordPress {
    fn kind(&self, name: &str) -> Option<&'static str> {
        self.items.keys().find(|kind| **kind == name).copied()
    }
}

/// The parts of the route, below `/wp-json` or in `?rest_route=`.
fn route(call: &Call) -> Vec<String> {
    if let Some(route) = call.param("rest_route") {
        let parts = route.split('/').filter(|part| !part.is_empty());
        return parts.map(str::to_owned).collect();
    }
    let segments = call.segments();
    let at = segments.iter().position(|part| part == "wp-json");
    at.map_or_else(
        || vec!["nothing".to_owned()],
        |at| segments[at + 1..].to_vec(),
    )
}

fn is_dated(kind: &str) -> bool {
    matches!(kind, "posts" | "pages" | "media" | "comments")
}

fn is_status(kind: &str, status: &str, wanted: &str) -> bool {
    match kind {
        "comments" => {
            wanted == "all"
                || wanted == "any"
                || wanted == "approve" && status == "approved"
                || wanted == status
        }
        "posts" | "pages" => wanted
            .split(',')
            .any(|it| it == status || it == "any" && status != "trash"),
        _ => true,
    }
}

fn number(call: &Call, name: &str, default: i64) -> i64 {
    call.param(name)
        .map_or(default, |text| text.parse().unwrap_or(-1))
}

fn invalid(parameter: &str, message: &str) -> Answer {
    Answer::json(
        400,
        &json!({
            "code": "rest_invalid_param", "message": format!("Invalid parameter(s): {parameter}"),
            "data": { "status": 400, "params": { parameter: message }, "details": { parameter: { "code": "rest_out_of_bounds", "message": message, "data": null } } }
        }),
    )
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(
        status,
        &json!({ "code": code, "message": message, "data": { "status": status } }),
    )
}
