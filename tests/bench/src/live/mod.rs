//! The live edge under load: tracking calls, lookups, deliveries, and what happens beyond the limit.
//!
//! The host runs in a process of its own ([`site`]); this process is the client ([`client`]), so that
//! processor time and memory of the two can be told apart. Requests leave at instants that were
//! fixed before, and a latency begins at that instant: a host that stalls cannot slow the schedule
//! down and look fast by it.

mod calls;
mod client;
mod latency;
mod load;
mod pressure;
mod receiver;
mod site;

use anyhow::Result;
use tokio::runtime::Runtime;

use crate::report::Section;

pub use site::serve;

/// Measures what the goals name.
pub fn load(quick: bool) -> Result<Section> {
    runtime()?.block_on(load::measure(quick))
}

/// Measures what more than that does.
pub fn pressure(quick: bool) -> Result<Section> {
    runtime()?.block_on(pressure::measure(quick))
}

fn runtime() -> Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    Ok(builder.enable_all().build()?)
}
