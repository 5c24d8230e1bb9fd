//! Computed traits that every profile has, in the rule language itself.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use smol_str::SmolStr;

use crate::compile::Computed;
use crate::schema::TraitType;
use crate::syntax::parse;

/// Name and expression. A computed trait of the same name in the configuration takes its place;
/// a trait of the same name from a source does not.
pub const STANDARD_COMPUTED: [(&str, &str); 21] = [
    (
        "average_order",
        "round(orders.where(o, o.total > 0).avg('total'), 2)",
    ),
    ("carts_open", "carts.where(c, c.status == 'open').count()"),
    (
        "days_between_orders",
        "round((orders.last('at') - orders.first('at')).getHours() / 24.0 / (orders.count() - 1), 1)",
    ),
    ("distinct_products", "products.distinct('product')"),
    (
        "emails_bounced",
        "engagements('bounced').where(e, e.channel == 'email').count()",
    ),
    (
        "emails_clicked",
        "engagements('clicked').where(e, e.channel == 'email').count()",
    ),
    (
        "emails_opened",
        "engagements('opened').where(e, e.channel == 'email').count()",
    ),
    (
        "emails_sent",
        "engagements('sent').where(e, e.channel == 'email').count()",
    ),
    ("events_count", "events.count()"),
    ("first_order_at", "orders.first('at')"),
    ("first_order_total", "orders.first('total')"),
    ("first_seen", "first_seen()"),
    ("last_cart_at", "carts.last('at')"),
    ("last_clicked_at", "engagements('clicked').last('at')"),
    ("last_opened_at", "engagements('opened').last('at')"),
    ("last_order_at", "orders.last('at')"),
    ("last_order_total", "orders.last('total')"),
    ("last_seen", "last_seen()"),
    ("orders_count", "orders.count()"),
    ("products_bought", "products.sum('quantity')"),
    ("spend", "orders.sum('total')"),
];

/// [`STANDARD_COMPUTED`], read once per process.
pub(crate) fn standard_computed() -> &'static BTreeMap<SmolStr, Computed> {
    static READ: OnceLock<BTreeMap<SmolStr, Computed>> = OnceLock::new();
    READ.get_or_init(|| {
        let read = STANDARD_COMPUTED.iter().filter_map(|(name, text)| {
            // `standard_computed_traits_compile` sees that none is left out.
            let syntax = parse(name, text).ok()?;
            let declared = TraitType::Any;
            Some((SmolStr::new_static(name), Computed { syntax, declared }))
        });
        read.collect()
    })
}
