//! Commands that are a verb alone.

mod check;
mod explain;
mod feed;
mod init;
mod replay;
mod run;

pub use check::Check;
pub use explain::{Completions, Explain};
pub use feed::{Deliver, Import, Status, Sync};
pub use init::{Init, project_name, write_new};
pub use replay::Replay;
pub use run::{Run, serve};
