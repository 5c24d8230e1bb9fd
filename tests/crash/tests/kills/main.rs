//! Kills a real host at random instants and at named points, again and again.

#![allow(clippy::unwrap_used)]

mod live;
mod receiver;

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use crosspoint_harness::{Dice, number};
use receiver::Receiver;
use serde_json::Value;

/// Kills in one run of the suite; `CROSSPOINT_CRASH_ROUNDS` asks for more.
const ROUNDS: u32 = 25;
/// Where the host kills itself, and how often at most it passes there in one life.
const POINTS: [(&str, u64); 4] = [
    ("after-append", 7),
    ("after-fsync", 1),
    ("mid-commit", 3),
    ("after-vendor-accepted", 400),
];

const PROJECT: &str = r#"
[project]
name = "crash"
clock = "data"

[connectors.hook]
plugin = "webhook"
in_flight = 8
rate = { requests = 1000000, per = "1s" }

[connectors.hook.settings]
url = "http://127.0.0.1:PORT/"

[connectors.hook.grant]
hosts = ["127.0.0.1:PORT"]
plain_http = ["127.0.0.1:PORT"]

[connectors.hook.retry]
first = "5ms"
longest = "50ms"

[connectors.purchases]
plugin = "tabular"

[connectors.purchases.settings]
path = "CDNOW_sample.txt"
format = "whitespace"
header = false
columns = ["customer_id", "sample_id", "date", "number_of_cds", "dollar_value"]
currency = "USD"

[connectors.purchases.settings.records]
kind = "order"
identifiers = { customer = "customer_id" }

[connectors.purchases.settings.records.fields]
placed_at = { column = "date", format = "%Y%m%d" }
total = "dollar_value"
"line.quantity" = "number_of_cds"

[connectors.purchases.grant]
files = "feeds"

[segments.regulars]
when = "orders.count() >= 8"

[segments.recent]
when = "orders.within('30d').exists() && orders.count() >= 3"

[segments.lapsed]
when = "orders.count() >= 5 && !orders.within('90d').exists()"

[syncs.regulars]
connector = "hook"
segment = "regulars"
action = "add-to-list"
list = "Regulars"

[syncs.recent]
connector = "hook"
segment = "recent"
action = "send-message"

[syncs.lapsed]
connector = "hook"
segment = "lapsed"
action = "add-to-list"
list = "Lapsed"
"#;

/// A project with a receiver of its own.
struct Life {
    folder: tempfile::TempDir,
    receiver: Receiver,
}

impl Life {
    fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::start(content);
        let text = PROJECT.replace("PORT", &receiver.port.to_string());
        std::fs::write(folder.path().join("crosspoint.toml"), text).unwrap();
        let sample =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../host/cli/demo/CDNOW_sample.txt");
        std::fs::create_dir(folder.path().join("feeds")).unwrap();
        std::fs::copy(sample, folder.path().join("feeds/CDNOW_sample.txt")).unwrap();
        Self { folder, receiver }
    }

    fn spawn(&self, failpoint: &str) -> Child {
        Command::new(env!("CARGO_BIN_EXE_crash-host"))
            .arg(self.folder.path())
            .env("CROSSPOINT_FAILPOINT", failpoint)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Runs to the end.
    fn finish(&self) -> Value {
        let output = self.spawn("").wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the host failed: {stderr}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs until it is killed; the result where it came to its end before.
    fn run(&self, failpoint: &str, kill_after: Option<Duration>) -> Option<Value> {
        let mut child = self.spawn(failpoint);
        let mut stdout = child.stdout.take().unwrap();
        let (sender, ended) = channel();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            sender.send(()).unwrap();
            text
        });
        let patience = kill_after.unwrap_or(Duration::from_secs(300));
        if ended.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            assert!(kill_after.is_some(), "the host hangs");
            child.kill().unwrap();
        }
        let text = reader.join().unwrap();
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => Some(serde_json::from_str(&text).unwrap()),
            None => None,
            Some(code) => panic!("the host failed with {code}: {stderr}"),
        }
    }
}

fn content(delivery: &Value) -> String {
    let data = &delivery["data"];
    format!(
        "{} {} {}",
        delivery["type"], data["profile_id"], data["list"]
    )
}

#[test]
fn kills_lose_nothing_and_repeat_nothing() {
    let rounds = number("CROSSPOINT_CRASH_ROUNDS", u64::from(ROUNDS));
    let seed = number("CROSSPOINT_CRASH_SEED", 1);
    let mut dice = Dice::new(seed);
    let whole = Life::begin();
    let expected = whole.finish();
    let expected_effects = whole.receiver.contents();
    assert!(
        expected_effects.len() > 300,
        "too little happens: {}",
        expected_effects.len()
    );

    let (mut killed, mut repeated, mut lives) = (0, 0, 0);
    while killed < rounds {
        let life = Life::begin();
        lives += 1;
        let mut kills_in_life = 0;
        let end = loop {
            // A life ends undisturbed after some kills, so that every life is compared.
            if kills_in_life >= 6 {
                break life.finish();
            }
            let end = if dice.roll(2) == 0 {
                let (point, most) = POINTS[dice.roll(POINTS.len() as u64) as usize];
                life.run(&format!("{point}:{}", 1 + dice.roll(most)), None)
            } else {
                life.run("", Some(Duration::from_millis(dice.roll(600))))
            };
            match end {
                Some(end) => break end,
                None => {
                    killed += 1;
                    kills_in_life += 1;
                }
            }
        };
        assert_eq!(end, expected, "seed {seed}, life {lives}");
        assert_eq!(
            life.receiver.contents(),
            expected_effects,
            "seed {seed}, life {lives}"
        );
        repeated += life
            .receiver
            .effects()
            .values()
            .filter(|effect| effect.times > 1)
            .count();
    }
    println!(
        "{killed} kills in {lives} lives: 0 records lost, 0 effects without their key repeated, \
         {repeated} deliveries repeated under their key"
    );
}
