//! A caller with a connection that it keeps.

use std::io::{self, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::Answer;

/// Longest wait for an answer: beyond it the host hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends one request after the other.
#[derive(Debug)]
pub struct Caller {
    address: SocketAddr,
    open: Option<BufReader<TcpStream>>,
}

impl Caller {
    /// A caller of an address; connects at the first request.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            open: None,
        }
    }

    /// Sends one whole request and waits for its answer. Where the host has closed the connection
    /// meanwhile, sends it on another, as every client does.
    ///
    /// # Errors
    /// Where there is no answer.
    pub fn send(&mut self, request: &[u8]) -> io::Result<Answer> {
        if let Some(open) = self.open.take()
            && let Ok(answer) = self.exchange(open, request)
        {
            return Ok(answer);
        }
        let connection = BufReader::new(connect(self.address)?);
        self.exchange(connection, request)
    }

    fn exchange(
        &mut self,
        mut connection: BufReader<TcpStream>,
        request: &[u8],
    ) -> io::Result<Answer> {
        let to_head = request.starts_with(b"HEAD ");
        // A host that has seen enough answers before it has read everything.
        let written = connection.get_mut().write_all(request);
        let answer = match Answer::read(&mut connection, to_head)? {
            Some(answer) => answer,
            None => {
                written?;
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        if answer.keeps_open && written.is_ok() {
            self.open = Some(connection);
        }
        Ok(answer)
    }

    /// Sends bytes on a connection of their own and gives every answer that comes. With `ends`
    /// nothing follows the bytes; without, the host is waited for.
    ///
    /// # Errors
    /// Where the host cannot be reached, or does not close in time.
    pub fn send_raw(&self, bytes: &[u8], ends: bool) -> io::Result<Vec<Answer>> {
        let stream = connect(self.address)?;
        let mut connection = BufReader::new(stream);
        _ = connection.get_mut().write_all(bytes);
        if ends {
            _ = connection.get_mut().shutdown(Shutdown::Write);
        }
        let mut answers = Vec::new();
        loop {
            match Answer::read(&mut connection, bytes.starts_with(b"HEAD ")) {
                Ok(Some(answer)) => {
                    let keeps_open = answer.keeps_open;
                    answers.push(answer);
                    if !keeps_open {
                        return Ok(answers);
                    }
                    _ = connection.get_mut().shutdown(Shutdown::Write);
                }
                Ok(None) => return Ok(answers),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
                // Reset, or cut off amid an answer that nobody waits for.
                Err(_) => return Ok(answers),
            }
        }
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}
