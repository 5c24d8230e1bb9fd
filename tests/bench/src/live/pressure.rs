//! More than the host can take, and a destination that hangs: memory stays where it is.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::calls;
use super::client::{Pace, send};
use super::receiver::Receiver;
use super::site::{Site, configuration};
use crate::report::{Goal, Section, number};

const METHOD: &str = "*Too many at once*: 400 connections send batches of 1,400 events (some 450 kB) \
without pause; the batches repeat, so that it is requests under way that could take memory, not \
profiles. A request is taken or refused with 429 and Retry-After, never dropped. *A destination that \
hangs*: people sign up, each causing a delivery to a receiver that answers and to one that accepts \
connections and never answers; what waits is on disk. Memory is VmRSS of the host, the most of it \
VmHWM; *before* is after the same kind of load within the limits.";

/// Events of a batch that is close to the limit of a request.
const LARGE: u64 = 1_400;

/// Memory that may come and go with requests under way and buffers, whatever their number: unpacked
/// bodies, the records they become, the ledger's groups.
const ALLOWED_BYTES: u64 = 256 << 20;

/// Measures both.
pub async fn measure(quick: bool) -> Result<Section> {
    let (flooded, first) = flood(quick).await?;
    let (hung, second) = hang(quick).await?;
    Ok(Section {
        title: "Back-pressure",
        method: METHOD.to_owned(),
        header: vec![
            "what",
            "requests answered 200",
            "refused (429)",
            "other",
            "memory before",
            "the most",
            "after",
            "deliveries waiting",
        ],
        rows: vec![flooded, hung],
        goals: if quick {
            Vec::new()
        } else {
            vec![first, second]
        },
    })
}

async fn flood(quick: bool) -> Result<(Vec<String>, Goal)> {
    let (distinct, rounds) = if quick { (8, 8) } else { (100, 40) };
    let mut site = Site::start(&configuration(&[]))?;
    let batches = calls::batches("large", distinct, LARGE);
    send(site.address, Pace::Unbounded, 4, batches.clone()).await?;
    site.settle()?;
    let before = site.memory_bytes();
    let many = (0..rounds).flat_map(|_| batches.clone()).collect();
    let answers = send(
        site.address,
        Pace::Unbounded,
        if quick { 16 } else { 400 },
        many,
    )
    .await?;
    site.settle()?;
    let (most, after) = (site.peak_bytes(), site.memory_bytes());
    site.stop()?;
    let others = answers.all() - answers.with(200) - answers.with(429);
    let goal = Goal {
        subject: "memory with more requests than fit".to_owned(),
        wanted: "at most 256 MiB more; 200 or 429 for all",
        measured: format!(
            "{} more; {} refused, {others} others",
            mebibytes(most.saturating_sub(before)),
            number(answers.with(429) as f64)
        ),
        is_met: most.saturating_sub(before) <= ALLOWED_BYTES && others == 0,
    };
    let row = row(
        "too many at once",
        &answers.statuses,
        [before, most, after],
        None,
    );
    Ok((row, goal))
}

async fn hang(quick: bool) -> Result<(Vec<String>, Goal)> {
    let people: u64 = if quick { 200 } else { 50_000 };
    let (answering, hanging) = (Receiver::start(true).await?, Receiver::start(false).await?);
    let destinations = [("crm", answering.address), ("stuck", hanging.address)];
    let mut site = Site::start(&configuration(&destinations))?;
    let warm = calls::arrivals_together(0..people / 4, 100);
    send(site.address, Pace::Unbounded, 4, warm).await?;
    site.settle()?;
    let before = site.memory_bytes();
    let rest = calls::arrivals_together(people / 4..people, 100);
    let answers = send(site.address, Pace::Unbounded, 4, rest).await?;
    let mut settled = site.settle()?;
    let waiting = |of: &[(String, i64)], name: &str| {
        let found = of.iter().find(|it| it.0 == name);
        found.map_or(0, |it| it.1)
    };
    // The rate allows a thousand requests a second.
    let mut patience = 60 + people / 500;
    while waiting(&settled.waiting, "crm") > 0 && patience > 0 {
        sleep(Duration::from_secs(1)).await;
        settled = site.settle()?;
        patience -= 1;
    }
    let (most, after) = (site.peak_bytes(), site.memory_bytes());
    let (left, stuck) = (
        waiting(&settled.waiting, "crm"),
        waiting(&settled.waiting, "stuck"),
    );
    drop(site);
    let goal = Goal {
        subject: "memory with a destination that hangs, its neighbour served".to_owned(),
        wanted: "at most 256 MiB more; none waits at the neighbour",
        measured: format!(
            "{} more; {left} wait at the neighbour, {} at the one that hangs",
            mebibytes(most.saturating_sub(before)),
            number(stuck as f64)
        ),
        is_met: most.saturating_sub(before) <= ALLOWED_BYTES && left == 0,
    };
    let name = "a destination that hangs";
    let row = row(name, &answers.statuses, [before, most, after], Some(stuck));
    Ok((row, goal))
}

fn row(
    name: &str,
    statuses: &BTreeMap<u16, u64>,
    memory: [u64; 3],
    waiting: Option<i64>,
) -> Vec<String> {
    let of = |status| statuses.get(&status).copied().unwrap_or(0);
    let others = statuses.values().sum::<u64>() - of(200) - of(429);
    let mut row = vec![name.to_owned()];
    row.extend([of(200), of(429), others].map(|count| number(count as f64)));
    row.extend(memory.map(mebibytes));
    row.push(waiting.map_or_else(String::new, |count| number(count as f64)));
    row
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", number(bytes as f64 / f64::from(1 << 20)))
}
