//! Runs a plugin natively: scripted HTTP and TCP, files in memory, notes and log lines to look at.

mod files;
mod http;
mod tcp;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::context::{Context, Level, Log, Notes, Scripted};

pub use files::ScriptedFiles;
pub use http::{Exchange, ScriptedHttp};
pub use tcp::{Answers, ScriptedTcp, Sent};

/// Makes a [`Context`] of scripted parts. Keep the parts' clones to look at them afterwards.
#[derive(Clone, Default)]
pub struct TestContext {
    /// Answers the plugin's requests.
    pub http: ScriptedHttp,
    /// The other side of the plugin's connections.
    pub tcp: ScriptedTcp,
    /// The files that the plugin sees.
    pub files: ScriptedFiles,
    /// The notes that the plugin keeps.
    pub notes: MemoryNotes,
    /// The lines that the plugin logged.
    pub log: MemoryLog,
}

impl TestContext {
    /// A context that leads to the scripted parts.
    pub fn context(&self) -> Context {
        let scripted = Scripted {
            fetch: Box::new(self.http.clone()),
            tcp: Box::new(self.tcp.clone()),
            files: Box::new(self.files.clone()),
            notes: Box::new(self.notes.clone()),
            log: Box::new(self.log.clone()),
        };
        Context {
            scripted: Some(scripted),
        }
    }
}

/// Notes in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryNotes(Rc<RefCell<BTreeMap<String, Vec<u8>>>>);

impl Notes for MemoryNotes {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.0.borrow().get(key).cloned()
    }

    fn set(&self, key: &str, value: &[u8]) {
        self.0.borrow_mut().insert(key.to_owned(), value.to_vec());
    }

    fn delete(&self, key: &str) {
        self.0.borrow_mut().remove(key);
    }

    fn keys(&self) -> Vec<String> {
        self.0.borrow().keys().cloned().collect()
    }
}

/// Log lines in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryLog(Rc<RefCell<Vec<(Level, String)>>>);

impl MemoryLog {
    /// What was logged so far.
    pub fn lines(&self) -> Vec<(Level, String)> {
        self.0.borrow().clone()
    }
}

impl Log for MemoryLog {
    fn write(&self, level: Level, message: &str) {
        self.0.borrow_mut().push((level, message.to_owned()));
    }
}
