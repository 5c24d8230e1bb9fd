//! A folder of its own, and the binary in it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;
use tempfile::TempDir;

/// A fresh folder in which commands run.
pub struct Shell {
    folder: TempDir,
}

/// What a command did.
pub struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Shell {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The binary, with an environment that says nothing.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crosspoint"));
        command
            .args(arguments)
            .current_dir(self.folder())
            .env_remove("CROSSPOINT_PROJECT")
            .env_remove("RUST_LOG")
            .env_remove("COLUMNS")
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Done {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs it, expecting success, and gives what it printed.
    pub fn good(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments);
        assert_eq!(
            done.code, 0,
            "{arguments:?}\n{}{}",
            done.stdout, done.stderr
        );
        done.stdout
    }

    /// Runs it with `--json`, expecting success.
    pub fn json(&self, arguments: &[&str]) -> Json {
        let text = self.good(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{text}"))
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("ended by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
