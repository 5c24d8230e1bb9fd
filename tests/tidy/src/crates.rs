//! What every crate says about itself: purpose, invariants with the tests that hold them, what is
//! not there, licence and lints.

use std::collections::BTreeSet;

use crate::tree::{Crate, Text, crates, ending, read, refuse};

/// Top-level folders whose crates are the product. Those under `tests/` hold tests and play parts
/// in them, so they promise nothing of their own.
fn is_product(package: &Crate) -> bool {
    !package.folder.starts_with("tests/")
}

/// The crate's `//!` text, without the slashes.
fn crate_docs(package: &Crate) -> String {
    let roots = ["src/lib.rs", "src/main.rs"].map(|file| format!("{}/{file}", package.folder));
    let Some(root) = ending(".rs").find(|text| roots.contains(&text.path)) else {
        return String::new();
    };
    let lines = root.text.lines().take_while(|line| line.starts_with("//!"));
    lines
        .map(|line| line[3..].strip_prefix(' ').unwrap_or(""))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The lines under a heading of the crate's documentation.
fn section<'a>(docs: &'a str, heading: &str) -> Option<&'a str> {
    let (_, after) = docs.split_once(&format!("\n{heading}\n"))?;
    Some(after.split("\n# ").next().unwrap_or(after))
}

/// Every function name and every module path of two parts, in the whole repository. Functions
/// inside macros count: property tests stand there.
fn names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for source in ending(".rs") {
        let tokens = source.tokens();
        let functions = tokens.windows(2).filter(|pair| pair[0] == "fn");
        names.extend(functions.map(|pair| pair[1].clone()));
        names.extend(module(source));
    }
    names
}

/// `exit::tests` for tests that stand in or below the module `exit`.
fn module(source: &Text) -> Option<String> {
    let stem = source.path.strip_suffix(".rs")?;
    let mut parts = stem.rsplit('/').filter(|part| *part != "mod");
    let last = parts.next()?;
    if last == "tests" {
        return Some(format!("{}::tests", parts.next()?));
    }
    source
        .text
        .contains("mod tests")
        .then(|| format!("{last}::tests"))
}

/// Names in backticks within the parentheses that end a bullet; an empty list where none do.
fn proofs(bullet: &str) -> Vec<String> {
    let trimmed = bullet.trim_end().trim_end_matches('.');
    let Some((_, proof)) = trimmed
        .strip_suffix(')')
        .and_then(|text| text.rsplit_once('('))
    else {
        return Vec::new();
    };
    if proof == "same test" {
        return vec![proof.to_owned()];
    }
    // The crate in which a test stands may be named beside it.
    let is_crate = |name: &str| crates().iter().any(|package| package.name == name);
    let names = proof.split('`').skip(1).step_by(2);
    names
        .filter(|name| !is_crate(name))
        .map(str::to_owned)
        .collect()
}

fn bullets(section: &str) -> Vec<String> {
    let lines = section.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    format!(" {lines}")
        .split(" - ")
        .skip(1)
        .map(|bullet| bullet.trim().to_owned())
        .collect()
}

#[test]
fn every_crate_says_what_it_is_and_what_holds_it() {
    let names = names();
    let mut faults = Vec::new();
    for package in crates() {
        let (folder, docs) = (&package.folder, crate_docs(package));
        if docs
            .split("\n\n")
            .next()
            .is_none_or(|purpose| purpose.trim().is_empty())
        {
            faults.push(format!(
                "{folder}: the crate has no `//!` that says its purpose"
            ));
            continue;
        }
        if section(&docs, "# Not here").is_none_or(|text| text.trim().is_empty()) {
            faults.push(format!("{folder}: `//!` lacks `# Not here`"));
        }
        let invariants = section(&docs, "# Invariants")
            .map(bullets)
            .unwrap_or_default();
        if invariants.is_empty() && is_product(package) {
            faults.push(format!("{folder}: `//!` lacks `# Invariants`"));
        }
        let mut before = false;
        for invariant in invariants {
            let proofs = proofs(&invariant);
            if proofs.is_empty() || (proofs[0] == "same test" && !before) {
                faults.push(format!("{folder}: no test is named for: {invariant}"));
            }
            before = !proofs.is_empty();
            for proof in proofs.iter().filter(|proof| *proof != "same test") {
                let function = proof.rsplit("::").next().unwrap_or(proof);
                if !names.contains(function) && !names.contains(proof) {
                    faults.push(format!(
                        "{folder}: there is no test `{proof}` for: {invariant}"
                    ));
                }
            }
        }
    }
    refuse(
        "every crate opens with purpose, `# Invariants`, each with its test, `# Not here`",
        &faults,
    );
}

#[test]
fn every_crate_has_the_licence_and_the_lints() {
    let root: toml::Table = read("Cargo.toml").parse().unwrap();
    let licence = root["workspace"]["package"]["license"].as_str().unwrap();
    assert_eq!(licence, "Apache-2.0 OR MIT");
    for file in ["LICENSE", "LICENSE-APACHE", "LICENSE-MIT"] {
        assert!(!read(file).is_empty(), "{file} is empty");
    }
    let inherits = |table: Option<&toml::Value>| {
        table.and_then(|table| table.get("workspace")) == Some(&toml::Value::Boolean(true))
    };
    let mut faults = Vec::new();
    for package in crates() {
        let about = package.manifest["package"].get("license");
        if !inherits(about) && about.and_then(toml::Value::as_str) != Some(licence) {
            faults.push(format!(
                "{}: add `license.workspace = true`",
                package.folder
            ));
        }
        let is_guest = package.folder.starts_with("tests/guests/");
        if !is_guest && !inherits(package.manifest.get("lints")) {
            faults.push(format!(
                "{}: add `[lints]` with `workspace = true`",
                package.folder
            ));
        }
        let libraries_only = package.dependencies(&["dependencies"]);
        if libraries_only.contains(&"anyhow".to_owned())
            && is_product(package)
            && package.folder != "host/cli"
        {
            faults.push(format!(
                "{}: `anyhow` is for the command line and tests",
                package.folder
            ));
        }
    }
    refuse("licence, lints and errors are the same everywhere", &faults);
}

#[test]
fn proofs_are_the_names_at_the_end() {
    assert_eq!(proofs("Holds (`a::b`, `c`)."), ["a::b", "c"]);
    assert_eq!(proofs("Holds (same test)."), ["same test"]);
    assert!(proofs("Holds (`a`) mostly.").is_empty());
    assert_eq!(
        bullets("\n- One\n  two (`x`).\n- Three.\n"),
        ["One two (`x`).", "Three."]
    );
}
