//! What a person can ask of a host, and what it answers.

mod offline;
mod reply;
mod request;

pub use offline::*;
pub use reply::*;
pub use request::*;
