//! A real host in a process of its own, and callers for it: what tests share that kill a host or
//! send it nonsense. Start reading at [`serve`], which is the whole program of such a process, and
//! [`Process`], which starts one.
//!
//! # Not here
//! Assertions, and what is sent: those belong to the tests.

mod answer;
mod caller;
mod dice;
mod process;
mod serve;

pub use answer::Answer;
pub use caller::Caller;
pub use dice::{Dice, number};
pub use process::{Doors, Process};
pub use serve::serve;
