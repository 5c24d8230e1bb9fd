//! A connector at the simulator, called as a host calls it: notes are kept when a call went well,
//! patience is had when the vendor asks for it, queued deliveries are asked for.

mod deliver;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use crosspoint_model::ConnectorId;
use crosspoint_model::record::Record;
use crosspoint_sandbox::{
    Budget, CallInput, CallOutput, Clock, Connector, ConnectorSetup, Error as CallError, Grants,
    GuestError, HostGrant, Limits, MachineClock, Manifest, Notes, Page, Plugin, RateLimit, Secret,
};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::clock::SimClock;
use crate::error::{Checked, Error, Fault, fail};
use crate::fold::Fold;
use crate::simulator::Simulator;
use crate::subject::{Subject, at, fill, fill_value, text};

/// Rounds that a call is repeated in when the vendor asks for patience.
const PATIENCE: u32 = 50;
/// Reads without a new or newer record after which a stream is at its end.
const IDLE_ROUNDS: u32 = 2;
/// Reads after which a stream that never ends is given up.
const MOST_READS: u32 = 5_000;

/// Where simulators usually are, and the other name of it: for what a vendor serves from a host that
/// is not to get its credentials.
const LOOPBACK: &str = "127.0.0.1";
const ELSEWHERE: &str = "localhost";

/// Calls of `deliver` that run at once.
pub(crate) const AT_ONCE: usize = 3;

/// What every check is lent.
pub(crate) struct Rig<'a> {
    pub plugin: Arc<Plugin>,
    pub subject: &'a Subject,
    pub sim: Simulator,
    tokens: TempDir,
    clock: Mutex<Option<Arc<SimClock>>>,
    figures: Mutex<BTreeMap<String, f64>>,
}

/// What of a connector's configuration a check replaces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Instead {
    pub secrets: BTreeMap<String, String>,
    pub settings: Map<String, Value>,
    /// The secrets that expire instead of the others.
    pub expiring: bool,
    /// No host is granted.
    pub no_hosts: bool,
    pub limits: Option<Limits>,
    /// The manifest's own rate instead of none.
    pub own_rate: bool,
}

impl<'a> Rig<'a> {
    pub fn new(plugin: Arc<Plugin>, subject: &'a Subject, sim: Simulator) -> Result<Self, Error> {
        Ok(Self {
            plugin,
            subject,
            sim,
            tokens: TempDir::new()?,
            clock: Mutex::default(),
            figures: Mutex::default(),
        })
    }

    pub fn manifest(&self) -> &Manifest {
        &self.plugin.manifest
    }

    /// The simulator as it was at the start, and a host that has no token of its.
    pub async fn reset(&self) -> Result<(), Error> {
        self.begin(json!({ "now_ms": null })).await?;
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    /// The same at this instant, at which the clock stands still until somebody waits: the same calls
    /// then get the same answers. Hosts that connect from now on keep the simulator's time.
    pub async fn reset_at(&self, now_ms: i64) -> Result<Arc<SimClock>, Error> {
        self.begin(json!({ "now_ms": now_ms, "frozen": true }))
            .await?;
        let clock = Arc::new(SimClock::new(&self.sim, now_ms));
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&clock));
        Ok(clock)
    }

    async fn begin(&self, mut how: Value) -> Result<(), Error> {
        for entry in std::fs::read_dir(self.tokens.path())? {
            std::fs::remove_file(entry?.path())?;
        }
        how["customers"] = json!(self.subject.customers);
        self.sim.ask("POST", "/reset", Some(&how)).await?;
        Ok(())
    }

    /// The instant on the simulator's clock.
    pub async fn now_ms(&self) -> Result<i64, Error> {
        let about = self.sim.ask("GET", "", None).await?;
        Ok(about["now_ms"].as_i64().unwrap_or_default())
    }

    fn clock(&self) -> Arc<dyn Clock> {
        let clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        match &*clock {
            Some(clock) => Arc::clone(clock) as Arc<dyn Clock>,
            None => Arc::new(MachineClock),
        }
    }

    pub fn note(&self, name: &str, value: f64) {
        let mut figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        figures.insert(name.to_owned(), value);
    }

    pub fn figures(&self) -> BTreeMap<String, f64> {
        self.figures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A connector of which a host knows nothing yet.
    pub async fn session(&self, instead: Instead) -> Checked<Session<'_>> {
        let connector = self.connect(&instead).await?;
        Ok(Session {
            rig: self,
            connector,
            instead,
            notes: Notes::default(),
            calls: 0,
            requests: 0,
            counted: 0,
            cpu_ms: 0.0,
            peak_memory_bytes: 0,
        })
    }

    /// The secrets of a connector as the subject has them.
    pub async fn secrets(&self) -> Checked<BTreeMap<String, String>> {
        let about = self.sim.ask("GET", "", None).await?;
        let lookup = |name: &str| self.lookup(&about, name);
        Ok(filled(&self.subject.secrets, lookup))
    }

    /// Those that tokens are fetched with, as the vendor would hand them out now.
    pub async fn expiring_secrets(&self) -> Checked<BTreeMap<String, String>> {
        let expiring = &self.subject.credentials.expiring;
        if expiring.is_empty() {
            return self.secrets().await;
        }
        let about = self.sim.ask("GET", "", None).await?;
        Ok(filled(expiring, |name: &str| self.lookup(&about, name)))
    }

    fn lookup(&self, about: &Value, name: &str) -> Option<String> {
        match name {
            "url" => Some(self.sim.url().to_owned()),
            "host" => Some(self.sim.host().to_owned()),
            "elsewhere" => Some(self.sim.url().replace(LOOPBACK, ELSEWHERE)),
            _ => Some(at(about, name))
                .filter(|found| !found.is_null())
                .map(text),
        }
    }

    async fn connect(&self, instead: &Instead) -> Checked<Connector> {
        let about = self.sim.ask("GET", "", None).await?;
        let lookup = |name: &str| self.lookup(&about, name);
        let mut settings = self.subject.settings.clone();
        settings.extend(instead.settings.clone());
        let settings = settings.iter();
        let settings = settings.map(|(name, value)| (name.clone(), fill_value(value, &lookup)));
        let mut secrets = match instead.expiring {
            true => self.expiring_secrets().await?,
            false => self.secrets().await?,
        };
        secrets.extend(instead.secrets.clone());
        let (host, port) = self
            .sim
            .host()
            .rsplit_once(':')
            .unwrap_or((self.sim.host(), "80"));
        let grant = HostGrant::named(host, port.parse().ok(), true);
        let grant =
            grant.map_err(|reason| Fault::Failed(format!("the simulator's address: {reason}")))?;
        let elsewhere = (host == LOOPBACK)
            .then(|| HostGrant::named(ELSEWHERE, port.parse().ok(), true).ok())
            .flatten();
        let setup = ConnectorSetup {
            id: ConnectorId::from("testkit"),
            plugin: Arc::clone(&self.plugin),
            settings: settings.collect(),
            secrets: secrets
                .into_iter()
                .map(|(name, it)| (name, Secret::new(it)))
                .collect(),
            grants: Grants {
                hosts: if instead.no_hosts {
                    Vec::new()
                } else {
                    [grant].into_iter().chain(elsewhere).collect()
                },
                ..Grants::default()
            },
            limits: instead.limits.clone().unwrap_or_default(),
            rate: (!instead.own_rate).then(|| RateLimit {
                requests: 1_000_000,
                per: "1s".to_owned(),
                burst: None,
            }),
            tokens: Some(self.tokens.path().to_owned()),
            clock: self.clock(),
        };
        Ok(Connector::new(setup)?)
    }
}

fn filled(
    secrets: &BTreeMap<String, String>,
    lookup: impl Fn(&str) -> Option<String>,
) -> BTreeMap<String, String> {
    let secrets = secrets.iter();
    secrets
        .map(|(name, value)| (name.clone(), fill(value, &lookup)))
        .collect()
}

/// Waits for all of them at once; what they gave, in their order.
pub(crate) async fn all<T>(tasks: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<_> = tasks.into_iter().map(|it| Some(Box::pin(it))).collect();
    let mut given: Vec<Option<T>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(|ctx| {
        for (task, given) in running.iter_mut().zip(&mut given) {
            if let Some(Poll::Ready(value)) = task.as_mut().map(|it| it.as_mut().poll(ctx)) {
                *given = Some(value);
                *task = None;
            }
        }
        match running.iter().all(Option::is_none) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    given.into_iter().flatten().collect()
}

/// A connector and what a host knows of it.
pub(crate) struct Session<'r> {
    pub rig: &'r Rig<'r>,
    pub connector: Connector,
    instead: Instead,
    notes: Notes,
    /// That went well.
    pub calls: u32,
    /// That they made.
    pub requests: usize,
    /// That earlier connectors counted.
    counted: u64,
    /// Of all of them.
    pub cpu_ms: f64,
    /// Of the largest call.
    pub peak_memory_bytes: u64,
}

/// One read and what it brought.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub cursor: Option<Vec<u8>>,
    pub notes: Notes,
    pub records: Vec<Record>,
    pub rejects: usize,
}

/// All reads of a stream from one cursor to its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drained {
    pub steps: Vec<Step>,
    /// Where the next change will be read.
    pub cursor: Option<Vec<u8>>,
}

impl Drained {
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.steps.iter().flat_map(|step| &step.records)
    }
}

/// As much as a host asks for.
pub(crate) const PAGE: Budget = Budget {
    records: 1_000,
    bytes: 4 << 20,
};

impl Session<'_> {
    pub fn input(&self) -> CallInput {
        CallInput {
            jobs: self.notes.clone(),
            wall_ms: None,
        }
    }

    /// What a host knew at an earlier step.
    pub fn set_notes(&mut self, notes: &Notes) {
        self.notes = notes.clone();
    }

    /// Keeps the notes of a call that went well, and what it used up.
    pub fn keep<T>(&mut self, output: CallOutput<T>) -> T {
        self.calls += 1;
        self.requests += output.stats.http_requests as usize;
        self.cpu_ms += output.stats.cpu.as_secs_f64() * 1_000.0;
        self.peak_memory_bytes = self.peak_memory_bytes.max(output.stats.peak_memory_bytes);
        for (name, value) in output.jobs {
            match value {
                Some(value) => self.notes.insert(name, value),
                None => self.notes.remove(&name),
            };
        }
        output.value
    }

    /// One read, as it comes.
    pub async fn read_once(
        &mut self,
        stream: &str,
        cursor: Option<&[u8]>,
        budget: Budget,
    ) -> Result<Page, CallError> {
        let output = self
            .connector
            .read(stream, cursor, budget, self.input())
            .await?;
        Ok(self.keep(output))
    }

    /// One read, with all the patience that the vendor asks for.
    pub async fn read(
        &mut self,
        stream: &str,
        cursor: Option<&[u8]>,
        budget: Budget,
    ) -> Checked<Page> {
        for _ in 0..PATIENCE {
            match self.read_once(stream, cursor, budget).await {
                Err(CallError::Guest {
                    error: GuestError::RateLimited(wait_ms),
                    ..
                }) => self.wait(wait_ms).await?,
                other => return Ok(other?),
            }
        }
        fail(format!(
            "stream `{stream}`: the vendor asked for patience {PATIENCE} times in a row"
        ))
    }

    /// Lets the simulator's time pass, and forgets the pause that a host would make.
    pub async fn wait(&mut self, wait_ms: Option<u64>) -> Checked {
        self.rig
            .sim
            .advance(wait_ms.unwrap_or(1_000).max(1))
            .await?;
        let counted = self.connector.usage().requests();
        self.connector = self.rig.connect(&self.instead).await?;
        self.counted += counted;
        Ok(())
    }

    /// Requests that a host has counted.
    pub fn counted(&self) -> u64 {
        self.counted + self.connector.usage().requests()
    }

    /// Reads on until nothing comes any more; jobs at the vendor are given time.
    pub async fn drain(
        &mut self,
        stream: &str,
        from: Option<Vec<u8>>,
        budget: Budget,
    ) -> Checked<Drained> {
        let mut drained = Drained {
            cursor: from,
            ..Drained::default()
        };
        let (mut idle, mut known) = (0, Fold::default());
        for _ in 0..MOST_READS {
            let (cursor, notes) = (drained.cursor.clone(), self.notes.clone());
            let page = self.read(stream, cursor.as_deref(), budget).await?;
            // What overlaps may come again at every read.
            let is_new = known.extend(&page.records);
            if page.more && Some(&page.next_cursor) == cursor.as_ref() {
                return fail(format!(
                    "stream `{stream}`: `more`, and the cursor does not move (C20)"
                ));
            }
            drained.steps.push(Step {
                cursor,
                notes,
                records: page.records,
                rejects: page.rejects.len(),
            });
            drained.cursor = Some(page.next_cursor);
            if page.more {
                continue;
            }
            idle = if is_new { 0 } else { idle + 1 };
            if idle >= IDLE_ROUNDS {
                return Ok(drained);
            }
            self.rig.sim.advance(1_000).await?;
        }
        fail(format!(
            "stream `{stream}` did not end in {MOST_READS} reads"
        ))
    }
}
