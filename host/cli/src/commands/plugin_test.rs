//! `crosspoint plugin test`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use crosspoint_testkit::Subject;

use crate::context::Context;
use crate::exit::Exit;

/// Arguments of `plugin test`.
#[derive(Debug, Args)]
pub struct Test {
    /// Id of a bundled plugin, or a component file
    plugin: String,
    /// Address of the vendor's simulator
    #[arg(long, value_name = "URL")]
    simulator: String,
    /// What the checks need to know of the plugin
    #[arg(long, value_name = "FILE", default_value = "conformance.toml")]
    subject: PathBuf,
    /// Write the golden requests in `golden/` beside that file anew, instead of comparing them
    #[arg(long)]
    bless: bool,
}

impl Test {
    /// Runs every check and shows what was found; no project is needed.
    pub fn run(self, ctx: &Context) -> Result<Exit> {
        let wasm = crosspoint_runtime::component(&self.plugin)?;
        let mut subject = Subject::read(&self.subject)?;
        subject.bless = self.bless;
        let runtime = tokio::runtime::Runtime::new()?;
        let report = runtime.block_on(crosspoint_testkit::test(
            &wasm,
            &subject,
            &self.simulator,
            |finding| {
                if !ctx.json() {
                    eprintln!("{}", finding.to_text());
                }
            },
        ))?;
        if ctx.json() {
            ctx.show_json(&report)?;
        } else {
            ctx.print(&report.to_text())?;
        }
        Ok(if report.is_passed() {
            Exit::Done
        } else {
            Exit::Invalid
        })
    }
}
