//! Messages as they were taken.

use serde_json::{Map, Value, json};

/// One message with its envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub sender: String,
    pub recipients: Vec<String>,
    /// Names in lower case, values unfolded.
    pub headers: Vec<(String, String)>,
    /// Behind the headers, as it came.
    pub body: String,
}

impl Message {
    /// From what came between `DATA` and the final dot, unstuffed.
    pub fn new(sender: &str, recipients: &[String], content: &str) -> Self {
        let (head, body) = content.split_once("\r\n\r\n").unwrap_or((content, ""));
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in head.split("\r\n") {
            match line.split_once(':') {
                _ if line.starts_with([' ', '\t']) => {
                    if let Some((_, value)) = headers.last_mut() {
                        value.push(' ');
                        value.push_str(line.trim());
                    }
                }
                Some((name, value)) => {
                    headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
                }
                None => {}
            }
        }
        Self {
            sender: sender.to_owned(),
            recipients: recipients.to_vec(),
            headers,
            body: body.to_owned(),
        }
    }

    /// A header's first value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn told(&self, at: usize, at_ms: i64) -> Value {
        let headers: Map<String, Value> = self
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        json!({ "id": (at + 1).to_string(), "updated_at_ms": at_ms, "deleted": false, "sender": self.sender,
            "recipients": self.recipients, "headers": headers, "body": self.body })
    }
}
