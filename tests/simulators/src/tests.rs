use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::*;

/// Counts what it is told, and sends a webhook for it.
struct Counter {
    hook: Option<String>,
}

impl Vendor for Counter {
    fn settings(&self, url: &str) -> Value {
        json!({ "url": url })
    }

    fn secrets(&self) -> Value {
        json!({})
    }

    fn handle(&mut self, call: &Call, sim: &mut Sim) -> Answer {
        sim.effect(
            "call",
            call.param("who").unwrap_or("nobody"),
            "",
            Value::Null,
        );
        if let Some(url) = &self.hook {
            sim.hooks.push(hook::Hook::json(url, "{}".to_owned()));
        }
        Answer::text(200, "a text that is long enough to be cut")
    }

    fn change(&mut self, _: &mut Sim) -> Value {
        Value::Null
    }

    fn truth(&self) -> Value {
        json!({})
    }

    fn subscribe(&mut self, url: &str, _: &Value, _: &mut Sim) -> Result<Value, String> {
        self.hook = Some(url.to_owned());
        Ok(json!({}))
    }
}

fn start() -> Simulator {
    let make = |_: &Options| Box::new(Counter { hook: None }) as Box<dyn Vendor>;
    Simulator::serve("counter", Box::new(make), &Options::default()).unwrap()
}

/// Everything that comes back before the connection ends.
fn call(simulator: &Simulator, method: &str, target: &str, body: &str) -> String {
    let address = simulator.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let text = format!(
        "{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn count(simulator: &Simulator, who: &str) -> u64 {
    let count = |sim: &mut Sim| {
        sim.effects()
            .find(|done| done.subject == who)
            .map_or(0, |done| done.count)
    };
    simulator.with(|_, sim| count(sim))
}

fn fault(text: &str) -> Fault {
    serde_json::from_str(text).unwrap()
}

#[test]
fn faults_strike_what_they_are_scripted_for() {
    let simulator = start();
    simulator.fault(fault(r#"{"path": "/a*", "skip": 1, "times": 2, "do": {"status": {"status": 429, "headers": {"retry-after": "2"}}}}"#));
    assert!(call(&simulator, "GET", "/b?who=b", "").starts_with("HTTP/1.1 200"));
    assert!(call(&simulator, "GET", "/a?who=a", "").starts_with("HTTP/1.1 200"));
    for _ in 0..2 {
        let answer = call(&simulator, "GET", "/a?who=a", "");
        assert!(
            answer.starts_with("HTTP/1.1 429") && answer.contains("retry-after: 2"),
            "{answer}"
        );
    }
    assert!(call(&simulator, "GET", "/a?who=a", "").starts_with("HTTP/1.1 200"));
    assert_eq!(count(&simulator, "a"), 2);
    assert_eq!(
        simulator.journal().iter().filter(|it| it.is_fault).count(),
        2
    );
}

#[test]
fn lost_answer_leaves_the_effect() {
    let simulator = start();
    simulator.fault(fault(r#"{"do": "lose_answer"}"#));
    simulator.fault(fault(r#"{"do": "reset"}"#));
    assert_eq!(call(&simulator, "POST", "/?who=lost", ""), "");
    assert_eq!(call(&simulator, "POST", "/?who=reset", ""), "");
    assert_eq!(
        (count(&simulator, "lost"), count(&simulator, "reset")),
        (1, 0)
    );
}

#[test]
fn truncated_answer_is_shorter_than_announced() {
    let simulator = start();
    simulator.fault(fault(r#"{"do": "truncate"}"#));
    let answer = call(&simulator, "GET", "/?who=cut", "");
    assert!(answer.contains("content-length: 36"), "{answer}");
    assert!(answer.ends_with("a text that is lon"), "{answer}");
}

#[test]
fn webhooks_are_sent_until_accepted() {
    let (sender, receiver) = (start(), start());
    let subscription = json!({ "url": format!("{}/hook?who=hook", receiver.url()) });
    call(
        &sender,
        "POST",
        "/_sim/subscribe",
        &subscription.to_string(),
    );
    call(&sender, "GET", "/", "");
    receiver.fault(fault(r#"{"path": "/hook*", "do": {"html": 503}}"#));
    let round = |wanted: &str| {
        let answer = call(&sender, "POST", "/_sim/hooks", "{}");
        assert!(answer.contains(wanted), "{answer}");
    };
    round(r#""accepted":0,"sent":1,"statuses":[503],"waiting":1"#);
    round(r#""accepted":1,"sent":1,"statuses":[200],"waiting":0"#);
    round(r#""accepted":0,"sent":0,"statuses":[],"waiting":0"#);
    assert_eq!(count(&receiver, "hook"), 1);
}
