//! Lists: filters, orders and pages as WordPress has them. A parameter that it does not know it
//! ignores, and so does the customers' list with instants of change.

use serde_json::{Map, Value, json};

use super::{Item, WooCommerce, error, make};
use crate::{Answer, Call, Sim, Zone};

const ORDER_STATUSES: &[&str] = &[
    "any",
    "trash",
    "auto-draft",
    "pending",
    "processing",
    "on-hold",
    "completed",
    "cancelled",
    "refunded",
    "failed",
    "checkout-draft",
];

pub fn invalid(name: &str, text: &str) -> Answer {
    Answer::json(
        400,
        &json!({ "code": "rest_invalid_param", "message": format!("Invalid parameter(s): {name}"),
        "data": { "status": 400, "params": { name: text }, "details": { name: { "code": "rest_invalid_param", "message": text, "data": null } } } }),
    )
}

/// Second in UTC and whether it came with a zone.
fn date(text: &str) -> Option<(i64, bool)> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some((at.as_second(), true));
    }
    let local: jiff::civil::DateTime = text.parse().ok()?;
    Some((
        local
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()?
            .timestamp()
            .as_second(),
        false,
    ))
}

/// The second in UTC that a bound really has. A zone together with `dates_are_gmt` shifts it: it is
/// turned into the site's time first, and then compared with UTC.
fn bound(text: &str, is_gmt: bool, zone: Zone) -> Option<i64> {
    let (second, has_zone) = date(text)?;
    Some(match (has_zone, is_gmt) {
        (true, true) => zone.local_s(second * 1000),
        (true, false) | (false, true) => second,
        (false, false) => zone.second(second),
    })
}

fn numbers(call: &Call, name: &str) -> Option<Vec<u64>> {
    let list = format!("{name}[");
    let values: Vec<u64> = call
        .query
        .iter()
        .filter(|(known, _)| known == name || known.starts_with(&list))
        .flat_map(|(_, value)| value.split(','))
        .filter_map(|it| it.trim().parse().ok())
        .collect();
    (!values.is_empty()).then_some(values)
}

impl WooCommerce {
    pub fn list(&self, kind: &'static str, call: &Call, sim: &Sim) -> Answer {
        match self.page(kind, call, sim) {
            Ok(answer) | Err(answer) => answer,
        }
    }

    fn page(&self, kind: &'static str, call: &Call, sim: &Sim) -> Result<Answer, Answer> {
        let number = |name: &str, default: i64| match call.param(name) {
            Some(text) => text
                .parse()
                .map_err(|_| invalid(name, &format!("{name} is not of type integer."))),
            None => Ok(default),
        };
        let (page, per_page) = (number("page", 1)?, number("per_page", 10)?);
        if !(1..=100).contains(&per_page) {
            return Err(invalid(
                "per_page",
                "per_page must be between 1 (inclusive) and 100 (inclusive)",
            ));
        }
        if page < 1 {
            return Err(invalid("page", "page must be greater than or equal to 1"));
        }
        let offset = number("offset", (page - 1) * per_page)?;
        let (known, default, default_direction): (&[&str], _, _) = match kind {
            "customers" => (&["id", "include", "name", "registered_date"], "name", "asc"),
            "products" => (
                &[
                    "date",
                    "id",
                    "include",
                    "title",
                    "slug",
                    "modified",
                    "popularity",
                    "rating",
                    "price",
                    "menu_order",
                ],
                "date",
                "desc",
            ),
            "webhooks" => (&["date", "id", "title"], "date", "desc"),
            _ => (
                &["date", "id", "include", "title", "slug", "modified"],
                "date",
                "desc",
            ),
        };
        let orderby = call.param("orderby").unwrap_or(default);
        if !known.contains(&orderby) {
            return Err(invalid(
                "orderby",
                &format!("orderby is not one of {}.", known.join(", ")),
            ));
        }
        let direction = call.param("order").unwrap_or(default_direction);
        if !matches!(direction, "asc" | "desc") {
            return Err(invalid("order", "order is not one of asc, and desc."));
        }
        let keep = self.keep(kind, call)?;
        let mut found: Vec<&Item> = self.items[kind]
            .values()
            .filter(|it| !it.is_deleted && keep(it))
            .collect();
        let text = |it: &Item, name: &str| {
            let person = it.source.filter(|_| kind == "customers");
            match (it.fields.get(name), person) {
                (Some(value), _) => value.as_str().unwrap_or_default().to_lowercase(),
                (None, Some(at)) => self.world.people[at].first_name.to_lowercase(),
                (None, None) => (self.fields(kind, it.id)[name].as_str())
                    .unwrap_or_default()
                    .to_lowercase(),
            }
        };
        match orderby {
            "modified" => found.sort_by_key(|it| (it.modified_ms, it.id)),
            "date" | "registered_date" => found.sort_by_key(|it| (it.created_ms, it.id)),
            "name" => found.sort_by_cached_key(|it| (text(it, "first_name"), it.id)),
            "title" | "slug" => found.sort_by_cached_key(|it| (text(it, "name"), it.id)),
            _ => found.sort_by_key(|it| it.id),
        }
        if direction == "desc" {
            found.reverse();
        }
        let total = found.len() as i64;
        let pages = (total + per_page - 1) / per_page;
        let rows: Vec<Value> = found
            .into_iter()
            .skip(offset.max(0) as usize)
            .take(per_page as usize)
            .map(|it| self.cut(self.view(kind, it), call))
            .collect();
        let mut answer = Answer::json(200, &Value::Array(rows))
            .with(
                "link",
                format!("<{}/wp-json/>; rel=\"https://api.w.org/\"", sim.url),
            )
            .with("x-wp-total", total)
            .with("x-wp-totalpages", pages);
        let link = |page: i64| {
            let rest = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(call.query.iter().filter(|(name, _)| {
                    name != "page" && !name.starts_with("oauth_") && !name.starts_with("consumer_")
                }))
                .append_pair("page", &page.to_string())
                .finish();
            format!("<{}{}?{rest}>", sim.url, call.path)
        };
        if page > 1 {
            answer = answer.with(
                "link",
                format!("{}; rel=\"prev\"", link((page - 1).min(pages.max(1)))),
            );
        }
        if page < pages {
            answer = answer.with("link", format!("{}; rel=\"next\"", link(page + 1)));
        }
        Ok(answer)
    }

    fn keep(&self, kind: &'static str, call: &Call) -> Result<impl Fn(&Item) -> bool, Answer> {
        let is_gmt = matches!(call.param("dates_are_gmt"), Some("true" | "1"));
        let mut bounds = [None; 4];
        for (at, name) in ["modified_after", "modified_before", "after", "before"]
            .into_iter()
            .enumerate()
        {
            if let Some(text) = call.param(name).filter(|_| kind != "customers") {
                bounds[at] = Some(
                    bound(text, is_gmt, self.zone).ok_or_else(|| invalid(name, "Invalid date."))?,
                );
            }
        }
        let statuses: Vec<String> = call
            .query
            .iter()
            .filter(|(name, _)| name == "status" || name.starts_with("status["))
            .flat_map(|(_, value)| value.split(',').map(str::to_owned))
            .collect();
        if kind == "orders"
            && statuses
                .iter()
                .any(|it| !ORDER_STATUSES.contains(&it.as_str()))
        {
            return Err(invalid(
                "status[0]",
                &format!("status[0] is not one of {}.", ORDER_STATUSES.join(", ")),
            ));
        }
        let role = call.param("role").unwrap_or("customer").to_owned();
        let (include, exclude) = (numbers(call, "include"), numbers(call, "exclude"));
        let owned = |name: &str| call.param(name).map(str::to_lowercase);
        let holder = owned("email")
            .filter(|_| kind == "customers")
            .map(|email| self.customer_of(&email));
        let exact: Vec<(&str, String)> = match kind {
            "coupons" => vec!["code"],
            "products" => vec!["sku"],
            _ => Vec::new(),
        }
        .into_iter()
        .filter_map(|name| Some((name, owned(name)?)))
        .collect();
        let customer: Option<u64> = call
            .param("customer")
            .filter(|_| kind == "orders")
            .and_then(|it| it.parse().ok());
        let search = owned("search");
        Ok(move |it: &Item| {
            let (modified, created) = (
                it.modified_ms.div_euclid(1000),
                it.created_ms.div_euclid(1000),
            );
            let is_in_time = bounds[0].is_none_or(|at| modified > at)
                && bounds[1].is_none_or(|at| modified < at)
                && bounds[2].is_none_or(|at| created > at)
                && bounds[3].is_none_or(|at| created < at);
            let is_status = match kind {
                "orders" if statuses.is_empty() => is_any(&it.status),
                "orders" | "products" | "webhooks" if !statuses.is_empty() => {
                    statuses.iter().any(|wanted| {
                        *wanted == it.status
                            || wanted == "any" && is_any(&it.status)
                            || kind == "webhooks" && wanted == "all"
                    })
                }
                "customers" => role == "all" || it.status == role,
                _ => it.status != "trash",
            };
            is_in_time
                && is_status
                && include.as_ref().is_none_or(|ids| ids.contains(&it.id))
                && exclude.as_ref().is_none_or(|ids| !ids.contains(&it.id))
                && holder.is_none_or(|holder| holder == Some(it.id))
                && exact.iter().all(|(name, wanted)| {
                    self.fields(kind, it.id)[*name]
                        .as_str()
                        .is_some_and(|it| it.to_lowercase() == *wanted)
                })
                && customer.is_none_or(|wanted| self.buyer(it) == wanted)
                && search.as_ref().is_none_or(|wanted| {
                    Value::Object(self.fields(kind, it.id))
                        .to_string()
                        .to_lowercase()
                        .contains(wanted)
                })
        })
    }

    /// Only what `_fields` names.
    pub fn cut(&self, mut shown: Map<String, Value>, call: &Call) -> Value {
        if let Some(fields) = call.param("_fields") {
            let wanted: Vec<&str> = fields
                .split(',')
                .map(|it| it.split('.').next().unwrap_or(it).trim())
                .collect();
            shown.retain(|name, _| wanted.contains(&name.as_str()));
        }
        Value::Object(shown)
    }

    pub fn one(&self, kind: &'static str, id: &str, call: &Call) -> Answer {
        match self.find(kind, id) {
            Some(item) => Answer::json(200, &self.cut(self.view(kind, item), call)),
            None => missing(kind),
        }
    }

    /// Whose order it is; 0 is a guest's.
    fn buyer(&self, order: &Item) -> u64 {
        let written = order.fields.get("customer_id").and_then(Value::as_u64);
        let made = || make::buyer(&self.world, order.source?);
        written.or_else(made).unwrap_or(0)
    }

    pub(super) fn find(&self, kind: &str, id: &str) -> Option<&Item> {
        self.items[kind]
            .get(&id.parse().ok()?)
            .filter(|it| !it.is_deleted)
    }
}

/// `any` leaves out what is thrown away or not finished.
fn is_any(status: &str) -> bool {
    !matches!(status, "trash" | "auto-draft" | "checkout-draft")
}

pub fn missing(kind: &str) -> Answer {
    match kind {
        "customers" => error(404, "woocommerce_rest_invalid_id", "Invalid resource ID."),
        "orders" => error(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID."),
        "products" => error(404, "woocommerce_rest_product_invalid_id", "Invalid ID."),
        "coupons" => error(
            404,
            "woocommerce_rest_shop_coupon_invalid_id",
            "Invalid ID.",
        ),
        _ => error(
            404,
            "woocommerce_rest_shop_webhook_invalid_id",
            "Invalid ID.",
        ),
    }
}
