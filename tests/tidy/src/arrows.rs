//! The map of the crates: who may name whom. The folders and the arrows between them are the
//! architecture, so a new arrow is a decision.

use crate::tree::{crates, refuse};

/// One crate and the crates that it names.
struct Room {
    folder: &'static str,
    /// Also needed outside tests.
    names: &'static [&'static str],
    /// Needed by its tests alone.
    tests_name: &'static [&'static str],
    /// Why it names no others.
    because: &'static str,
}

const ROOMS: &[Room] = &[
    Room {
        folder: "host/model",
        names: &[],
        tests_name: &[],
        because: "every room shares it, so it knows none of them",
    },
    Room {
        folder: "host/identity",
        names: &["host/model"],
        tests_name: &["host/profile"],
        because: "who is one person is decided from fragments, not from what they hold",
    },
    Room {
        folder: "host/profile",
        names: &["host/model"],
        tests_name: &[],
        because: "it folds records and views fragments; who belongs together is identity's",
    },
    Room {
        folder: "host/segment",
        names: &["host/model", "host/profile"],
        tests_name: &[],
        because: "a rule is a function of a profile and an instant",
    },
    Room {
        folder: "host/config",
        names: &["host/model", "host/segment"],
        tests_name: &[],
        because: "text in, project or all errors out, on any machine",
    },
    Room {
        folder: "host/step",
        names: &[
            "host/config",
            "host/identity",
            "host/model",
            "host/profile",
            "host/segment",
        ],
        tests_name: &["host/identity"],
        because: "the step is pure: engines, plugins and clocks stay outside (ADR 0005)",
    },
    Room {
        folder: "host/ledger",
        names: &["host/model"],
        tests_name: &[],
        because: "it keeps entries and does not know what they mean",
    },
    Room {
        folder: "host/store",
        names: &["host/model"],
        tests_name: &[],
        because: "it keeps values under keys and does not know rules",
    },
    Room {
        folder: "host/sandbox",
        names: &["host/model"],
        tests_name: &["sdk/build"],
        because: "it calls plugins; when to call them is ingest's and deliver's",
    },
    Room {
        folder: "host/ingest",
        names: &["host/ledger", "host/model"],
        tests_name: &[],
        because: "a source is a trait to it, so that it is tested without plugins",
    },
    Room {
        folder: "host/deliver",
        names: &["host/ledger", "host/model"],
        tests_name: &["host/ledger"],
        because: "destination and outbox are traits to it, so that it is tested without either",
    },
    Room {
        folder: "host/runtime",
        names: &[
            "host/config",
            "host/deliver",
            "host/ingest",
            "host/ledger",
            "host/model",
            "host/profile",
            "host/sandbox",
            "host/segment",
            "host/step",
            "host/store",
            "plugins/bundled",
        ],
        tests_name: &["host/ledger"],
        because: "it is the only composer",
    },
    Room {
        folder: "host/api",
        names: &["host/config", "host/runtime"],
        tests_name: &["sdk/build"],
        because: "it puts the runtime's questions and answers on a wire",
    },
    Room {
        folder: "host/cli",
        names: &["host/api", "host/config", "host/runtime", "sdk/testkit"],
        tests_name: &[],
        because: "it asks a host, and opens nothing itself",
    },
    Room {
        folder: "sdk/rust",
        names: &[],
        tests_name: &[],
        because: "guest and host share the contract in wit/ and nothing else",
    },
    Room {
        folder: "sdk/build",
        names: &[],
        tests_name: &[],
        because: "it runs in build scripts, where every dependency is waited for",
    },
    Room {
        folder: "sdk/testkit",
        names: &["host/model", "host/sandbox"],
        tests_name: &[],
        because: "a plugin is checked with the engine that will run it, and with nothing else of the host",
    },
    Room {
        folder: "sdk/template",
        names: &["sdk/rust"],
        tests_name: &[],
        because: "a plugin names the SDK alone, and this is what plugins start from",
    },
    Room {
        folder: "plugins/bundled",
        names: &["sdk/build"],
        tests_name: &[],
        because: "it carries components, not code",
    },
];

const RECORD: &str = "a new arrow is a decision: record it in ROOMS (tests/tidy/src/arrows.rs) and \
                      say why in a page of docs/adr";

#[test]
fn crates_name_only_whom_the_map_says() {
    let mut faults = Vec::new();
    for package in crates()
        .iter()
        .filter(|package| !package.folder.starts_with("tests/"))
    {
        let folder = package.folder.as_str();
        let used = neighbours(&package.dependencies(&["dependencies", "build-dependencies"]));
        let used_by_tests = neighbours(&package.dependencies(&["dev-dependencies"]));
        let Some(room) = ROOMS.iter().find(|room| room.folder == folder) else {
            let others: Vec<_> = used.iter().filter(|name| **name != "sdk/rust").collect();
            if !folder.starts_with("plugins/") {
                faults.push(format!("{folder} is not on the map; {RECORD}"));
            } else if !others.is_empty() {
                faults.push(format!(
                    "{folder} names {others:?}; a plugin names sdk/rust alone"
                ));
            }
            continue;
        };
        for (actual, allowed, what) in [
            (&used, room.names, "names"),
            (&used_by_tests, room.tests_name, "in its tests names"),
        ] {
            for other in actual.iter().filter(|other| !allowed.contains(other)) {
                faults.push(format!(
                    "{folder} {what} {other}, but {}; {RECORD}",
                    room.because
                ));
            }
            for other in allowed.iter().filter(|other| !actual.contains(other)) {
                faults.push(format!(
                    "{folder} no longer {what} {other}: take it off the map"
                ));
            }
        }
    }
    for room in ROOMS {
        if !crates().iter().any(|package| package.folder == room.folder) {
            faults.push(format!("{} is gone: take it off the map", room.folder));
        }
    }
    refuse("crates must name only whom the map says", &faults);
}

#[test]
fn nothing_names_the_crates_of_tests() {
    let mut faults = Vec::new();
    for package in crates() {
        let kinds = ["dependencies", "build-dependencies", "dev-dependencies"];
        let is_test = package.folder.starts_with("tests/");
        for other in neighbours(&package.dependencies(&kinds)) {
            if !is_test && other.starts_with("tests/") {
                faults.push(format!("{} names {other}", package.folder));
            }
            let apart = ["tests/simulators", "tests/guests/"];
            if apart.iter().any(|apart| package.folder.starts_with(apart))
                && other.starts_with("host/")
            {
                faults.push(format!(
                    "{} names {other}: it plays an outsider",
                    package.folder
                ));
            }
        }
    }
    refuse("tests stand outside", &faults);
}

/// Folders of the workspace's own crates among these dependencies.
fn neighbours(dependencies: &[String]) -> Vec<&'static str> {
    let own = |name: &String| crates().iter().find(|package| package.name == *name);
    dependencies
        .iter()
        .filter_map(own)
        .map(|package| package.folder.as_str())
        .collect()
}
