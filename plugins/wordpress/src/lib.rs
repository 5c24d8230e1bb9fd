//! A WordPress site as a source. Start reading at [`WordPress`]; `stream` says what is read in which
//! order, `read` reads it, `map` makes records of rows.
//!
//! # Invariants
//! - No row is lost where many share a second, where rows change meanwhile, or where the site's zone
//!   was another once (`tests::sweep::any_resumption_yields_every_row`).
//! - A scheduled post that becomes visible is handed over as published, though nothing modified it
//!   (`tests::sweep::a_scheduled_post_is_met_when_it_is_published`).
//! - A deleted user moves no other out of sight (`tests::list::deletions_meanwhile_lose_nobody`).
//! - A user that changed is a newer version, though the vendor has no instant of change
//!   (`tests::list::only_what_changed_is_handed_over_again`).
//!
//! # Not here
//! Credentials, retries, rate limits: the host's.

mod client;
mod cursor;
mod html;
mod map;
mod read;
mod settings;
mod stream;
#[cfg(test)]
mod tests;

use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::{Budget, Context, Error, Page, Reject, Source, Stream};

use client::Client;
pub use settings::{Access, Settings};
use stream::Plan;

/// The plugin.
pub struct WordPress;

impl Source for WordPress {
    type Settings = Settings;

    fn streams(_: &Context, settings: &Settings) -> Result<Vec<Stream>, Error> {
        settings.validate()?;
        let plans = stream::plans(settings);
        Ok(plans
            .iter()
            .map(|plan| stream::describe(plan, settings))
            .collect())
    }

    fn read(
        ctx: &Context,
        settings: &Settings,
        stream: &str,
        cursor: Option<&[u8]>,
        budget: Budget,
    ) -> Result<Page, Error> {
        settings.validate()?;
        read::read(ctx, settings, &plan(settings, stream)?, cursor, budget)
    }

    fn retry(
        _: &Context,
        settings: &Settings,
        stream: &str,
        raw: Vec<Vec<u8>>,
    ) -> Result<Page, Error> {
        settings.validate()?;
        let plan = plan(settings, stream)?;
        let mut page = Page::empty();
        for raw in raw {
            let row = std::str::from_utf8(&raw)
                .ok()
                .and_then(|text| Json::parse(text).ok());
            let mapped = match &row {
                Some(row) => map::record(row, &plan.kind, None)
                    .map_err(|problem| (Some(problem.field.to_owned()), problem.reason)),
                None => Err((None, "expected a row as JSON".to_owned())),
            };
            match mapped {
                Ok(record) => page.records.push(record),
                Err((field, reason)) => page.rejects.push(Reject {
                    locator: plan.base.clone(),
                    field,
                    reason,
                    raw,
                }),
            }
        }
        Ok(page)
    }

    /// The user's own account proves the application password and names its capabilities; without
    /// one, the list of types proves that there is an API.
    fn check(ctx: &Context, settings: &Settings) -> Result<(), Error> {
        settings.validate()?;
        let client = Client::new(ctx, settings);
        if !settings.is_edit() {
            return client.object(client.get("types")).map(|_| ());
        }
        let me = client.object(client.get("users/me"))?;
        let Some(able) = me
            .get("capabilities")
            .filter(|able| !able.members().is_empty())
        else {
            return Ok(());
        };
        let wanted = [
            ("edit_posts", !settings.content.is_empty()),
            ("list_users", settings.users),
            ("moderate_comments", settings.comments),
        ];
        for (capability, is_wanted) in wanted {
            if is_wanted && !able.is_true_at(capability) {
                return Err(Error::Auth(format!(
                    "the user lacks the capability `{capability}`: give it another role, or read less"
                )));
            }
        }
        Ok(())
    }
}

fn plan(settings: &Settings, name: &str) -> Result<Plan, Error> {
    let found = stream::plans(settings)
        .into_iter()
        .find(|plan| plan.name == name);
    found.ok_or_else(|| Error::invalid("stream", format!("there is no stream `{name}`")))
}

crosspoint_sdk::source!(WordPress);
