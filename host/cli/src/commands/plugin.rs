//! `crosspoint plugin …`

use anyhow::Result;
use clap::Subcommand;
use crosspoint_runtime::admin::PluginView;

use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::view;

/// The verbs of `plugin`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  crosspoint plugin list
  crosspoint plugin inspect tabular")]
pub enum Plugin {
    /// Lists the plugins that are part of this program
    #[command(after_help = "Examples:
  crosspoint plugin list
  crosspoint plugin list --json")]
    List,
    /// Shows what a plugin offers and what it asks for: settings, secrets, hosts
    #[command(after_help = "Examples:
  crosspoint plugin inspect webhook")]
    Inspect {
        /// Its id
        plugin: String,
    },
}

impl Plugin {
    /// Shows them; no project is needed.
    pub fn run(self, ctx: &Context) -> Result<Exit> {
        let plugins: Vec<PluginView> = crosspoint_runtime::plugins()?;
        match self {
            Self::List if ctx.json() => ctx.show_json(&plugins)?,
            Self::List => ctx.print(&view::plugins(&plugins, ctx.style()))?,
            Self::Inspect { plugin: id } => {
                let Some(plugin) = plugins.iter().find(|plugin| plugin.id == id) else {
                    let known = plugins.into_iter().map(|plugin| plugin.id).collect();
                    return Err(Error::UnknownPlugin { id, known }.into());
                };
                if ctx.json() {
                    ctx.show_json(plugin)?;
                } else {
                    ctx.print(&view::plugin(plugin, ctx.style()))?;
                }
            }
        }
        Ok(Exit::Done)
    }
}
