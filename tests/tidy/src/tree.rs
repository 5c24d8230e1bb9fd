//! The repository as the rules see it: its text files, its crates, and Rust as tokens.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proc_macro2::{TokenStream, TokenTree};

/// Folders that hold nothing a person wrote.
const SKIPPED: [&str; 6] = [
    ".git",
    ".venv",
    "target",
    "node_modules",
    "__pycache__",
    "crosspoint-demo",
];

/// A text file.
pub struct Text {
    /// From the repository's root, with `/`.
    pub path: String,
    pub text: String,
}

/// A package of the workspace.
pub struct Crate {
    /// Its folder from the repository's root.
    pub folder: String,
    pub name: String,
    pub manifest: toml::Table,
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned()
}

/// Every text file, sorted by path.
pub fn texts() -> &'static [Text] {
    static TEXTS: LazyLock<Vec<Text>> = LazyLock::new(|| {
        let root = root();
        let kept = |entry: &walkdir::DirEntry| {
            !SKIPPED.iter().any(|skipped| entry.file_name() == *skipped)
        };
        let walk = walkdir::WalkDir::new(&root)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(kept);
        // What vanishes meanwhile is scratch of another test.
        let files = walk
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file());
        let text = |entry: walkdir::DirEntry| {
            let path = entry.path().strip_prefix(&root).unwrap();
            let path = path.to_str().unwrap().replace('\\', "/");
            let text = std::fs::read_to_string(entry.path()).ok()?;
            Some(Text { path, text })
        };
        files.filter_map(text).collect()
    });
    &TEXTS
}

/// Text files whose name ends so.
pub fn ending(end: &str) -> impl Iterator<Item = &'static Text> {
    texts().iter().filter(move |text| text.path.ends_with(end))
}

/// The text of one file.
pub fn read(path: &str) -> &'static str {
    let found = texts().iter().find(|text| text.path == path);
    found
        .map(|text| text.text.as_str())
        .unwrap_or_else(|| panic!("there is no file {path}"))
}

/// Every package, sorted by folder.
pub fn crates() -> &'static [Crate] {
    static CRATES: LazyLock<Vec<Crate>> = LazyLock::new(|| {
        let package = |text: &Text| {
            let folder = text.path.strip_suffix("/Cargo.toml")?;
            let manifest: toml::Table = text.text.parse().unwrap();
            let name = manifest.get("package")?.get("name")?.as_str()?.to_owned();
            Some(Crate {
                folder: folder.to_owned(),
                name,
                manifest,
            })
        };
        ending("/Cargo.toml").filter_map(package).collect()
    });
    &CRATES
}

impl Crate {
    /// Names of what it depends on, under any target.
    pub fn dependencies(&self, kinds: &[&str]) -> Vec<String> {
        let mut tables = vec![&self.manifest];
        if let Some(targets) = self.manifest.get("target").and_then(toml::Value::as_table) {
            tables.extend(targets.values().filter_map(toml::Value::as_table));
        }
        let mut names: Vec<_> = tables
            .into_iter()
            .flat_map(|table| kinds.iter().filter_map(|kind| table.get(*kind)?.as_table()))
            .flat_map(|dependencies| dependencies.keys().cloned())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Its Rust sources.
    pub fn sources(&self) -> impl Iterator<Item = &'static Text> {
        let folder = format!("{}/", self.folder);
        ending(".rs").filter(move |text| text.path.starts_with(&folder))
    }
}

impl Text {
    /// Whether only tests use it.
    pub fn is_test(&self) -> bool {
        let parts: Vec<_> = self.path.split('/').collect();
        parts
            .iter()
            .any(|part| matches!(*part, "tests" | "testing" | "tests.rs" | "testing.rs"))
    }

    /// What of it is compiled outside tests: all before its own `mod tests`.
    pub fn product(&self) -> &str {
        self.text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default()
    }

    /// Tokens of [`Self::product`] as text, groups opened up, comments left out.
    pub fn product_tokens(&self) -> Vec<String> {
        self.tokens_of(self.product())
    }

    /// Its tokens as text, groups opened up, comments left out.
    pub fn tokens(&self) -> Vec<String> {
        self.tokens_of(&self.text)
    }

    fn tokens_of(&self, text: &str) -> Vec<String> {
        let stream: TokenStream = text
            .parse()
            .unwrap_or_else(|error| panic!("{}: {error}", self.path));
        let mut tokens = Vec::new();
        flatten(stream, &mut tokens);
        tokens
    }
}

fn flatten(stream: TokenStream, into: &mut Vec<String>) {
    for tree in stream {
        match tree {
            TokenTree::Group(group) => {
                into.push("(".to_owned());
                flatten(group.stream(), into);
                into.push(")".to_owned());
            }
            other => into.push(other.to_string()),
        }
    }
}

/// Whether the tokens hold this sequence.
pub fn holds(tokens: &[String], sequence: &[&str]) -> bool {
    tokens
        .windows(sequence.len())
        .any(|window| window.iter().eq(sequence))
}

/// Fails with everything that breaks a rule.
pub fn refuse(rule: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{rule}\n\n{}\n", faults.join("\n"));
}
