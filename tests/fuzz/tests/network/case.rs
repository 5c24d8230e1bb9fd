//! One input, what it may be answered with, and where it is kept once it failed.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

/// How an input reaches the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A well-formed request.
    Request,
    /// Bytes on a connection of their own. Whether nothing follows them.
    Raw { ends: bool },
    /// A line at the admin socket.
    Admin,
}

/// What an input counts for where it is answered with 200 or 401.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tracking calls that it holds.
    pub calls: usize,
    /// The connector that it calls.
    pub hook: Option<&'static str>,
}

/// One input.
#[derive(Clone, Debug)]
pub struct Case {
    pub way: Way,
    pub bytes: Vec<u8>,
    /// Every status that is right; empty where all are that are no fault of the host.
    pub right: Vec<u16>,
    pub counts: Counts,
}

impl Case {
    /// Whether a status is right.
    pub fn allows(&self, status: u16) -> bool {
        match self.right.is_empty() {
            true => status < 500,
            false => self.right.contains(&status),
        }
    }

    /// Keeps an input that failed, so that it is the first of the next run; gives its file.
    pub fn keep(&self) -> PathBuf {
        let end = match self.way {
            Way::Request | Way::Raw { ends: false } => "raw",
            Way::Raw { ends: true } => "raw-end",
            Way::Admin => "admin",
        };
        let name = hex::encode(&Sha256::digest(&self.bytes)[..6]);
        let file = folder("found").join(format!("{name}.{end}"));
        fs::write(&file, &self.bytes).unwrap();
        file
    }

    /// Inputs that failed once, sorted by name. Signatures of calls among them have aged: what such
    /// a call brought goes into `corpus/hooks` by hand.
    pub fn kept() -> Vec<(String, Self)> {
        let files = fs::read_dir(folder("found")).into_iter().flatten();
        let files: BTreeMap<_, _> = files
            .flatten()
            .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
            .collect();
        let kept = files.into_iter().filter_map(|(name, path)| {
            let way = match path.extension()?.to_str()? {
                "raw" => Way::Raw { ends: false },
                "raw-end" => Way::Raw { ends: true },
                "admin" => Way::Admin,
                _ => return None,
            };
            let case = Self {
                way,
                bytes: fs::read(path).unwrap(),
                right: Vec::new(),
                counts: Counts::default(),
            };
            Some((name, case))
        });
        kept.collect()
    }
}

/// A folder of the corpus.
pub fn folder(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "corpus", name]
        .iter()
        .collect()
}

/// The texts of a folder of the corpus by file name, sorted.
pub fn seeds(name: &str) -> Vec<(String, String)> {
    let files = fs::read_dir(folder(name)).unwrap();
    let mut seeds: Vec<_> = files
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path.file_name().unwrap().to_str().unwrap().to_owned(), text)
        })
        .collect();
    seeds.sort();
    seeds
}
