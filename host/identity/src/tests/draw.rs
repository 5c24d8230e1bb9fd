//! Random records, decisions, guards and nodes.

use std::collections::BTreeMap;

use crosspoint_model::identifier::IdentifierKind;
use crosspoint_model::record::{Body, Contact, Event, Order, OrderStatus, Record};
use crosspoint_model::state::Constraints;
use crosspoint_model::{Decimal, FragmentId, Identifier, Instant, Money};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use smol_str::format_smolstr;

use super::play::{Arrival, Step};
use crate::{Guards, Node};

pub fn identifiers() -> impl Strategy<Value = Identifier> {
    let texts = [
        "shop:1",
        "shop:2",
        "shop:3",
        "crm:1",
        "crm:2",
        "user-id:1",
        "user-id:2",
        "user-id:null",
        "email:a@a.example",
        "email:b@b.example",
        "email:c@c.example",
        "email:none@none.com",
        "phone:+311111112",
        "phone:+322222223",
        "anonymous-id:x",
        "anonymous-id:y",
        "cookie:k",
    ];
    select(texts.to_vec()).prop_map(|text| Identifier::parse(text).unwrap())
}

pub fn arrivals() -> impl Strategy<Value = Arrival> {
    let bodies = (0..3u8, 0..6i64).prop_map(|(kind, at)| match kind {
        0 => Body::Contact(Box::new(Contact {
            first_name: Some(format_smolstr!("Name {at}")),
            ..Contact::default()
        })),
        1 => Body::Event(Event {
            name: "Product Viewed".into(),
            occurred_at: Instant(at),
        }),
        _ => Body::Order(Box::new(Order {
            number: None,
            status: OrderStatus::Paid,
            placed_at: Instant(at),
            total: Money {
                amount: Decimal::from(at),
                currency: "EUR".into(),
            },
            subtotal: None,
            tax: None,
            shipping: None,
            discount: None,
            refunded: None,
            coupons: Vec::new(),
            channel: None,
            lines: Vec::new(),
            shipping_address: None,
        })),
    });
    let connectors = select(vec!["shop", "crm", "site"]);
    (
        connectors,
        0..6u8,
        0..4i64,
        vec(identifiers(), 1..4),
        bodies,
    )
        .prop_map(|(connector, id, updated_at, identifiers, body)| {
            let id = format_smolstr!("{}{id}", body.kind() as u8);
            let updated_at = Instant(updated_at);
            let attributes = Vec::new();
            Arrival {
                connector,
                record: Record {
                    id,
                    updated_at,
                    identifiers,
                    attributes,
                    body,
                },
            }
        })
}

pub fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => arrivals().prop_map(Step::Arrives),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Step::Merge(one, other)),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(which, bits)| Step::Unmerge(which, bits)),
    ]
}

/// Generous ones, and ones so tight that everything trips.
pub fn guards() -> impl Strategy<Value = Guards> {
    let tight = (1..4usize, 1..5usize, 1..3usize, 1..4usize).prop_map(
        |(max_carriers, max_fragments, users, emails)| Guards {
            max_carriers,
            max_fragments,
            max_per_kind: BTreeMap::from([
                (IdentifierKind::UserId, users),
                (IdentifierKind::Email, emails),
            ]),
            max_logins_per_device: users,
            ..Guards::default()
        },
    );
    prop_oneof![Just(Guards::default()), tight]
}

pub fn shuffled_arrivals() -> impl Strategy<Value = (Vec<Arrival>, Vec<Arrival>)> {
    (vec(arrivals(), 1..14), vec(any::<Index>(), 0..5)).prop_flat_map(|(arrivals, repeated)| {
        let repeats = repeated.iter().map(|index| index.get(&arrivals).clone());
        let all: Vec<_> = arrivals.iter().cloned().chain(repeats).collect();
        (Just(arrivals), Just(all).prop_shuffle())
    })
}

/// Nodes with the ids 0, 1, 2…; one in four decisions is a "together".
pub fn nodes(drawn: Vec<(Vec<Identifier>, Vec<u8>, u8)>) -> Vec<Node> {
    let id = |number: u8| FragmentId([number; 16]);
    let node = |(number, (identifiers, others, kind)): (usize, (_, Vec<u8>, u8))| {
        let number = number as u8;
        let others = others
            .into_iter()
            .filter(|other| *other != number)
            .map(id)
            .collect();
        let mut constraints = Constraints::default();
        if kind == 0 {
            constraints.together = others;
        } else {
            constraints.apart = others;
        }
        Node {
            id: id(number),
            identifiers,
            constraints,
        }
    };
    drawn.into_iter().enumerate().map(node).collect()
}
