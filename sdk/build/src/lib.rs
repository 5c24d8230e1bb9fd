//! Builds plugins to WebAssembly components from a build script, in one inner cargo call with its
//! own target directory. Start reading at [`build_components`].
//!
//! ```no_run
//! // build.rs
//! use crosspoint_plugin_build::{Component, build_components};
//!
//! let built = build_components(&[Component::new("../tabular", "plugin-tabular")]).unwrap();
//! println!("cargo::rustc-env=TABULAR_WASM={}", built[0].display());
//! ```
//!
//! # Invariants
//! - Nothing of the outer build reaches the inner one: flags, wrappers, profiles and target
//!   directories are cleared, so that `cargo clippy` and `cargo test` find everything built
//!   (`environment::tests::outer_build_does_not_leak`).
//! - The inner build never waits for a lock that the outer one holds: its target directory is
//!   `target/plugins` of the workspace, whatever the outer one uses
//!   (`tests::target_directory_is_the_workspaces_own`).
//!
//! # Not here
//! Reading or checking the component: the host's sandbox does that when it loads it.

mod environment;
mod error;
#[cfg(test)]
mod tests;
mod toolchain;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use error::Error;

/// The target that plugins are compiled for.
pub const TARGET: &str = "wasm32-wasip2";

/// The cargo profile that plugins are compiled with.
const PROFILE: &str = "plugin";

/// A plugin to build: where its package stands and what it is called.
#[derive(Clone, Debug)]
pub struct Component {
    dir: PathBuf,
    package: String,
}

impl Component {
    /// A package by its folder, relative to the current directory (in a build script: to the
    /// folder of the crate that is built), and its name.
    pub fn new(dir: impl AsRef<Path>, package: impl Into<String>) -> Self {
        Self {
            dir: dir.as_ref().to_owned(),
            package: package.into(),
        }
    }
}

/// Builds one component and gives the path of its `.wasm` file. See [`build_components`].
///
/// # Errors
/// As [`build_components`].
pub fn build_component(
    manifest_dir: impl AsRef<Path>,
    package: impl Into<String>,
) -> Result<PathBuf, Error> {
    build_components(&[Component::new(manifest_dir, package)]).map(|mut built| built.swap_remove(0))
}

/// Builds components of one workspace with one cargo call and gives the paths of their `.wasm`
/// files, in the same order. Adds the compilation target through rustup where it is missing. In a
/// build script it also tells cargo which files to watch.
///
/// # Errors
/// Where the packages stand in no workspace, the target cannot be added, or cargo fails.
pub fn build_components(components: &[Component]) -> Result<Vec<PathBuf>, Error> {
    let Some(first) = components.first() else {
        return Ok(Vec::new());
    };
    let root = workspace_root(&first.dir)?;
    if is_build_script() {
        watch(&root, components);
    }
    toolchain::ensure_target()?;

    let target_dir = target_dir(&root);
    let mut command = Command::new(toolchain::cargo());
    environment::isolate(&mut command, env::vars_os().map(|(name, _)| name));
    command
        .current_dir(&root)
        .args([
            "build",
            "--profile",
            PROFILE,
            "--target",
            TARGET,
            "--target-dir",
        ])
        .arg(&target_dir);
    for component in components {
        command.args(["-p", &component.package]);
    }
    let output = command.output().map_err(|source| Error::Cargo { source })?;
    if !output.status.success() {
        return Err(Error::Build {
            packages: components
                .iter()
                .map(|component| component.package.clone())
                .collect(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        });
    }
    components
        .iter()
        .map(|component| built_file(&target_dir, &component.package))
        .collect()
}

fn built_file(target_dir: &Path, package: &str) -> Result<PathBuf, Error> {
    let name = format!("{}.wasm", package.replace('-', "_"));
    let path = target_dir.join(TARGET).join(PROFILE).join(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(Error::NoComponent { path })
    }
}

fn target_dir(root: &Path) -> PathBuf {
    root.join("target").join("plugins")
}

/// The nearest folder upwards whose `Cargo.toml` has a `[workspace]` table.
fn workspace_root(dir: &Path) -> Result<PathBuf, Error> {
    let missing = || Error::NoWorkspace {
        dir: dir.to_owned(),
    };
    let start = dir.canonicalize().map_err(|_| missing())?;
    start
        .ancestors()
        .find(|folder| {
            std::fs::read_to_string(folder.join("Cargo.toml"))
                .is_ok_and(|text| text.lines().any(|line| line.trim() == "[workspace]"))
        })
        .map(Path::to_owned)
        .ok_or_else(missing)
}

fn is_build_script() -> bool {
    env::var_os("OUT_DIR").is_some() && env::var_os("TARGET").is_some()
}

/// Whatever a component is made of. Fixtures, READMEs and other crates are not.
fn watch(root: &Path, components: &[Component]) {
    let mut paths = vec![
        root.join("Cargo.lock"),
        root.join("sdk/rust/src"),
        root.join("sdk/rust/Cargo.toml"),
        root.join("wit"),
    ];
    for component in components {
        for part in ["src", "Cargo.toml", "plugin.toml"] {
            paths.push(component.dir.join(part));
        }
    }
    for path in paths.iter().filter(|path| path.exists()) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}
