//! When something happened, given that the client's clock may be wrong.

use crosspoint_model::Instant;

/// Least difference between a client's clock and ours that is corrected, in milliseconds. Below it
/// the client's own instant stands: what looks like a difference is then mostly the time on the
/// way, which is another at every attempt, while a repeated call has to keep its instant to be
/// known as the same; and history stays exact to the millisecond.
pub const TOLERANCE_MS: i64 = 60_000;

/// The instant, by our clock, that a client claims by its own. Segment's rule
/// (<https://segment.com/docs/connections/spec/common/#timestamps>): the claimed instant, plus what
/// the client's clock was behind when it sent (`received_at - sent_at`). An instant in the past
/// stays in the past by as much. Nothing happens later than it is told.
pub fn corrected(claimed: Instant, sent_at: Option<Instant>, received_at: Instant) -> Instant {
    let behind = sent_at.map_or(0, |sent_at| received_at.since_ms(sent_at));
    let instant = if behind.unsigned_abs() > TOLERANCE_MS.unsigned_abs() {
        claimed.plus_ms(behind)
    } else {
        claimed
    };
    if instant.since_ms(received_at) > TOLERANCE_MS {
        received_at
    } else {
        instant
    }
}
