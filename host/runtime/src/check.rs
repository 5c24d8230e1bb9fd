//! Everything that is wrong with a project, without starting it.

use std::path::{Path, PathBuf};

use crosspoint_sandbox::manifest::Role;
use crosspoint_sandbox::{CallInput, Connector};
use serde::{Deserialize, Serialize};

use crate::admin::AdminError;
use crate::connector::{Override, connector};
use crate::error::coded;
use crate::host::Host;
use crate::live::{Keys, server_config};
use crate::open::DataFolder;
use crate::plugins::Loader;

/// Something that is wrong, or probably not meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Finding {
    /// Error code with a page.
    pub code: String,
    /// False for what is only probably not meant.
    pub is_error: bool,
    /// Within the project folder, where it is in a file.
    pub file: Option<String>,
    pub line: Option<usize>,
    pub column: Option<usize>,
    pub message: String,
    pub hint: Option<String>,
}

/// Checks the project in `folder`: its files, its rules, and that each connector's plugin loads and
/// fits settings, secrets and grants. With `connect`, also lets each plugin check its credentials at
/// its vendor, and so renews tokens in the data folder `data` or the project's own; without, reaches
/// nobody and changes nothing. Blocks.
pub fn check(folder: &Path, data: Option<&Path>, connect: bool) -> Vec<Finding> {
    let data = DataFolder(data.map_or_else(|| folder.join("data"), Path::to_owned));
    match crosspoint_config::read_folder(folder) {
        Ok(files) => check_files(folder, &files, None, &data, connect),
        Err(error) => vec![unplaced("XP-RUN-012", error.to_string(), None)],
    }
}

impl Host {
    /// Reads the project as it is written now and checks it: its files, which
    /// [`Host::open_with`] takes, and what is wrong or probably not meant. Reaches nobody. Blocks.
    pub fn read_again(&self) -> (Vec<(String, String)>, Vec<Finding>) {
        match crosspoint_config::read_folder(&self.folder) {
            Ok(files) => {
                let cache = Some(self.data.plugin_cache());
                let findings = check_files(&self.folder, &files, cache, &self.data, false);
                (files, findings)
            }
            Err(error) => {
                let finding = unplaced("XP-RUN-012", error.to_string(), None);
                (Vec::new(), vec![finding])
            }
        }
    }
}

fn check_files(
    folder: &Path,
    files: &[(String, String)],
    cache: Option<PathBuf>,
    data: &DataFolder,
    connect: bool,
) -> Vec<Finding> {
    let project = match crosspoint_config::parse(files) {
        Ok(project) => project,
        Err(problems) => return problems.into_iter().map(|it| finding(it, true)).collect(),
    };
    let mut findings: Vec<_> = project
        .warnings
        .iter()
        .cloned()
        .map(|warning| finding(warning, false))
        .collect();
    if let Err(error) = Keys::read(&project, folder) {
        findings.push(of_admin(error, None));
    }
    let tls = project
        .server
        .as_ref()
        .and_then(|server| server.tls.as_ref());
    if let Some(Err(error)) = tls.map(|tls| server_config(tls, folder)) {
        findings.push(of_admin(error, project.position("server.tls")));
    }
    let loader = match Loader::new(folder, cache) {
        Ok(loader) => loader,
        Err(error) => {
            findings.push(of_admin(error, None));
            return findings;
        }
    };
    for (id, configured) in &project.connectors {
        let fits = loader.load(&configured.plugin).and_then(|plugin| {
            let (tokens, instead) = (data.tokens(), Override::default());
            connector(id, configured, plugin, folder, tokens, instead)
        });
        let fits = match fits {
            Ok(connector) if connect => ask_plugin(&connector),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = fits {
            findings.push(of_admin(
                error,
                project.position(&format!("connectors.{id}")),
            ));
        }
    }
    findings
}

/// Lets the plugin check its credentials and settings, in each of its roles.
fn ask_plugin(connector: &Connector) -> Result<(), AdminError> {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| coded("XP-RUN-009", format!("could not start: {error}"), None))?;
    let manifest = &connector.plugin().manifest;
    tokio.block_on(async {
        if manifest.has_role(Role::Source) {
            connector.check_source(CallInput::default()).await?;
        }
        if manifest.has_role(Role::Destination) {
            connector.check_destination(CallInput::default()).await?;
        }
        Ok(())
    })
}

fn finding(problem: crosspoint_config::Problem, is_error: bool) -> Finding {
    let (file, line, column) = place(&problem.at);
    Finding {
        code: problem.code.to_string(),
        is_error,
        file,
        line,
        column,
        message: problem.message,
        hint: problem.hint,
    }
}

fn of_admin(error: AdminError, at: Option<&crosspoint_config::Position>) -> Finding {
    let (file, line, column) = at.map(place).unwrap_or_default();
    let code = error.code.unwrap_or_default();
    Finding {
        code,
        is_error: true,
        file,
        line,
        column,
        message: error.message,
        hint: error.hint,
    }
}

fn unplaced(code: &str, message: String, hint: Option<String>) -> Finding {
    Finding {
        code: code.to_owned(),
        is_error: true,
        file: None,
        line: None,
        column: None,
        message,
        hint,
    }
}

fn place(at: &crosspoint_config::Position) -> (Option<String>, Option<usize>, Option<usize>) {
    let file = (!at.file.is_empty()).then(|| at.file.to_string());
    (file, Some(at.line), Some(at.column))
}
