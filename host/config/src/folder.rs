//! The files of a project folder.

use std::fs;
use std::io;
use std::path::Path;

use crate::PROJECT_FILE;
use crate::error::Error;

/// Folders whose `*.toml` files are read beside the project file.
pub const PART_FOLDERS: [&str; 4] = ["connectors", "segments", "syncs", "traits"];

/// Whether a file at this path within the folder is part of the project.
pub(crate) fn is_part(path: &str) -> bool {
    match path.split_once('/') {
        None => path == PROJECT_FILE,
        Some((folder, name)) => {
            PART_FOLDERS.contains(&folder)
                && !name.contains('/')
                && !name.starts_with('.')
                && name.ends_with(".toml")
        }
    }
}

/// Reads the project file and the `*.toml` files of [`PART_FOLDERS`]: path within `folder` and text,
/// sorted by path, as the ledger keeps them. A missing project file is left to
/// [`crate::parse`] to report.
///
/// # Errors
/// When a file or folder that is there cannot be read, or is not UTF-8.
pub fn read_folder(folder: &Path) -> Result<Vec<(String, String)>, Error> {
    let mut paths = vec![PROJECT_FILE.to_owned()];
    for part in PART_FOLDERS {
        let path = folder.join(part);
        let fail = |source| Error::Read {
            path: path.clone(),
            source,
        };
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(fail)?,
        };
        for entry in entries {
            let name = entry.map_err(fail)?.file_name();
            paths.extend(name.to_str().map(|name| format!("{part}/{name}")));
        }
    }
    paths.retain(|path| is_part(path));
    paths.sort();
    let mut files = Vec::new();
    for name in paths {
        let path = folder.join(&name);
        match fs::read_to_string(&path) {
            Ok(text) => files.push((name, text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && name == PROJECT_FILE => {}
            Err(source) => return Err(Error::Read { path, source }),
        }
    }
    Ok(files)
}

/// [`read_folder`], then [`crate::parse`].
///
/// # Errors
/// As both.
pub fn open(folder: &Path) -> Result<crate::Project, Error> {
    crate::parse(&read_folder(folder)?).map_err(Error::Problems)
}
