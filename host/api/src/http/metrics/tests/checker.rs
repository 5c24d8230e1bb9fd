//! Reads what Prometheus reads, and refuses what it refuses.

use std::collections::{BTreeMap, BTreeSet};

/// Values by name and labels, as they are written.
pub type Samples = BTreeMap<String, f64>;

/// Every sample stands behind the type of its family, families do not mix, no sample stands twice,
/// and histograms add up.
pub fn read(text: &str) -> Samples {
    assert!(text.ends_with('\n'));
    let open_metrics = text.ends_with("# EOF\n");
    let mut samples = Samples::new();
    let mut families = BTreeSet::new();
    let mut family: Option<(String, String)> = None;
    let mut helped = String::new();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let words: Vec<_> = comment.splitn(3, ' ').collect();
            match words[0] {
                "HELP" => helped = words[1].to_owned(),
                "TYPE" => {
                    assert_eq!(words[1], helped, "help belongs to its family");
                    assert!(families.insert(helped.clone()), "{helped} stands twice");
                    family = Some((helped.clone(), words[2].to_owned()));
                }
                "UNIT" | "EOF" => assert!(open_metrics, "{line}"),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let name = sample.split('{').next().unwrap();
        let (family, kind) = family.as_ref().unwrap();
        let suffixes: &[&str] = match (kind.as_str(), open_metrics) {
            ("counter", true) => &["_total"],
            ("histogram", _) => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        let is_of_family = suffixes
            .iter()
            .any(|suffix| format!("{family}{suffix}") == name);
        assert!(is_of_family, "{name} stands under {family}, a {kind}");
        assert!(kind != "counter" || name.ends_with("_total"), "{name}");
        assert!(labels_are_well_formed(&sample[name.len()..]), "{sample}");
        let value = value.parse().unwrap();
        assert_eq!(
            samples.insert(sample.to_owned(), value),
            None,
            "{sample} stands twice"
        );
    }
    histograms_add_up(&samples);
    samples
}

fn labels_are_well_formed(labels: &str) -> bool {
    if labels.is_empty() {
        return true;
    }
    let inner = labels.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
    let Some(inner) = inner else { return false };
    inner.split("\",").all(|pair| {
        let (name, value) = pair.split_once("=\"").unwrap_or_default();
        let named = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        named && !value.trim_end_matches('"').contains(['"', '\n'])
    })
}

fn histograms_add_up(samples: &Samples) {
    for (sample, count) in samples {
        let Some((name, labels)) = sample.split_once("_bucket{") else {
            continue;
        };
        if let Some(others) = labels.strip_suffix("le=\"+Inf\"}") {
            let others = others.trim_end_matches(',');
            let of_whole = match others {
                "" => format!("{name}_count"),
                others => format!("{name}_count{{{others}}}"),
            };
            assert_eq!(samples.get(&of_whole), Some(count), "{of_whole}");
        }
    }
}
