//! A plugin in its sandbox against the same code run natively.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use crosspoint_model::ConnectorId;
use crosspoint_sandbox::{
    Budget, CallInput, Connector, ConnectorSetup, Engine, EngineOptions, FilesGrant, Grants,
    Limits, MachineClock, Plugin,
};
use crosspoint_sdk::Source as _;
use crosspoint_sdk::testing::TestContext;
use plugin_tabular::{Settings, Tabular};
use serde_json::Value;

use crate::host::Feed;
use crate::machine::process_cpu;
use crate::native;
use crate::report::{Goal, Section, median, number, rate};

const METHOD: &str = "The tabular plugin reads a purchase file in pages of 1,000, each in a fresh \
instance, from the folder it was granted; against the same plugin compiled for this machine, which \
reads the file from memory and parses its settings for each page as well. What comes out of the \
sandbox are the host's records, checked and normalized; so the native plugin's records are turned \
into the host's too, by the same rules, and the goal compares these two. The plugin alone, whose \
texts nobody has looked at, stands below. In turns, several rounds; times are medians. *Processor* \
is what all threads of the process spent.";

/// As ingest reads by default.
const PAGE: Budget = Budget {
    records: 1_000,
    bytes: 4 << 20,
};

/// Measures reading, starting and loading.
pub fn measure(master: Option<&Path>, quick: bool) -> Result<Section> {
    let (rounds, calls) = if quick { (1, 100) } else { (7, 3_000) };
    let folder = tempfile::tempdir()?;
    let feed = Feed::write(folder.path(), master)?;
    let wasm = crosspoint_plugins::find("tabular")
        .context("no plugin `tabular`")?
        .wasm;
    let load = |cache_dir| -> Result<(Arc<Plugin>, Duration)> {
        let engine = Engine::new(EngineOptions { cache_dir })?;
        let start = Instant::now();
        let plugin = engine.load(wasm)?;
        Ok((plugin, start.elapsed()))
    };
    let cache = folder.path().join("plugin-cache");
    let (_, compiled) = load(Some(cache.clone()))?;
    let (plugin, cached) = load(Some(cache))?;
    let connector = connector(plugin, &feed)?;
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;

    let (mut sandboxed, mut native, mut alone) = <(Times, Times, Times)>::default();
    let mut records = 0;
    for _ in 0..rounds {
        records = sandboxed.add(|| tokio.block_on(read_sandboxed(&connector)))?;
        for (times, converted) in [(&mut native, true), (&mut alone, false)] {
            let test = test_context(&feed)?;
            let count = times.add(|| read_native(&test, &feed, converted))?;
            ensure!(
                count == records,
                "{count} records natively, {records} in the sandbox"
            );
        }
    }
    let ratio = sandboxed.wall() / native.wall();
    let ratio_alone = sandboxed.wall() / alone.wall();
    let starts = tokio.block_on(starts(&connector, calls))?;

    let line = |name: &str, times: &Times| {
        let speed = rate(records, Duration::from_secs_f64(times.wall()));
        let each = |time: f64| format!("{:.2} µs", time * 1e6 / records as f64);
        vec![
            name.to_owned(),
            format!("{:.1} ms", times.wall() * 1e3),
            number(speed),
            each(times.wall()),
            each(times.cpu()),
        ]
    };
    let lone = |name: &str, time: String| {
        let mut row = vec![String::new(); 5];
        (row[0], row[1]) = (name.to_owned(), time);
        row
    };
    let count = number(records as f64);
    let rows = vec![
        line(
            &format!("{count} records through the sandbox, to the host's records"),
            &sandboxed,
        ),
        line(
            &format!("{count} records natively, to the host's records"),
            &native,
        ),
        line(
            &format!("{count} records natively, the plugin alone"),
            &alone,
        ),
        lone(
            "one call of `streams`: fresh instance, settings, answer",
            micros(starts),
        ),
        lone("loading the plugin: compiling", millis(compiled)),
        lone("loading the plugin: compiled before", millis(cached)),
    ];
    let goal = Goal {
        subject: "records through the sandbox against the same mapping natively".to_owned(),
        wanted: "at most 2 times",
        measured: format!("{ratio:.2} times; {ratio_alone:.2} times the plugin alone"),
        is_met: ratio <= 2.0,
    };
    Ok(Section {
        title: "Sandbox",
        method: METHOD.to_owned(),
        header: vec![
            "what",
            "time",
            "records/s",
            "a record",
            "processor, a record",
        ],
        rows,
        goals: vec![goal],
    })
}

fn micros(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn connector(plugin: Arc<Plugin>, feed: &Feed) -> Result<Connector> {
    Ok(Connector::new(ConnectorSetup {
        id: ConnectorId::from("purchases"),
        plugin,
        settings: feed.settings.clone(),
        secrets: BTreeMap::new(),
        grants: Grants {
            files: Some(FilesGrant::Folder(feed.folder.clone())),
            ..Grants::default()
        },
        limits: Limits::default(),
        rate: None,
        tokens: None,
        clock: Arc::new(MachineClock),
    })?)
}

async fn read_sandboxed(connector: &Connector) -> Result<u64> {
    let (mut cursor, mut records) = (None::<Vec<u8>>, 0);
    loop {
        let input = CallInput::default();
        let page = connector
            .read("orders", cursor.as_deref(), PAGE, input)
            .await?
            .value;
        records += page.records.len() as u64;
        if !page.more {
            return Ok(records);
        }
        cursor = Some(page.next_cursor);
    }
}

fn test_context(feed: &Feed) -> Result<TestContext> {
    let test = TestContext::default();
    test.files
        .put(feed.name, std::fs::read(feed.folder.join(feed.name))?);
    Ok(test)
}

fn read_native(test: &TestContext, feed: &Feed, converted: bool) -> Result<u64> {
    let settings = Value::Object(feed.settings.clone()).to_string();
    let fault = |error: crosspoint_sdk::Error| anyhow!("{error}");
    let budget = crosspoint_sdk::Budget {
        records: PAGE.records,
        bytes: PAGE.bytes,
    };
    let (mut cursor, mut records) = (None::<Vec<u8>>, 0);
    loop {
        let settings: Settings = crosspoint_sdk::settings::parse(&settings).map_err(fault)?;
        let page = Tabular::read(
            &test.context(),
            &settings,
            "orders",
            cursor.as_deref(),
            budget,
        );
        let page = page.map_err(fault)?;
        if converted {
            let host = page.records.iter();
            let host = host.map(|record| native::host_record("purchases", record));
            let host: Vec<_> = host.collect::<Result<_>>()?;
            records += black_box(host).len() as u64;
        } else {
            records += page.records.len() as u64;
        }
        if !page.more {
            return Ok(records);
        }
        cursor = Some(page.next_cursor);
    }
}

/// What rounds took, in seconds.
#[derive(Default)]
struct Times {
    wall: Vec<f64>,
    cpu: Vec<f64>,
}

impl Times {
    fn add<T>(&mut self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let (start, cpu) = (Instant::now(), process_cpu());
        let done = work()?;
        self.wall.push(start.elapsed().as_secs_f64());
        self.cpu.push((process_cpu() - cpu).as_secs_f64());
        Ok(done)
    }

    fn wall(&self) -> f64 {
        median(self.wall.clone())
    }

    fn cpu(&self) -> f64 {
        median(self.cpu.clone())
    }
}

/// Mean time of a call that does next to nothing.
async fn starts(connector: &Connector, calls: u32) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..calls {
        connector.streams(CallInput::default()).await?;
    }
    Ok(start.elapsed() / calls)
}
