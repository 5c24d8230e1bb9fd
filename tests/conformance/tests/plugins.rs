//! Every plugin on disk keeps the contract, but for the waivers that say why not.

#![allow(clippy::unwrap_used)]

mod proof;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use crosspoint_plugin_build::build_component;
use crosspoint_testkit::{Report, Subject, Verdict};
use simulators::{Options, Simulator};

/// Plugins that have no vendor of their own to simulate, and where their contract is tested.
const WITHOUT_SIMULATOR: [(&str, &str); 3] = [
    (
        "tabular",
        "reads files: plugins/tabular/src/tests, tests/real/sftp",
    ),
    (
        "webhook",
        "posts to any receiver: plugins/webhook/src/tests.rs, the demo",
    ),
    ("smtp", "speaks no HTTP: tests/real/smtp"),
];

/// Waivers in the repository. May only shrink.
const MOST_WAIVERS: usize = 0;

#[test]
fn every_plugin_keeps_the_contract() {
    let only = env::var("CROSSPOINT_PLUGIN").ok();
    let checks: Vec<String> = env::var("CROSSPOINT_CHECK")
        .map(|names| names.split(',').map(str::to_owned).collect())
        .unwrap_or_default();
    let (mut reports, mut faults, mut waivers) = (Vec::new(), String::new(), 0);
    for (name, folder) in plugins() {
        if only.as_ref().is_some_and(|only| *only != name) || without_simulator(&name).is_some() {
            continue;
        }
        let subject = Subject::read(&folder.join("conformance.toml"));
        let mut subject = subject.unwrap_or_else(|error| panic!("plugin `{name}`: {error}"));
        subject.only = checks.clone();
        subject.bless = env::var_os("CROSSPOINT_BLESS").is_some();
        waivers += subject.waivers.len();
        let report = run(&name, &subject);
        println!("{}", report.to_text());
        if !report.is_passed() {
            faults.push_str(&report.to_text());
        }
        reports.push(report);
    }
    assert!(faults.is_empty(), "\n{faults}");
    assert!(
        (0..=MOST_WAIVERS).contains(&waivers),
        "{waivers} waivers where {MOST_WAIVERS} were: mend what they waive"
    );
    if only.is_none() && checks.is_empty() {
        page_is_up_to_date(&page(&reports));
    }
}

fn run(name: &str, subject: &Subject) -> Report {
    let component =
        build_component(root().join("plugins").join(name), format!("plugin-{name}")).unwrap();
    let wasm = fs::read(component).unwrap();
    let options = Options {
        customers: usize::try_from(subject.customers).unwrap(),
        ..Options::default()
    };
    let simulator = Simulator::start(&subject.simulator, &options).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let told = |finding: &crosspoint_testkit::Finding| println!("{}", finding.to_text());
    runtime
        .block_on(crosspoint_testkit::test(
            &wasm,
            subject,
            simulator.url(),
            told,
        ))
        .unwrap()
}

/// By name: every folder with a manifest.
fn plugins() -> BTreeMap<String, PathBuf> {
    let folders = fs::read_dir(root().join("plugins")).unwrap();
    let folders = folders.map(|entry| entry.unwrap().path());
    folders
        .filter(|folder| folder.join("plugin.toml").is_file())
        .map(|folder| {
            (
                folder.file_name().unwrap().to_string_lossy().into_owned(),
                folder,
            )
        })
        .collect()
}

fn without_simulator(name: &str) -> Option<&'static str> {
    let found = WITHOUT_SIMULATOR.iter().find(|(known, _)| *known == name);
    found.map(|(_, because)| *because)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// docs/plugins.md: no figures and no digests, which differ from machine to machine.
fn page(reports: &[Report]) -> String {
    let mut text = String::from(
        "# Plugins\n\nWritten by `tests/conformance` from its findings. Each plugin that stands here was run \
         against a simulator of its vendor with the engine that runs it in production; the rules are those of \
         the [contract](contract.md). `crosspoint plugin test` does the same for a component of your own.\n\n\
         | plugin | version | passed | nothing to check | waived |\n|---|---|---|---|---|\n",
    );
    for report in reports {
        let (passed, of) = report.score();
        let skipped = report.findings.len() - of;
        let waived = report
            .findings
            .iter()
            .filter(|it| matches!(it.verdict, Verdict::Waived { .. }))
            .count();
        let _ = writeln!(
            text,
            "| [{}](../plugins/{}/README.md) | {} | {passed} of {of} | {skipped} | {waived} |",
            report.plugin, report.plugin, report.version
        );
    }
    text.push_str("\nWithout a vendor to simulate:\n\n");
    for (name, because) in WITHOUT_SIMULATOR {
        let _ = writeln!(text, "- [{name}](../plugins/{name}/README.md) {because}");
    }
    text.push_str("\n## What is checked\n\n| check | rule | a plugin must |\n|---|---|---|\n");
    for check in crosspoint_testkit::CHECKS {
        let _ = writeln!(text, "| {} | {} | {} |", check.name, check.rule, check.must);
    }
    for report in reports {
        let _ = writeln!(text, "\n## {}\n", report.plugin);
        for finding in &report.findings {
            let line = match &finding.verdict {
                Verdict::Passed | Verdict::Failed { .. } => continue,
                Verdict::Waived { waiver, .. } => format!("waived: {waiver}"),
                Verdict::Skipped { reason } => format!("nothing to check: {reason}"),
            };
            let _ = writeln!(text, "- {}: {line}", finding.check);
        }
    }
    text
}

fn page_is_up_to_date(page: &str) {
    let path = root().join("docs/plugins.md");
    if env::var_os("CROSSPOINT_BLESS").is_some() {
        fs::write(&path, page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/plugins.md is not what was found: run with CROSSPOINT_BLESS=1"
    );
}
