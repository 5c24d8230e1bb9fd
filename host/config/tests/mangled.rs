//! Whatever the text, reading it ends in a project or in problems.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use crosspoint_config::{parse, read_folder};
use proptest::prelude::*;
use proptest::sample::Index;

/// What a slip of the hand or a broken editor does to a text.
#[derive(Clone, Debug)]
enum Slip {
    Cut(Index, Index),
    Insert(Index, String),
    Double(Index, Index),
}

fn slip() -> impl Strategy<Value = Slip> {
    let word = prop_oneof![
        prop::sample::select(vec![
            "[",
            "]",
            "\"",
            "'''",
            "=",
            "\n",
            "{",
            "}",
            ",",
            ".",
            "é",
            "\0",
            "-1",
            "[[a]]\n",
            "[project]\n",
            "[connectors.x]\n",
            "segments = 1\n",
            "\u{feff}",
            "9999999999999999999",
        ])
        .prop_map(str::to_owned),
        ".{0,4}",
    ];
    prop_oneof![
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Slip::Cut(a, b)),
        (any::<Index>(), word).prop_map(|(at, text)| Slip::Insert(at, text)),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Slip::Double(a, b)),
    ]
}

fn apply(text: &str, slip: &Slip) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let length = characters.len() + 1;
    match slip {
        Slip::Cut(a, b) => {
            let (a, b) = (a.index(length), b.index(length));
            // Short cuts keep most of the text alive.
            let (from, to) = (a.min(b), a.max(b).min(a.min(b) + 20));
            characters.drain(from..to.min(length - 1).max(from));
        }
        Slip::Insert(at, word) => {
            let at = at.index(length);
            characters.splice(at..at, word.chars());
        }
        Slip::Double(a, b) => {
            let (a, b) = (a.index(length), b.index(length));
            let part: Vec<char> = characters[a.min(b)..a.max(b)].to_vec();
            characters.splice(a.min(b)..a.min(b), part);
        }
    }
    characters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn mangled_text_never_panics(
        slips in prop::collection::vec((any::<Index>(), slip()), 1..6),
    ) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/valid-everything");
        let mut files = read_folder(&folder).unwrap();
        for (file, slip) in &slips {
            let file = file.index(files.len());
            files[file].1 = apply(&files[file].1, slip);
        }
        match parse(&files) {
            Ok(project) => prop_assert!(project.warnings.iter().all(|p| p.code.is_warning())),
            Err(problems) => {
                prop_assert!(problems.iter().any(|problem| !problem.code.is_warning()));
                for problem in &problems {
                    let (_, text) =
                        files.iter().find(|(path, _)| *path == problem.at.file).unwrap();
                    prop_assert!(problem.at.line >= 1 && problem.at.column >= 1);
                    prop_assert!(problem.at.line <= text.matches('\n').count() + 1);
                }
            }
        }
    }
}
