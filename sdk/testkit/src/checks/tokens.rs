//! Tokens that the host fetches: once for all who wait, kept before they are used, and not lost
//! where the vendor does not lose them.

use crosspoint_sandbox::{Error as CallError, GuestError};
use serde_json::json;

use super::general::check_any;
use super::rate::token_paths;
use crate::error::{Checked, fail, skip};
use crate::rig::{Instead, Rig, Session};

/// How often tokens expire.
const ROUNDS: u32 = 3;
/// In which any vendor allows some calls.
const A_WHILE_MS: u64 = 60_000;

pub(super) async fn renewed(rig: &Rig<'_>) -> Checked {
    let Some(command) = &rig.subject.credentials.expire else {
        return skip("no token of this vendor's expires");
    };
    // What the operator once gave: whoever reads on after a renewal has no more than that.
    let instead = Instead {
        expiring: true,
        secrets: rig.expiring_secrets().await?,
        ..Instead::default()
    };
    let session = rig.session(instead.clone()).await?;
    once_for_all(rig, &session, command).await?;
    goes_on(rig, &instead).await?;
    answer_lost(rig, &instead).await
}

/// A host made anew, some time later: what the vendor allows in a while is no matter of tokens.
async fn later<'r>(rig: &'r Rig<'_>, instead: &Instead) -> Checked<Session<'r>> {
    rig.sim.advance(A_WHILE_MS).await?;
    rig.session(instead.clone()).await
}

/// Requests for a token so far, and whether the last was refused.
async fn fetched(rig: &Rig<'_>) -> Checked<(usize, bool)> {
    let paths = token_paths(rig);
    let calls = rig.sim.calls().await?;
    let tokens = calls
        .iter()
        .filter(|call| paths.iter().any(|path| call.target.starts_with(path)));
    let statuses: Vec<u16> = tokens.map(|call| call.status).collect();
    let is_refused = statuses.last().is_some_and(|it| (400..500).contains(it));
    Ok((statuses.len(), is_refused))
}

/// Two calls at once find the token expired: one new one is fetched.
async fn once_for_all(rig: &Rig<'_>, session: &Session<'_>, command: &str) -> Checked {
    check_any(rig, session).await?;
    for round in 0..ROUNDS {
        rig.sim.command(command, &json!({})).await?;
        let (before, _) = fetched(rig).await?;
        let (first, second) = tokio::join!(check_any(rig, session), check_any(rig, session));
        first?;
        second?;
        let count = fetched(rig).await?.0 - before;
        if count != 1 {
            return fail(format!(
                "{count} tokens were fetched when two calls found theirs expired, round {round}"
            ));
        }
    }
    Ok(())
}

/// The host stops after a token came and before anything else was done with it.
async fn goes_on(rig: &Rig<'_>, instead: &Instead) -> Checked {
    let stopped = later(rig, instead).await?;
    let fault = json!({ "skip": 1, "times": u32::MAX, "do": "reset" });
    rig.sim.fault(fault).await?;
    let cut = check_any(rig, &stopped).await;
    rig.sim.no_faults().await?;
    drop(stopped);
    if cut.is_ok() {
        return fail("`check` made no request beyond the one for a token");
    }
    let session = later(rig, instead).await?;
    check_any(rig, &session)
        .await
        .or_else(|error| fail(format!("after a stop behind the renewal: {error}")))
}

/// The answer with the token never came: the vendor may have spent what it was asked with.
async fn answer_lost(rig: &Rig<'_>, instead: &Instead) -> Checked {
    let session = later(rig, instead).await?;
    rig.sim.fault(json!({ "do": "lose_answer" })).await?;
    let lost = check_any(rig, &session).await;
    rig.sim.no_faults().await?;
    match lost {
        Err(CallError::Guest {
            error: GuestError::Transient(_) | GuestError::RateLimited(_),
            ..
        }) => {}
        Err(error) => return fail(format!("the answer with a token was lost: {error}")),
        Ok(()) => return fail("`check` succeeded without a token"),
    }
    // The same host, and one that was started anew.
    for session in [session, later(rig, instead).await?] {
        let again = check_any(rig, &session).await;
        let (_, is_refused) = fetched(rig).await?;
        match again {
            Ok(()) => {}
            // The vendor took the grant with it: a person is needed, and is told.
            Err(CallError::Guest {
                error: GuestError::Auth(text),
                ..
            }) if is_refused && text.contains("consent again") => {}
            Err(error) => return fail(format!("after the answer with a token was lost: {error}")),
        }
    }
    // They consent, and all goes on.
    let instead = Instead {
        secrets: rig.expiring_secrets().await?,
        ..instead.clone()
    };
    let session = later(rig, &instead).await?;
    check_any(rig, &session)
        .await
        .or_else(|error| fail(format!("with a new grant: {error}")))
}
