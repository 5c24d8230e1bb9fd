//! A configured plugin, and one call of it from fresh instance to checked result.

mod budget;
pub(crate) mod destination;
mod fate;
pub(crate) mod source;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use smol_str::SmolStr;
use tracing::Instrument as _;
use wasmtime::component::Instance;
use wasmtime::{Store, UpdateDeadline};

use crosspoint_model::ConnectorId;

use crate::bindings::crosspoint::connector::errors;
use crate::clock::Clock;
use crate::credentials::{Credentials, Owner};
use crate::egress::{Account, Egress};
use crate::error::{At, Error, GuestError, Result};
use crate::figures::{CallEnd, CallFigures, Figures};
use crate::files::{FileMove, Files};
use crate::grants::{Granter, Grants};
use crate::limits::Limits;
use crate::manifest::{Capability, Problem, RateLimit};
use crate::meter::{Meter, Metered};
use crate::plugin::Plugin;
use crate::rate::RateBudget;
use crate::secret::{Scrubber, Secret};
use crate::state::{CallState, LogLine, Notes};
use crate::usage::Usage;
use crate::webhook::Verifier;

use fate::OverBudget;

/// Failures in a row after which a plugin is no longer called.
pub const QUARANTINE_AFTER: u32 = 5;

/// What makes a plugin a connector.
pub struct ConnectorSetup {
    /// The operator's name for it.
    pub id: ConnectorId,
    /// Which plugin.
    pub plugin: Arc<Plugin>,
    /// As configured; checked against the manifest's schema, defaults filled in.
    pub settings: Map<String, Value>,
    /// Credentials by the manifest's names.
    pub secrets: BTreeMap<String, Secret>,
    /// What the operator allows.
    pub grants: Grants,
    /// What one call may use up.
    pub limits: Limits,
    /// The vendor account's rate, where the operator knows better than the manifest.
    pub rate: Option<RateLimit>,
    /// Folder for refresh tokens that vendors renew; made when the first one comes. Without it no
    /// token is fetched for a secret of kind `oauth2-refresh`.
    pub tokens: Option<PathBuf>,
    /// What its rate and its plugin go by; [`MachineClock`](crate::MachineClock) in a host.
    pub clock: Arc<dyn Clock>,
}

/// A configured plugin. Calls may run concurrently; each has an instance of its own.
pub struct Connector {
    plugin: Arc<Plugin>,
    shared: Arc<Shared>,
    webhook: Option<Verifier>,
    failures: Mutex<Failures>,
    traps: AtomicU32,
    figures: Figures,
}

#[derive(Default)]
struct Failures {
    last: String,
}

/// What all calls of a connector share.
pub(crate) struct Shared {
    pub(crate) connector: Arc<str>,
    pub(crate) settings_json: String,
    pub(crate) egress: Option<Egress>,
    pub(crate) files: Option<Files>,
    pub(crate) limits: Limits,
    pub(crate) scrubber: Arc<Scrubber>,
    pub(crate) clock: Arc<dyn Clock>,
    rate: Arc<RateBudget>,
    usage: Arc<Usage>,
}

/// What one call is given beyond its arguments.
#[derive(Clone, Debug, Default)]
pub struct CallInput {
    /// The plugin's notes as of now.
    pub jobs: Notes,
    /// A shorter wall-clock limit than the connector's, in milliseconds.
    pub wall_ms: Option<u64>,
}

/// What a call yields.
#[derive(Clone, Debug)]
pub struct CallOutput<T> {
    /// What it returned.
    pub value: T,
    /// Notes that changed, by key in order: `None` deletes.
    pub jobs: Vec<(SmolStr, Option<Vec<u8>>)>,
    /// Files to move once everything else is durable; see [`Connector::move_files`].
    pub moves: Vec<FileMove>,
    /// What it logged.
    pub logs: Vec<LogLine>,
    /// What it used up.
    pub stats: CallStats,
}

impl<T> CallOutput<T> {
    fn map<U>(self, convert: impl FnOnce(T) -> U) -> CallOutput<U> {
        let Self {
            value,
            jobs,
            moves,
            logs,
            stats,
        } = self;
        CallOutput {
            value: convert(value),
            jobs,
            moves,
            logs,
            stats,
        }
    }
}

/// What a call used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallStats {
    /// Time on the processor.
    pub cpu: Duration,
    /// Largest memory.
    pub peak_memory_bytes: u64,
    /// HTTP requests.
    pub http_requests: u32,
    /// Log lines beyond the limit.
    pub dropped_log_lines: u64,
}

/// What the called function does with an instance.
type Calling<'a, R> = Pin<
    Box<dyn Future<Output = wasmtime::Result<std::result::Result<R, errors::Error>>> + Send + 'a>,
>;

impl Connector {
    /// Checks settings, secrets and grants against the manifest.
    ///
    /// # Errors
    /// [`Error::Setup`] with everything that does not fit.
    pub fn new(setup: ConnectorSetup) -> Result<Self> {
        let ConnectorSetup {
            id,
            plugin,
            settings,
            secrets,
            grants,
            limits,
            rate,
            tokens,
            clock,
        } = setup;
        let manifest = &plugin.manifest;
        let scrubber = Arc::new(Scrubber::default());
        let mut problems = Vec::new();
        let settings = manifest
            .checked_settings(&settings)
            .unwrap_or_else(|found| {
                problems.extend(found);
                settings
            });
        let owner = Owner {
            connector: &id.0,
            tokens: tokens.as_deref(),
        };
        let credentials = Credentials::new(manifest, &settings, &secrets, &scrubber, owner)
            .map_err(|found| problems.extend(found))
            .ok();
        let problem = |place: &str, reason| Problem {
            place: place.to_owned(),
            reason,
        };
        let webhook = Verifier::new(manifest, &settings, &secrets).unwrap_or_else(|found| {
            problems.extend(found);
            None
        });
        let files = grants.files.as_ref().and_then(|grant| {
            Files::new(grant, grants.file_moves)
                .map_err(|reason| problems.push(problem("grants.files", reason)))
                .ok()
        });
        let rate = Arc::new(RateBudget::on(
            Arc::clone(&clock),
            rate.as_ref().or(manifest.rate_limit.as_ref()),
        ));
        let usage = Arc::new(Usage::default());
        let ways = [Capability::Http, Capability::WasiHttp, Capability::Tcp];
        let reaches = ways.into_iter().any(|way| manifest.asks_for(way));
        let egress = credentials.filter(|_| reaches).and_then(|credentials| {
            let granter = Granter::new(&manifest.hosts, &settings, grants.hosts);
            let account = Account {
                rate: rate.clone(),
                usage: usage.clone(),
                quota: manifest.quota.clone(),
            };
            Egress::new(granter, credentials, account, scrubber.clone(), &limits)
                .map_err(|reason| problems.push(problem("egress", reason)))
                .ok()
        });
        if !problems.is_empty() {
            return Err(Error::Setup {
                connector: id.to_string(),
                plugin: manifest.id.clone(),
                version: manifest.version.clone(),
                problems,
            });
        }
        let shared = Arc::new(Shared {
            connector: id.0.as_str().into(),
            settings_json: Value::Object(settings).to_string(),
            egress,
            files: files.filter(|_| manifest.asks_for(Capability::Files)),
            limits,
            scrubber,
            clock,
            rate,
            usage,
        });
        Ok(Self {
            plugin,
            shared,
            webhook,
            failures: Mutex::default(),
            traps: AtomicU32::new(0),
            figures: Figures::default(),
        })
    }

    /// The operator's name for it.
    pub fn id(&self) -> &str {
        &self.shared.connector
    }

    /// The plugin behind it.
    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.plugin
    }

    /// The vendor account's rate budget, which the plugin's own requests draw from.
    pub fn rate(&self) -> &RateBudget {
        &self.shared.rate
    }

    /// What its requests used up at the vendor.
    pub fn usage(&self) -> &Usage {
        &self.shared.usage
    }

    /// What its calls used up.
    pub fn figures(&self) -> CallFigures {
        self.figures.read()
    }

    /// What tells the vendor's calls to the hook address from others; `None` where the plugin takes
    /// no calls, or where the optional secret that would prove them is not configured.
    pub fn webhook(&self) -> Option<&Verifier> {
        self.webhook.as_ref()
    }

    /// Whether the plugin failed too often in a row to be called again.
    pub fn is_quarantined(&self) -> bool {
        self.traps.load(Ordering::Relaxed) >= QUARANTINE_AFTER
    }

    /// Lets a quarantined plugin be called again.
    pub fn release(&self) {
        self.traps.store(0, Ordering::Relaxed);
    }

    /// Moves files that a call asked for, each only if it is still the one that was listed. Answers
    /// with what failed, for a person; the plugin asks again when it sees the file again.
    pub async fn move_files(&self, moves: &[FileMove]) -> Vec<String> {
        let Some(files) = &self.shared.files else {
            return Vec::new();
        };
        let mut failed = Vec::new();
        for wanted in moves {
            if let Err(reason) = files.perform(wanted).await {
                let FileMove { from, to } = wanted;
                let text = format!("`{}` could not be moved to `{to}`: {reason}", from.path);
                failed.push(self.shared.scrubber.text(&text));
            }
        }
        failed
    }

    fn at(&self, call: &'static str) -> At {
        At {
            connector: self.shared.connector.clone(),
            plugin: self.plugin.manifest.id.as_str().into(),
            version: self.plugin.manifest.version.as_str().into(),
            call,
        }
    }

    /// One call: a fresh instance, all limits, and what became of it.
    async fn call<R: Send>(
        &self,
        call: &'static str,
        input: CallInput,
        body: impl for<'a> FnOnce(&'a mut Store<CallState>, Instance) -> Calling<'a, R> + Send,
    ) -> Result<CallOutput<R>> {
        let traps = self.traps.load(Ordering::Relaxed);
        if traps >= QUARANTINE_AFTER {
            self.figures.ended(call, CallEnd::Refused);
            let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            return Err(Error::Quarantined {
                at: self.at(call),
                traps,
                last: failures.last.clone(),
            });
        }
        let span = tracing::debug_span!("plugin_call", connector = self.id(), call);
        let outcome = self.attempt(call, input, body).instrument(span).await;
        let end = match &outcome {
            Ok(_) => CallEnd::Ok,
            Err(error) if error.is_trap() => CallEnd::Trap,
            Err(_) => CallEnd::Error,
        };
        self.figures.ended(call, end);
        match &outcome {
            Err(error) if error.is_trap() => {
                self.traps.fetch_add(1, Ordering::Relaxed);
                let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
                failures.last = error.to_string();
            }
            _ => self.traps.store(0, Ordering::Relaxed),
        }
        outcome
    }

    async fn attempt<R: Send>(
        &self,
        call: &'static str,
        input: CallInput,
        body: impl for<'a> FnOnce(&'a mut Store<CallState>, Instance) -> Calling<'a, R> + Send,
    ) -> Result<CallOutput<R>> {
        let limits = &self.shared.limits;
        let wall_ms = input
            .wall_ms
            .map_or(limits.wall_ms, |ms| ms.min(limits.wall_ms));
        let wall = Duration::from_millis(wall_ms).min(limits.wall());
        let state = CallState::new(self.shared.clone(), input.jobs, wall);
        let deadline = state.deadline;
        let meter = Arc::new(Meter::default());
        let mut store = Store::new(self.plugin.prepared().engine(), state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(usize::try_from(limits.transfer_bytes).unwrap_or(usize::MAX));
        store.set_epoch_deadline(1);
        let (watched, budget) = (meter.clone(), limits.cpu());
        store.epoch_deadline_callback(move |_| {
            if watched.spent(true) > budget {
                Err(OverBudget.into())
            } else {
                Ok(UpdateDeadline::Yield(1))
            }
        });

        let ticking = self.plugin.ticking();
        let prepared = self.plugin.prepared();
        let running = async {
            let instance = prepared.instantiate_async(&mut store).await?;
            body(&mut store, instance).await
        };
        let running = Metered::new(running, meter.clone());
        let ended = tokio::time::timeout_at(deadline, running).await;
        drop(ticking);

        let state = store.into_data();
        let stats = CallStats {
            cpu: meter.spent(false),
            peak_memory_bytes: state.memory.used_bytes(),
            http_requests: state.hooks.requests(),
            dropped_log_lines: state.dropped_logs,
        };
        self.figures.used(&stats);
        let returned = match ended {
            Ok(Ok(returned)) => returned,
            Ok(Err(error)) => return Err(self.fate(call, &error, &state)),
            Err(_) => {
                return Err(Error::WallClock {
                    at: self.at(call),
                    limit_ms: wall_ms,
                });
            }
        };
        let value = returned.map_err(|error| Error::Guest {
            at: self.at(call),
            error: self.guest_error(error),
        })?;
        let jobs = state.changed_notes.into_iter().collect();
        Ok(CallOutput {
            value,
            jobs,
            moves: state.moves,
            logs: state.logs,
            stats,
        })
    }

    fn guest_error(&self, error: errors::Error) -> GuestError {
        let clean = |text: String| self.shared.scrubber.text(&text);
        match error {
            errors::Error::Transient(text) => GuestError::Transient(clean(text)),
            errors::Error::RateLimited(ms) => GuestError::RateLimited(ms),
            errors::Error::Auth(text) => GuestError::Auth(clean(text)),
            errors::Error::Invalid(errors::FieldError { field, reason }) => GuestError::Invalid {
                field,
                reason: clean(reason),
            },
            errors::Error::Gone(text) => GuestError::Gone(clean(text)),
            errors::Error::CursorExpired(text) => GuestError::CursorExpired(clean(text)),
            errors::Error::Unsupported(text) => GuestError::Unsupported(clean(text)),
            errors::Error::Fatal(text) => GuestError::Fatal(clean(text)),
        }
    }
}
