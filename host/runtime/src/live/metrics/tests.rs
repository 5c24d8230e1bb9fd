use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::catalogue::{ALL, HOOKS, Kind, VENDOR_QUOTA, reference};
use super::{Counted, MetricsFormat, by_powers_of_two};
use crate::{Host, HostOptions};

const REFERENCE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/reference/metrics.md"
);
const MARK: &str =
    "<!-- From here on: the host's own catalogue. CROSSPOINT_BLESS=1 renews it. -->\n";

#[test]
fn the_reference_lists_every_metric() {
    let page = fs::read_to_string(Path::new(REFERENCE)).unwrap();
    let (head, shown) = page.split_once(MARK).unwrap();
    let table = format!("\n{}", reference());
    if std::env::var_os("CROSSPOINT_BLESS").is_some() {
        fs::write(REFERENCE, format!("{head}{MARK}{table}")).unwrap();
    } else {
        assert_eq!(shown, table, "CROSSPOINT_BLESS=1 renews the reference");
    }
}

#[test]
fn names_follow_the_conventions() {
    let mut names = BTreeSet::new();
    for metric in ALL {
        let name = metric.name();
        assert!(names.insert(name.clone()), "{name} stands twice");
        assert!(
            name.starts_with("crosspoint_") || name.starts_with("process_"),
            "{name}"
        );
        assert!(["", "seconds", "bytes"].contains(&metric.unit), "{name}");
        assert!(
            !metric.stem.ends_with("_total") && !metric.stem.contains("_ms"),
            "{name}"
        );
        assert!(
            metric.kind != Kind::Histogram || metric.unit == "seconds",
            "{name}"
        );
        assert!(!metric.help.ends_with('.'), "{name}");
    }
}

#[test]
fn a_scrape_shows_every_metric() {
    let folder = tempfile::tempdir().unwrap();
    let project = "[project]\nname = \"test\"\n\n\
         [server]\nlisten = \"127.0.0.1:0\"\n\n[tracking.website]\nwrite_keys = [\"website-1\"]\n\n\
         [segments.visitors]\nwhen = \"events.count() > 0\"\n\n\
         [connectors.crm]\nplugin = \"webhook\"\nsettings = { url = \"http://127.0.0.1:1\" }\n\
         secrets = { signing_secret = \"file:secret\" }\n\
         grant = { hosts = [\"127.0.0.1:1\"], plain_http = [\"127.0.0.1:1\"] }\n";
    fs::write(folder.path().join("crosspoint.toml"), project).unwrap();
    let secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    fs::write(folder.path().join("secret"), secret).unwrap();
    let options = HostOptions {
        project: folder.path().to_owned(),
        data: None,
        edges: true,
    };
    let host = Host::open(options, &|_| {}).unwrap();
    let scrape = || {
        host.tokio
            .block_on(host.scrape(MetricsFormat::Prometheus))
            .unwrap()
    };
    // The worker asks its plugin for its actions first of all.
    let mut text = scrape();
    while !text.contains("crosspoint_plugin_calls_total") {
        text = scrape();
    }
    let shown: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let names = ALL.iter().map(|metric| metric.name());
    let missing: Vec<_> = names
        .filter(|name| !shown.contains(name.as_str()))
        .collect();
    let elsewhere = [HOOKS, VENDOR_QUOTA].map(|metric| metric.name());
    assert_eq!(missing, elsewhere, "only where there is something to say");
    host.close().unwrap();
    let text = host
        .tokio
        .block_on(host.scrape(MetricsFormat::Prometheus))
        .unwrap();
    assert!(
        text.contains("crosspoint_step_running 0\n"),
        "answers when the state does not"
    );
}

#[test]
fn counts_by_power_of_two_become_buckets() {
    let total = std::time::Duration::from_millis(12);
    let Counted {
        sum,
        count,
        buckets,
    } = by_powers_of_two(&[1, 0, 4, 2], 1e-3, total);
    assert_eq!((sum, count), (0.012, 7));
    assert_eq!(
        buckets,
        [(0.001, 1), (0.002, 0), (0.004, 4), (f64::INFINITY, 2)]
    );
}
