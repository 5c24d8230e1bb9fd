//! Requests as bytes.

use crosspoint_harness::Dice;

/// A well-formed request.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn post(target: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: "POST".to_owned(),
            target: target.into(),
            headers: Vec::new(),
            body: body.into(),
        }
    }

    pub fn get(target: impl Into<String>) -> Self {
        Self {
            method: "GET".to_owned(),
            ..Self::post(target, "")
        }
    }

    /// A request of the corpus: its first line, its headers, an empty line, its body.
    pub fn read(seed: &str) -> Self {
        let (head, body) = seed.split_once("\n\n").unwrap();
        let mut lines = head.lines();
        let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
        let mut request = Self::post(target, body.trim_end());
        request.method = method.to_owned();
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            request.add(name, value);
        }
        request
    }

    /// Adds a header, without what would end it.
    pub fn add(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let plain = |byte: &u8| match byte {
            0..=31 | 127 => b'x',
            other => *other,
        };
        let value = value.as_ref().iter().map(plain).collect();
        self.headers.push((name.to_owned(), value));
    }

    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.as_slice())
    }

    /// As it goes over the wire: with a length, or in chunks of any size.
    pub fn wire(&self, dice: &mut Dice) -> Vec<u8> {
        let mut bytes =
            format!("{} {} HTTP/1.1\r\nhost: h\r\n", self.method, self.target).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        if self.body.is_empty() && self.method == "GET" {
            bytes.extend_from_slice(b"\r\n");
        } else if dice.once_in(6) {
            bytes.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
            let mut rest = self.body.as_slice();
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(1 + dice.place(rest.len()));
                bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
                rest = after;
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
        } else {
            let length = self.body.len();
            bytes.extend_from_slice(format!("content-length: {length}\r\n\r\n").as_bytes());
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}
