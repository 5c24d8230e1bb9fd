//! Texts that people copy are valid, and every code has its page.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crosspoint_config::{Code, parse, scaffold};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

fn scaffolded(name: &str) -> Vec<(String, String)> {
    scaffold(name)
        .into_iter()
        .filter(|(path, _)| path.ends_with(".toml"))
        .map(|(path, text)| (path.to_owned(), text))
        .collect()
}

#[test]
fn the_scaffold_is_a_valid_project() {
    let project = parse(&scaffolded("cat-food")).unwrap();
    assert_eq!(project.name, "cat-food");
    assert_eq!(project.warnings, []);
    assert_eq!(parse(&scaffolded("Cat Food")).unwrap().name, "my-shop");
}

#[test]
fn the_scaffolds_examples_are_valid_too() {
    let mut files = scaffolded("cat-food");
    for (_, text) in &mut files {
        let lines = text.lines().map(|line| match line.strip_prefix('#') {
            Some(example) if example.starts_with(|c: char| c == '[' || c.is_alphabetic()) => {
                example
            }
            _ => line,
        });
        *text = lines.collect::<Vec<_>>().join("\n");
    }
    let project = parse(&files).unwrap();
    assert_eq!(project.syncs.len(), 1);
    assert_eq!(project.warnings, []);
}

#[test]
fn the_reference_example_is_a_valid_project() {
    let page = fs::read_to_string(docs().join("reference/config.md")).unwrap();
    let (_, example) = page.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let project = parse(&[("crosspoint.toml".to_owned(), example.to_owned())]).unwrap();
    assert_eq!(project.warnings, []);
    assert_eq!(project.syncs.len(), 2);
}

#[test]
fn every_code_has_its_page() {
    let pages: BTreeSet<String> = fs::read_dir(docs().join("errors"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| Some(name.strip_suffix(".md")?.to_owned()))
        .filter(|name| name.starts_with("XP-CFG-"))
        .collect();
    let codes: BTreeSet<String> = Code::ALL.iter().map(|code| code.to_string()).collect();
    assert_eq!(pages, codes);
    for code in codes {
        let page = fs::read_to_string(docs().join(format!("errors/{code}.md"))).unwrap();
        assert!(page.starts_with(&format!("# {code}: ")), "{code}");
        for part in ["\n## Cause\n", "\n## Check\n", "\n## Fix\n"] {
            assert!(page.contains(part), "{code} lacks {part}");
        }
    }
}
