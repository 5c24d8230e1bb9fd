//! Credentials: good, wrong, revoked, restricted, expired; and that they stay out of everything.

use crosspoint_sandbox::{CallOutput, Error as CallError, GuestError};
use serde_json::json;

use super::general::check_any;
use super::source::{checked_streams, first_stream};
use crate::error::{Checked, fail, skip};
use crate::fold::flat;
use crate::rig::{Instead, PAGE, Rig, Session};

pub(super) async fn accepts(rig: &Rig<'_>) -> Checked {
    let session = rig.session(Instead::default()).await?;
    check_any(rig, &session).await?;
    // Tokens are the host's to fetch.
    let effects = rig.sim.effects().await?;
    let effect = effects.iter().find(|it| !it.kind.starts_with("token."));
    match effect {
        Some(effect) => fail(format!("`check` had an effect: {}", effect.kind)),
        None => Ok(()),
    }
}

pub(super) async fn refuses_wrong(rig: &Rig<'_>) -> Checked {
    if rig.subject.credentials.wrong.is_empty() {
        return skip("conformance.toml has no `[credentials.wrong]`");
    }
    for (name, value) in &rig.subject.credentials.wrong {
        let instead = Instead {
            secrets: [(name.clone(), value.clone())].into(),
            ..Instead::default()
        };
        let session = rig.session(instead).await?;
        is_auth(
            check_any(rig, &session).await,
            &format!("secret `{name}` is wrong"),
        )?;
    }
    Ok(())
}

pub(super) async fn refuses_revoked(rig: &Rig<'_>) -> Checked {
    let Some(command) = &rig.subject.credentials.revoke else {
        return skip("conformance.toml has no `credentials.revoke`");
    };
    let mut session = rig.session(Instead::default()).await?;
    check_any(rig, &session).await?;
    rig.sim.command(command, &json!({})).await?;
    is_auth(
        check_any(rig, &session).await,
        "the credentials were revoked",
    )?;
    if let Some(stream) = first_stream(rig) {
        let answer = session.read_once(stream, None, PAGE).await.map(|_| ());
        is_auth(answer, "the credentials were revoked, then `read`")?;
    }
    Ok(())
}

pub(super) async fn refuses_restricted(rig: &Rig<'_>) -> Checked {
    let Some((command, arguments)) = &rig.subject.credentials.restrict else {
        return skip("conformance.toml has no `credentials.restrict`");
    };
    rig.sim.command(command, arguments).await?;
    let session = rig.session(Instead::default()).await?;
    is_auth(check_any(rig, &session).await, "a right is missing")
}

pub(super) async fn expired_token(rig: &Rig<'_>) -> Checked {
    let Some(command) = &rig.subject.credentials.expire else {
        return skip("conformance.toml has no `credentials.expire`");
    };
    // What the operator once gave, however often the vendor has renewed it since.
    let instead = Instead {
        expiring: true,
        secrets: rig.expiring_secrets().await?,
        ..Instead::default()
    };
    let mut session = rig.session(instead.clone()).await?;
    check_any(rig, &session).await?;
    rig.sim.command(command, &json!({})).await?;
    check_any(rig, &session).await?;
    if let Some(stream) = first_stream(rig) {
        rig.sim.command(command, &json!({})).await?;
        session.read(stream, None, PAGE).await?;
    }
    // After a restart what was fetched last counts, not what the operator once gave.
    let restarted = rig.session(instead).await?;
    check_any(rig, &restarted).await?;
    rig.sim.command(command, &json!({})).await?;
    Ok(check_any(rig, &restarted).await?)
}

fn is_auth(answer: Result<(), CallError>, what: &str) -> Checked {
    match answer {
        Err(CallError::Guest {
            error: GuestError::Auth(_),
            ..
        }) => Ok(()),
        Err(error) => fail(format!("{what}: {error}")),
        Ok(()) => fail(format!("{what}: the call succeeded")),
    }
}

/// The vendor repeats the credential in an error, and nobody passes it on.
pub(super) async fn secrets_stay_out(rig: &Rig<'_>) -> Checked {
    let secrets: Vec<String> = rig
        .secrets()
        .await?
        .into_values()
        .filter(|it| it.len() >= 6)
        .collect();
    if secrets.is_empty() {
        return skip("the connector has no secrets");
    }
    let mut seen = String::new();
    let mut session = rig.session(Instead::default()).await?;
    for stream in checked_streams(rig, &mut session).await? {
        let output = session
            .connector
            .read(&stream.name, None, PAGE, session.input())
            .await;
        note(&mut seen, &output);
        if let Ok(output) = output {
            seen.push_str(&String::from_utf8_lossy(&output.value.next_cursor));
            output.value.notices.iter().for_each(|it| seen.push_str(it));
            output
                .value
                .records
                .iter()
                .for_each(|it| seen.push_str(&flat(it).to_string()));
        }
    }
    for status in [400, 401, 403, 500] {
        let body = json!({ "error": format!("credential {} is not welcome", secrets.join(" ")), "message": secrets, "errors": [{ "message": secrets[0] }] });
        let fault = json!({ "times": 3, "do": { "status": { "status": status, "body": body.to_string() } } });
        rig.sim.fault(fault).await?;
        echoed(rig, &mut session, &mut seen).await?;
        rig.sim.no_faults().await?;
    }
    match secrets.iter().any(|secret| seen.contains(secret.as_str())) {
        true => fail("a secret that the vendor repeated was passed on"),
        false => Ok(()),
    }
}

async fn echoed(rig: &Rig<'_>, session: &mut Session<'_>, seen: &mut String) -> Checked {
    if let Err(error) = check_any(rig, session).await {
        seen.push_str(&format!("{error} {error:?}"));
    }
    if let Some(stream) = first_stream(rig) {
        let output = session
            .connector
            .read(stream, None, PAGE, session.input())
            .await;
        note(seen, &output);
    }
    Ok(())
}

fn note<T>(seen: &mut String, output: &Result<CallOutput<T>, CallError>) {
    match output {
        Ok(output) => output
            .logs
            .iter()
            .for_each(|line| seen.push_str(&line.message)),
        Err(error) => seen.push_str(&format!("{error} {error:?}")),
    }
}
