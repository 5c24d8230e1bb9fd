//! The rate budget, in time that passes by waiting only: what the manifest declares is what the
//! vendor bears, and a host that reads without a break uses it.

use std::time::Duration;

use crosspoint_model::time::parse_span_ms;
use crosspoint_sandbox::manifest::{Attach, RateLimit};
use crosspoint_sandbox::{Budget, Error as CallError, GuestError};

use super::source::checked_streams;
use crate::error::{Checked, fail, skip};
use crate::rig::{Instead, PAGE, Rig, Session};
use crate::simulator::Called;

/// Requests beyond the first burst.
const HELD_BACK: usize = 150;
/// Reads after which there is no more to see.
const MOST_READS: usize = 2_000;
/// Records of a page: answers are short, and requests many.
const SMALL: Budget = Budget { records: 5, ..PAGE };
/// Of the requests that the budget allows, the share that a host makes while there is work.
const LEAST_USED: f64 = 0.9;
/// Of the requests to a vendor that counts points, the share that it may refuse: it tells what a
/// request costs after it was made.
const MOST_REFUSED: f64 = 0.1;

pub(super) async fn rate(rig: &Rig<'_>) -> Checked {
    let Some(limit) = &rig.manifest().rate_limit else {
        return skip("the manifest declares no rate");
    };
    let now_ms = rig.now_ms().await?;
    let clock = rig.reset_at(now_ms).await?;
    let instead = Instead {
        own_rate: true,
        ..Instead::default()
    };
    let mut session = rig.session(instead).await?;
    let burst = limit.burst.unwrap_or(limit.requests);
    let paused = spend(rig, &mut session, burst as usize + HELD_BACK).await?;
    let calls = rig.sim.calls().await?;
    let tokens = token_paths(rig);
    let is_counted = |call: &&Called| !tokens.iter().any(|path| call.target.starts_with(path));
    let counted: Vec<&Called> = calls.iter().filter(is_counted).collect();
    refused(rig, &counted)?;
    let budget = Declared::new(limit, burst)?;
    budget.is_kept(&counted)?;
    if counted.len() > burst as usize {
        budget.is_used(counted.len(), clock.passed().saturating_sub(paused))?;
    }
    rig.note("rate: requests", counted.len() as f64);
    Ok(())
}

/// Reads until so many requests were made. Answers with the time in which the vendor worked and
/// nothing could be asked of it.
async fn spend(rig: &Rig<'_>, session: &mut Session<'_>, wanted: usize) -> Checked<Duration> {
    let mut paused = Duration::ZERO;
    let streams = checked_streams(rig, session).await?;
    let mut cursors = vec![None::<Vec<u8>>; streams.len()];
    for number in 0..MOST_READS {
        let Some(stream) = streams.get(number % streams.len().max(1)) else {
            // No source: `check` is all that can be asked again and again.
            super::general::check_any(rig, session).await?;
            if rig.sim.next_call().await? >= wanted {
                break;
            }
            continue;
        };
        let cursor = &mut cursors[number % streams.len()];
        match session
            .read_once(&stream.name, cursor.as_deref(), SMALL)
            .await
        {
            // At its end a stream is read anew.
            Ok(page) => *cursor = page.more.then_some(page.next_cursor),
            Err(CallError::Guest {
                error: GuestError::RateLimited(wait_ms),
                ..
            }) => {
                let wait_ms = wait_ms.unwrap_or(1_000).max(1);
                rig.sim.advance(wait_ms).await?;
                paused += Duration::from_millis(wait_ms);
            }
            Err(error) => return Err(error.into()),
        }
        if rig.sim.next_call().await? >= wanted {
            break;
        }
    }
    Ok(paused)
}

fn refused(rig: &Rig<'_>, calls: &[&Called]) -> Checked {
    let is_refused = |call: &&&Called| call.is_refused || call.status == 429;
    let count = calls.iter().filter(is_refused).count();
    let most = match &rig.subject.points {
        Some(_) => (calls.len() as f64 * MOST_REFUSED) as usize,
        None => 0,
    };
    if count > most {
        return fail(format!(
            "the vendor refused {count} of {} requests within the declared rate",
            calls.len()
        ));
    }
    Ok(())
}

/// What the manifest says that the vendor bears.
struct Declared {
    burst: f64,
    per_ms: f64,
}

impl Declared {
    fn new(limit: &RateLimit, burst: u32) -> Checked<Self> {
        match parse_span_ms(&limit.per) {
            Ok(ms) if ms > 0 => Ok(Self {
                burst: f64::from(burst),
                per_ms: f64::from(limit.requests) / ms as f64,
            }),
            _ => fail(format!("`{}` is no span of time", limit.per)),
        }
    }

    /// In no span of time were there more than the budget allows.
    fn is_kept(&self, calls: &[&Called]) -> Checked {
        // The fullest the bucket can have been: what was taken less what has come back since.
        let (mut taken, mut at_ms) = (0.0_f64, 0);
        for (number, call) in calls.iter().enumerate() {
            let back = (call.at_ms - at_ms).max(0) as f64 * self.per_ms;
            (taken, at_ms) = ((taken - back).max(0.0) + 1.0, call.at_ms);
            if taken > self.burst + 1e-6 {
                return fail(format!(
                    "request {number} goes beyond the declared rate: the host did not wait for it"
                ));
            }
        }
        Ok(())
    }

    /// While there was work, nearly all was used.
    fn is_used(&self, calls: usize, busy: Duration) -> Checked {
        let allowed = self.burst + busy.as_secs_f64() * 1_000.0 * self.per_ms;
        let used = calls as f64 / allowed;
        if used < LEAST_USED {
            return fail(format!(
                "{calls} requests were made where the declared rate allows {allowed:.0}: {:.0} %",
                used * 100.0
            ));
        }
        Ok(())
    }
}

/// Below which the host fetches tokens, which no budget counts.
pub(super) fn token_paths(rig: &Rig<'_>) -> Vec<String> {
    let path = |url: &str| {
        let rest = url.rsplit('}').next().unwrap_or(url);
        let rest = rest.split("://").last().unwrap_or(rest);
        rest.find('/').map(|at| rest[at..].to_owned())
    };
    let secrets = rig.manifest().secrets.values();
    secrets
        .filter_map(|secret| match &secret.attach {
            Attach::OAuth2ClientCredentials { token_url, .. }
            | Attach::OAuth2Refresh { token_url, .. }
            | Attach::OAuth2JwtBearer { token_url, .. } => path(token_url),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared() -> Declared {
        let limit = RateLimit {
            requests: 10,
            per: "1s".to_owned(),
            burst: None,
        };
        Declared::new(&limit, 5).unwrap()
    }

    fn is_kept(at_ms: &[i64]) -> bool {
        let call = |&at_ms: &i64| Called {
            method: "GET".to_owned(),
            target: "/".to_owned(),
            status: 200,
            at_ms,
            is_refused: false,
            digest: String::new(),
        };
        let calls: Vec<Called> = at_ms.iter().map(call).collect();
        declared()
            .is_kept(&calls.iter().collect::<Vec<_>>())
            .is_ok()
    }

    #[test]
    fn one_request_too_early_is_seen() {
        assert!(is_kept(&[0, 0, 0, 0, 0, 100, 200]));
        assert!(!is_kept(&[0, 0, 0, 0, 0, 99]));
        assert!(!is_kept(&[0; 6]));
    }

    #[test]
    fn a_budget_left_lying_is_seen() {
        assert!(declared().is_used(105, Duration::from_secs(10)).is_ok());
        assert!(declared().is_used(90, Duration::from_secs(10)).is_err());
    }
}
