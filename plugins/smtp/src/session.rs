//! The conversation with the server up to the point where messages can be sent (RFC 5321, RFC 3207,
//! RFC 4954).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use crosspoint_sdk::Error;
use crosspoint_sdk::tcp::{self, Challenge, Connection, CredentialForm, Tcp, TcpError};

use crate::settings::{Mechanism, Plan, Security};
use crate::verdict::{Reply, Stage};

/// RFC 5321 §4.5.3.1.5 allows 512; servers are more generous than that.
const REPLY_LINE: u32 = 4096;

/// Lines of one reply; a hundred extensions are known to nobody.
const REPLY_LINES: usize = 100;

/// The secrets of `plugin.toml`.
const PASSWORD: &str = "password";
const REFRESH_TOKEN: &str = "refresh_token";

/// Why there is no session.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fault {
    /// The connection is gone, or the host refused.
    Transport(TcpError),
    /// The server said no.
    Answer(Stage, Reply),
    /// What the server does not offer, and the setting that asks for it.
    NotOffered(&'static str, String),
    /// What came is no reply.
    Garbled,
}

impl From<TcpError> for Fault {
    fn from(error: TcpError) -> Self {
        Self::Transport(error)
    }
}

impl Fault {
    /// As the fault of a call of which nothing was done.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Transport(error) => error.into(),
            Self::NotOffered(setting, reason) => Error::invalid(setting, reason),
            Self::Garbled => Error::Transient("the server's answer is not SMTP".to_owned()),
            Self::Answer(stage, reply) => match (reply.code, stage) {
                (421, _) => Error::RateLimited(None),
                (400..=499, _) => Error::Transient(reply.told(stage)),
                (_, Stage::Login) | (530..=539, _) => Error::Auth(reply.told(stage)),
                _ => Error::invalid("host", reply.told(stage)),
            },
        }
    }
}

/// What the server said it can.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offers {
    /// The largest message in bytes, where there is a limit (RFC 1870).
    pub(crate) size: Option<u64>,
    pub(crate) knows_size: bool,
    pub(crate) pipelining: bool,
    pub(crate) utf8: bool,
    starttls: bool,
    mechanisms: Vec<String>,
}

/// Logged in, ready for messages.
pub(crate) struct Session<'a> {
    pub(crate) connection: Connection<'a>,
    pub(crate) offers: Offers,
}

impl<'a> Session<'a> {
    pub(crate) fn open(tcp: &'a dyn Tcp, plan: &Plan) -> Result<Self, Fault> {
        let security = match plan.security {
            Security::Tls => tcp::Security::Tls,
            Security::Starttls | Security::None => tcp::Security::Plain,
        };
        let timeout = Some(plan.timeout_ms);
        let connection = Connection::open(tcp, &plan.host, plan.port, security, timeout)?;
        let mut session = Self {
            connection,
            offers: Offers::default(),
        };
        session.expect(Stage::Greeting, 220)?;
        session.greet(plan)?;
        if plan.security == Security::Starttls {
            if !session.offers.starttls {
                let reason = "the server does not offer STARTTLS".to_owned();
                return Err(Fault::NotOffered("security", reason));
            }
            session.command("STARTTLS")?;
            session.expect(Stage::Greeting, 220)?;
            session.connection.start_tls()?;
            // Whatever was said before TLS counts no more (RFC 3207 §4.2).
            session.greet(plan)?;
        }
        if let Some(user) = &plan.user {
            session.log_in(user, plan.mechanism)?;
        }
        Ok(session)
    }

    /// Ends it politely, without waiting for the answer.
    pub(crate) fn quit(self) {
        _ = self.command("QUIT");
    }

    pub(crate) fn command(&self, line: &str) -> Result<(), Fault> {
        Ok(self.connection.send(format!("{line}\r\n"))?)
    }

    /// One reply, all of its lines.
    pub(crate) fn reply(&self) -> Result<Reply, Fault> {
        let mut lines = Vec::new();
        loop {
            let line = self.connection.receive_line(REPLY_LINE)?;
            let (code, rest) = line.split_at_checked(3).ok_or(Fault::Garbled)?;
            let code: u16 = code.parse().map_err(|_| Fault::Garbled)?;
            let more = match rest.chars().next() {
                Some('-') => true,
                Some(' ') | None => false,
                Some(_) => return Err(Fault::Garbled),
            };
            lines.push(rest.get(1..).unwrap_or_default().to_owned());
            if !more {
                return Ok(Reply::new(code, lines));
            }
            if lines.len() >= REPLY_LINES {
                return Err(Fault::Garbled);
            }
        }
    }

    fn expect(&self, stage: Stage, code: u16) -> Result<Reply, Fault> {
        let reply = self.reply()?;
        if reply.code == code {
            Ok(reply)
        } else {
            Err(Fault::Answer(stage, reply))
        }
    }

    fn greet(&mut self, plan: &Plan) -> Result<(), Fault> {
        self.command(&format!("EHLO {}", plan.greeting))?;
        let reply = self.expect(Stage::Greeting, 250)?;
        self.offers = Offers::read(&reply.lines[1..]);
        Ok(())
    }

    fn log_in(&self, user: &str, wanted: Mechanism) -> Result<(), Fault> {
        let has = |name: &str| self.offers.mechanisms.iter().any(|it| it == name);
        let all = [
            (Mechanism::Plain, "PLAIN"),
            (Mechanism::Login, "LOGIN"),
            (Mechanism::CramMd5, "CRAM-MD5"),
            (Mechanism::Xoauth2, "XOAUTH2"),
        ];
        let fits = |&&(mechanism, name): &&(Mechanism, &str)| {
            let is_wanted = match wanted {
                Mechanism::Auto => mechanism != Mechanism::Xoauth2,
                wanted => mechanism == wanted,
            };
            is_wanted && has(name)
        };
        let Some((mechanism, name)) = all.iter().find(fits) else {
            let reason = format!("the server offers {:?} only", self.offers.mechanisms);
            return Err(Fault::NotOffered("mechanism", reason));
        };
        let user = user.to_owned();
        match mechanism {
            Mechanism::Plain | Mechanism::Auto => {
                self.connection.send("AUTH PLAIN ")?;
                let form = CredentialForm::SaslPlain(user);
                self.connection.send_credential(PASSWORD, &form)?;
            }
            Mechanism::Login => {
                self.command("AUTH LOGIN")?;
                self.expect(Stage::Login, 334)?;
                self.command(&BASE64_STANDARD.encode(user))?;
                self.expect(Stage::Login, 334)?;
                let form = CredentialForm::Password;
                self.connection.send_credential(PASSWORD, &form)?;
            }
            Mechanism::CramMd5 => {
                self.command(&format!("AUTH {name}"))?;
                let asked = self.expect(Stage::Login, 334)?;
                let text = BASE64_STANDARD
                    .decode(asked.lines[0].trim())
                    .map_err(|_| Fault::Garbled)?;
                let form = CredentialForm::CramMd5(Challenge { user, text });
                self.connection.send_credential(PASSWORD, &form)?;
            }
            Mechanism::Xoauth2 => {
                self.connection.send("AUTH XOAUTH2 ")?;
                let form = CredentialForm::Xoauth2(user);
                self.connection.send_credential(REFRESH_TOKEN, &form)?;
            }
        }
        let mut reply = self.reply()?;
        if reply.code == 334 && *mechanism == Mechanism::Xoauth2 {
            // Why not, in base64; the refusal itself follows an empty line.
            self.command("")?;
            reply = self.reply()?;
        }
        if reply.code == 235 {
            Ok(())
        } else {
            Err(Fault::Answer(Stage::Login, reply))
        }
    }
}

impl Offers {
    /// From the lines of the answer to `EHLO`, but for the first.
    fn read(lines: &[String]) -> Self {
        let mut offers = Self::default();
        for line in lines {
            let line = line.to_ascii_uppercase().replace("AUTH=", "AUTH ");
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("SIZE") => {
                    offers.knows_size = true;
                    let limit = words.next().and_then(|it| it.parse().ok());
                    offers.size = limit.filter(|limit| *limit > 0);
                }
                Some("PIPELINING") => offers.pipelining = true,
                Some("SMTPUTF8") => offers.utf8 = true,
                Some("STARTTLS") => offers.starttls = true,
                Some("AUTH") => offers.mechanisms.extend(words.map(str::to_owned)),
                _ => {}
            }
        }
        offers
    }
}
