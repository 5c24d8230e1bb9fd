//! A configured plugin, ready to be called: what configuration says, as the sandbox wants it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crosspoint_config::project::{
    Connector as Configured, FilesPlace, HostName, SecretRef, SftpHostKeys, SftpLogin, SftpPlace,
};
use crosspoint_deliver::{ActionSpec, Destination, DestinationFault, Found, Idempotency};
use crosspoint_ingest::{Budget, Page, Source, SourceFault};
use crosspoint_ledger::Ledger;
use crosspoint_model::delivery::{Action, Delivery, Outcome};
use crosspoint_model::entry::What;
use crosspoint_model::state::State;
use crosspoint_model::{ConnectorId, DeliveryKey, Instant};
use crosspoint_sandbox::manifest::{Capability, Role};
use crosspoint_sandbox::{
    CallInput, CallOutput, Connector, ConnectorSetup, Error, FileMove, FileMoves, FilesGrant,
    Grants, GuestError, HostGrant, HostKeys, Limits, Login, MachineClock, Plugin, RateLimit,
    Secret, SftpGrant,
};
use serde_json::{Map, Value};
use tracing::{Instrument as _, Span};

use crate::admin::AdminError;
use crate::clock::Clock;
use crate::error::{chain, coded};
use crate::failpoint::reach;
use crate::handle::Handle;
use crate::live::hook::Hook;
use crate::live::{UNSUBSCRIBE_FIELD, Unsubscribing, Usage, also_follows, follows};
use crate::poll::Pokes;

/// Entries that the ledger may be ahead of the state when a source is asked for more. Pages are
/// entries of up to 4 MiB, so that pages of one source fill at most the ledger's buffer.
pub(crate) const MAX_PAGES_AHEAD: u64 = 16;

/// Traces that the span of one batch names beside its own.
const MAX_LINKS: usize = 32;

/// A configured plugin with all that a call needs.
pub(crate) struct Lane {
    pub id: ConnectorId,
    pub connector: Connector,
    handle: Arc<Handle>,
    ledger: Arc<Ledger>,
    clock: Arc<Clock>,
    /// Streams that are to be read soon.
    pub pokes: Pokes,
    /// The hook address.
    pub hook: Hook,
    /// Files to move once what was read is durable.
    moves: Mutex<Vec<FileMove>>,
    /// Requests that usage has counted already.
    counted: Mutex<u64>,
    /// Whether the source's, and the destination's, own check went well since the start.
    source_checked: AtomicBool,
    unsubscribing: Option<Arc<Unsubscribing>>,
    /// The plugin's messages take an address for unsubscribing.
    takes_unsubscribing: AtomicBool,
    destination_checked: AtomicBool,
}

/// What of a connector's configuration one import replaces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Override {
    pub settings: Map<String, Value>,
    pub files: Option<PathBuf>,
}

/// Puts a connector together. `tokens` is where renewed refresh tokens are kept.
pub(crate) fn connector(
    id: &ConnectorId,
    configured: &Configured,
    plugin: Arc<Plugin>,
    folder: &Path,
    tokens: PathBuf,
    instead: Override,
) -> Result<Connector, AdminError> {
    let mut settings = configured.settings.clone();
    settings.extend(instead.settings);
    let (files, file_moves) = match (instead.files, &configured.grant.files) {
        (Some(named), _) => (Some(FilesGrant::Folder(named)), FileMoves::Ignored),
        (None, place) => {
            let files = place.as_ref().map(|place| files_grant(id, place, folder));
            let moves = match configured.grant.files_write {
                true => FileMoves::Allowed,
                false => FileMoves::Denied,
            };
            (files.transpose()?, moves)
        }
    };
    let hosts = configured
        .grant
        .hosts
        .iter()
        .map(|host| host_grant(id, host, &configured.grant.plain_http))
        .collect::<Result<_, _>>()?;
    let mut secrets = BTreeMap::new();
    for (name, reference) in &configured.secrets {
        let of = format!("secret `{name}` of connector `{id}`");
        secrets.insert(name.to_string(), resolve_secret(&of, reference, folder)?);
    }
    let setup = ConnectorSetup {
        id: id.clone(),
        plugin,
        settings,
        secrets,
        grants: Grants {
            hosts,
            files,
            file_moves,
        },
        limits: limits(configured),
        rate: configured.rate.map(|rate| RateLimit {
            requests: rate.requests,
            per: format!("{}ms", rate.per_ms),
            burst: Some(rate.burst),
        }),
        tokens: Some(tokens),
        clock: Arc::new(MachineClock),
    };
    Ok(Connector::new(setup)?)
}

fn limits(configured: &Configured) -> Limits {
    let standard = Limits::default();
    let given = configured.limits;
    let bytes = |given: Option<u64>, standard| {
        given.map_or(standard, |bytes| {
            usize::try_from(bytes).unwrap_or(usize::MAX)
        })
    };
    Limits {
        memory_bytes: given.memory_bytes.unwrap_or(standard.memory_bytes),
        cpu_ms: given.cpu_ms.unwrap_or(standard.cpu_ms),
        wall_ms: given.wall_ms.unwrap_or(standard.wall_ms),
        transfer_bytes: given.transfer_bytes.unwrap_or(standard.transfer_bytes),
        response_bytes: given.response_bytes.unwrap_or(standard.response_bytes),
        request_bytes: given.request_bytes.unwrap_or(standard.request_bytes),
        log_lines: given
            .log_lines
            .map_or(standard.log_lines, |lines| lines as usize),
        log_line_bytes: bytes(given.log_line_bytes, standard.log_line_bytes),
        stderr_bytes: bytes(given.stderr_bytes, standard.stderr_bytes),
    }
}

fn files_grant(
    id: &ConnectorId,
    place: &FilesPlace,
    folder: &Path,
) -> Result<FilesGrant, AdminError> {
    let SftpPlace {
        host,
        port,
        user,
        path,
        login,
        host_keys,
    } = match place {
        FilesPlace::Folder(files) => return Ok(FilesGrant::Folder(folder.join(files))),
        FilesPlace::Sftp(place) => place,
    };
    let secret = |what: &str, reference: &SecretRef| {
        resolve_secret(
            &format!("the {what} of connector `{id}`"),
            reference,
            folder,
        )
    };
    let login = match login {
        SftpLogin::Key(key, passphrase) => Login::Key {
            text: secret("SFTP key", key)?,
            passphrase: passphrase
                .as_ref()
                .map(|reference| secret("SFTP key's passphrase", reference))
                .transpose()?,
        },
        SftpLogin::Password(password) => Login::Password(secret("SFTP password", password)?),
    };
    let host_keys = match host_keys {
        SftpHostKeys::Fingerprints(prints) => HostKeys::Fingerprints(prints.clone()),
        SftpHostKeys::KnownHosts(file) => HostKeys::KnownHosts(folder.join(file)),
    };
    Ok(FilesGrant::Sftp(Box::new(SftpGrant {
        host: host.to_string(),
        port: *port,
        user: user.clone(),
        path: path.clone(),
        login,
        host_keys,
    })))
}

fn host_grant(
    id: &ConnectorId,
    host: &HostName,
    plain_http: &[HostName],
) -> Result<HostGrant, AdminError> {
    HostGrant::named(&host.host, host.port, plain_http.contains(host)).map_err(|reason| {
        let message = format!("connector `{id}` is granted `{}`: {reason}", host.host);
        coded("XP-PLG-009", message, None)
    })
}

/// Reads a secret; `of` says in errors what it is.
pub(crate) fn resolve_secret(
    of: &str,
    reference: &SecretRef,
    folder: &Path,
) -> Result<Secret, AdminError> {
    match reference {
        SecretRef::Env(variable) => {
            let value = std::env::var(variable.as_str()).map_err(|_| {
                let message = format!("{of} is not set: no variable `{variable}`");
                let hint = format!("set `{variable}` in the environment of this command");
                coded("XP-RUN-011", message, Some(hint))
            })?;
            Ok(Secret::new(value))
        }
        SecretRef::File(path) => {
            let file = folder.join(path);
            let text = std::fs::read_to_string(&file).map_err(|error| {
                let message = format!("{of} cannot be read: `{}`: {error}", file.display());
                let hint = "write the secret into that file, readable by this user only";
                coded("XP-RUN-011", message, Some(hint.to_owned()))
            })?;
            Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
        }
    }
}

impl Lane {
    pub fn new(
        id: ConnectorId,
        connector: Connector,
        handle: Arc<Handle>,
        ledger: Arc<Ledger>,
        clock: Arc<Clock>,
        unsubscribing: Option<Arc<Unsubscribing>>,
    ) -> Self {
        let (source_checked, destination_checked) = Default::default();
        Self {
            id,
            connector,
            handle,
            ledger,
            clock,
            pokes: Pokes::default(),
            hook: Hook::default(),
            moves: Mutex::default(),
            counted: Mutex::default(),
            source_checked,
            unsubscribing,
            takes_unsubscribing: AtomicBool::new(false),
            destination_checked,
        }
    }

    pub fn has_role(&self, role: Role) -> bool {
        self.connector.plugin().manifest.has_role(role)
    }

    /// What a call is given: the plugin's notes, where it keeps any.
    pub async fn input(&self) -> Result<CallInput, String> {
        if !self.connector.plugin().manifest.asks_for(Capability::Jobs) {
            return Ok(CallInput::default());
        }
        let name = self.id.0.clone();
        let jobs = self.handle.ask_async(move |core| {
            Ok(match core.state.symbol(&name) {
                Some(connector) => core.state.jobs(connector)?,
                None => Vec::new(),
            })
        });
        let jobs = jobs.await.map_err(|error| error.to_string())?;
        Ok(CallInput {
            jobs: jobs.into_iter().collect(),
            wall_ms: None,
        })
    }

    /// Counts the requests sent since the last time.
    pub fn count_requests(&self, usage: &Usage, now: Instant) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        *counted = usage.count(&self.id, self.connector.usage(), *counted, now);
    }

    /// Forgets moves of files whose read broke off: what it yielded may not be durable.
    pub fn forget_moves(&self) {
        let mut moves = self.moves.lock().unwrap_or_else(PoisonError::into_inner);
        moves.clear();
    }

    /// Makes the moves of files that were asked for, now that what was read is durable. Answers with
    /// what failed; the plugin asks again at its next read.
    pub async fn move_files(&self) -> Vec<String> {
        let moves = {
            let mut moves = self.moves.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *moves)
        };
        self.connector.move_files(&moves).await
    }

    /// Lets the source check its credentials and settings before the first read.
    pub async fn check_source_once(&self) -> Result<(), Error> {
        if !self.source_checked.load(Ordering::Relaxed) {
            self.connector.check_source(CallInput::default()).await?;
            self.source_checked.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The value of a destination's call, after its notes were kept.
    async fn keep<T>(&self, answer: Result<CallOutput<T>, Error>) -> Result<T, DestinationFault> {
        let output = answer.map_err(|error| destination_fault(&error))?;
        if !output.jobs.is_empty() {
            let what = What::Notes {
                connector: self.id.clone(),
                jobs: output.jobs,
            };
            let noted = self.ledger.append_when_room(self.clock.now(), &what);
            noted
                .await
                .map_err(|error| DestinationFault::Unknown(chain(&error)))?;
        }
        Ok(output.value)
    }

    /// In the trace that led to the first of them.
    fn delivery_span(&self, action: &Action, items: &[Delivery]) -> Span {
        let (connector, action) = (self.id.0.as_str(), action.as_str());
        let span = tracing::debug_span!("deliver", connector, action, items = items.len());
        let traces = &self.handle.traces;
        let entries: BTreeSet<u64> = items.iter().map(|item| item.id.seq).collect();
        let mut causes = entries.into_iter().filter_map(|seq| traces.of(seq));
        if let Some(cause) = causes.next() {
            follows(&span, cause);
        }
        causes
            .take(MAX_LINKS)
            .for_each(|cause| also_follows(&span, cause));
        span
    }

    async fn destination_input(&self) -> Result<CallInput, DestinationFault> {
        self.input().await.map_err(DestinationFault::Unknown)
    }
}

impl Source for Lane {
    async fn read(
        &self,
        stream: &str,
        cursor: Option<&[u8]>,
        budget: Budget,
    ) -> Result<Page, SourceFault> {
        // What is read stays in memory until it is durable, and helps nobody until it is stepped.
        let before = self.ledger.last_appended().saturating_sub(MAX_PAGES_AHEAD);
        let stepped = self.handle.applied(before).await;
        stepped.map_err(|error| SourceFault::Transient(error.to_string()))?;
        let input = self.input().await.map_err(SourceFault::Transient)?;
        let budget = crosspoint_sandbox::Budget {
            records: budget.records,
            bytes: budget.bytes,
        };
        let mut output = self.connector.read(stream, cursor, budget, input).await;
        if let Ok(output) = &mut output {
            let mut moves = self.moves.lock().unwrap_or_else(PoisonError::into_inner);
            moves.append(&mut output.moves);
        }
        page(output)
    }
}

/// A page as ingest wants it.
pub(crate) fn page(
    output: Result<CallOutput<crosspoint_sandbox::Page>, Error>,
) -> Result<Page, SourceFault> {
    let output = output.map_err(|error| source_fault(&error))?;
    let page = output.value;
    Ok(Page {
        records: page.records,
        rejects: page.rejects,
        next_cursor: page.next_cursor,
        more: page.more,
        notices: page.notices,
        jobs: output.jobs,
    })
}

impl Destination for Lane {
    async fn actions(&self) -> Result<Vec<ActionSpec>, DestinationFault> {
        if !self.destination_checked.load(Ordering::Relaxed) {
            let checked = self.connector.check_destination(CallInput::default()).await;
            self.keep(checked).await?;
            self.destination_checked.store(true, Ordering::Relaxed);
        }
        let input = self.destination_input().await?;
        let offers = self.keep(self.connector.actions(input).await).await?;
        let takes = offers
            .iter()
            .filter(|offer| offer.action == Action::SendMessage)
            .any(|offer| offer.fields.iter().any(|it| it.name == UNSUBSCRIBE_FIELD));
        self.takes_unsubscribing.store(takes, Ordering::Relaxed);
        let spec = |offer: crosspoint_sandbox::ActionOffer| ActionSpec {
            action: offer.action,
            idempotency: match offer.idempotency {
                crosspoint_sandbox::Idempotency::Idempotent => Idempotency::Idempotent,
                crosspoint_sandbox::Idempotency::Keyed => Idempotency::Keyed,
                crosspoint_sandbox::Idempotency::AtMostOnce => Idempotency::AtMostOnce,
            },
            batch_size: offer.batch_size as usize,
            read_back: offer.read_back,
        };
        Ok(offers.into_iter().map(spec).collect())
    }

    async fn deliver(
        &self,
        action: &Action,
        items: &[Delivery],
    ) -> Result<Vec<Outcome>, DestinationFault> {
        let input = self.destination_input().await?;
        let span = self.delivery_span(action, items);
        let takes = self.takes_unsubscribing.load(Ordering::Relaxed);
        let with_addresses = self
            .unsubscribing
            .as_ref()
            .filter(|_| takes && *action == Action::SendMessage)
            .map(|it| it.add(&self.id, items));
        let items = with_addresses.as_deref().unwrap_or(items);
        let delivery = self.connector.deliver(action, items, input);
        let answer = delivery.instrument(span).await;
        reach("after-vendor-accepted");
        self.keep(answer).await
    }

    async fn poll(
        &self,
        job: &str,
        keys: &[DeliveryKey],
    ) -> Result<Vec<Outcome>, DestinationFault> {
        let input = self.destination_input().await?;
        self.keep(self.connector.poll(job, keys, input).await).await
    }

    async fn read_back(
        &self,
        action: &Action,
        items: &[Delivery],
    ) -> Result<Vec<Found>, DestinationFault> {
        let input = self.destination_input().await?;
        let found = self.connector.read_back(action, items, input).await;
        let found = self.keep(found).await?;
        let convert = |found| match found {
            crosspoint_sandbox::Found::Present(id) => Found::Present(id),
            crosspoint_sandbox::Found::Absent => Found::Absent,
            crosspoint_sandbox::Found::Undecided => Found::Undecided,
        };
        Ok(found.into_iter().map(convert).collect())
    }
}

/// What the host does about a failed call of a source.
pub(crate) fn source_fault(error: &Error) -> SourceFault {
    let text = chain(error);
    match error.guest() {
        Some(GuestError::Transient(_)) => SourceFault::Transient(text),
        Some(GuestError::RateLimited(ms)) => SourceFault::RateLimited(*ms),
        Some(GuestError::Auth(_)) => SourceFault::Auth(text),
        Some(GuestError::CursorExpired(_)) => SourceFault::CursorExpired(text),
        // One that breaks off again and again is quarantined, which then stops it.
        None if error.is_trap() => SourceFault::Transient(text),
        _ => SourceFault::Stopped(text),
    }
}

/// What the host does about a failed call of a destination. A call that broke off may have
/// reached the vendor before.
fn destination_fault(error: &Error) -> DestinationFault {
    let text = chain(error);
    match error.guest() {
        Some(GuestError::Transient(_)) => DestinationFault::Unknown(text),
        Some(GuestError::RateLimited(ms)) => DestinationFault::RateLimited(*ms),
        None if error.is_trap() => DestinationFault::Unknown(text),
        _ => DestinationFault::Paused(text),
    }
}
