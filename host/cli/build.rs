//! Embeds the error pages of `docs/errors`, so that `crosspoint explain` needs no files.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let pages = root.join("../../docs/errors");
    println!("cargo::rerun-if-changed={}", pages.display());
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("pages.rs"), table(&pages)?)
}

/// A Rust slice of code and page, ordered by code.
fn table(folder: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if let Some(code) = path.file_stem().and_then(|stem| stem.to_str())
            && path.extension().is_some_and(|extension| extension == "md")
            && code.starts_with("XP-")
        {
            files.push((code.to_owned(), path.canonicalize()?));
        }
    }
    files.sort();
    let mut text = String::from("&[\n");
    for (code, path) in files {
        writeln!(text, "    ({code:?}, include_str!({path:?})),").expect("text takes any text");
    }
    text.push_str("]\n");
    Ok(text)
}
