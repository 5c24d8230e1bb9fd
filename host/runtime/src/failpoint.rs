//! Named points at which crash tests kill the process. Without the feature `failpoints` they are
//! nothing at all.

/// Dies by SIGKILL at the n-th time that this point is reached, where the environment variable
/// `CROSSPOINT_FAILPOINT` says `POINT:N`.
#[cfg(feature = "failpoints")]
pub(crate) fn reach(point: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    static CHOSEN: LazyLock<Option<(String, u32)>> = LazyLock::new(|| {
        let chosen = std::env::var("CROSSPOINT_FAILPOINT").ok()?;
        let (point, times) = chosen.rsplit_once(':')?;
        Some((point.to_owned(), times.parse().ok()?))
    });
    static REACHED: AtomicU32 = AtomicU32::new(0);

    if let Some((chosen, times)) = &*CHOSEN
        && chosen == point
        && REACHED.fetch_add(1, Ordering::SeqCst) + 1 == *times
    {
        let own = rustix::process::getpid();
        // Nothing after this line runs where it works, and the test notices where it does not.
        _ = rustix::process::kill_process(own, rustix::process::Signal::KILL);
    }
}

/// Nothing.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn reach(_point: &str) {}
