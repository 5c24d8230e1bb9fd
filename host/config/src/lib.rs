//! Reads a project folder into a [`Project`] and reports everything that is wrong with it at once.
//! Start reading at [`parse`]; what a project can say is in `docs/reference/config.md`.
//!
//! # Invariants
//! - One reading finds all errors, each with its place (`every_case_reports_exactly_its_errors`).
//! - A name that nothing knows comes with the nearest one that is known (same test).
//! - No text makes it panic, and the order of the files does not matter
//!   (`mangled_text_never_panics`, `order_of_files_does_not_matter`).
//! - The text of a secret is never repeated (`a_secret_is_never_repeated`).
//! - Every error code has a page, and every page a code (`every_code_has_its_page`).
//! - What `init` writes is a valid project (`the_scaffold_is_a_valid_project`).
//! - A cron line comes once a day whatever the clocks do, and what was missed is made up for once
//!   (`a_daily_line_comes_once_a_day`, `missed_instants_are_made_up_for_once`).
//!
//! # Not here
//! Network I/O, reading secrets, and comparing settings with a plugin's manifest.

mod amount;
mod draft;
mod error;
mod folder;
mod host;
mod live;
mod name;
mod parse;
pub mod project;
mod read;
mod rules;
mod scaffold;
mod schedule;
mod source;
mod table;

pub use error::{Code, Error, Position, Problem};
pub use folder::{PART_FOLDERS, open, read_folder};
pub use parse::parse;
pub use project::Project;
pub use rules::{SyncPrograms, compile_rules, compile_sync};
pub use scaffold::scaffold;

/// The file that makes a folder a project.
pub const PROJECT_FILE: &str = "crosspoint.toml";
