//! A mail server in memory. It holds clients to the protocol: a command out of order panics.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crosspoint_sdk::tcp::{CredentialForm, Security, TcpError};
use crosspoint_sdk::testing::{Answers, ScriptedTcp, Sent};

#[derive(Clone, Debug)]
pub struct Server {
    /// After the name in the answer to `EHLO`.
    pub offers: Vec<&'static str>,
    /// Offered before TLS instead.
    pub clear_offers: Option<Vec<&'static str>>,
    /// Answers by command, or `LOGIN`, or `CONTENT` for the final dot; by recipient first.
    pub answers: BTreeMap<String, &'static str>,
    /// The commands after which the connection breaks.
    pub breaks_at: Option<&'static str>,
    pub refuses_connection: Option<TcpError>,
    /// Messages for the rate budget beyond the first.
    pub paces: usize,

    pub commands: Vec<String>,
    pub credentials: Vec<(String, CredentialForm)>,
    /// Taken, unstuffed, without the final dot.
    pub messages: Vec<String>,
    pub recipients: Vec<String>,
    pub(super) is_tls: bool,
    pub(super) input: String,
    pub(super) in_data: bool,
    pub(super) has_mail: bool,
    pub(super) has_recipient: bool,
    pub(super) awaits: Option<&'static str>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            offers: vec![
                "PIPELINING",
                "SIZE 33554432",
                "8BITMIME",
                "AUTH PLAIN LOGIN CRAM-MD5",
            ],
            clear_offers: None,
            answers: BTreeMap::new(),
            breaks_at: None,
            refuses_connection: None,
            paces: usize::MAX,
            commands: vec![],
            credentials: vec![],
            messages: vec![],
            recipients: vec![],
            is_tls: false,
            input: String::new(),
            in_data: false,
            has_mail: false,
            has_recipient: false,
            awaits: None,
        }
    }
}

impl Server {
    pub fn offering(offers: &[&'static str]) -> Self {
        Self {
            offers: offers.to_vec(),
            ..Self::default()
        }
    }

    /// Answers this instead of consent: `RCPT`, `DATA`, an address in lower case...
    pub fn answering(mut self, to: &str, answer: &'static str) -> Self {
        self.answers.insert(to.to_owned(), answer);
        self
    }

    pub fn play(self, tcp: &ScriptedTcp) -> Rc<RefCell<Self>> {
        let server = Rc::new(RefCell::new(self));
        let played = server.clone();
        tcp.serve(move |sent| played.borrow_mut().hear(sent));
        server
    }

    fn hear(&mut self, sent: &Sent) -> Answers {
        match sent {
            Sent::Open { security, .. } => {
                if let Some(error) = &self.refuses_connection {
                    return Err(error.clone());
                }
                self.is_tls = *security == Security::Tls;
                Ok(self.say("GREETING", "220 mx.example.net ESMTP"))
            }
            Sent::StartTls => {
                self.is_tls = true;
                Ok(vec![])
            }
            Sent::Pace if self.paces == 0 => Err(TcpError::RateLimited(1500)),
            Sent::Pace => {
                self.paces -= 1;
                Ok(vec![])
            }
            Sent::Credential { secret, form } => {
                self.credentials.push((secret.clone(), form.clone()));
                self.input.clear();
                self.awaits = None;
                if matches!(form, CredentialForm::Xoauth2(_)) && self.answers.contains_key("LOGIN")
                {
                    self.awaits = Some("LOGIN");
                    return Ok(lines("334 eyJzdGF0dXMiOiI0MDAifQ=="));
                }
                Ok(self.say("LOGIN", "235 2.7.0 ok"))
            }
            Sent::Bytes(bytes) => self.read(bytes),
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Answers {
        self.input
            .push_str(std::str::from_utf8(bytes).expect("UTF-8"));
        let mut answers = vec![];
        loop {
            if self.in_data {
                if !(self.input.ends_with("\r\n.\r\n") || self.input == ".\r\n") {
                    return Ok(answers);
                }
                self.in_data = false;
                let content = std::mem::take(&mut self.input);
                answers.extend(self.take(&content));
            }
            let Some((line, rest)) = self.input.split_once("\r\n") else {
                return Ok(answers);
            };
            let (line, rest) = (line.to_owned(), rest.to_owned());
            self.input = rest;
            assert!(!line.contains(['\r', '\n']), "a bare line end in {line:?}");
            if self.breaks_at.is_some_and(|at| line.starts_with(at)) {
                return Err(TcpError::Closed("reset".to_owned()));
            }
            self.commands.push(line.clone());
            answers.extend(self.obey(&line));
        }
    }

    fn obey(&mut self, line: &str) -> Vec<Result<String, TcpError>> {
        if let Some(asked) = self.awaits.take() {
            return match asked {
                "USER" => {
                    self.awaits = Some("PASSWORD");
                    lines("334 UGFzc3dvcmQ6")
                }
                asked => self.say(asked, "235 2.7.0 ok"),
            };
        }
        let verb = line.split([' ', ':']).next().unwrap_or_default();
        match verb {
            "EHLO" => {
                let offers = match &self.clear_offers {
                    Some(offers) if !self.is_tls => offers.clone(),
                    _ => self.offers.clone(),
                };
                let mut all = vec!["mx.example.net".to_owned()];
                all.extend(offers.iter().map(ToString::to_string));
                if !self.is_tls && self.clear_offers.is_none() {
                    all.push("STARTTLS".to_owned());
                }
                let last = all.len() - 1;
                let line = |(at, text): (usize, &String)| {
                    Ok(format!("250{}{text}", if at == last { ' ' } else { '-' }))
                };
                all.iter().enumerate().map(line).collect()
            }
            "STARTTLS" => self.say("STARTTLS", "220 go"),
            "AUTH" if line == "AUTH LOGIN" => {
                self.awaits = Some("USER");
                lines("334 VXNlcm5hbWU6")
            }
            "AUTH" => lines("334 PDE4OTYuNjk3MTcwOTUyQG14LmV4YW1wbGUubmV0Pg=="),
            "MAIL" => {
                assert!(!self.has_mail, "MAIL within a transaction");
                let answer = self.say("MAIL", "250 2.1.0 ok");
                self.has_mail = is_yes(&answer);
                answer
            }
            "RCPT" => {
                let address = line.trim_start_matches("RCPT TO:<").trim_end_matches('>');
                let answer = match self.answers.get(address) {
                    Some(answer) => lines(answer),
                    None if self.has_mail => self.say("RCPT", "250 2.1.5 ok"),
                    None => lines("503 5.5.1 no sender"),
                };
                self.has_recipient = is_yes(&answer);
                if self.has_recipient {
                    self.recipients.push(address.to_owned());
                }
                answer
            }
            "DATA" if !self.has_recipient && !self.answers.contains_key("DATA") => {
                lines("554 5.5.1 no valid recipients")
            }
            "DATA" => {
                let answer = self.say("DATA", "354 go");
                self.in_data = matches!(answer.first(), Some(Ok(line)) if line.starts_with("354"));
                answer
            }
            "RSET" => {
                self.forget();
                self.say("RSET", "250 2.0.0 ok")
            }
            "QUIT" => lines("221 2.0.0 bye"),
            other => panic!("unknown command {other:?} in {line:?}"),
        }
    }

    fn take(&mut self, content: &str) -> Vec<Result<String, TcpError>> {
        let has_recipient = self.has_recipient;
        self.forget();
        if !has_recipient {
            return lines("554 5.5.1 no valid recipients");
        }
        let answer = self.say("CONTENT", "250 2.0.0 queued as 4AB12");
        if is_yes(&answer) {
            let text = content.strip_suffix(".\r\n").unwrap_or(content);
            let unstuffed = text.split_inclusive("\r\n").map(|line| {
                assert_ne!(line, ".\r\n", "a lone dot within the message");
                line.strip_prefix('.').unwrap_or(line)
            });
            self.messages.push(unstuffed.collect());
        }
        answer
    }

    fn forget(&mut self) {
        (self.has_mail, self.has_recipient) = (false, false);
    }

    fn say(&self, to: &str, usual: &str) -> Vec<Result<String, TcpError>> {
        lines(self.answers.get(to).copied().unwrap_or(usual))
    }
}

fn is_yes(answer: &[Result<String, TcpError>]) -> bool {
    matches!(answer.first(), Some(Ok(line)) if line.starts_with('2'))
}

/// Lines separated by `|`; `!` is a connection that ends, nothing is silence.
fn lines(text: &str) -> Vec<Result<String, TcpError>> {
    text.split('|')
        .filter(|line| !line.is_empty())
        .map(|line| match line {
            "!" => Err(TcpError::Closed("the server closed".to_owned())),
            line => Ok(line.to_owned()),
        })
        .collect()
}
