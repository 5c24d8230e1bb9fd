//! The simulators by name. A new one is a module and a line in [`VENDORS`].

mod klaviyo;
mod mailchimp;
mod meta;
mod salesforce;
mod shopify;
mod smtp;
mod woocommerce;
mod wordpress;

use crate::Vendor;
use crate::sim::Options;

type Make = fn(&Options) -> Box<dyn Vendor>;

/// Sorted by name.
const VENDORS: &[(&str, Make)] = &[
    ("facebook-audiences", |options| {
        Box::new(meta::Meta::new(options))
    }),
    ("klaviyo", |options| {
        Box::new(klaviyo::Klaviyo::new(options))
    }),
    ("mailchimp", |options| {
        Box::new(mailchimp::Mailchimp::new(options))
    }),
    ("meta-leads", |options| Box::new(meta::Meta::new(options))),
    ("salesforce", |options| {
        Box::new(salesforce::Salesforce::new(options))
    }),
    ("shopify", |options| {
        Box::new(shopify::Shopify::new(options))
    }),
    ("smtp", |options| Box::new(smtp::Smtp::new(options))),
    ("woocommerce", |options| {
        Box::new(woocommerce::WooCommerce::new(options))
    }),
    ("wordpress", |options| {
        Box::new(wordpress::WordPress::new(options))
    }),
];

/// All names, sorted.
#[must_use]
pub fn names() -> Vec<&'static str> {
    VENDORS.iter().map(|(name, _)| *name).collect()
}

pub(crate) fn make(name: &str) -> Option<Make> {
    let (_, make) = VENDORS.iter().find(|(known, _)| *known == name)?;
    Some(*make)
}
