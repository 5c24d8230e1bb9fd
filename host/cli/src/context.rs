//! What every command shares: where the project is, how to print, how to ask.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use crosspoint_runtime::HostOptions;
use crosspoint_runtime::admin::{Reply, Request};
use serde::Serialize;

use crate::access::Access;
use crate::cli::Global;
use crate::error::Error;
use crate::exit::{self, Exit};
use crate::output::Style;
use crate::progress::Bar;
use crate::view;

/// The file that makes a folder a project.
pub const PROJECT_FILE: &str = "crosspoint.toml";

/// The project folder: `--project`, or the nearest one upward from here.
pub fn project_folder(global: &Global) -> Result<PathBuf> {
    if let Some(folder) = &global.project {
        let folder = std::path::absolute(folder)?;
        return if folder.join(PROJECT_FILE).is_file() {
            Ok(folder)
        } else {
            Err(Error::NotAProject { folder }.into())
        };
    }
    let start = std::env::current_dir()?;
    start
        .ancestors()
        .find(|folder| folder.join(PROJECT_FILE).is_file())
        .map(Path::to_owned)
        .ok_or_else(|| Error::NoProject { start }.into())
}

/// The options that all commands take, put to use.
pub struct Context {
    global: Global,
}

impl Context {
    /// Nothing is looked up yet: not every command needs a project.
    pub fn new(global: Global) -> Self {
        Self { global }
    }

    /// The project folder: `--project`, or the nearest one upward from here.
    pub fn project(&self) -> Result<PathBuf> {
        project_folder(&self.global)
    }

    /// `--data` as it was given.
    pub fn data(&self) -> Option<&Path> {
        self.global.data.as_deref()
    }

    /// How to open the project's host; with `edges`, one that polls and delivers by itself.
    pub fn host_options(&self, edges: bool) -> Result<HostOptions> {
        Ok(HostOptions {
            project: self.project()?,
            data: self
                .global
                .data
                .as_ref()
                .map(std::path::absolute)
                .transpose()?,
            edges,
        })
    }

    /// Whether answers go to a program.
    pub fn json(&self) -> bool {
        self.global.json
    }

    /// Colours for stdout.
    pub fn style(&self) -> Style {
        Style::of(io::stdout().is_terminal() && !self.global.json)
    }

    /// Colours for stderr.
    pub fn error_style(&self) -> Style {
        Style::of(io::stderr().is_terminal())
    }

    /// A progress bar, which shows only to a person at a terminal.
    pub fn bar(&self) -> Bar {
        Bar::new(!self.global.quiet && io::stderr().is_terminal())
    }

    /// Asks the project's host, shows its answer, and says how to exit.
    pub fn answer(&self, request: Request) -> Result<Exit> {
        let bar = self.bar();
        let mut access = Access::open(self.host_options(false)?, &bar)?;
        let reply = access.ask(request, &bar)?;
        bar.clear();
        access.close()?;
        self.show(&reply)?;
        Ok(exit::of_reply(&reply))
    }

    /// Prints an answer.
    pub fn show(&self, reply: &Reply) -> Result<()> {
        if self.global.json {
            let tagged = serde_json::to_value(reply)?;
            self.show_json(tagged.get("value").unwrap_or(&tagged))
        } else {
            self.print(&view::reply(reply, self.style()))
        }
    }

    /// Prints what has no view of its own.
    pub fn show_json(&self, value: &impl Serialize) -> Result<()> {
        self.print(&format!("{}\n", serde_json::to_string_pretty(value)?))
    }

    /// Prints text to stdout as it is.
    pub fn print(&self, text: &str) -> Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        Ok(stdout.flush()?)
    }

    /// Tells a person what is going on, on stderr.
    pub fn tell(&self, text: &str) {
        if !self.global.quiet {
            eprintln!("{text}");
        }
    }
}
