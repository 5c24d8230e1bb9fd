//! Vendors' systems as programs: each keeps state, checks credentials, pages, counts quotas, takes
//! its time and fails as the real one does. Start reading at [`Vendor`], which a simulator
//! implements, and [`Simulator`], which serves one on loopback. What happened at the vendor's side
//! is told below `/_sim`, see [`control`].
//!
//! A simulator is written from the vendor's documentation, never from the plugin that it tests;
//! neither knows the other.
//!
//! # Invariants
//! - The same seed makes the same world (`world::tests::same_seed_same_world`).
//! - A fault strikes exactly the calls that it was scripted for
//!   (`tests::faults_strike_what_they_are_scripted_for`).
//! - A lost answer leaves its effect (`tests::lost_answer_leaves_the_effect`).
//! - A webhook is sent until it is accepted (`tests::webhooks_are_sent_until_accepted`).
//!
//! # Not here
//! Anything of the host or of a plugin.

// Vendors' objects are long, and `json!` recurses for each field.
#![recursion_limit = "256"]
#![allow(missing_docs)] // Fields are called as the vendors call them.

mod call;
pub mod control;
pub mod fault;
pub mod hook;
mod quota;
mod server;
mod sim;
#[cfg(test)]
mod tests;
mod token;
pub mod vendors;
pub mod world;
mod zone;

pub use call::{Answer, Call, iso, iso_local};
pub use fault::{Effect, Fault};
pub use quota::{Bucket, Window};
pub use server::{Make, Simulator, StartError};
pub use sim::{Options, Sim};
pub use token::{Token, Tokens};
pub use world::World;
pub use zone::Zone;

use serde_json::{Value, json};

/// One vendor's system. Calls come one at a time, so that a simulator is plain state; its clock is
/// [`Sim::now_ms`].
pub trait Vendor: Send {
    /// The settings of a connector that reaches this simulator at `url`, under the names that the
    /// vendor's documentation suggests; a test maps them to a plugin's own.
    fn settings(&self, url: &str) -> Value;

    /// Valid credentials by name, as the vendor hands them out.
    fn secrets(&self) -> Value;

    /// Answers one call. Faults of transport are the frame's; faults that only the vendor can make
    /// up, such as a batch that fails in part, are asked for with [`Sim::vendor_fault`].
    fn handle(&mut self, call: &Call, sim: &mut Sim) -> Answer;

    /// An error in the vendor's own shape, for a scripted status.
    fn error(&self, status: u16) -> Answer {
        Answer::json(status, &json!({ "error": status }))
    }

    /// Makes one random change, as a customer or a clerk would, and says what it was. Sends
    /// webhooks through [`Sim::hooks`] where the vendor would.
    fn change(&mut self, sim: &mut Sim) -> Value;

    /// What the vendor holds: a table of collections, each a list of objects with at least `id`,
    /// `updated_at_ms` and `deleted`.
    fn truth(&self) -> Value;

    /// Sends webhooks to `url` from now on, as if an operator had set them up at the vendor.
    /// `args` is the vendor's: topics, a verify token. Answers with the signing secret where the
    /// vendor makes one up.
    fn subscribe(&mut self, url: &str, args: &Value, sim: &mut Sim) -> Result<Value, String> {
        let _ = (url, args, sim);
        Err("this vendor sends no webhooks".to_owned())
    }

    /// A webhook is about to be sent: where its body shows the moment of sending, it is made here.
    fn sending(&mut self, hook: &mut hook::Hook, sim: &mut Sim) {
        let _ = (hook, sim);
    }

    /// A webhook was answered with this status, or not at all (0). Says whether it waits for the
    /// next round.
    fn sent(&mut self, hook: &hook::Hook, status: u16, sim: &mut Sim) -> bool {
        let _ = (hook, sim);
        !(200..300).contains(&status)
    }

    /// Somebody is about to look: what the clock has made due, such as jobs, is done now.
    fn pass_time(&mut self, sim: &mut Sim) {
        let _ = sim;
    }

    /// Commands of this vendor alone, such as `expire-tokens`. `None` where there is no such one.
    fn command(&mut self, name: &str, args: &Value, sim: &mut Sim) -> Option<Value> {
        let _ = (name, args, sim);
        None
    }
}
