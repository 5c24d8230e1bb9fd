//! The command line's end of the admin socket.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crosspoint_runtime::admin::{Progress, Reply, Request};

use crate::place::Place;
use crate::wire::{Line, MAX_ANSWER_BYTES, MAX_REQUEST_BYTES};
use crate::{Error, Result};

/// A connection to a running host. Blocking: the command line has nothing else to do meanwhile.
#[derive(Debug)]
pub struct Client {
    reader: BufReader<UnixStream>,
}

impl Client {
    /// Connects to the socket of a host.
    ///
    /// # Errors
    /// [`Error::NotRunning`] when there is no socket or nobody listens at it; [`Error::Connect`]
    /// when it may not be used.
    pub fn connect(path: &Path) -> Result<Self> {
        let connected = Place::of(path).and_then(|place| UnixStream::connect(place.path()));
        match connected {
            Ok(stream) => Ok(Self {
                reader: BufReader::new(stream),
            }),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound
                        | io::ErrorKind::ConnectionRefused
                        | io::ErrorKind::NotADirectory
                ) =>
            {
                Err(Error::NotRunning {
                    path: path.to_owned(),
                })
            }
            Err(source) => Err(Error::Connect {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// Asks, and waits for the answer. `progress` is called for each progress line, on this thread.
    ///
    /// # Errors
    /// [`Error::Refused`] with the host's own words; every other error leaves the connection
    /// unusable.
    pub fn ask(&mut self, request: &Request, progress: &dyn Fn(Progress)) -> Result<Reply> {
        let mut line = serde_json::to_vec(request).expect("requests hold text keys only");
        if line.len() >= MAX_REQUEST_BYTES {
            return Err(Error::TooLong {
                limit_bytes: MAX_REQUEST_BYTES,
            });
        }
        line.push(b'\n');
        self.reader
            .get_mut()
            .write_all(&line)
            .map_err(|source| Error::Lost {
                source: Some(source),
            })?;
        loop {
            match self.read_line()? {
                Line::Progress(step) => progress(step),
                Line::Ok(reply) => return Ok(reply),
                Line::Error(error) => return Err(Error::Refused(error)),
            }
        }
    }

    fn read_line(&mut self) -> Result<Line> {
        let mut line = Vec::new();
        let limit = u64::try_from(MAX_ANSWER_BYTES).expect("a constant that fits") + 1;
        Read::by_ref(&mut self.reader)
            .take(limit)
            .read_until(b'\n', &mut line)
            .map_err(|source| Error::Lost {
                source: Some(source),
            })?;
        if line.last() != Some(&b'\n') {
            return Err(if line.len() > MAX_ANSWER_BYTES {
                Error::TooLong {
                    limit_bytes: MAX_ANSWER_BYTES,
                }
            } else {
                Error::Lost { source: None }
            });
        }
        serde_json::from_slice(&line).map_err(|source| Error::Malformed { source })
    }
}
