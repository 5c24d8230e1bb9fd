//! Customers of a shop who have drifted off are won back. The shop (Shopify) knows their purchases, a
//! CRM (Salesforce) half of them under other addresses, lead ads (Meta) send sign-ups by webhook. Who
//! bought three times, not within 60 days, and opted in goes to a newsletter (Mailchimp), to an
//! audience for ads, and gets one letter by mail. What the destinations hold is compared with an
//! oracle that sees the sources' own truth alone, at first and after every round of changes.
//!
//! The size and the number of changes come out of the environment:
//!
//! ```sh
//! CROSSPOINT_CASE_CUSTOMERS=10000 CROSSPOINT_CASE_CHANGES=500 CROSSPOINT_CASE_SEED=7 \
//!     cargo test --release --workspace --test win_back -- --nocapture
//! ```

#![allow(clippy::unwrap_used)]

mod destinations;
mod figures;
mod oracle;
mod project;
mod vendors;

use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crosspoint_harness::{Dice, number};
use destinations::Expected;
use figures::{Begin, Figures};
use oracle::{Oracle, Person};
use project::Host;
use vendors::{Vendors, truth};

/// Random changes between two looks, at least.
const ROUND: u64 = 10;
/// Looks, at most: at each the shop makes its caller wait until its bucket is full again.
const LOOKS: u64 = 10;
/// Longest wait for what is on its way, such as a stream that a webhook has read.
const PATIENCE: Duration = Duration::from_secs(60);

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

fn look(oracle: &mut Oracle, vendors: &Vendors) -> Vec<Person> {
    let page = project::page(vendors);
    oracle.look(
        &truth(&vendors.shop),
        &truth(&vendors.crm),
        &truth(&vendors.leads),
        &page,
    );
    oracle.people()
}

/// Waits until the destinations hold what they ought to.
fn expect_equal(
    expected: &mut Expected,
    people: &[Person],
    vendors: &Vendors,
    host: &mut Host,
    what: &str,
) {
    let begun = Instant::now();
    loop {
        let status = host.settle();
        let stopped: i64 = status.connectors.iter().map(|it| it.stopped).sum();
        assert_eq!(stopped, 0, "{what}\n{}", host.stopped());
        expected.turn(people, now_ms());
        let differences = expected.differences(people, vendors);
        if differences.is_empty() {
            return;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "{what}:\n{differences}\n{}",
            host.process.log()
        );
        sleep(Duration::from_millis(200));
    }
}

/// Some of those whom a decision would bring in or send away, so that the campaign moves.
fn decide(dice: &mut Dice, people: &[Person], vendors: &Vendors, now_ms: i64) -> String {
    let drifted: Vec<&Person> = people
        .iter()
        .filter(|it| it.has_drifted_off(now_ms))
        .collect();
    if drifted.is_empty() {
        return String::new();
    }
    let person = dice.of(&drifted);
    let customer = person.customers().next().unwrap();
    if person.has_opted_in() && dice.once_in(2) {
        // Who left under another address than they came with has left all the same.
        let moved = vendors.move_on(customer);
        return format!("{moved}, {}", vendors.decide(customer, false));
    }
    if person.has_opted_in() || dice.once_in(2) {
        return vendors.decide(customer, !person.has_opted_in());
    }
    let (_, number) = customer.split_at(customer.len() - 6);
    vendors.fill_in(number.parse::<u64>().unwrap() - 1)
}

/// Every source says something of somebody whom the shop knows: the joins matter.
fn expect_every_source_counts(people: &[Person]) {
    for source in ["crm:", "lead:"] {
        let is_joined = |it: &&Person| {
            let mut others = it.names.iter().filter(|name| name.starts_with(source));
            it.customers().next().is_some() && others.next().is_some()
        };
        let joined = people.iter().filter(is_joined);
        let addresses = joined.map(|it| it.emails.len()).max();
        assert!(addresses > Some(1), "{source} adds nothing: {addresses:?}");
    }
}

#[test]
fn destinations_hold_what_the_sources_ask_for() {
    let seed = number("CROSSPOINT_CASE_SEED", 7);
    let customers = number("CROSSPOINT_CASE_CUSTOMERS", 1_000);
    let changes = number("CROSSPOINT_CASE_CHANGES", 100);
    let vendors = Vendors::start(seed, usize::try_from(customers).unwrap(), now_ms());
    let folder = tempfile::tempdir().unwrap();
    project::write(folder.path(), &vendors);
    let (mut oracle, mut expected) = (Oracle::default(), Expected::default());
    let mut figures = Figures::default();

    // The sources' histories first.
    let mut host = Host::start(folder.path());
    let begin = Begin::now(&host);
    host.poll();
    host.settle();
    figures.note("sources read", &begin, &host);
    host.stop();

    // Then the campaign, and whom it means from the first.
    project::add_campaign(folder.path());
    let begin = Begin::start();
    let mut host = Host::start(folder.path());
    host.settle();
    figures.note("campaign delivered", &begin, &host);
    let people = look(&mut oracle, &vendors);
    expect_equal(&mut expected, &people, &vendors, &mut host, "at first");
    let at_first = expected.entered;
    println!("{} people, of whom {at_first} are meant", people.len());

    vendors.subscribe(host.process.doors().http);
    let mut dice = Dice::new(seed);
    let begin = Begin::now(&host);
    let size = changes.div_ceil(LOOKS).max(ROUND);
    for round in 0..changes.div_ceil(size) {
        let people = oracle.people();
        let mut what: Vec<String> = (0..size.min(changes - round * size))
            .map(|_| vendors.change(&mut dice))
            .collect();
        for _ in 0..2 {
            what.push(decide(&mut dice, &people, &vendors, now_ms()));
        }
        vendors.call_host();
        host.poll();
        let people = look(&mut oracle, &vendors);
        let what = format!("round {round}: {what:#?}");
        expect_equal(&mut expected, &people, &vendors, &mut host, &what);
    }
    figures.note("changes followed", &begin, &host);
    let (entered, left) = (expected.entered - at_first, expected.left);
    println!("{entered} entered, {left} left");
    if changes >= 100 {
        assert!(
            entered > 0 && left > 0,
            "nobody moved: {entered} entered, {left} left"
        );
        expect_every_source_counts(&oracle.people());
    }
    figures.tell(&vendors);
    host.stop();
}
