use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use super::*;
use crate::Simulator;

struct Client {
    reader: BufReader<TcpStream>,
}

impl Client {
    fn connect(simulator: &Simulator) -> Self {
        let settings = simulator.with(|vendor, _| vendor.settings(""));
        let port = u16::try_from(settings["port"].as_u64().unwrap()).unwrap();
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let mut client = Self {
            reader: BufReader::new(stream),
        };
        assert_eq!(client.answer(), 220);
        client
    }

    /// The last line's code; 0 where the connection has ended.
    fn answer(&mut self) -> u16 {
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).unwrap();
            if line.is_empty() {
                return 0;
            }
            if !line[3..].starts_with('-') {
                return line[..3].parse().unwrap();
            }
        }
    }

    fn ask(&mut self, text: &str) -> u16 {
        self.reader.get_mut().write_all(text.as_bytes()).unwrap();
        self.answer()
    }

    fn log_in(&mut self) {
        use base64::Engine as _;
        assert_eq!(self.ask("EHLO me.example\r\n"), 250);
        let given = format!("\0{USER}\0{PASSWORD}");
        let given = base64::engine::general_purpose::STANDARD.encode(given);
        assert_eq!(self.ask(&format!("AUTH PLAIN {given}\r\n")), 235);
    }

    fn send(&mut self, to: &str, content: &str) -> u16 {
        assert_eq!(self.ask("MAIL FROM:<shop@example.com> SIZE=99\r\n"), 250);
        assert_eq!(self.ask(&format!("RCPT TO:<{to}>\r\n")), 250);
        assert_eq!(self.ask("DATA\r\n"), 354);
        self.ask(&format!("{content}.\r\n"))
    }
}

fn start() -> Simulator {
    Simulator::start("smtp", &Options::default()).unwrap()
}

fn messages(simulator: &Simulator) -> Vec<Value> {
    let truth = simulator.with(|vendor, _| vendor.truth());
    truth["messages"].as_array().unwrap().clone()
}

fn script(simulator: &Simulator, name: &str, args: &Value) {
    simulator.with(|vendor, sim| vendor.command(name, args, sim).unwrap());
}

const CONTENT: &str = "Subject: A long\r\n one\r\nMessage-ID: <1@x>\r\n\r\nHello\r\n..dot\r\n";

#[test]
fn mail_is_kept_as_it_came() {
    let simulator = start();
    let mut client = Client::connect(&simulator);
    client.log_in();
    assert_eq!(client.send("jane@example.org", CONTENT), 250);
    let got = messages(&simulator);
    assert_eq!(got.len(), 1);
    assert_eq!(got[0]["recipients"], json!(["jane@example.org"]));
    assert_eq!(got[0]["headers"]["subject"], "A long one");
    assert_eq!(got[0]["body"], "Hello\r\n.dot\r\n");
    let effects: Vec<_> = simulator.with(|_, sim| sim.effects().collect());
    assert_eq!((effects[0].key.as_str(), effects[0].count), ("<1@x>", 1));
}

#[test]
fn the_protocol_is_kept_to() {
    let simulator = start();
    let mut client = Client::connect(&simulator);
    assert_eq!(client.ask("AUTH PLAIN x\r\n"), 503);
    assert_eq!(client.ask("EHLO me.example\r\n"), 250);
    assert_eq!(client.ask("MAIL FROM:<a@example.com>\r\n"), 530);
    assert_eq!(client.ask("AUTH PLAIN AAAA\r\n"), 535);
    client.log_in();
    assert_eq!(client.ask("RCPT TO:<a@example.com>\r\n"), 503);
    assert_eq!(client.ask("MAIL FROM:a@example.com\r\n"), 501);
    assert_eq!(
        client.ask("MAIL FROM:<a@example.com> SIZE=99999999\r\n"),
        552
    );
    assert_eq!(client.ask("MAIL FROM:<a@example.com> X=1\r\n"), 555);
    assert_eq!(client.ask("NOOP\n"), 500);
    assert_eq!(
        client.send("b@example.com", "Subject: x\r\n\r\nbare\n\r\n"),
        554
    );
    assert!(messages(&simulator).is_empty());
}

#[test]
fn faults_are_scripted() {
    let simulator = start();
    let mut client = Client::connect(&simulator);
    client.log_in();
    let refusal =
        json!({ "at": "RCPT", "recipient": "gone@example.org", "answer": "550 5.1.1 Nobody" });
    script(&simulator, "refuse", &refusal);
    assert_eq!(client.ask("MAIL FROM:<a@example.com>\r\n"), 250);
    assert_eq!(client.ask("RCPT TO:<gone@example.org>\r\n"), 550);
    assert_eq!(client.ask("RSET\r\n"), 250);
    script(&simulator, "hang-up", &json!({ "at": "CONTENT" }));
    assert_eq!(client.send("jane@example.org", CONTENT), 0);
    assert_eq!(messages(&simulator).len(), 1, "the message was taken");
    script(&simulator, "set-password", &json!({ "password": "other" }));
    let mut client = Client::connect(&simulator);
    assert_eq!(client.ask("EHLO me.example\r\n"), 250);
    let answer = client.ask("AUTH LOGIN\r\n");
    assert_eq!(
        (answer, client.ask("eA==\r\n"), client.ask("eA==\r\n")),
        (334, 334, 535)
    );
}
