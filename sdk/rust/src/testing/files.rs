//! Files in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::files::{Entry, FileError, Files, MAX_READ_BYTES};
use crate::model::Instant;

#[derive(Clone, Debug)]
struct File {
    content: Rc<Vec<u8>>,
    modified_at: Option<Instant>,
    etag: Option<String>,
    is_lost: bool,
}

/// A folder in memory, with the host's rules for patterns and ranges.
#[derive(Clone, Debug, Default)]
pub struct ScriptedFiles {
    files: Rc<RefCell<BTreeMap<String, File>>>,
    max_read_bytes: Rc<RefCell<Option<u32>>>,
    moves: Rc<RefCell<Vec<(Entry, String)>>>,
    refuses_moves: Rc<RefCell<bool>>,
}

impl ScriptedFiles {
    /// Writes a file without etag and modification instant.
    pub fn put(&self, path: &str, content: impl Into<Vec<u8>>) {
        self.put_stamped(path, content, None, None);
    }

    /// Writes a file with what the service tells about it.
    pub fn put_stamped(
        &self,
        path: &str,
        content: impl Into<Vec<u8>>,
        modified_at: Option<Instant>,
        etag: Option<&str>,
    ) {
        let file = File {
            content: Rc::new(content.into()),
            modified_at,
            etag: etag.map(str::to_owned),
            is_lost: false,
        };
        self.files.borrow_mut().insert(path.to_owned(), file);
    }

    /// Removes a file.
    pub fn remove(&self, path: &str) {
        self.files.borrow_mut().remove(path);
    }

    /// Lets a file be listed but not read, as if another reader took it in between.
    pub fn lose(&self, path: &str) {
        if let Some(file) = self.files.borrow_mut().get_mut(path) {
            file.is_lost = true;
        }
    }

    /// Refuses moves, as without the operator's grant.
    pub fn refuse_moves(&self) {
        *self.refuses_moves.borrow_mut() = true;
    }

    /// Moves the files that were asked for since the last time, as the host does once a call's
    /// yield is durable, and tells from where to where.
    pub fn settle(&self) -> Vec<(String, String)> {
        let moves = std::mem::take(&mut *self.moves.borrow_mut());
        let mut files = self.files.borrow_mut();
        let mut done = Vec::new();
        for (entry, to) in moves {
            let is_same = files.get(&entry.path).is_some_and(|file| {
                file.content.len() as u64 == entry.size
                    && file.modified_at == entry.modified_at
                    && file.etag == entry.etag
            });
            if is_same && let Some(file) = files.remove(&entry.path) {
                files.insert(to.clone(), file);
                done.push((entry.path, to));
            }
        }
        done
    }

    /// Answers every read with at most so many bytes, to move the borders between ranges.
    pub fn limit_reads(&self, bytes: u32) {
        *self.max_read_bytes.borrow_mut() = Some(bytes);
    }
}

impl Files for ScriptedFiles {
    fn list(&self, prefix: &str, pattern: &str) -> Result<Vec<Entry>, FileError> {
        let prefix = prefix.trim_matches('/');
        Ok(self
            .files
            .borrow()
            .iter()
            .filter(|(path, _)| {
                let below = if prefix.is_empty() {
                    Some(path.as_str())
                } else {
                    path.strip_prefix(prefix)
                        .and_then(|rest| rest.strip_prefix('/'))
                };
                below.is_some_and(|below| matches(pattern.as_bytes(), below.as_bytes()))
            })
            .map(|(path, file)| Entry {
                path: path.clone(),
                size: file.content.len() as u64,
                modified_at: file.modified_at,
                etag: file.etag.clone(),
            })
            .collect())
    }

    fn read(&self, path: &str, offset: u64, length: u32) -> Result<Vec<u8>, FileError> {
        let files = self.files.borrow();
        let file = files
            .get(path)
            .filter(|file| !file.is_lost)
            .ok_or(FileError::NotFound)?;
        let content = &file.content;
        let cap = self.max_read_bytes.borrow().unwrap_or(MAX_READ_BYTES);
        let start = (offset as usize).min(content.len());
        let end = start
            .saturating_add(length.min(cap) as usize)
            .min(content.len());
        Ok(content[start..end].to_vec())
    }

    fn archive(&self, file: &Entry, to: &str) -> Result<(), FileError> {
        if *self.refuses_moves.borrow() {
            let reason = "the operator did not grant `files_write`";
            return Err(FileError::Denied(reason.to_owned()));
        }
        self.moves.borrow_mut().push((file.clone(), to.to_owned()));
        Ok(())
    }
}

/// `*` within a part, `**` across parts, all else literally.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    match pattern {
        [] => path.is_empty(),
        [b'*', b'*', b'/', rest @ ..] => {
            matches(rest, path)
                || path
                    .iter()
                    .enumerate()
                    .any(|(at, byte)| *byte == b'/' && matches(rest, &path[at + 1..]))
        }
        [b'*', b'*', rest @ ..] => (0..=path.len()).any(|at| matches(rest, &path[at..])),
        [b'*', rest @ ..] => {
            let part = path
                .iter()
                .position(|byte| *byte == b'/')
                .unwrap_or(path.len());
            (0..=part).any(|at| matches(rest, &path[at..]))
        }
        [byte, rest @ ..] => path.first() == Some(byte) && matches(rest, &path[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stay_within_a_part_unless_doubled() {
        let matches = |pattern: &str, path: &str| matches(pattern.as_bytes(), path.as_bytes());
        assert!(matches("*.csv", "a.csv"));
        assert!(!matches("*.csv", "in/a.csv"));
        assert!(matches("**/*.csv", "a.csv"));
        assert!(matches("**/*.csv", "in/deep/a.csv"));
        assert!(matches("**", "in/a.csv"));
        assert!(!matches("orders-*.csv", "contacts-1.csv"));
    }
}
