//! Answers as they come over the wire.

use std::io::{self, BufRead, Read as _};

/// Longest body that is read of one answer: far more than a host gives.
const MOST_BYTES: u64 = 64 << 20;

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case, in the order of the answer.
    pub headers: Vec<(String, String)>,
    /// Empty for a stream of events, which has no end.
    pub body: Vec<u8>,
    /// Whether another request may follow on the connection.
    pub keeps_open: bool,
}

impl Answer {
    /// A header's first value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Reads an answer; `None` where the connection ended before its first byte. `to_head` says
    /// that the request was a HEAD, whose answer has no body.
    ///
    /// # Errors
    /// Where the connection breaks off amid an answer, or what came is none.
    pub fn read(reader: &mut impl BufRead, to_head: bool) -> io::Result<Option<Self>> {
        let line = next_line(reader)?;
        if line.is_empty() {
            return Ok(None);
        }
        let version_ends = line.strip_prefix("HTTP/1.").map(|rest| &rest[1..]);
        let status = version_ends.and_then(|rest| rest.get(1..4)?.parse().ok());
        let status: u16 = status.ok_or_else(|| malformed(&line))?;
        let mut headers = Vec::new();
        loop {
            let line = next_line(reader)?;
            if line.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| malformed(line))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Self {
            status,
            headers,
            body: Vec::new(),
            keeps_open: true,
        };
        answer.keeps_open = answer.header("connection") != Some("close");
        if answer.header("content-type") == Some("text/event-stream") {
            answer.keeps_open = false;
        } else if !to_head && !matches!(status, 100..=199 | 204 | 304) {
            answer.read_body(reader)?;
        }
        Ok(Some(answer))
    }

    fn read_body(&mut self, reader: &mut impl BufRead) -> io::Result<()> {
        if self.header("transfer-encoding") == Some("chunked") {
            loop {
                let line = next_line(reader)?;
                let length = u64::from_str_radix(line.trim_end(), 16);
                let length = length.map_err(|_| malformed(&line))?;
                self.read_bytes(reader, length)?;
                next_line(reader)?;
                if length == 0 {
                    return Ok(());
                }
            }
        }
        match self.header("content-length").map(str::parse) {
            Some(Ok(length)) => self.read_bytes(reader, length),
            Some(Err(_)) => Err(malformed("content-length")),
            None => {
                self.keeps_open = false;
                reader
                    .take(MOST_BYTES)
                    .read_to_end(&mut self.body)
                    .map(|_| ())
            }
        }
    }

    fn read_bytes(&mut self, reader: &mut impl BufRead, length: u64) -> io::Result<()> {
        let read = reader
            .take(length.min(MOST_BYTES))
            .read_to_end(&mut self.body)?;
        match read as u64 == length {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// A line with its end; what is no UTF-8, which headers may hold, is replaced.
fn next_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}

fn malformed(line: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no answer: {line:?}"))
}
