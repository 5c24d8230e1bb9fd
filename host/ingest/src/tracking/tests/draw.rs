//! JSON that could come from anybody.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;

const NAMES: [&str; 44] = [
    "type",
    "event",
    "userId",
    "anonymousId",
    "previousId",
    "groupId",
    "messageId",
    "timestamp",
    "originalTimestamp",
    "sentAt",
    "receivedAt",
    "writeKey",
    "properties",
    "traits",
    "context",
    "integrations",
    "_metadata",
    "name",
    "category",
    "channel",
    "batch",
    "page",
    "campaign",
    "library",
    "consent",
    "categoryPreferences",
    "Advertising",
    "products",
    "order_id",
    "cart_id",
    "total",
    "currency",
    "quantity",
    "price",
    "email",
    "phone",
    "firstName",
    "first_name",
    "address",
    "company",
    "tags",
    "birthday",
    "createdAt",
    "",
];

const TEXTS: [&str; 22] = [
    "track",
    "identify",
    "page",
    "group",
    "alias",
    "Order Completed",
    "Order Refunded",
    "Cart Viewed",
    "u1",
    "a@example.com",
    "+31 20 123 45 67",
    "2026-11-21T19:50:37.828+00:00",
    "2024-01-02",
    "12.50",
    "EUR",
    "DE",
    "null",
    "",
    " ",
    "\u{0}",
    "e\u{301}\u{1f600}",
    "1e400",
];

pub fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        9 => proptest::sample::select(&TEXTS[..]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

/// Any JSON, made mostly of the words that calls are made of.
pub fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        1 => Just(Json::Null),
        1 => any::<bool>().prop_map(Json::from),
        1 => any::<i64>().prop_map(Json::from),
        1 => any::<f64>().prop_map(Json::from),
        1 => (0..2_000i64).prop_map(Json::from),
        5 => texts().prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        let name = prop_oneof![
            9 => proptest::sample::select(&NAMES[..]).prop_map(str::to_owned),
            1 => any::<String>(),
        ];
        prop_oneof![
            1 => vec(inner.clone(), 0..4).prop_map(Json::from),
            3 => btree_map(name, inner, 0..8).prop_map(|fields| Json::Object(
                fields.into_iter().collect()
            )),
        ]
    })
}

/// A call of which most can be used.
pub fn calls() -> impl Strategy<Value = Json> {
    let kinds = proptest::sample::select(&["track", "identify", "page", "group", "alias"][..]);
    let events = proptest::sample::select(&["Order Completed", "Cart Viewed", "Signed Up"][..]);
    let id = proptest::option::of(0..3u8);
    (
        kinds,
        events,
        id.clone(),
        id,
        json(),
        json(),
        json(),
        -200_000..200_000i64,
    )
        .prop_map(
            |(kind, event, user, message, properties, traits, context, at)| {
                json!({
                    "type": kind,
                    "event": event,
                    "userId": user.map(|user| format!("u{user}")),
                    "anonymousId": "a1",
                    "previousId": "a0",
                    "messageId": message.map(|message| format!("m{message}")),
                    "timestamp": Instant(NOW.as_ms() + at).to_string(),
                    "properties": properties,
                    "traits": traits,
                    "context": context,
                })
            },
        )
}
