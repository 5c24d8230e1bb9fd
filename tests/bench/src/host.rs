//! A whole import through the real host: plugin, sandbox, ledger, step, store.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use crosspoint_runtime::admin::{Reply, Request};
use crosspoint_runtime::{Host, HostOptions};
use serde_json::{Map, Value, json};

use crate::data::SAMPLE;
use crate::machine::process_cpu;
use crate::project::{over_orders, project};
use crate::report::{Goal, Section, number, rate, seconds};

const METHOD: &str = "A new project with 20 segments that any order can change, read with \
`crosspoint sync` by the tabular plugin in its sandbox. The clock runs from opening the host to its \
end, when everything is durable. In the first run the plugin is compiled while it is opened; in the \
second its compiled form is there, the data is new.";

/// A purchase file as the tabular plugin is told of it.
pub struct Feed {
    pub name: &'static str,
    pub folder: PathBuf,
    pub settings: Map<String, Value>,
}

impl Feed {
    /// Writes the master file, or else the bundled sample, into `folder`.
    pub fn write(folder: &Path, master: Option<&Path>) -> Result<Self> {
        let folder = folder.join("feeds");
        std::fs::create_dir_all(&folder)?;
        let name = if master.is_some() {
            "CDNOW_master.txt"
        } else {
            "CDNOW_sample.txt"
        };
        let path = folder.join(name);
        match master {
            Some(master) => std::fs::write(path, std::fs::read(master)?)?,
            None => std::fs::write(path, SAMPLE)?,
        }
        let mut settings = json!({
            "path": name,
            "format": "whitespace",
            "currency": "USD",
            "date_formats": ["%Y%m%d"],
        });
        match master {
            Some(_) => {
                settings["header"] = json!(true);
                settings["records"] = records("customer_id", "number_of_cds", "dollar_value");
            }
            None => {
                let columns = ["customer", "sample_customer", "date", "cds", "dollars"];
                settings["header"] = json!(false);
                settings["columns"] = json!(columns);
                settings["records"] = records("customer", "cds", "dollars");
            }
        }
        let settings = settings.as_object().cloned().unwrap_or_default();
        Ok(Self {
            name,
            folder,
            settings,
        })
    }
}

fn records(customer: &str, pieces: &str, total: &str) -> Value {
    json!({
        "kind": "order",
        "identifiers": {"customer": customer},
        "fields": {"placed_at": "date", "total": total, "line.quantity": pieces},
    })
}

/// What one import took.
struct Import {
    records: u64,
    rejects: u64,
    open: Duration,
    sync: Duration,
    close: Duration,
    cpu: Duration,
}

impl Import {
    fn whole(&self) -> Duration {
        self.open + self.sync + self.close
    }
}

/// Measures a first import, and one with the plugin compiled before.
pub fn measure(master: Option<&Path>) -> Result<Section> {
    let folder = tempfile::tempdir()?;
    let feed = Feed::write(folder.path(), master)?;
    write_project(folder.path(), &feed)?;
    let first = import(folder.path(), folder.path().join("first"))?;
    let second_data = folder.path().join("second");
    std::fs::create_dir_all(&second_data)?;
    std::fs::rename(
        folder.path().join("first/plugin-cache"),
        second_data.join("plugin-cache"),
    )?;
    let second = import(folder.path(), second_data)?;
    let row = |name: &str, import: &Import| {
        vec![
            name.to_owned(),
            number(import.records as f64),
            number(import.rejects as f64),
            seconds(import.open),
            seconds(import.sync),
            seconds(import.close),
            seconds(import.whole()),
            number(rate(import.records, import.whole())),
            seconds(import.cpu),
        ]
    };
    let name = feed.name;
    let rows = vec![
        row(&format!("{name}, first"), &first),
        row(&format!("{name}, plugin compiled before"), &second),
    ];
    let goal = Goal {
        subject: "CDNOW master start to finish with 20 segments, plugin compiled on the way".into(),
        wanted: "under 5 s",
        measured: seconds(first.whole()),
        is_met: first.whole() < Duration::from_secs(5),
    };
    Ok(Section {
        title: "Whole import",
        method: METHOD.to_owned(),
        header: vec![
            "file",
            "records",
            "rejects",
            "open",
            "sync",
            "close",
            "whole",
            "records/s",
            "CPU",
        ],
        rows,
        // The sample says nothing about the master.
        goals: master.map(|_| goal).into_iter().collect(),
    })
}

fn write_project(folder: &Path, feed: &Feed) -> Result<()> {
    let settings = Value::Object(feed.settings.clone());
    let text = format!(
        "[connectors.purchases]\nplugin = \"tabular\"\ngrant = {{ files = \"./feeds\" }}\n\
         settings = {}\n\n",
        inline(&settings)
    );
    std::fs::write(
        folder.join("crosspoint.toml"),
        project("", &(text + &over_orders(20))),
    )?;
    Ok(())
}

/// JSON without nulls as an inline TOML value.
fn inline(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| format!("{name:?} = {}", inline(value)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

fn import(project: &Path, data: PathBuf) -> Result<Import> {
    let (cpu, start) = (process_cpu(), Instant::now());
    let options = HostOptions {
        project: project.to_owned(),
        data: Some(data),
        edges: false,
    };
    let host = Host::open(options, &|_| {})?;
    let open = start.elapsed();
    let connector = "purchases".to_owned();
    let request = Request::Sync {
        connector,
        stream: None,
        deliver: false,
    };
    let Reply::Synced(synced) = host.ask(request, &|_| {})? else {
        bail!("another reply");
    };
    let sync = start.elapsed() - open;
    host.close()?;
    let close = start.elapsed() - open - sync;
    ensure!(synced.records > 0, "nothing was read: {:?}", synced.notices);
    let (records, rejects) = (synced.records, synced.quarantined);
    Ok(Import {
        records,
        rejects,
        open,
        sync,
        close,
        cpu: process_cpu() - cpu,
    })
}
