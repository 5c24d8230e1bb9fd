//! Facebook and Instagram lead ads as a source. Start reading at [`MetaLeads`]; `read` sweeps over the
//! forms, `hook` takes webhook calls, `map` makes records of leads.
//!
//! # Invariants
//! - No lead is lost that comes to a form after a sweep has left it
//!   (`tests::sweep::any_resumption_yields_every_lead`).
//! - A lead is the same record, whether it came by webhook or by polling
//!   (`tests::hook::a_call_yields_what_polling_yields`).
//! - Ids keep every digit, also where the vendor sends them as numbers
//!   (`tests::hook::ids_beyond_53_bits_keep_every_digit`).
//! - No cursor holds a link of the vendor's, in which the token may stand
//!   (`tests::sweep::cursors_hold_no_token`).
//! - A box that is not ticked gives no consent (`tests::map::only_ticked_boxes_are_consents`).
//!
//! # Not here
//! The token, signatures and the handshake, retries, rate limits: the host's.

mod client;
mod cursor;
mod hook;
mod map;
mod read;
mod settings;
#[cfg(test)]
mod tests;

use crosspoint_sdk::{
    Budget, Context, Deletes, Error, Page, Received, RecordKind, Source, Stream, WebhookRequest,
};

use client::{Client, Fault, LEAD_FIELDS, names};
use map::View;
pub use settings::Settings;

/// The stream of filled forms.
const LEADS: &str = "leads";

/// The stream of ticked disclaimer boxes.
const CONSENTS: &str = "consents";

/// The stream of forms.
const FORMS: &str = "forms";

/// The plugin.
pub struct MetaLeads;

impl Source for MetaLeads {
    type Settings = Settings;

    fn streams(_: &Context, settings: &Settings) -> Result<Vec<Stream>, Error> {
        settings.validate()?;
        let streams = [
            (LEADS, RecordKind::Submission, "Filled lead forms.", true),
            (
                CONSENTS,
                RecordKind::Consent,
                "Ticked disclaimer boxes of lead forms.",
                true,
            ),
            (
                FORMS,
                RecordKind::Content,
                "Lead forms with their questions.",
                false,
            ),
        ];
        Ok(streams
            .into_iter()
            .map(|(name, kind, description, is_fed)| Stream {
                name: name.to_owned(),
                kind,
                description: description.to_owned(),
                incremental: is_fed,
                webhook: is_fed,
                deletes: Deletes::NotReported,
            })
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
        match stream {
            FORMS => read::forms(ctx, settings, cursor, budget),
            other => read::leads(ctx, settings, view(other)?, cursor, budget),
        }
    }

    fn receive(
        ctx: &Context,
        settings: &Settings,
        request: WebhookRequest,
    ) -> Result<Received, Error> {
        settings.validate()?;
        hook::receive(ctx, settings, &request)
    }

    fn retry(
        ctx: &Context,
        settings: &Settings,
        stream: &str,
        raw: Vec<Vec<u8>>,
    ) -> Result<Page, Error> {
        settings.validate()?;
        let view = if stream == FORMS {
            None
        } else {
            Some(view(stream)?)
        };
        Ok(hook::retry(ctx, settings, view, raw))
    }

    /// The forms of each page prove the token and its rights on the page; one form's leads prove
    /// `leads_retrieval`.
    fn check(ctx: &Context, settings: &Settings) -> Result<(), Error> {
        settings.validate()?;
        let client = Client::new(ctx, settings);
        for page in &settings.pages {
            let (forms, _) = client.forms(page, "id,name")?;
            let Some((form, _)) = names(&forms).pop() else {
                continue;
            };
            let call = client.get(&format!("{form}/leads"));
            let call = call.query("fields", LEAD_FIELDS).query("limit", 1);
            client.list(call).map_err(|fault| match fault {
                Fault::Missing(said) => Error::Auth(format!(
                    "{said}: leads of form {form} cannot be read; the token lacks \
                     `leads_retrieval`, or Leads Access Manager does not admit the app"
                )),
                other => other.into(),
            })?;
        }
        Ok(())
    }
}

fn view(stream: &str) -> Result<View, Error> {
    match stream {
        LEADS => Ok(View::Leads),
        CONSENTS => Ok(View::Consents),
        other => Err(Error::invalid(
            "stream",
            format!("there is no stream `{other}`"),
        )),
    }
}

crosspoint_sdk::source!(MetaLeads);
