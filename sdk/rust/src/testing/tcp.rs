//! The other side of a connection, as a function.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use crate::tcp::{CredentialForm, Handle, Security, Tcp, TcpError};

/// What the plugin did on a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Sent {
    /// Opened it.
    Open {
        /// To this host.
        host: String,
        /// On this port.
        port: u16,
        /// With TLS, or not yet.
        security: Security,
    },
    /// Began TLS.
    StartTls,
    /// Sent bytes.
    Bytes(Vec<u8>),
    /// Had a secret written.
    Credential {
        /// Its name in the manifest.
        secret: String,
        /// In this form.
        form: CredentialForm,
    },
    /// Took one more from the rate budget.
    Pace,
}

/// Lines that follow, in order; an error is what the plugin gets instead of a line. The outer error
/// is what the plugin gets for what it just did.
pub type Answers = Result<Vec<Result<String, TcpError>>, TcpError>;

type Server = dyn FnMut(&Sent) -> Answers;

#[derive(Default)]
struct State {
    sent: Vec<Sent>,
    waiting: BTreeMap<Handle, VecDeque<Result<String, TcpError>>>,
    last: Handle,
}

/// Plays the server. Where no line is waiting, the plugin gets [`TcpError::Timeout`]; what is used
/// after a fault or `close` panics, since the host would refuse it.
#[derive(Clone, Default)]
pub struct ScriptedTcp {
    state: Rc<RefCell<State>>,
    server: Rc<RefCell<Option<Box<Server>>>>,
}

impl ScriptedTcp {
    /// Lets this answer whatever the plugin does.
    pub fn serve(&self, server: impl FnMut(&Sent) -> Answers + 'static) {
        *self.server.borrow_mut() = Some(Box::new(server));
    }

    /// Everything that the plugin did so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.state.borrow().sent.clone()
    }

    /// Connections that are open.
    pub fn open_connections(&self) -> usize {
        self.state.borrow().waiting.len()
    }

    fn tell(&self, handle: Option<Handle>, sent: Sent) -> Result<(), TcpError> {
        if let Some(handle) = handle {
            assert!(
                self.state.borrow().waiting.contains_key(&handle),
                "the plugin uses handle {handle}, which is not open"
            );
        }
        self.state.borrow_mut().sent.push(sent.clone());
        let answers = match self.server.borrow_mut().as_mut() {
            Some(server) => server(&sent),
            None => panic!("unexpected use of tcp: {sent:?}"),
        };
        let mut state = self.state.borrow_mut();
        match (answers, handle) {
            (Ok(lines), Some(handle)) => {
                state.waiting.entry(handle).or_default().extend(lines);
                Ok(())
            }
            (Ok(_), None) => Ok(()),
            (Err(error), handle) => {
                if let Some(handle) = handle.filter(|_| is_end(&error)) {
                    state.waiting.remove(&handle);
                }
                Err(error)
            }
        }
    }
}

/// After which the host gives the connection up.
fn is_end(error: &TcpError) -> bool {
    matches!(
        error,
        TcpError::Connect(_)
            | TcpError::Tls(_)
            | TcpError::Timeout
            | TcpError::Closed(_)
            | TcpError::TooLarge(_)
    )
}

impl Tcp for ScriptedTcp {
    fn open(
        &self,
        host: &str,
        port: u16,
        security: Security,
        _: Option<u32>,
    ) -> Result<Handle, TcpError> {
        let handle = {
            let mut state = self.state.borrow_mut();
            state.last += 1;
            let handle = state.last;
            state.waiting.insert(handle, VecDeque::new());
            handle
        };
        let open = Sent::Open {
            host: host.to_owned(),
            port,
            security,
        };
        let opened = self.tell(Some(handle), open);
        if opened.is_err() {
            self.close(handle);
        }
        opened.map(|()| handle)
    }

    fn start_tls(&self, handle: Handle, _: Option<u32>) -> Result<(), TcpError> {
        self.tell(Some(handle), Sent::StartTls)
    }

    fn send(&self, handle: Handle, bytes: &[u8], _: Option<u32>) -> Result<(), TcpError> {
        self.tell(Some(handle), Sent::Bytes(bytes.to_vec()))
    }

    fn send_credential(
        &self,
        handle: Handle,
        secret: &str,
        form: &CredentialForm,
        _: Option<u32>,
    ) -> Result<(), TcpError> {
        let credential = Sent::Credential {
            secret: secret.to_owned(),
            form: form.clone(),
        };
        self.tell(Some(handle), credential)
    }

    fn receive_line(
        &self,
        handle: Handle,
        max_bytes: u32,
        _: Option<u32>,
    ) -> Result<Vec<u8>, TcpError> {
        let mut state = self.state.borrow_mut();
        let waiting = state
            .waiting
            .get_mut(&handle)
            .unwrap_or_else(|| panic!("the plugin uses handle {handle}, which is not open"));
        let line = match waiting.pop_front() {
            Some(Ok(line)) if line.len() > max_bytes as usize => {
                Err(TcpError::TooLarge(max_bytes.into()))
            }
            Some(line) => line.map(String::into_bytes),
            None => Err(TcpError::Timeout),
        };
        if line.as_ref().is_err_and(is_end) {
            state.waiting.remove(&handle);
        }
        line
    }

    fn pace(&self) -> Result<(), TcpError> {
        self.tell(None, Sent::Pace)
    }

    fn close(&self, handle: Handle) {
        self.state.borrow_mut().waiting.remove(&handle);
    }
}
