//! As much as the goals say: batches, single calls, deliveries, lookups.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::time::sleep;

use super::calls;
use super::client::{Answers, Pace, send};
use super::latency::{Latencies, milliseconds};
use super::receiver::Receiver;
use super::site::{Site, configuration};
use crate::machine::process_cpu;
use crate::report::{Goal, Section, number, rate, seconds};

const METHOD: &str = "The host runs in a process of its own, release build, with 20 segments over \
the very events that arrive, identifiers of two kinds on every call, and 20,000 people who come \
back; the client runs on the same cores. An answer of 200 means that the calls are durable (after \
fdatasync). Requests leave at fixed instants, and a latency begins at its instant even when the \
request leaves later (no coordinated omission); with `as fast as answered` a few connections send \
without pause. *Until applied* ends when the last event is in its profile and all segments; a \
latency of `to a destination` ends when a webhook receiver on loopback has the whole request that \
the event caused by entering a segment: event, fdatasync, step, outbox, plugin in its sandbox, \
HTTP. Percentiles are exact.";

/// Events of a batch.
const SIZE: u64 = 100;

/// One row, and what goals need of it.
struct Row {
    name: &'static str,
    answers: Answers,
    /// Events that arrived.
    events: u64,
    host: Duration,
    step: Duration,
    client: Duration,
    /// From the start; `None` where nothing was waited for.
    applied: Option<Duration>,
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let answers = &self.answers;
        let latency = |share| milliseconds(answers.latencies.percentile(share));
        vec![
            self.name.to_owned(),
            number(answers.all() as f64),
            number((answers.all() - answers.with(200)) as f64),
            number(rate(self.events, answers.wall)),
            latency(0.5),
            latency(0.99),
            latency(0.999),
            milliseconds(answers.latencies.longest()),
            seconds(answers.wall),
            self.applied.map_or_else(String::new, seconds),
            seconds(self.host),
            seconds(self.step),
            seconds(self.client),
        ]
    }

    fn goal(&self, subject: &str, wanted: &'static str, limit: Duration) -> Goal {
        let p99 = self.answers.latencies.percentile(0.99);
        let failed = self.answers.all() - self.answers.with(200);
        Goal {
            subject: subject.to_owned(),
            wanted,
            measured: milliseconds(p99),
            is_met: p99 < limit && failed == 0,
        }
    }
}

/// What was spent until now.
struct Meter {
    host: (Duration, Duration),
    client: Duration,
}

impl Meter {
    fn read(site: &Site) -> Self {
        Self {
            host: site.cpu(),
            client: process_cpu(),
        }
    }

    fn row(self, site: &Site, name: &'static str, answers: Answers, events: u64) -> Row {
        let after = Self::read(site);
        Row {
            name,
            answers,
            events,
            host: after.host.0.saturating_sub(self.host.0),
            step: after.host.1.saturating_sub(self.host.1),
            client: after.client.saturating_sub(self.client),
            applied: None,
        }
    }
}

/// Measures what the goals name.
pub async fn measure(quick: bool) -> Result<Section> {
    let spell: u64 = if quick { 1 } else { 15 };
    let receiver = Receiver::start(true).await?;
    let mut site = Site::start(&configuration(&[("crm", receiver.address)]))?;
    let mut rows = Vec::new();
    let mut goals = Vec::new();

    let flood = calls::batches("flood", spell * 200, SIZE);
    let row = batches(
        &mut site,
        "batches of 100, as fast as answered",
        Pace::Unbounded,
        8,
        flood,
    );
    let row = row.await?;
    let applied = row.applied.unwrap_or_default();
    let sustained = rate(row.events, applied);
    goals.push(Goal {
        subject: "events/s in batches of 100, durable, identified, 20 segments evaluated"
            .to_owned(),
        wanted: "at least 20,000",
        measured: format!(
            "{} answered; {} applied",
            number(rate(row.events, row.answers.wall)),
            number(sustained)
        ),
        is_met: sustained >= 20_000.0,
    });
    rows.push(row);

    let steady = calls::batches("steady", spell * 200, SIZE);
    let pace = Pace::PerSecond(200);
    rows.push(
        batches(
            &mut site,
            "batches of 100, 20,000 events/s",
            pace,
            32,
            steady,
        )
        .await?,
    );

    let meter = Meter::read(&site);
    let singles = calls::singles("single", spell * 1_000);
    let answers = send(site.address, Pace::PerSecond(1_000), 64, singles).await?;
    let events = answers.all();
    let row = meter.row(&site, "single events, 1,000/s", answers, events);
    let limit = Duration::from_millis(20);
    goals.push(row.goal("single-event request at 1,000/s, p99", "under 20 ms", limit));
    rows.push(row);

    let row = deliveries(&site, &receiver, spell * 100).await?;
    let limit = Duration::from_millis(50);
    goals.push(row.goal(
        "event to request at a destination, p99",
        "under 50 ms",
        limit,
    ));
    rows.push(row);

    let (lookups, background) = lookups(&site, spell).await?;
    let limit = Duration::from_millis(5);
    goals.push(lookups.goal(
        "lookup at 2,000/s while 5,000 events/s arrive, p99",
        "under 5 ms",
        limit,
    ));
    rows.extend([lookups, background]);

    site.settle()?;
    site.stop()?;
    Ok(Section {
        title: "Live edge",
        method: METHOD.to_owned(),
        header: vec![
            "load",
            "requests",
            "not answered 200",
            "events/s",
            "p50",
            "p99",
            "p99.9",
            "longest",
            "wall",
            "until applied",
            "host CPU",
            "of it step",
            "client CPU",
        ],
        rows: rows.iter().map(Row::cells).collect(),
        // A second says nothing about minutes.
        goals: if quick { Vec::new() } else { goals },
    })
}

async fn batches(
    site: &mut Site,
    name: &'static str,
    pace: Pace,
    connections: usize,
    requests: Vec<super::client::Asked>,
) -> Result<Row> {
    let events = requests.len() as u64 * SIZE;
    let meter = Meter::read(site);
    let answers = send(site.address, pace, connections, requests).await?;
    site.settle()?;
    let applied = answers.start.map(|start| start.elapsed());
    let mut row = meter.row(site, name, answers, events);
    row.applied = applied;
    Ok(row)
}

/// People arrive one at a time, and each causes a delivery.
async fn deliveries(site: &Site, receiver: &Receiver, people: u64) -> Result<Row> {
    // The plugin is compiled, checked and asked for its actions with the first.
    send(
        site.address,
        Pace::Unbounded,
        1,
        calls::arrivals(people..people + 1),
    )
    .await?;
    wait_for(receiver, 1).await?;
    let meter = Meter::read(site);
    let requests = calls::arrivals(0..people);
    let mut answers = send(site.address, Pace::PerSecond(100), 16, requests).await?;
    let wanted = usize::try_from(people)? + 1;
    wait_for(receiver, wanted).await?;
    // One that came twice counts when it first came.
    let mut arrived = BTreeMap::new();
    for (person, at) in receiver.seen() {
        arrived.entry(person).or_insert(at);
    }
    let latency = |(person, due): (usize, &Instant)| {
        let at = arrived.get(&(person as u64))?;
        Some(at.saturating_duration_since(*due))
    };
    let latencies: Vec<_> = answers.due.iter().enumerate().filter_map(latency).collect();
    ensure!(
        latencies.len() as u64 == people,
        "some deliveries never came"
    );
    answers.latencies = Latencies::new(latencies);
    Ok(meter.row(
        site,
        "single events, 100/s, to a destination",
        answers,
        people,
    ))
}

/// Until so many deliveries have come.
async fn wait_for(receiver: &Receiver, wanted: usize) -> Result<()> {
    let start = Instant::now();
    while receiver.seen().len() < wanted {
        ensure!(
            start.elapsed() < Duration::from_secs(60),
            "deliveries do not come"
        );
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Lookups, and the events that arrive meanwhile.
async fn lookups(site: &Site, spell: u64) -> Result<(Row, Row)> {
    let background = calls::batches("background", spell * 50, SIZE);
    let asked = calls::lookups(spell * 2_000, spell * 200 * SIZE);
    let meter = Meter::read(site);
    let (answers, background) = tokio::try_join!(
        send(site.address, Pace::PerSecond(2_000), 64, asked),
        send(site.address, Pace::PerSecond(50), 16, background),
    )?;
    let events = background.all() * SIZE;
    let lookups = meter.row(site, "lookups, 2,000/s (both)", answers, 0);
    let background = Row {
        name: "batches of 100, 5,000 events/s, meanwhile",
        answers: background,
        events,
        host: Duration::ZERO,
        step: Duration::ZERO,
        client: Duration::ZERO,
        applied: None,
    };
    Ok((lookups, background))
}
