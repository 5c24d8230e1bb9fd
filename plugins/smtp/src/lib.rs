//! Sends one message to one person through a mail server. Start reading at [`Smtp`]; `message` is
//! what is sent, `session` the conversation, `verdict` what an answer means for a delivery.
//!
//! # Invariants
//! - Nothing that a person or a vendor wrote becomes a header or a command
//!   (`tests::no_field_adds_a_header`, `tests::no_address_adds_a_command`).
//! - A value in HTML is text there (`tests::values_are_escaped_where_they_stand`).
//! - No message is claimed to be sent without the server's final 250, and none is sent twice: what
//!   is not answered after the final dot is `unknown`
//!   (`tests::what_is_not_answered_after_the_final_dot_is_unknown`).
//! - Who has withdrawn consent is not written to, and the server does not hear of it
//!   (`tests::withheld_consent_sends_no_byte`).
//! - No line is longer than RFC 5322 allows and every byte is ASCII, whatever the values
//!   (`tests::every_message_is_lines_of_ascii`).
//! - Every item has an outcome (`tests::every_item_has_an_outcome`).
//!
//! # Not here
//! The socket, TLS, and the password, which the host writes. Retries and rate limits: the host's.
//! Bounces: they come back as mail, later.

mod address;
mod message;
mod mime;
mod send;
mod session;
mod settings;
mod template;
#[cfg(test)]
mod tests;
mod verdict;

use std::time::SystemTime;

use crosspoint_sdk::{
    Action, ActionKind, Batch, Context, Destination, Error, Field, Idempotency, Outcome,
};

pub use settings::{ConsentRule, Mechanism, Security, Settings};

use session::Session;

/// The plugin.
pub struct Smtp;

impl Destination for Smtp {
    type Settings = Settings;

    fn actions(_: &Context, settings: &Settings) -> Result<Vec<Action>, Error> {
        let plan = settings.plan()?;
        let field = |name: &str, description: &str, required| Field {
            name: name.to_owned(),
            description: description.to_owned(),
            required,
        };
        let several = plan.templates.len() > 1;
        Ok(vec![Action {
            // SMTP knows no key: what is sent twice arrives twice.
            idempotency: Idempotency::AtMostOnce,
            batch_size: settings.batch_size,
            fields: vec![
                field("template", "Which of the templates", several),
                field("to", "Instead of the profile's e-mail address", false),
                field("to_name", "The person's name beside the address", false),
                field("unsubscribe_url", "One-click unsubscribe (RFC 8058)", false),
            ],
            ..Action::new(ActionKind::SendMessage, "Send one message to one person")
        }])
    }

    fn deliver(ctx: &Context, settings: &Settings, batch: Batch) -> Result<Vec<Outcome>, Error> {
        if batch.action != ActionKind::SendMessage {
            return Err(Error::Unsupported(format!(
                "SMTP knows no `{}`",
                batch.action.as_str()
            )));
        }
        let plan = settings.plan()?;
        send::batch(ctx, &plan, &batch.items, SystemTime::now())
    }

    fn check(ctx: &Context, settings: &Settings) -> Result<(), Error> {
        let plan = settings.plan()?;
        match Session::open(ctx.tcp(), &plan) {
            Ok(session) => {
                session.quit();
                Ok(())
            }
            Err(fault) => Err(fault.into_error()),
        }
    }
}

crosspoint_sdk::destination!(Smtp);
