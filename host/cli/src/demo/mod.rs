//! `crosspoint demo`: the whole path at work on real purchases, in one process, on loopback.
//!
//! `project` writes the folder, `receiver` plays the CRM at the other end and checks every
//! signature, `story` asks the host what came of it, `summary` tells it.

mod project;
mod receiver;
mod signature;
mod story;
mod summary;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use crosspoint_runtime::{Host, HostOptions};

use crate::access::{connect, data_folder, socket_path};
use crate::commands::single::serve;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use project::Project;
use receiver::Receiver;

/// Arguments of `demo`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosspoint demo
  crosspoint demo --no-serve --data try-out
  crosspoint demo --full CDNOW_master.txt

Writes a project into ./crosspoint-demo (or --data DIR), imports the purchase history of a CD shop,
and delivers what follows to a receiver inside this process. Nothing leaves the machine. Run it again
and it finds everything done.")]
pub struct Demo {
    /// End after the summary instead of staying up to be tried from another terminal
    #[arg(long)]
    no_serve: bool,
    /// Use the master file of 69,659 purchases, which is not part of this program
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = "CDNOW_master.txt")]
    full: Option<PathBuf>,
}

impl Demo {
    /// Runs it.
    pub fn run(self, ctx: &Context) -> Result<Exit> {
        let folder = match (ctx.data(), &self.full) {
            (Some(folder), _) => folder.to_owned(),
            (None, None) => "crosspoint-demo".into(),
            (None, Some(_)) => "crosspoint-demo-full".into(),
        };
        let shown = folder.display().to_string();
        let (project, socket) =
            Project::open_or_write(&std::path::absolute(&folder)?, self.full.as_deref())?;
        let options = |edges| HostOptions {
            project: project.folder.clone(),
            data: None,
            edges,
        };
        if connect(&socket_path(&options(false)))?.is_some() {
            let data = data_folder(&options(false));
            return Err(Error::AlreadyRunning { data }.into());
        }
        let receiver = match socket {
            Some(socket) => Receiver::start(socket, &project)?,
            None => Receiver::start(project.listen()?, &project)?,
        };

        let bar = ctx.bar();
        let host = Host::open(options(false), &|step| bar.step(step))?;
        let told = story::live(&host, &bar);
        bar.clear();
        let closed = host.close();
        let story = told?.with_receiver(receiver.tally());
        closed?;
        if ctx.json() {
            ctx.show_json(&story)?;
        } else {
            ctx.print(&summary::of(&story, &shown, ctx.style()))?;
        }
        let exit = if story.is_whole() {
            Exit::Done
        } else {
            Exit::Partial
        };
        if self.no_serve || exit != Exit::Done {
            receiver.stop()?;
            return Ok(exit);
        }
        let exit = serve(options(true), &bar, || {
            ctx.tell(&summary::staying_up(ctx.error_style()));
        });
        receiver.stop()?;
        exit
    }
}
