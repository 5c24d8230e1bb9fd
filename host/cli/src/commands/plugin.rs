//! `crosspoint plugin …`

use anyhow::Result;
use clap::Subcommand;

use super::plugin_new::New;
use super::plugin_test::Test;
use crate::context::Context;
use crate::exit::Exit;
use crate::view;

/// The verbs of `plugin`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  crosspoint plugin list
  crosspoint plugin inspect tabular
  crosspoint plugin new my-vendor --sdk ../crosspoint/sdk/rust
  crosspoint plugin test ./my-vendor.wasm --simulator http://127.0.0.1:8099")]
pub enum Plugin {
    /// Lists the plugins that are part of this program
    #[command(after_help = "Examples:
  crosspoint plugin list
  crosspoint plugin list --json")]
    List,
    /// Writes a plugin to start from: a source and a destination in Rust, with tests
    #[command(after_help = "Examples:
  crosspoint plugin new my-vendor --sdk ../crosspoint/sdk/rust
  crosspoint plugin new plugins/my-vendor --name my-vendor --sdk ../crosspoint/sdk/rust")]
    New(New),
    /// Runs the contract's checks on a plugin, against a simulator of its vendor
    #[command(after_help = "Examples:
  crosspoint plugin test ./my-vendor.wasm --simulator http://127.0.0.1:8099
  crosspoint plugin test shopify --simulator http://127.0.0.1:8099 --subject plugins/shopify/conformance.toml --json")]
    Test(Test),
    /// Shows what a plugin offers and what it asks for: settings, secrets, hosts
    #[command(after_help = "Examples:
  crosspoint plugin inspect webhook
  crosspoint plugin inspect ./my-plugin.wasm")]
    Inspect {
        /// Id of a bundled plugin, or a component file
        plugin: String,
    },
}

impl Plugin {
    /// Shows or writes them; no project is needed.
    pub fn run(self, ctx: &Context) -> Result<Exit> {
        match self {
            Self::List => {
                let plugins = crosspoint_runtime::plugins()?;
                if ctx.json() {
                    ctx.show_json(&plugins)?;
                } else {
                    ctx.print(&view::plugins(&plugins, ctx.style()))?;
                }
            }
            Self::New(new) => return new.run(ctx),
            Self::Test(test) => return test.run(ctx),
            Self::Inspect { plugin } => {
                let plugin = crosspoint_runtime::inspect(&plugin)?;
                if ctx.json() {
                    ctx.show_json(&plugin)?;
                } else {
                    ctx.print(&view::plugin(&plugin, ctx.style()))?;
                }
            }
        }
        Ok(Exit::Done)
    }
}
