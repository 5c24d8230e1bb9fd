//! What holds for every file: it is short enough to read, finished, and the same on any machine.

use crate::tree::{Text, ending, refuse, texts};

/// More than this nobody reads at one sitting; split the file by what its parts know.
const MAX_LINES: usize = 600;

/// Data of others, and of the demo, is kept as it came.
fn is_ours(text: &Text) -> bool {
    !text.path.contains("/fixtures/") && !text.path.ends_with(".txt") && text.path != "Cargo.lock"
}

#[test]
fn source_files_are_short() {
    let mut faults = Vec::new();
    for end in [".rs", ".js", ".mjs", ".ts", ".py", ".sh"] {
        for text in ending(end) {
            let lines = text.text.lines().count();
            if lines > MAX_LINES {
                faults.push(format!("{} has {lines} lines", text.path));
            }
        }
    }
    refuse(
        &format!("no source file has more than {MAX_LINES} lines"),
        &faults,
    );
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, so that this file does not hold them.
    let words = [["TO", "DO"], ["FIX", "ME"], ["XX", "X:"]].map(|parts| parts.concat());
    let mut faults = Vec::new();
    for text in texts().iter().filter(|text| is_ours(text)) {
        for (number, line) in text.text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word.as_str())) {
                faults.push(format!("{}:{}: {}", text.path, number + 1, line.trim()));
            }
        }
    }
    refuse("what is left for later is an issue, not a comment", &faults);
}

#[test]
fn nothing_names_a_folder_of_one_machine() {
    let folders = ["home", "root", "Users", "work", "mnt"].map(|name| format!("/{name}/"));
    let mut faults = Vec::new();
    for text in texts().iter().filter(|text| is_ours(text)) {
        for (number, line) in text.text.lines().enumerate() {
            let absolute = |at: usize| {
                // Within a URL or a longer path it is no folder of a machine.
                !line[..at].ends_with(|char: char| char.is_alphanumeric() || ".}/_-".contains(char))
            };
            let found = |folder: &String| {
                line.match_indices(folder.as_str())
                    .any(|(at, _)| absolute(at))
            };
            if folders.iter().any(found) {
                faults.push(format!("{}:{}: {}", text.path, number + 1, line.trim()));
            }
        }
    }
    refuse(
        "no file names a folder that exists on one machine only",
        &faults,
    );
}

#[test]
fn unsafe_code_says_why_it_is_sound() {
    let mut faults = Vec::new();
    for text in ending(".rs") {
        let lines: Vec<_> = text.text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let is_block = code.contains("unsafe {") || code.contains("unsafe fn ");
            let explained = || {
                lines[at.saturating_sub(6)..at]
                    .iter()
                    .any(|line| line.contains("SAFETY:"))
            };
            if is_block && !code.contains('"') && !explained() {
                faults.push(format!("{}:{}: say why in `// SAFETY:`", text.path, at + 1));
            }
            let may =
                text.path.starts_with("host/sandbox/") || text.path == "sdk/rust/src/alloc.rs";
            if is_block && !code.contains('"') && !may {
                faults.push(format!("{}:{}: only host/sandbox may", text.path, at + 1));
            }
        }
    }
    refuse(
        "unsafe code stands in the sandbox and in the guests' allocator alone, each use with its \
         reason",
        &faults,
    );
}
