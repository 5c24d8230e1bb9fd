//! Orders to measure with: the bundled CDNOW sample, parsed natively.

use anyhow::{Context as _, Result};
use crosspoint_model::entry::{Records, What};
use crosspoint_model::record::{Body, Line, Order, OrderStatus, Record};
use crosspoint_model::{ConnectorId, Decimal, Identifier, Instant, Money};

/// 6,919 orders of 2,357 customers.
pub const SAMPLE: &str = include_str!("../../../host/cli/demo/CDNOW_sample.txt");
/// Records of one page, as ingest reads them by default.
pub const PAGE_RECORDS: usize = 1_000;

/// One ledger entry to append.
pub type Page = (Instant, What);

/// One line of the sample.
struct Row {
    customer: u64,
    placed_at: Instant,
    pieces: i64,
    total: Decimal,
}

/// The sample `copies` times, each time with other customers, in the order of the file: customer
/// by customer.
pub fn orders(copies: u64) -> Result<Vec<Record>> {
    let mut orders = Vec::new();
    for copy in 0..copies {
        for (line, text) in SAMPLE.lines().enumerate() {
            let row = row(text).with_context(|| format!("line {} of the sample", line + 1))?;
            let id = format!("CDNOW_sample-{copy}.txt:{}", line + 1);
            orders.push(order(&id, row.customer + copy * 100_000, &row));
        }
    }
    Ok(orders)
}

/// One order for each of `profiles` customers, a page at a time.
pub fn first_orders(profiles: u64) -> impl Iterator<Item = Page> + Send {
    let page = PAGE_RECORDS as u64;
    (0..profiles.div_ceil(page)).map(move |number| {
        let range = number * page..((number + 1) * page).min(profiles);
        let records = range.map(|customer| {
            let start = 852_076_800_000;
            let row = Row {
                customer,
                placed_at: Instant(start + i64::try_from(customer).unwrap_or(0) * 1_000),
                pieces: 1 + i64::try_from(customer % 5).unwrap_or(0),
                total: Decimal::from(10 + i64::try_from(customer % 400).unwrap_or(0)),
            };
            order(&format!("generated:{customer}"), customer, &row)
        });
        page_of(records.collect(), Instant(0))
    })
}

/// Orders as pages, stamped like a clock that stands at the newest instant in the data.
pub fn pages(orders: &[Record]) -> Vec<Page> {
    let mut clock = Instant(0);
    let pages = orders.chunks(PAGE_RECORDS).map(|chunk| {
        let page = page_of(chunk.to_vec(), clock);
        clock = page.0;
        page
    });
    pages.collect()
}

fn page_of(records: Vec<Record>, clock: Instant) -> Page {
    let newest = records.iter().map(|record| record.updated_at).max();
    let what = What::Records(Records {
        connector: ConnectorId::from("purchases"),
        stream: "orders".into(),
        records,
        rejects: Vec::new(),
        cursor: Some(vec![0; 60]),
        jobs: Vec::new(),
    });
    (newest.map_or(clock, |newest| newest.max(clock)), what)
}

fn order(id: &str, customer: u64, row: &Row) -> Record {
    let identifier = Identifier::vendor("customer", &format!("{customer:08}"));
    let line = Line {
        id: None,
        product_id: None,
        sku: None,
        name: None,
        category: None,
        quantity: Decimal::from(row.pieces),
        unit_price: None,
        total: None,
        attributes: Vec::new(),
    };
    let order = Order {
        number: None,
        status: OrderStatus::Paid,
        placed_at: row.placed_at,
        total: Money {
            amount: row.total,
            currency: "USD".into(),
        },
        subtotal: None,
        tax: None,
        shipping: None,
        discount: None,
        refunded: None,
        coupons: Vec::new(),
        channel: None,
        lines: vec![line],
        shipping_address: None,
    };
    Record {
        id: id.into(),
        updated_at: row.placed_at,
        identifiers: identifier.into_iter().collect(),
        attributes: Vec::new(),
        body: Body::Order(Box::new(order)),
    }
}

fn row(text: &str) -> Result<Row> {
    let mut cells = text.split_ascii_whitespace();
    let mut next = || cells.next().context("a column is missing");
    let (customer, _, date, pieces, total) = (next()?, next()?, next()?, next()?, next()?);
    let date = jiff::civil::Date::strptime("%Y%m%d", date)?;
    let midnight = date.to_zoned(jiff::tz::TimeZone::UTC)?;
    Ok(Row {
        customer: customer.parse()?,
        placed_at: Instant(midnight.timestamp().as_millisecond()),
        pieces: pieces.parse()?,
        total: total.parse().ok().context("the total is no number")?,
    })
}
