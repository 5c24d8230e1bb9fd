//! Ledger to durable state, with more and more segments.

use anyhow::Result;
use crosspoint_model::record::Record;

use crate::data;
use crate::project::{over_events, over_orders, project};
use crate::report::{Goal, Section, median, number, rate, seconds};
use crate::rig::{Rig, Run};

const METHOD: &str = "Orders of the bundled CDNOW sample, copied with other customers, in pages of \
1,000. One thread appends to the ledger; one reads it, steps, and checkpoints to the store as the \
host does. The clock ends when ledger and store are durable. *Step* is the thread that steps, \
*process* all threads together, the one that appends included. With `all change` any order can \
change every segment (counts, sums, windows, distinct days); with `10 change` the others depend on \
events that never arrive.";

/// One row.
struct Case {
    name: &'static str,
    copies: u64,
    config: String,
    by_date: bool,
}

/// Measures throughput.
pub fn measure(quick: bool) -> Result<Section> {
    let copies = if quick { 1 } else { 10 };
    let case = |name, segments, copies| Case {
        name,
        copies,
        config: project("", &over_orders(segments)),
        by_date: false,
    };
    let cases = [
        case("0", 0, copies),
        case("20, all change", 20, copies),
        Case {
            by_date: true,
            ..case("20, all change; orders by date", 20, copies)
        },
        case("100, all change", 100, copies),
        // Fewer records: the rate is the same and the run takes minutes otherwise.
        case("1,000, all change", 1_000, copies.div_ceil(5)),
    ];
    let mut rows = Vec::new();
    let mut with_20 = None;
    for (index, case) in cases.iter().enumerate() {
        let run = run(case)?;
        rows.push(row(case.name, &run));
        if index == 1 {
            with_20 = Some(run);
        }
    }
    let mut goals: Vec<_> = with_20.iter().map(throughput_goal).collect();
    goals.push(selectivity(copies, if quick { 1 } else { 3 }, &mut rows)?);
    Ok(Section {
        title: "Step",
        method: METHOD.to_owned(),
        header: vec![
            "segments",
            "records",
            "wall",
            "records/s",
            "step CPU",
            "records/s per step core",
            "process CPU",
            "records/s per core, all threads",
            "checkpoints",
        ],
        rows,
        goals,
    })
}

/// 10 segments alone and among 990 others, in turns.
fn selectivity(copies: u64, rounds: u32, rows: &mut Vec<Vec<String>>) -> Result<Goal> {
    let case = |name, others| Case {
        name,
        copies,
        config: project("", &(over_orders(10) + &over_events(others))),
        by_date: false,
    };
    let cases = [case("10, all change", 0), case("1,000, 10 change", 990)];
    let mut runs = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (case, runs) in cases.iter().zip(&mut runs) {
            runs.push(run(case)?);
        }
    }
    for (case, runs) in cases.iter().zip(&mut runs) {
        runs.sort_by_key(|run| run.step_cpu);
        rows.push(row(case.name, &runs[runs.len() / 2]));
    }
    let [alone, among] = runs;
    let cost = |run: &Run| run.step_cpu.as_secs_f64();
    let ratio = median(among.iter().map(cost).collect()) / median(alone.iter().map(cost).collect());
    Ok(Goal {
        subject: "step CPU: 1,000 segments of which 10 can change, against those 10".to_owned(),
        wanted: "at most 1.3 times",
        measured: format!("{ratio:.2} times"),
        is_met: ratio <= 1.3,
    })
}

fn throughput_goal(run: &Run) -> Goal {
    let step = rate(run.records, run.step_cpu);
    let (wall, process) = (
        rate(run.records, run.wall),
        rate(run.records, run.process_cpu),
    );
    Goal {
        subject: "durable steps with 20 segments".to_owned(),
        wanted: "at least 25,000 records/s per core",
        measured: format!(
            "{} per core of the step thread; {} by the clock; {} per core, all threads counted",
            number(step),
            number(wall),
            number(process)
        ),
        is_met: step >= 25_000.0,
    }
}

fn run(case: &Case) -> Result<Run> {
    let folder = tempfile::tempdir()?;
    let mut rig = Rig::new(folder.path(), case.config.clone())?;
    let mut orders = data::orders(case.copies)?;
    if case.by_date {
        orders.sort_by_key(|order: &Record| order.updated_at);
    }
    let pages = data::pages(&orders);
    drop(orders);
    rig.run(pages.into_iter())
}

fn row(name: &str, run: &Run) -> Vec<String> {
    vec![
        name.to_owned(),
        number(run.records as f64),
        seconds(run.wall),
        number(rate(run.records, run.wall)),
        seconds(run.step_cpu),
        number(rate(run.records, run.step_cpu)),
        seconds(run.process_cpu),
        number(rate(run.records, run.process_cpu)),
        run.checkpoints.to_string(),
    ]
}
