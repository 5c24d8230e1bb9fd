//! Engines are named by one crate each, so that another engine can take their place.

use crate::tree::{crates, refuse};

/// An engine's crates begin with the first; the second is the crate that may name them.
const ENGINES: &[(&str, &str)] = &[
    ("sled", "host/store"),
    ("wasmtime", "host/sandbox"),
    ("wasmparser", "host/sandbox"),
    ("opendal", "host/sandbox"),
    ("cel", "host/segment"),
    ("wit_bindgen", "sdk/rust"),
];

/// Crates that may name an engine though it is not theirs.
const ALSO: &[(&str, &str, &str)] = &[(
    "wit_bindgen",
    "tests/guests/misbehaving",
    "must do what the SDK would keep it from doing",
)];

#[test]
fn only_store_names_sled_and_only_sandbox_names_wasmtime() {
    let mut faults = Vec::new();
    let mut needed = vec![false; ALSO.len()];
    for package in crates() {
        let kinds = ["dependencies", "build-dependencies", "dev-dependencies"];
        let mut named: Vec<String> = package.dependencies(&kinds);
        for name in &mut named {
            *name = name.replace('-', "_");
        }
        for source in package.sources() {
            let tokens = source.tokens();
            let path = |pair: &[String]| (pair[1] == ":").then(|| pair[0].clone());
            named.extend(tokens.windows(2).filter_map(path));
            let used = |pair: &[String]| (pair[0] == "use").then(|| pair[1].clone());
            named.extend(tokens.windows(2).filter_map(used));
        }
        for (engine, home) in ENGINES {
            let is_it = |name: &String| {
                name == engine || name.starts_with(&format!("{engine}_")) && *engine == "wasmtime"
            };
            if package.folder == *home || !named.iter().any(is_it) {
                continue;
            }
            let excepted =
                |also: &(&str, &str, &str)| also.0 == *engine && also.1 == package.folder;
            match ALSO.iter().position(excepted) {
                Some(at) => needed[at] = true,
                None => faults.push(format!(
                    "{} names `{engine}`; only {home} may",
                    package.folder
                )),
            }
        }
    }
    for (also, _) in ALSO.iter().zip(&needed).filter(|(_, needed)| !**needed) {
        faults.push(format!(
            "{} no longer names `{}`: remove its exception",
            also.1, also.0
        ));
    }
    refuse("an engine is named by one crate", &faults);
}
