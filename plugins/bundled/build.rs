//! Builds the bundled plugins and writes the table that `src/lib.rs` includes.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use crosspoint_plugin_build::{Component, build_components};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let names = plugins()?;
    let components: Vec<_> = names
        .iter()
        .map(|name| Component::new(Path::new("..").join(name), format!("plugin-{name}")))
        .collect();
    let built = match build_components(&components) {
        Ok(built) => built,
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    };

    // Copied, so that what is embedded belongs to this build alone.
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let mut table = String::from("&[\n");
    for (name, path) in names.iter().zip(built) {
        let file = out.join(format!("{name}.wasm"));
        let wasm = fs::read(&path)?;
        if fs::read(&file).ok().as_ref() != Some(&wasm) {
            fs::write(&file, wasm)?;
        }
        writeln!(
            table,
            "    Bundled {{ id: {name:?}, wasm: include_bytes!({:?}) }},",
            file.display().to_string()
        )?;
    }
    table.push_str("]\n");
    fs::write(out.join("bundled.rs"), table)?;
    Ok(())
}

/// The folders beside this crate that hold a manifest, sorted; the package is `plugin-<name>`.
fn plugins() -> Result<Vec<String>, Box<dyn Error>> {
    println!("cargo::rerun-if-changed=..");
    let mut names = Vec::new();
    for entry in fs::read_dir("..")? {
        let folder = entry?.path();
        if folder.join("plugin.toml").is_file()
            && let Some(name) = folder.file_name().and_then(|name| name.to_str())
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}
