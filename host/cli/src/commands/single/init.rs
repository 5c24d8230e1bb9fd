//! `crosspoint init`

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::context::{Context, PROJECT_FILE};
use crate::error::Error;
use crate::exit::Exit;

/// What a project keeps out of version control: the host's data, and secrets.
const IGNORED: &str = "/data/\n/secrets/\n";

/// Arguments of `init`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosspoint init my-shop
  crosspoint init . --name my-shop")]
pub struct Init {
    /// Folder to write into; made if it is not there
    dir: PathBuf,
    /// Name of the project [default: that of the folder]
    #[arg(long)]
    name: Option<String>,
}

impl Init {
    /// Writes the project; overwrites nothing.
    pub fn run(self, ctx: &Context) -> Result<Exit> {
        let folder = std::path::absolute(&self.dir)?;
        if folder.join(PROJECT_FILE).exists() {
            return Err(Error::Occupied {
                folder: self.dir,
                what: "a project",
            }
            .into());
        }
        let name = self.name.unwrap_or_else(|| project_name(&folder));
        for (path, text) in crosspoint_config::scaffold(&name) {
            write_new(&folder.join(path), &text)?;
        }
        let ignore = folder.join(".gitignore");
        if !ignore.exists() {
            write_new(&ignore, IGNORED)?;
        }
        ctx.tell(&format!(
            "Wrote project `{name}` to {}.\nNext: edit {}, then `crosspoint check --project {}`.",
            self.dir.display(),
            self.dir.join(PROJECT_FILE).display(),
            self.dir.display(),
        ));
        Ok(Exit::Done)
    }
}

/// Writes a file that must not be there yet, and the folders above it.
pub fn write_new(path: &Path, text: &str) -> Result<()> {
    let fail = || format!("could not write `{}`", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(fail)?;
    }
    let mut file = fs::File::create_new(path).with_context(fail)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).with_context(fail)
}

/// The folder's name as a project name: lower-case letters, digits and hyphens, letter first.
pub fn project_name(folder: &Path) -> String {
    let folder = folder.components().next_back();
    let mut name = String::new();
    for character in folder
        .map(|part| part.as_os_str().to_string_lossy())
        .unwrap_or_default()
        .chars()
    {
        if character.is_ascii_alphanumeric() {
            name.push(character.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    let name = name
        .trim_matches('-')
        .trim_start_matches(|c: char| c.is_ascii_digit() || c == '-');
    if name.is_empty() {
        "my-shop".to_owned()
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_become_project_names() {
        for (folder, name) in [
            ("/srv/My Shop", "my-shop"),
            ("/srv/shop_2026!", "shop-2026"),
            ("/srv/2026-shop", "shop"),
            ("/srv/шоп", "my-shop"),
            ("/", "my-shop"),
        ] {
            assert_eq!(project_name(Path::new(folder)), name, "{folder}");
        }
    }
}
