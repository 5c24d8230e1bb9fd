//! One connection.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use md5::Md5;

use super::message::Message;
use super::{Post, USER, lock};

/// RFC 5321 §4.5.3.1.4, with what AUTH needs (RFC 4954 §4).
const COMMAND_BYTES: usize = 12_288;
const MESSAGE_BYTES: usize = 33_554_432;
const CHALLENGE: &str = "<1896.697170952@mail.example>";

/// Why a connection ends.
struct Ended;

struct Session<'a> {
    reader: BufReader<TcpStream>,
    post: &'a Mutex<Post>,
    stops: &'a AtomicBool,
    is_greeted: bool,
    is_known: bool,
    sender: Option<String>,
    recipients: Vec<String>,
}

/// Until the client or the simulator ends.
pub fn serve(stream: TcpStream, post: &Mutex<Post>, stops: &AtomicBool) {
    lock(post).connections += 1;
    let _ = stream.set_nodelay(true);
    // So that the end of the simulator is seen.
    let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
    let mut session = Session {
        reader: BufReader::new(stream),
        post,
        stops,
        is_greeted: false,
        is_known: false,
        sender: None,
        recipients: Vec::new(),
    };
    let Err(Ended) = session.talk();
}

impl Session<'_> {
    fn talk(&mut self) -> Result<std::convert::Infallible, Ended> {
        self.say("220 mail.example ESMTP")?;
        loop {
            let line = self.line(COMMAND_BYTES)?;
            let Some(line) = line.strip_suffix("\r\n") else {
                self.say("500 5.5.2 A line ends with CR and LF")?;
                continue;
            };
            let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
            self.command(&verb.to_ascii_uppercase(), rest)?;
        }
    }

    fn command(&mut self, verb: &str, rest: &str) -> Result<(), Ended> {
        match verb {
            "EHLO" if !rest.is_empty() => {
                (self.is_greeted, self.sender) = (true, None);
                self.say("250-mail.example\r\n250-PIPELINING\r\n250-SIZE 33554432\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 AUTH PLAIN LOGIN CRAM-MD5")
            }
            "EHLO" | "HELO" => self.say("501 5.5.4 EHLO with your name"),
            "NOOP" => self.say("250 2.0.0 OK"),
            "RSET" => {
                self.forget();
                self.say("250 2.0.0 OK")
            }
            "QUIT" => {
                self.say("221 2.0.0 Bye")?;
                Err(Ended)
            }
            "AUTH" if !self.is_greeted || self.is_known || self.sender.is_some() => {
                self.say("503 5.5.1 Not now")
            }
            "AUTH" => self.log_in(rest),
            "MAIL" | "RCPT" | "DATA" if !self.is_known => {
                self.say("530 5.7.0 Authentication required")
            }
            "MAIL" => self.mail(rest),
            "RCPT" => self.recipient(rest),
            "DATA" => self.data(),
            _ => self.say("500 5.5.2 What is that?"),
        }
    }

    fn forget(&mut self) {
        (self.sender, self.recipients) = (None, Vec::new());
    }

    fn mail(&mut self, rest: &str) -> Result<(), Ended> {
        let Some((sender, parameters)) = path(rest, "FROM:") else {
            return self.say("501 5.5.4 MAIL FROM:<you>");
        };
        if self.sender.is_some() {
            return self.say("503 5.5.1 One after the other");
        }
        for parameter in parameters.split_ascii_whitespace() {
            match parameter.split_once('=') {
                Some(("SIZE", size)) => match size.parse::<usize>() {
                    Ok(size) if size <= MESSAGE_BYTES => {}
                    Ok(_) => return self.say("552 5.3.4 Too much"),
                    Err(_) => return self.say("501 5.5.4 SIZE is a number"),
                },
                Some(("BODY", "7BIT" | "8BITMIME")) => {}
                _ => return self.say("555 5.5.4 Unknown parameter"),
            }
        }
        if self.is_struck("MAIL")? {
            return Ok(());
        }
        self.sender = Some(sender.to_owned());
        self.say("250 2.1.0 OK")
    }

    fn recipient(&mut self, rest: &str) -> Result<(), Ended> {
        let Some((recipient, "")) = path(rest, "TO:").filter(|(path, _)| path.contains('@')) else {
            return self.say("501 5.1.3 RCPT TO:<somebody@somewhere>");
        };
        if self.sender.is_none() {
            return self.say("503 5.5.1 MAIL first");
        }
        self.recipients.push(recipient.to_owned());
        if self.is_struck("RCPT")? {
            self.recipients.pop();
            return Ok(());
        }
        self.say("250 2.1.5 OK")
    }

    fn data(&mut self) -> Result<(), Ended> {
        let Some(sender) = self.sender.clone().filter(|_| !self.recipients.is_empty()) else {
            return self.say("503 5.5.1 Nobody to send to");
        };
        if self.is_struck("DATA")? {
            return Ok(());
        }
        self.say("354 Go on")?;
        let (mut content, mut has_bare_end) = (String::new(), false);
        loop {
            let line = self.line(MESSAGE_BYTES)?;
            if line == ".\r\n" {
                break;
            }
            has_bare_end |= !line.ends_with("\r\n");
            content.push_str(line.strip_prefix('.').unwrap_or(&line));
            if content.len() > MESSAGE_BYTES {
                return Err(Ended);
            }
        }
        let recipients = std::mem::take(&mut self.recipients);
        self.sender = None;
        if has_bare_end {
            return self.say("554 5.6.0 Bare line feeds");
        }
        let fault = lock(self.post).strike("CONTENT", &recipients);
        if let Some(refusal) = fault.as_ref().and_then(|it| it.answer.clone()) {
            return self.say(&refusal);
        }
        let message = Message::new(&sender, &recipients, &content);
        lock(self.post).arrived.push(message);
        match fault {
            Some(_) => Err(Ended),
            None => self.say("250 2.0.0 Taken"),
        }
    }

    fn log_in(&mut self, rest: &str) -> Result<(), Ended> {
        let (mechanism, first) = rest.split_once(' ').unwrap_or((rest, ""));
        let decoded = |text: &str| {
            let bytes = STANDARD.decode(text.trim_end()).ok()?;
            String::from_utf8(bytes).ok()
        };
        let password = lock(self.post).password.clone();
        let is_right = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                let given = match first {
                    "" => self.ask("")?,
                    first => first.to_owned(),
                };
                let given = decoded(&given).unwrap_or_default();
                let parts: Vec<&str> = given.split('\0').collect();
                parts.len() == 3 && parts[1] == USER && parts[2] == password
            }
            "LOGIN" => {
                let user = self.ask(&STANDARD.encode("Username:"))?;
                let given = self.ask(&STANDARD.encode("Password:"))?;
                decoded(&user).as_deref() == Some(USER) && decoded(&given) == Some(password)
            }
            "CRAM-MD5" => {
                let given = self.ask(&STANDARD.encode(CHALLENGE))?;
                let mut mac = Hmac::<Md5>::new_from_slice(password.as_bytes()).expect("any length");
                mac.update(CHALLENGE.as_bytes());
                let digest = hex::encode(mac.finalize().into_bytes());
                decoded(&given) == Some(format!("{USER} {digest}"))
            }
            _ => return self.say("504 5.5.4 Unknown mechanism"),
        };
        if self.is_struck("AUTH")? {
            return Ok(());
        }
        if !is_right {
            return self.say("535 5.7.8 Authentication credentials invalid");
        }
        self.is_known = true;
        lock(self.post).logins += 1;
        self.say("235 2.7.0 Welcome")
    }

    fn ask(&mut self, text: &str) -> Result<String, Ended> {
        self.say(&format!("334 {text}"))?;
        self.line(COMMAND_BYTES)
    }

    /// Plays what the script says about a command, if it says something.
    fn is_struck(&mut self, at: &str) -> Result<bool, Ended> {
        let fault = lock(self.post).strike(at, &self.recipients);
        match fault.map(|it| it.answer) {
            None => Ok(false),
            Some(Some(refusal)) => self.say(&refusal).map(|()| true),
            Some(None) => Err(Ended),
        }
    }

    fn say(&mut self, text: &str) -> Result<(), Ended> {
        let sent = self
            .reader
            .get_mut()
            .write_all(format!("{text}\r\n").as_bytes());
        sent.map_err(|_| Ended)
    }

    /// A line with its end.
    fn line(&mut self, most_bytes: usize) -> Result<String, Ended> {
        let mut line = Vec::new();
        loop {
            match self.reader.read_until(b'\n', &mut line) {
                Ok(0) => return Err(Ended),
                Ok(_) if line.ends_with(b"\n") => {
                    return Ok(String::from_utf8_lossy(&line).into_owned());
                }
                Ok(_) => return Err(Ended),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => return Err(Ended),
            }
            if self.stops.load(Ordering::Relaxed) || line.len() > most_bytes {
                return Err(Ended);
            }
        }
    }
}

/// The address in `FROM:<address> PARAMETERS`, and the parameters.
fn path<'a>(rest: &'a str, before: &str) -> Option<(&'a str, &'a str)> {
    let (word, rest) = rest.split_at_checked(before.len())?;
    let (address, parameters) = rest.strip_prefix('<')?.split_once('>')?;
    word.eq_ignore_ascii_case(before)
        .then_some((address, parameters))
}
