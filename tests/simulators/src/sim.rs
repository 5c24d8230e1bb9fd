//! What every simulator is lent: a clock, chance, a list of effects, webhooks.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::hook::Hooks;
use crate::world::World;

/// How a simulator is started.
#[derive(Clone, Debug)]
pub struct Options {
    pub seed: u64,
    pub customers: usize,
    /// Absent: three a customer.
    pub orders: Option<usize>,
    /// The instant at which its clock starts, in milliseconds; absent: the machine's.
    pub now_ms: Option<i64>,
    /// Port on loopback; 0: a free one.
    pub port: u16,
    /// How long access tokens live, where the vendor's expire.
    pub token_ttl: Option<Duration>,
    /// Webhooks go out by themselves, instead of on demand.
    pub auto_hooks: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 7,
            customers: 100,
            orders: None,
            now_ms: None,
            port: 0,
            token_ttl: None,
            auto_hooks: false,
        }
    }
}

impl Options {
    /// The people, products and orders that these options describe.
    #[must_use]
    pub fn world(&self) -> World {
        let orders = self.orders.unwrap_or(self.customers * 3);
        World::new(self.seed, self.customers, orders, self.start_ms())
    }

    pub(crate) fn start_ms(&self) -> i64 {
        self.now_ms.unwrap_or_else(machine_ms)
    }
}

/// One side effect that a caller had at the vendor.
#[derive(Clone, Debug)]
pub struct Done {
    /// What was done, in the vendor's words: `member.upsert`.
    pub kind: String,
    /// To whom: the vendor's id.
    pub subject: String,
    /// What makes two effects the same one: an idempotency key or a digest of the content.
    pub key: String,
    /// How often.
    pub count: u64,
    /// The newest, whole.
    pub detail: Value,
}

/// The simulator's surroundings.
pub struct Sim {
    /// All chance comes from here.
    pub rng: fastrand::Rng,
    /// Webhooks that wait to be sent.
    pub hooks: Hooks,
    /// Where this simulator is reached, without a slash at the end.
    pub url: String,
    pub options: Options,
    /// Calls that wait for an answer now, this one included.
    pub in_flight: usize,
    is_refused: Cell<bool>,
    effects: BTreeMap<(String, String, String), (u64, Value)>,
    fault: Option<(String, Value)>,
    started_ms: i64,
    machine_start_ms: i64,
    advanced_ms: i64,
    /// What the machine's clock said when this one was made to stand still.
    frozen_at_ms: Option<i64>,
}

impl Sim {
    pub(crate) fn new(options: &Options, url: String) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(options.seed ^ 0x5eed),
            hooks: Hooks::default(),
            url,
            options: options.clone(),
            in_flight: 1,
            is_refused: Cell::new(false),
            effects: BTreeMap::new(),
            fault: None,
            started_ms: options.start_ms(),
            machine_start_ms: machine_ms(),
            advanced_ms: 0,
            frozen_at_ms: None,
        }
    }

    /// The vendor's clock: where it was started, what has passed since, and what was advanced.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.started_ms + self.passed_ms(self.frozen_at_ms) + self.advanced_ms
    }

    /// The callers' clock, which neither stands still nor knows of what was advanced: what they sign
    /// is of it.
    #[must_use]
    pub fn callers_ms(&self) -> i64 {
        self.started_ms + self.passed_ms(None)
    }

    fn passed_ms(&self, frozen_at_ms: Option<i64>) -> i64 {
        let machine_ms = frozen_at_ms.unwrap_or_else(machine_ms);
        (machine_ms - self.machine_start_ms).max(0)
    }

    /// From now on the clock moves by what it is advanced only.
    pub fn freeze(&mut self) {
        self.frozen_at_ms.get_or_insert_with(machine_ms);
    }

    pub fn advance(&mut self, by_ms: i64) {
        self.advanced_ms += by_ms;
    }

    /// Notes an effect that a caller had. The same kind, subject and key again count as a repetition.
    pub fn effect(&mut self, kind: &str, subject: &str, key: &str, detail: Value) {
        let id = (kind.to_owned(), subject.to_owned(), key.to_owned());
        let entry = self.effects.entry(id).or_insert((0, Value::Null));
        entry.0 += 1;
        entry.1 = detail;
    }

    /// All effects so far, by kind, subject and key.
    pub fn effects(&self) -> impl Iterator<Item = Done> + '_ {
        self.effects
            .iter()
            .map(|((kind, subject, key), (count, detail))| Done {
                kind: kind.clone(),
                subject: subject.clone(),
                key: key.clone(),
                count: *count,
                detail: detail.clone(),
            })
    }

    /// Notes that the call under way is refused because there were too many before it.
    pub fn refuse_for_rate(&self) {
        self.is_refused.set(true);
    }

    /// Whether the last call was refused for that.
    pub(crate) fn take_refusal(&self) -> bool {
        self.is_refused.take()
    }

    /// Takes the vendor's own fault of this name, if it was scripted for this call.
    pub fn vendor_fault(&mut self, name: &str) -> Option<Value> {
        if self.fault.as_ref().is_some_and(|(known, _)| known == name) {
            return self.fault.take().map(|(_, args)| args);
        }
        None
    }

    pub(crate) fn set_fault(&mut self, fault: Option<(String, Value)>) {
        self.fault = fault;
    }

    pub(crate) fn effects_json(&self) -> Value {
        let lines = self.effects().map(|done| {
            json!({ "kind": done.kind, "subject": done.subject, "key": done.key,
                    "count": done.count, "detail": done.detail })
        });
        Value::Array(lines.collect())
    }
}

fn machine_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
