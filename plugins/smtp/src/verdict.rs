//! What a server's answer means for a delivery.

use crosspoint_sdk::Outcome;

/// What the server answered to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Greeting, `EHLO`, `STARTTLS`.
    Greeting,
    /// `AUTH`.
    Login,
    /// `MAIL`.
    Sender,
    /// `RCPT`.
    Recipient,
    /// `DATA`.
    Data,
    /// The message and its final dot.
    Content,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Greeting => "the greeting",
            Self::Login => "logging in",
            Self::Sender => "the sender (`MAIL`)",
            Self::Recipient => "the recipient (`RCPT`)",
            Self::Data => "`DATA`",
            Self::Content => "the message",
        }
    }
}

/// A server's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    /// RFC 3463: subject and detail; the class is the code's first digit again.
    enhanced: Option<(u16, u16)>,
    /// Without codes; at least one.
    pub(crate) lines: Vec<String>,
}

impl Reply {
    pub(crate) fn new(code: u16, lines: Vec<String>) -> Self {
        let enhanced = lines.first().and_then(|line| enhanced(code, line));
        Self {
            code,
            enhanced,
            lines,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// For the receipt. The server's own words are left out, since they repeat the address.
    pub(crate) fn told(&self, stage: Stage) -> String {
        let code = self.code;
        let stage = stage.name();
        match self.enhanced {
            Some((subject, detail)) => {
                let class = code / 100;
                format!("the server answered {code} {class}.{subject}.{detail} to {stage}")
            }
            None => format!("the server answered {code} to {stage}"),
        }
    }

    /// The outcome of an answer that is no consent: by the enhanced code where there is one, else by
    /// the basic code.
    pub(crate) fn outcome(&self, stage: Stage) -> Outcome {
        let told = self.told(stage);
        match self.code {
            421 => return Outcome::RateLimited(None),
            530 | 534 | 535 | 538 => return Outcome::Auth(told),
            400..=499 => {
                return match (self.code, self.enhanced) {
                    // Too many at once (RFC 3463 x.3.2, x.4.5, x.5.3; providers' x.7.28).
                    (_, Some((3, 2) | (4, 5) | (5, 3) | (7, 28))) | (452, None) => {
                        Outcome::RateLimited(None)
                    }
                    _ => Outcome::Transient(told),
                };
            }
            500..=599 => {}
            // Neither yes nor no.
            _ if stage == Stage::Content => return Outcome::Unknown(told),
            _ => return Outcome::Transient(told),
        }
        match (self.enhanced, self.code, stage) {
            // No such mailbox, no such domain, no mail there, moved, switched off.
            (Some((1, 0..=3 | 6 | 10) | (2, 1) | (4, 4)), ..) if stage != Stage::Sender => {
                Outcome::Gone(told)
            }
            // Without an enhanced code, this is what it means to a recipient.
            (None, 550 | 551 | 553 | 556, Stage::Recipient) => Outcome::Gone(told),
            // The sender is refused, hence every message.
            (_, 550 | 551 | 553 | 554, Stage::Sender) => Outcome::Auth(told),
            (_, 500..=504 | 555, _) => Outcome::Unsupported(told),
            _ => Outcome::rejected(None, told),
        }
    }
}

/// `5.1.1 ` at the beginning of a line, in the class of the code.
fn enhanced(code: u16, line: &str) -> Option<(u16, u16)> {
    let word = line.split_ascii_whitespace().next()?;
    let mut parts = word.split('.');
    let class: u16 = parts.next()?.parse().ok()?;
    let subject = parts.next()?.parse().ok()?;
    let detail = parts.next()?.parse().ok()?;
    (class == code / 100 && parts.next().is_none()).then_some((subject, detail))
}
