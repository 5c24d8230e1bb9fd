//! Poll, webhook and file are three triggers of one stream: whatever each of them missed, repeated
//! or brought late, a full poll leaves the state that polling alone would.
//!
//! The customer of an order stays the same here: which identifiers a person was ever seen with does
//! depend on which versions came.

use std::collections::BTreeSet;

use crosspoint_ingest::{Budget, Page, Source, SourceFault, checked_page};
use crosspoint_model::entry::{Configured, Entry, What};
use crosspoint_model::record::{Body, Order, OrderStatus, Record, RecordKind, Tombstone};
use crosspoint_model::state::State;
use crosspoint_model::{ConnectorId, Identifier, Instant, Money};
use crosspoint_step::Stepper;
use crosspoint_store::{MemoryEngine, Settings, WorkingSet};
use proptest::prelude::*;

const PROJECT: &str = r#"
[project]
name = "test"

[connectors.shop]
plugin = "tabular"

[segments.buyers]
when = "orders.count() >= 2"

[segments.big]
when = "orders.sum('total') > 60"
"#;

/// Most orders of the vendor.
const ORDERS: usize = 6;
/// What follows any change of the vendor's.
const NOW: Instant = Instant(1_000_000);

/// A vendor's orders, by the change that made them what they are.
#[derive(Clone, Default)]
struct Vendor {
    /// Newest version of each order.
    orders: Vec<Option<Record>>,
    changes: i64,
    /// What it called, or should have called, us with.
    calls: Vec<Record>,
}

impl Vendor {
    fn change(&mut self, order: usize, amount: u32, deletes: bool) {
        self.orders.resize(ORDERS, None);
        self.changes += 1;
        let at = Instant(self.changes);
        // Nothing is deleted that was not there.
        let deletes = deletes && self.orders[order].is_some();
        let body = match deletes {
            true => Body::Tombstone(Tombstone {
                kind: RecordKind::Order,
                deleted_at: at,
                erasure: false,
            }),
            false => Body::Order(Box::new(placed(amount))),
        };
        let customer = Identifier::vendor("shop", &format!("customer-{}", order % 3)).unwrap();
        let record = Record {
            id: format!("order-{order}").into(),
            updated_at: at,
            identifiers: vec![customer],
            attributes: Vec::new(),
            body,
        };
        self.calls.push(record.clone());
        self.orders[order] = Some(record);
    }

    fn snapshot(&self) -> Vec<Record> {
        self.orders.iter().flatten().cloned().collect()
    }
}

fn placed(amount: u32) -> Order {
    Order {
        number: None,
        status: OrderStatus::Paid,
        placed_at: Instant(1),
        total: Money {
            amount: amount.to_string().parse().unwrap(),
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
    }
}

impl Source for Vendor {
    /// Two orders at a time, in the order of their last changes; the cursor is the last change.
    async fn read(&self, _: &str, cursor: Option<&[u8]>, _: Budget) -> Result<Page, SourceFault> {
        let after = cursor.map_or(0, |cursor| {
            std::str::from_utf8(cursor).unwrap().parse().unwrap()
        });
        let mut changed = self.snapshot();
        changed.retain(|record| record.updated_at.0 > after);
        changed.sort_by_key(|record| record.updated_at);
        let more = changed.len() > 2;
        changed.truncate(2);
        let reached = changed.last().map_or(after, |record| record.updated_at.0);
        Ok(Page {
            records: changed,
            next_cursor: reached.to_string().into_bytes(),
            more,
            ..Page::default()
        })
    }
}

/// One thing that happens.
#[derive(Clone, Debug)]
enum Act {
    Change(usize, u32, bool),
    /// Any of the calls so far arrives, be it for the first time or again.
    Call(usize),
    /// One page of a poll.
    Poll,
    /// The poll starts over.
    Forget,
    /// All orders as they are, in a file.
    Import,
}

fn an_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..ORDERS, 1u32..100, prop::bool::weighted(0.25))
            .prop_map(|(order, amount, deletes)| Act::Change(order, amount, deletes)),
        4 => any::<usize>().prop_map(Act::Call),
        2 => Just(Act::Poll),
        1 => Just(Act::Forget),
        1 => Just(Act::Import),
    ]
}

/// What the host makes of it.
struct World {
    state: WorkingSet<MemoryEngine>,
    stepper: Stepper,
    seq: u64,
    cursor: Option<Vec<u8>>,
}

impl World {
    fn new() -> Self {
        let settings = Settings {
            memory_bytes: 1 << 20,
        };
        let mut world = Self {
            state: WorkingSet::open(MemoryEngine::new().into(), settings).unwrap(),
            stepper: Stepper::default(),
            seq: 0,
            cursor: None,
        };
        let files = vec![("crosspoint.toml".to_owned(), PROJECT.to_owned())];
        world.step(What::Configured(Configured { files }));
        world
    }

    fn step(&mut self, what: What) {
        self.seq += 1;
        let entry = Entry { at: NOW, what };
        self.stepper
            .step(&mut self.state, self.seq, &entry)
            .unwrap();
    }

    /// What every trigger ends in.
    fn append(&mut self, keeps_cursor: bool, page: Page) {
        let shop = ConnectorId::from("shop");
        self.step(What::Records(checked_page(
            &shop,
            "orders",
            keeps_cursor,
            page,
        )));
    }

    fn brought(&mut self, records: Vec<Record>) {
        let page = Page {
            records,
            ..Page::default()
        };
        self.append(false, page);
    }

    /// One page; whether more is waiting.
    fn poll(&mut self, vendor: &Vendor) -> bool {
        let read = vendor.read("orders", self.cursor.as_deref(), Budget::default());
        let page = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(read)
            .unwrap();
        let more = page.more;
        self.cursor = Some(page.next_cursor.clone());
        self.append(true, page);
        more
    }

    fn poll_all(&mut self, vendor: &Vendor) {
        self.cursor = None;
        while self.poll(vendor) {}
    }

    /// Everybody of whom something is known, without what depends on the order in which names were
    /// met. Of a person whose orders are all gone, polling alone may never have heard.
    fn people(&mut self) -> BTreeSet<String> {
        let mut people = BTreeSet::new();
        for id in self.state.profiles_after(None, 100).unwrap() {
            let profile = self.state.take_profile(id).unwrap().unwrap();
            let name = |symbol| self.state.name(symbol);
            let facts = profile.facts().filter(|fact| name(fact.name) != "deleted");
            let facts: BTreeSet<_> = facts
                .map(|fact| {
                    let total = fact.total.map(|(amount, _)| amount);
                    let what = (name(fact.stream), name(fact.name), fact.at, fact.version);
                    format!("{} {what:?} {} {total:?}", fact.id, fact.counts)
                })
                .collect();
            let segments: Vec<_> = profile
                .memberships
                .iter()
                .map(|it| name(it.segment))
                .collect();
            if !facts.is_empty() {
                people.insert(format!("{:?} {segments:?} {facts:?}", profile.id));
            }
            self.state.put_profile(profile).unwrap();
        }
        people
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn poll_webhook_and_file_are_one_stream(acts in prop::collection::vec(an_act(), 1..40)) {
        let mut vendor = Vendor::default();
        let mut world = World::new();
        for act in acts {
            match act {
                Act::Change(order, amount, deletes) => vendor.change(order, amount, deletes),
                Act::Call(_) if vendor.calls.is_empty() => {}
                Act::Call(any) => {
                    let call = vendor.calls[any % vendor.calls.len()].clone();
                    world.brought(vec![call]);
                }
                Act::Poll => {
                    world.poll(&vendor);
                }
                Act::Forget => world.cursor = None,
                Act::Import => world.brought(vendor.snapshot()),
            }
        }
        world.poll_all(&vendor);
        let mut polled = World::new();
        polled.poll_all(&vendor);
        prop_assert_eq!(world.people(), polled.people());
    }
}
