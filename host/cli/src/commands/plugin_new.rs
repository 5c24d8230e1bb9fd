//! `crosspoint plugin new`

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use super::single::{project_name, write_new};
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;

/// The template's files that are taken over, with its name in them.
const FILES: [(&str, &str); 5] = [
    (
        "plugin.toml",
        include_str!("../../../../sdk/template/plugin.toml"),
    ),
    (
        "README.md",
        include_str!("../../../../sdk/template/README.md"),
    ),
    (
        "src/lib.rs",
        include_str!("../../../../sdk/template/src/lib.rs"),
    ),
    (
        "src/client.rs",
        include_str!("../../../../sdk/template/src/client.rs"),
    ),
    (
        "src/tests.rs",
        include_str!("../../../../sdk/template/src/tests.rs"),
    ),
];

/// Arguments of `plugin new`.
#[derive(Debug, Args)]
pub struct New {
    /// Folder to write into; made if it is not there
    dir: PathBuf,
    /// Id of the plugin [default: that of the folder]
    #[arg(long)]
    name: Option<String>,
    /// Folder of the SDK, `sdk/rust` in Crosspoint's sources
    #[arg(long, value_name = "DIR")]
    sdk: PathBuf,
}

impl New {
    /// Writes the plugin; overwrites nothing.
    pub fn run(self, ctx: &Context) -> Result<Exit> {
        let folder = std::path::absolute(&self.dir)?;
        if folder.join("Cargo.toml").exists() {
            return Err(Error::Occupied {
                folder: self.dir,
                what: "a Rust package",
            }
            .into());
        }
        let name = project_name(&match self.name {
            Some(name) => PathBuf::from(name),
            None => folder.clone(),
        });
        write_new(
            &folder.join("Cargo.toml"),
            &package(&name, &std::path::absolute(&self.sdk)?),
        )?;
        write_new(&folder.join(".gitignore"), "/target/\n")?;
        for (path, text) in FILES {
            write_new(&folder.join(path), &named(path, text, &name))?;
        }
        ctx.tell(&format!(
            "Wrote plugin `{name}` to {}.\nNext: `cargo test` there, then edit `src/client.rs`.",
            self.dir.display(),
        ));
        Ok(Exit::Done)
    }
}

fn named(path: &str, text: &str, name: &str) -> String {
    match path {
        "plugin.toml" => text
            .replacen("id = \"template\"", &format!("id = \"{name}\""), 1)
            .replacen("name = \"Template\"", &format!("name = \"{name}\""), 1),
        "README.md" => text.replacen("# template", &format!("# {name}"), 1),
        _ => text.to_owned(),
    }
}

/// A workspace of its own, so that it builds wherever it stands.
fn package(name: &str, sdk: &Path) -> String {
    let sdk = toml::Value::String(sdk.display().to_string());
    format!(
        r#"[package]
name = "plugin-{name}"
version = "0.1.0"
edition = "2024"
publish = false

[workspace]

[lib]
crate-type = ["cdylib", "rlib"]

[dependencies]
crosspoint-sdk = {{ path = {sdk} }}
serde = {{ version = "1", features = ["derive"] }}

[profile.release]
lto = true
codegen-units = 1
panic = "abort"
strip = "debuginfo"
"#
    )
}
