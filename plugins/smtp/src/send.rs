//! Messages over one connection, and what became of each.

use std::time::SystemTime;

use crosspoint_sdk::tcp::TcpError;
use crosspoint_sdk::{Context, Error, Item, Outcome};

use crate::message::{Message, message};
use crate::session::{Fault, Session};
use crate::settings::Plan;
use crate::verdict::{Reply, Stage};

/// What became of one message, and whether the session can take another.
enum Sent {
    GoesOn(Outcome),
    Over(Outcome),
}

/// One outcome per item, in their order. Items that cannot be sent are found before the server hears
/// of any.
///
/// # Errors
/// Where no session came about: nothing was done.
pub(crate) fn batch(
    ctx: &Context,
    plan: &Plan,
    items: &[Item],
    now: SystemTime,
) -> Result<Vec<Outcome>, Error> {
    let messages: Vec<_> = items.iter().map(|item| message(plan, item, now)).collect();
    if messages.iter().all(Result::is_err) {
        return Ok(messages.into_iter().filter_map(Result::err).collect());
    }
    let mut session = match Session::open(ctx.tcp(), plan) {
        Ok(session) => Some(session),
        // The host takes a transient error for a batch whose fate is open; nothing was sent here.
        Err(fault) => match fault.into_error() {
            Error::Transient(reason) => {
                let rest = Outcome::Transient(reason);
                return Ok(messages
                    .into_iter()
                    .map(|message| message.err().unwrap_or_else(|| rest.clone()))
                    .collect());
            }
            error => return Err(error),
        },
    };
    let mut rest = Outcome::Transient("the connection ended before its turn".to_owned());
    let mut is_first = true;
    let mut outcomes = Vec::with_capacity(items.len());
    for message in messages {
        let outcome = match (message, session.take()) {
            (Err(outcome), open) => {
                session = open;
                outcome
            }
            (Ok(_), None) => rest.clone(),
            (Ok(message), Some(open)) => {
                // The first is what the connection was counted for.
                let paced = if is_first { Ok(()) } else { ctx.tcp().pace() };
                is_first = false;
                match paced {
                    Err(TcpError::RateLimited(ms)) => {
                        open.quit();
                        rest = Outcome::RateLimited(Some(ms));
                        rest.clone()
                    }
                    Err(error) => Outcome::Transient(Error::from(error).to_string()),
                    Ok(()) => match open.send(plan, &message) {
                        Sent::GoesOn(outcome) => {
                            session = Some(open);
                            outcome
                        }
                        Sent::Over(outcome) => {
                            if matches!(outcome, Outcome::RateLimited(_) | Outcome::Auth(_)) {
                                rest = outcome.clone();
                            }
                            outcome
                        }
                    },
                }
            }
        };
        outcomes.push(outcome);
    }
    if let Some(session) = session {
        session.quit();
    }
    Ok(outcomes)
}

impl Session<'_> {
    fn send(&self, plan: &Plan, message: &Message) -> Sent {
        if let Err(outcome) = self.fits(message) {
            return Sent::GoesOn(outcome);
        }
        match self.envelope(plan, message) {
            Ok(None) => self.content(message),
            Ok(Some((stage, reply))) => {
                let outcome = reply.outcome(stage);
                let is_over = reply.code == 421 || matches!(outcome, Outcome::Auth(_));
                if !is_over && self.reset() {
                    Sent::GoesOn(outcome)
                } else {
                    Sent::Over(outcome)
                }
            }
            // Without content nothing can have been sent.
            Err(fault) => Sent::Over(match fault {
                Fault::Transport(TcpError::RateLimited(ms)) => Outcome::RateLimited(Some(ms)),
                fault => Outcome::Transient(fault.into_error().to_string()),
            }),
        }
    }

    fn fits(&self, message: &Message) -> Result<(), Outcome> {
        if let Some(limit) = self
            .offers
            .size
            .filter(|limit| message.bytes.len() as u64 > *limit)
        {
            let length = message.bytes.len();
            let reason = format!("{length} bytes, and the server takes {limit} at most");
            return Err(Outcome::rejected(None, reason));
        }
        if !message.to.is_ascii() && !self.offers.utf8 {
            let reason = "the address is not ASCII, and the server does not offer SMTPUTF8";
            return Err(Outcome::rejected(Some("to"), reason));
        }
        Ok(())
    }

    /// `MAIL`, `RCPT` and `DATA`, at once where the server takes that (RFC 2920). `None` where the
    /// server waits for the message, else the first answer that is no consent.
    fn envelope(&self, plan: &Plan, message: &Message) -> Result<Option<(Stage, Reply)>, Fault> {
        let mut mail = format!("MAIL FROM:<{}>", plan.bounces_to);
        if self.offers.knows_size {
            mail.push_str(&format!(" SIZE={}", message.bytes.len()));
        }
        if !message.to.is_ascii() {
            mail.push_str(" SMTPUTF8");
        }
        let commands = [
            (Stage::Sender, mail),
            (
                Stage::Recipient,
                format!("RCPT TO:<{}>", message.to.as_str()),
            ),
            (Stage::Data, "DATA".to_owned()),
        ];
        let takes = |stage, reply: &Reply| match stage {
            Stage::Data => reply.code == 354,
            _ => reply.is_done(),
        };
        if !self.offers.pipelining {
            for (stage, command) in commands {
                self.command(&command)?;
                let reply = self.reply()?;
                if !takes(stage, &reply) {
                    return Ok(Some((stage, reply)));
                }
            }
            return Ok(None);
        }
        let lines: Vec<_> = commands.iter().map(|(_, line)| line.as_str()).collect();
        self.command(&lines.join("\r\n"))?;
        let mut refused = None;
        let mut waits = false;
        for (stage, _) in commands {
            let reply = self.reply()?;
            waits = reply.code == 354;
            if refused.is_none() && !takes(stage, &reply) {
                let is_over = reply.code == 421;
                refused = Some((stage, reply));
                if is_over {
                    return Ok(refused);
                }
            }
        }
        if refused.is_some() && waits {
            // It wants a message that is for nobody; RFC 2920 §3.1 has it refuse an empty one.
            self.command(".")?;
            self.reply()?;
        }
        Ok(refused)
    }

    /// The message. Until the final dot leaves the server cannot take it; from then on it may have.
    fn content(&self, message: &Message) -> Sent {
        if let Err(error) = self.connection.send(stuffed(&message.bytes)) {
            return Sent::Over(match error {
                TcpError::Invalid(reason) | TcpError::Denied(reason) => {
                    Outcome::rejected(None, reason)
                }
                error => Outcome::Transient(Error::from(error).to_string()),
            });
        }
        let answered = self.command(".").and_then(|()| self.reply());
        match answered {
            Ok(reply) if reply.is_done() => Sent::GoesOn(Outcome::Done(Some(message.id.clone()))),
            Ok(reply) => {
                let outcome = reply.outcome(Stage::Content);
                if reply.code == 421 || matches!(outcome, Outcome::Unknown(_) | Outcome::Auth(_)) {
                    Sent::Over(outcome)
                } else {
                    Sent::GoesOn(outcome)
                }
            }
            Err(fault) => Sent::Over(Outcome::Unknown(format!(
                "the message was sent and not answered: {}",
                fault.into_error()
            ))),
        }
    }

    /// Whether the session is fit for another message.
    fn reset(&self) -> bool {
        let answered = self.command("RSET").and_then(|()| self.reply());
        answered.is_ok_and(|reply| reply.is_done())
    }
}

/// RFC 5321 §4.5.2: a dot before every dot that begins a line.
fn stuffed(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at_start = true;
    for &byte in bytes {
        if at_start && byte == b'.' {
            out.push(b'.');
        }
        out.push(byte);
        at_start = byte == b'\n';
    }
    out
}
