//! Each folder in `tests/cases` is a project; `error.txt` is everything that is wrong with it. A
//! folder without one is a valid project. `CROSSPOINT_BLESS=1` writes what is found.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use crosspoint_config::{Problem, parse, read_folder};

fn folders() -> Vec<PathBuf> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut folders: Vec<PathBuf> = fs::read_dir(cases)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    folders
}

fn found(folder: &Path) -> String {
    let problems = match parse(&read_folder(folder).unwrap()) {
        Ok(project) => project.warnings,
        Err(problems) => problems,
    };
    problems
        .iter()
        .map(|problem| format!("{problem}\n"))
        .collect()
}

#[test]
fn every_case_reports_exactly_its_errors() {
    let bless = std::env::var_os("CROSSPOINT_BLESS").is_some();
    let mut differing = Vec::new();
    let folders = folders();
    assert!(folders.len() >= 25);
    for folder in folders {
        let found = found(&folder);
        let golden = folder.join("error.txt");
        if bless && !found.is_empty() {
            fs::write(&golden, &found).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if found != expected {
            differing.push(format!("{}\n{found}", folder.display()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn order_of_files_does_not_matter() {
    for folder in folders() {
        let files = read_folder(&folder).unwrap();
        let mut reversed = files.clone();
        reversed.reverse();
        assert_eq!(parse(&files), parse(&reversed), "{}", folder.display());
    }
}

#[test]
fn a_secret_is_never_repeated() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/secret-in-the-file");
    let problems: Vec<Problem> = parse(&read_folder(&folder).unwrap()).unwrap_err();
    assert!(!format!("{problems:?}").contains("whsec_C2FVsBQIhrscChlQIMV"));
    assert!(!format!("{problems:?}").contains("9 lives"));
}
