//! The search language of `query:`. What it does not know it ignores, as the vendor does: a
//! misspelt filter finds everything.

use super::data::{Checkout, Customer, Data, Kind, Order, Product};

const DAY_MS: i64 = 86_400_000;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    Is,
    Above,
    AtLeast,
    Below,
    AtMost,
}

#[derive(Clone, Debug)]
struct Term {
    is_not: bool,
    field: String,
    op: Op,
    value: String,
}

/// Alternatives, each of terms that all hold.
#[derive(Clone, Debug)]
pub struct Filter {
    any: Vec<Vec<Term>>,
    /// Instants of customers count by whole days.
    by_day: bool,
}

/// What a field of a row is compared as.
enum Field {
    At(Option<i64>),
    Texts(Vec<String>),
    Number(i64),
    Unknown,
}

impl Filter {
    /// `None` for a filter that makes the vendor stumble: a comparison with nothing.
    pub fn parse(text: &str, by_day: bool) -> Option<Self> {
        let mut any = vec![Vec::new()];
        let mut is_not = false;
        for word in words(text) {
            match word.as_str() {
                "AND" => {}
                "OR" => any.push(Vec::new()),
                "NOT" => is_not = true,
                _ => {
                    let mut term = term(&word)?;
                    term.is_not |= std::mem::take(&mut is_not);
                    any.last_mut()?.push(term);
                }
            }
        }
        Some(Self { any, by_day })
    }

    /// No row that changed before this instant can match.
    pub fn updated_from_ms(&self) -> Option<i64> {
        let [all] = self.any.as_slice() else {
            return None;
        };
        let bound = |term: &&Term| {
            term.field == "updated_at" && !term.is_not && matches!(term.op, Op::Above | Op::AtLeast)
        };
        let (at_ms, _) = instant(&all.iter().find(bound)?.value)?;
        Some(at_ms.div_euclid(DAY_MS) * DAY_MS)
    }

    pub fn matches(&self, data: &Data, kind: Kind, id: u64) -> bool {
        let field = |name: &str| match kind {
            Kind::Customer => data.customers.get(&id).map(|it| of_customer(it, name)),
            Kind::Order => data.orders.get(&id).map(|it| of_order(it, name)),
            Kind::Product => data.products.get(&id).map(|it| of_product(it, name)),
            Kind::Checkout => data.checkouts.get(&id).map(|it| of_checkout(it, name)),
        };
        let by_day = self.by_day && kind == Kind::Customer;
        let holds = |term: &Term| {
            let field = field(&term.field).unwrap_or(Field::Unknown);
            compare(&field, term, id, by_day).is_none_or(|holds| holds != term.is_not)
        };
        self.any.iter().any(|all| all.iter().all(holds))
    }
}

/// Apart by spaces that no quotes protect.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for letter in text.chars() {
        match (letter, quote) {
            ('\'' | '"', None) => quote = Some(letter),
            (_, Some(open)) if letter == open => quote = None,
            (_, None) if letter.is_whitespace() || "()".contains(letter) => {
                words.push(std::mem::take(&mut word));
            }
            _ => word.push(letter),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

fn term(word: &str) -> Option<Term> {
    let (is_not, word) = match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    let (field, rest) = word.split_once(':').unwrap_or(("", word));
    let ops = [
        (">=", Op::AtLeast),
        ("<=", Op::AtMost),
        (">", Op::Above),
        ("<", Op::Below),
    ];
    let found = ops
        .iter()
        .find_map(|(sign, op)| Some((*op, rest.strip_prefix(sign)?)));
    let (op, value) = found.unwrap_or((Op::Is, rest));
    if op != Op::Is && value.is_empty() {
        return None;
    }
    let (field, value) = (field.to_owned(), value.to_owned());
    Some(Term {
        is_not,
        field,
        op,
        value,
    })
}

/// Milliseconds, and whether it is a whole day.
fn instant(text: &str) -> Option<(i64, bool)> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some((at.as_millisecond(), false));
    }
    let is_day = text.len() == 10;
    let at: jiff::civil::DateTime = if is_day {
        text.parse::<jiff::civil::Date>().ok()?.into()
    } else {
        text.parse().ok()?
    };
    let zoned = at.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some((zoned.timestamp().as_millisecond(), is_day))
}

/// `None` where the term says nothing about the row.
fn compare(field: &Field, term: &Term, id: u64, by_day: bool) -> Option<bool> {
    let order = match field {
        Field::At(at_ms) => {
            let (wanted, is_day) = instant(&term.value)?;
            let Some(at_ms) = *at_ms else {
                return Some(false);
            };
            if by_day || is_day || term.op == Op::Is {
                at_ms.div_euclid(DAY_MS).cmp(&wanted.div_euclid(DAY_MS))
            } else {
                at_ms.cmp(&wanted)
            }
        }
        Field::Number(number) => number.cmp(&term.value.parse().ok()?),
        Field::Texts(texts) => {
            let wanted = term.value.to_lowercase();
            let is = |text: &String| match wanted.strip_suffix('*') {
                Some(start) => text.to_lowercase().starts_with(start),
                None => text.to_lowercase() == wanted,
            };
            return Some(texts.iter().any(is));
        }
        Field::Unknown if term.field == "id" => id.cmp(&term.value.parse().ok()?),
        Field::Unknown => return None,
    };
    Some(match term.op {
        Op::Is => order.is_eq(),
        Op::Above => order.is_gt(),
        Op::AtLeast => order.is_ge(),
        Op::Below => order.is_lt(),
        Op::AtMost => order.is_le(),
    })
}

fn text(value: impl Into<Option<String>>) -> Field {
    Field::Texts(value.into().into_iter().collect())
}

fn of_customer(it: &Customer, name: &str) -> Field {
    match name {
        "updated_at" => Field::At(Some(it.updated_ms)),
        "created_at" | "customer_date" => Field::At(Some(it.created_ms)),
        "email" => text(it.email.clone()),
        "phone" => text(it.phone.clone()),
        "first_name" => text(it.first_name.clone()),
        "last_name" => text(it.last_name.clone()),
        "state" => text(it.state.to_owned()),
        "tag" => Field::Texts(it.tags.clone()),
        "country" => Field::Texts(
            it.addresses
                .iter()
                .filter_map(|it| it.country.clone())
                .collect(),
        ),
        "orders_count" => Field::Number(it.orders.len() as i64),
        "accepts_marketing" => text((it.email_consent.state == "SUBSCRIBED").to_string()),
        "" => Field::Texts(
            [&it.email, &it.first_name, &it.last_name]
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
        ),
        _ => Field::Unknown,
    }
}

fn of_order(it: &Order, name: &str) -> Field {
    let status = if it.cancelled_ms.is_some() {
        "cancelled"
    } else if it.closed_ms.is_some() {
        "closed"
    } else {
        "open"
    };
    match name {
        "updated_at" => Field::At(Some(it.updated_ms)),
        "created_at" | "processed_at" => Field::At(Some(it.created_ms)),
        "status" => {
            let mut known = vec![status.to_owned(), "any".to_owned()];
            known.extend((status != "closed").then(|| "not_closed".to_owned()));
            Field::Texts(known)
        }
        "financial_status" => text(it.financial.to_lowercase()),
        "fulfillment_status" => text(it.fulfillment.to_lowercase()),
        "test" => text(it.test.to_string()),
        "email" => text(it.email.clone()),
        "name" => Field::Texts(vec![it.number.to_string(), format!("#{}", it.number)]),
        "tag" => Field::Texts(it.tags.clone()),
        "customer_id" => text(it.customer.map(|id| id.to_string())),
        "discount_code" => Field::Texts(it.codes.clone()),
        "source_name" => text(it.source.to_owned()),
        _ => Field::Unknown,
    }
}

fn of_product(it: &Product, name: &str) -> Field {
    match name {
        "updated_at" => Field::At(Some(it.updated_ms)),
        "created_at" | "published_at" => Field::At(Some(it.created_ms)),
        "status" => text(it.status.to_owned()),
        "sku" => text(it.sku.clone()),
        "title" => text(it.title.clone()),
        "product_type" => text(it.category.clone()),
        "vendor" => text(super::view::MAKER.to_owned()),
        _ => Field::Unknown,
    }
}

fn of_checkout(it: &Checkout, name: &str) -> Field {
    let is_done = it.completed_ms.is_some();
    match name {
        "updated_at" => Field::At(Some(it.updated_ms)),
        "created_at" => Field::At(Some(it.created_ms)),
        "recovery_state" => text(
            if is_done {
                "recovered"
            } else {
                "not_recovered"
            }
            .to_owned(),
        ),
        "status" => text(if is_done { "closed" } else { "open" }.to_owned()),
        "email_state" => text("not_sent".to_owned()),
        _ => Field::Unknown,
    }
}
