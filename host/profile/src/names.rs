//! Numbers of the fixed names, looked up once instead of for every record.

use crosspoint_model::Symbol;

macro_rules! names {
    ($($field:ident),* $(,)?) => {
        /// Numbers of the names that folding itself gives to traits and properties, each spelled
        /// like its field. Made once per state; the numbers depend on the state's dictionary.
        #[derive(Clone, Debug)]
        #[allow(missing_docs)]
        pub struct Names {
            $(pub $field: Symbol,)*
        }

        impl Names {
            /// Interns them, always in the same order.
            pub fn new(mut intern: impl FnMut(&str) -> Symbol) -> Self {
                Self { $($field: intern(stringify!($field)),)* }
            }
        }
    };
}

names! {
    // traits of a contact
    email, phone, first_name, last_name, full_name, company, job_title, language, time_zone,
    birthday, gender, street, city, region, postal_code, country, tags, created_at,
    // names of facts
    open, closed, deleted,
    // properties of orders and carts
    number, channel, coupons, subtotal, tax, shipping, discount, refunded, other_currency,
    shipping_city, shipping_region, shipping_postal_code, shipping_country,
    recovery_url, closed_at, order_id,
    // properties of submissions and engagements
    form_name, origin, campaign, message_id, delivery_key, url, reason,
}
