//! Manifest, egress and limits.

use crosspoint_sandbox::manifest::{Capability, Role};
use crosspoint_sandbox::{Error as CallError, Limits};

use super::source::first_stream;
use crate::error::{Checked, fail, skip};
use crate::rig::{Instead, PAGE, Rig};

/// Days before a sunset in which a plugin is no longer fit.
const SUNSET_DAYS: i64 = 90;

pub(super) fn vendor_version(rig: &Rig<'_>) -> Checked {
    let Some(vendor) = &rig.manifest().vendor else {
        return fail("the manifest has no `[vendor]`");
    };
    if vendor.api_version.as_deref().unwrap_or_default().is_empty() {
        return fail("`[vendor]` has no `api_version`");
    }
    let Some(sunset) = &vendor.sunset else {
        return Ok(());
    };
    let Ok(day) = sunset.parse::<jiff::civil::Date>() else {
        return fail(format!("`sunset` `{sunset}` is no date"));
    };
    let today = jiff::Zoned::now().date();
    let left = today
        .until(day)
        .map_or(0, |span| i64::from(span.get_days()));
    if left < SUNSET_DAYS {
        return fail(format!(
            "API version {:?} ends on {sunset}, in {left} days",
            vendor.api_version
        ));
    }
    Ok(())
}

pub(super) async fn ungranted_host(rig: &Rig<'_>) -> Checked {
    if !rig.manifest().asks_for(Capability::Http) {
        return skip("the plugin reaches out to nobody");
    }
    let instead = Instead {
        no_hosts: true,
        ..Instead::default()
    };
    let mut session = rig.session(instead).await?;
    let answer = match first_stream(rig) {
        Some(stream) => session.read_once(stream, None, PAGE).await.map(|_| ()),
        None => session
            .connector
            .check_destination(session.input())
            .await
            .map(|_| ()),
    };
    if !rig.sim.calls().await?.is_empty() {
        return fail("a request reached the vendor");
    }
    match answer {
        Ok(()) => fail("the call succeeded without a vendor"),
        Err(error) if error.is_trap() => fail(format!("the plugin panicked: {error}")),
        Err(_) => Ok(()),
    }
}

pub(super) async fn limits(rig: &Rig<'_>) -> Checked {
    let tight = [
        Limits {
            memory_bytes: 64 << 10,
            ..Limits::default()
        },
        Limits {
            response_bytes: 16,
            ..Limits::default()
        },
        Limits {
            request_bytes: 0,
            ..Limits::default()
        },
    ];
    for limits in tight {
        let instead = Instead {
            limits: Some(limits.clone()),
            ..Instead::default()
        };
        let session = rig.session(instead).await?;
        let answer = check_any(rig, &session).await;
        match answer {
            Err(CallError::Panic { stderr, .. }) => {
                return fail(format!("panic at {limits:?}: {stderr}"));
            }
            Err(CallError::Trap { reason, .. }) => {
                return fail(format!("trap at {limits:?}: {reason}"));
            }
            _ => {}
        }
    }
    let session = rig.session(Instead::default()).await?;
    Ok(check_any(rig, &session).await?)
}

/// `check` of whatever role there is.
pub(super) async fn check_any(
    rig: &Rig<'_>,
    session: &crate::rig::Session<'_>,
) -> Result<(), CallError> {
    if rig.manifest().has_role(Role::Source) {
        session.connector.check_source(session.input()).await?;
    }
    if rig.manifest().has_role(Role::Destination) {
        session.connector.check_destination(session.input()).await?;
    }
    Ok(())
}
