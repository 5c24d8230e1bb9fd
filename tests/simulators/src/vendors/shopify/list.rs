//! Lists: sorted, filtered, a page at a time. A cursor is a place in the order, not a number of
//! rows, so that a row that changes while it is read moves to its new place.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Shopify;
use super::data::{Data, Kind};
use super::search::Filter;
use super::view::gid;

/// The most that one page may have.
const PAGE_MAX: i64 = 250;

/// One page.
#[derive(Debug, Default)]
pub struct Page {
    /// Each with its cursor: an object, or `{"__ref": gid}`.
    pub items: Vec<(String, Value)>,
    pub has_next: bool,
    pub has_previous: bool,
}

/// Which page is wanted.
#[derive(Clone, Debug)]
pub struct Paging {
    pub count: usize,
    pub is_last: bool,
    pub cursor: Option<String>,
    pub is_reversed: bool,
    /// Of a bulk operation, which goes through lists of any length.
    pub is_bulk: bool,
}

impl Paging {
    /// From a field's arguments; the message of what is wrong with them.
    pub fn new(args: &Value) -> Result<Self, String> {
        let (first, last) = (args["first"].as_i64(), args["last"].as_i64());
        let (count, is_last, name) = match (first, last) {
            (Some(_), Some(_)) => {
                return Err("providing both first and last is not supported".to_owned());
            }
            (Some(first), None) => (first, false, "first"),
            (None, Some(last)) => (last, true, "last"),
            (None, None) => return Err("you must provide one of first or last".to_owned()),
        };
        if !(1..=PAGE_MAX).contains(&count) {
            return Err(format!(
                "{name} must be between 1 and {PAGE_MAX} (got {count})"
            ));
        }
        let cursor = args[if is_last { "before" } else { "after" }].as_str();
        Ok(Self {
            count: count as usize,
            is_last,
            cursor: cursor.map(str::to_owned),
            is_reversed: args["reverse"].as_bool().unwrap_or(false),
            is_bulk: false,
        })
    }

    /// Everything at once, as bulk operations read.
    pub fn whole() -> Self {
        Self {
            count: usize::MAX,
            is_last: false,
            cursor: None,
            is_reversed: false,
            is_bulk: true,
        }
    }
}

#[derive(Clone, Debug, PartialEq, PartialOrd)]
enum Key {
    Number(i64),
    Text(String),
}

const BAD_CURSOR: &str = "Invalid cursor for current pagination sort.";

fn parse_cursor(text: &str) -> Option<(Key, u64, u64)> {
    let bytes = STANDARD.decode(text).ok()?;
    let value: Value = serde_json::from_slice(&bytes).ok()?;
    let key = match &value["last_value"] {
        Value::Number(number) => Key::Number(number.as_i64()?),
        Value::String(text) => Key::Text(text.clone()),
        _ => return None,
    };
    Some((key, value["last_id"].as_u64()?, value["n"].as_u64()?))
}

fn cursor(key: &Key, id: u64, count: u64) -> String {
    let value = match key {
        Key::Number(number) => json!(number),
        Key::Text(text) => json!(text),
    };
    STANDARD.encode(json!({ "last_id": id, "last_value": value, "n": count }).to_string())
}

impl Shopify {
    /// One page of a root list.
    pub fn list(
        &self,
        data: &Data,
        kind: Kind,
        sort: &str,
        query: Option<&str>,
        paging: &Paging,
    ) -> Result<Page, String> {
        let filter = self.filter(query)?;
        let at = match &paging.cursor {
            Some(text) => Some(parse_cursor(text).ok_or(BAD_CURSOR)?),
            None => None,
        };
        let seen = at.as_ref().map_or(0, |(_, _, count)| *count);
        if seen + 1 > self.paging_depth && !paging.is_bulk {
            return Err(format!(
                "Pagination is limited to {} objects; narrow the query",
                self.paging_depth
            ));
        }
        let backwards = paging.is_reversed != paging.is_last;
        let from_ms = filter.as_ref().and_then(Filter::updated_from_ms);
        let place = at.map(|(key, id, _)| (key, id));
        let rows = rows(data, kind, sort, backwards, place, from_ms)?;
        let kept = rows.filter(|(_, id)| {
            self.is_visible(data, kind, *id)
                && filter.as_ref().is_none_or(|it| it.matches(data, kind, *id))
                && (filter.is_none() || !self.is_stale(data, kind, *id))
        });
        let mut items: Vec<(String, Value)> = Vec::new();
        let mut has_more = false;
        for (key, id) in kept {
            if items.len() == paging.count {
                has_more = true;
                break;
            }
            let count = seen + items.len() as u64 + 1;
            items.push((
                cursor(&key, id, count),
                json!({ "__ref": gid(name(kind), id) }),
            ));
        }
        if paging.is_last {
            items.reverse();
        }
        let has_other = paging.cursor.is_some();
        let (has_next, has_previous) = match paging.is_last {
            true => (has_other, has_more),
            false => (has_more, has_other),
        };
        Ok(Page {
            items,
            has_next,
            has_previous,
        })
    }

    /// How many match, counted no further than to the limit.
    pub fn count(&self, kind: Kind, query: Option<&str>, limit: i64) -> Result<Value, String> {
        let filter = self.filter(query)?;
        let all = self.data.by_updated(kind).iter().filter(|(_, id)| {
            self.is_visible(&self.data, kind, *id)
                && filter
                    .as_ref()
                    .is_none_or(|it| it.matches(&self.data, kind, *id))
        });
        let limit = usize::try_from(limit).unwrap_or(10_000).min(10_000);
        let count = all.take(limit + 1).count();
        let precision = if count > limit { "AT_LEAST" } else { "EXACT" };
        Ok(json!({ "count": count.min(limit), "precision": precision }))
    }

    fn filter(&self, query: Option<&str>) -> Result<Option<Filter>, String> {
        let query = query.filter(|text| !text.trim().is_empty());
        let parse = |text| Filter::parse(text, self.by_day).ok_or(super::INTERNAL.to_owned());
        query.map(parse).transpose()
    }

    /// Old orders are for those who asked for all.
    fn is_visible(&self, data: &Data, kind: Kind, id: u64) -> bool {
        kind != Kind::Order
            || self.scopes.contains("read_all_orders")
            || (data.orders.get(&id))
                .is_some_and(|it| it.created_ms >= self.now_ms - 60 * 86_400_000)
    }

    /// What is searched lags behind what is written.
    fn is_stale(&self, data: &Data, kind: Kind, id: u64) -> bool {
        let updated = match kind {
            Kind::Customer => data.customers.get(&id).map(|it| it.updated_ms),
            Kind::Order => data.orders.get(&id).map(|it| it.updated_ms),
            Kind::Product => data.products.get(&id).map(|it| it.updated_ms),
            Kind::Checkout => data.checkouts.get(&id).map(|it| it.updated_ms),
        };
        self.lag_ms > 0 && updated.is_some_and(|at_ms| at_ms > self.now_ms - self.lag_ms)
    }
}

pub fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Customer => "Customer",
        Kind::Order => "Order",
        Kind::Product => "Product",
        Kind::Checkout => "AbandonedCheckout",
    }
}

type Rows<'a> = Box<dyn Iterator<Item = (Key, u64)> + 'a>;

/// All rows beyond a place, in order.
fn rows<'a>(
    data: &'a Data,
    kind: Kind,
    sort: &str,
    backwards: bool,
    place: Option<(Key, u64)>,
    from_ms: Option<i64>,
) -> Result<Rows<'a>, String> {
    if sort == "UPDATED_AT" {
        let place = match place {
            Some((Key::Number(at_ms), id)) => Some((at_ms, id)),
            Some(_) => return Err(BAD_CURSOR.to_owned()),
            None => None,
        };
        let low = (from_ms.unwrap_or(i64::MIN), 0);
        let index = data.by_updated(kind);
        let row = |(at_ms, id): &(i64, u64)| (Key::Number(*at_ms), *id);
        if backwards {
            let end = place.unwrap_or((i64::MAX, u64::MAX)).max(low);
            return Ok(Box::new(index.range(low..end).rev().map(row)));
        }
        let after = place.map_or(low, |(at_ms, id)| (at_ms, id + 1)).max(low);
        return Ok(Box::new(index.range(after..).map(row)));
    }
    let mut all: Vec<(Key, u64)> = match kind {
        Kind::Customer => data
            .customers
            .keys()
            .map(|id| (key(data, kind, *id, sort), *id))
            .collect(),
        Kind::Order => data
            .orders
            .keys()
            .map(|id| (key(data, kind, *id, sort), *id))
            .collect(),
        Kind::Product => data
            .products
            .keys()
            .map(|id| (key(data, kind, *id, sort), *id))
            .collect(),
        Kind::Checkout => data
            .checkouts
            .keys()
            .map(|id| (key(data, kind, *id, sort), *id))
            .collect(),
    };
    all.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    let Some(place) = place else {
        return Ok(match backwards {
            true => Box::new(all.into_iter().rev()),
            false => Box::new(all.into_iter()),
        });
    };
    if all
        .first()
        .is_some_and(|(key, _)| std::mem::discriminant(key) != std::mem::discriminant(&place.0))
    {
        return Err(BAD_CURSOR.to_owned());
    }
    if backwards {
        all.truncate(all.partition_point(|row| *row < place));
        return Ok(Box::new(all.into_iter().rev()));
    }
    let beyond = all.partition_point(|row| *row <= place);
    Ok(Box::new(all.into_iter().skip(beyond)))
}

fn key(data: &Data, kind: Kind, id: u64, sort: &str) -> Key {
    match (kind, sort) {
        (Kind::Customer, "CREATED_AT") => Key::Number(data.customers[&id].created_ms),
        (Kind::Customer, "NAME") => {
            let it = &data.customers[&id];
            Key::Text(
                [&it.last_name, &it.first_name]
                    .map(|it| it.clone().unwrap_or_default())
                    .join(", "),
            )
        }
        (Kind::Customer, "LOCATION") => {
            let address = data.customers[&id].addresses.first();
            Key::Text(
                address
                    .and_then(|it| it.country.clone())
                    .unwrap_or_default(),
            )
        }
        (Kind::Order, "CREATED_AT" | "PROCESSED_AT") => Key::Number(data.orders[&id].created_ms),
        (Kind::Order, "ORDER_NUMBER") => Key::Number(data.orders[&id].number as i64),
        (Kind::Order, "TOTAL_PRICE") => Key::Number(data.orders[&id].total_cents()),
        (Kind::Product, "CREATED_AT" | "PUBLISHED_AT") => {
            Key::Number(data.products[&id].created_ms)
        }
        (Kind::Product, "TITLE") => Key::Text(data.products[&id].title.clone()),
        (Kind::Product, "PRODUCT_TYPE") => Key::Text(data.products[&id].category.clone()),
        (Kind::Product, "INVENTORY_TOTAL") => Key::Number(data.products[&id].stock),
        (Kind::Checkout, "CREATED_AT") => Key::Number(data.checkouts[&id].created_ms),
        _ => Key::Number(id as i64),
    }
}

/// One page of a list that stands inside an object.
pub fn inner(all: Vec<Value>, paging: &Paging) -> Result<Page, String> {
    let mut all: Vec<(String, Value)> = all
        .into_iter()
        .enumerate()
        .map(|(at, value)| (cursor(&Key::Number(at as i64), at as u64, 0), value))
        .collect();
    if paging.is_reversed {
        all.reverse();
    }
    let place = match &paging.cursor {
        Some(text) => {
            parse_cursor(text).ok_or(BAD_CURSOR)?;
            all.iter().position(|(known, _)| known == text)
        }
        None => None,
    };
    let total = all.len();
    let (start, end) = if paging.is_last {
        let end = place.unwrap_or(total);
        (end.saturating_sub(paging.count), end)
    } else {
        let start = place.map_or(0, |at| at + 1);
        (start, start.saturating_add(paging.count).min(total))
    };
    Ok(Page {
        items: all.drain(start..end).collect(),
        has_next: end < total,
        has_previous: start > 0,
    })
}
