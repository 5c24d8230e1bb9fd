//! The threads of a host's async tasks.

use std::io;
use std::ops::Deref;

use tokio::runtime::{Builder, Runtime};

/// A tokio runtime that goes without waiting: whoever lets go of a host last, be it one of these
/// threads, must not block.
pub(crate) struct Threads(Option<Runtime>);

impl Threads {
    /// Starts them.
    pub fn start() -> io::Result<Self> {
        Builder::new_multi_thread()
            .enable_all()
            .worker_threads(2)
            .thread_name("edge")
            .build()
            .map(|runtime| Self(Some(runtime)))
    }
}

impl Deref for Threads {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        self.0.as_ref().expect("there until it is dropped")
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
