//! Moving a file that a plugin is done with. The wish is heard during a call; the move is made
//! after everything that the call yielded is durable. Whatever goes wrong in between, the file is
//! listed again and read again under the same ids.

use super::{FileEntry, FileError, Files, Place, folder, plain};
use crate::grants::FileMoves;

/// Most moves that one call may ask for.
const MAX_MOVES: usize = 10_000;

/// Names that are tried where others are taken.
const MAX_NAMES: u32 = 1_000;

/// A move that a plugin asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMove {
    /// The file as it was listed.
    pub(crate) from: FileEntry,
    /// Where to, below the same location.
    pub(crate) to: String,
}

/// What became of an attempt.
pub(super) enum Moved {
    Done,
    /// Something stands there already.
    Taken,
}

impl Files {
    /// Adds a wish to those of the call, in place of an earlier one for the same file.
    pub(crate) fn plan(
        &self,
        moves: &mut Vec<FileMove>,
        wanted: FileMove,
    ) -> Result<(), FileError> {
        plain(&wanted.from.path)?;
        plain(&wanted.to)?;
        match self.moves {
            FileMoves::Denied => {
                let reason = "the operator did not grant `files_write`";
                return Err(FileError::Denied(reason.to_owned()));
            }
            FileMoves::Ignored => return Ok(()),
            FileMoves::Allowed => {}
        }
        if moves.len() >= MAX_MOVES {
            let fault = format!("more than {MAX_MOVES} files to move in one call");
            return Err(FileError::Invalid(fault));
        }
        moves.retain(|other| other.from.path != wanted.from.path);
        moves.push(wanted);
        Ok(())
    }

    /// Makes a move, unless the file is another one by now or gone.
    pub(crate) async fn perform(&self, wanted: &FileMove) -> Result<(), String> {
        let FileMove { from, to } = wanted;
        let attempt = async {
            if self.stat(&from.path).await?.as_ref() != Some(from) {
                return Ok(());
            }
            for number in 1..=MAX_NAMES {
                let to = numbered(to, number);
                match self.rename(&from.path, &to).await? {
                    Moved::Taken => {}
                    Moved::Done => return self.give_back(from, &to).await,
                }
            }
            let fault = format!("{MAX_NAMES} files of that name are there already");
            Err(FileError::Invalid(fault))
        };
        attempt.await.map_err(|error: FileError| match error {
            FileError::NotFound => "it is no longer there".to_owned(),
            FileError::Denied(reason)
            | FileError::Transient(reason)
            | FileError::Changed(reason)
            | FileError::Invalid(reason) => reason,
        })
    }

    /// Moves a file back that took the place of the listed one at the last moment.
    async fn give_back(&self, listed: &FileEntry, to: &str) -> Result<(), FileError> {
        let is_listed = |there: &FileEntry| {
            there.size == listed.size && there.modified_at_ms == listed.modified_at_ms
        };
        if self.stat(to).await?.as_ref().is_none_or(is_listed) {
            return Ok(());
        }
        self.rename(to, &listed.path).await.map(|_| ())
    }

    async fn stat(&self, path: &str) -> Result<Option<FileEntry>, FileError> {
        match &self.place {
            Place::Folder(root) => folder::stat(root.clone(), path.to_owned()).await,
            Place::Sftp(sftp) => sftp.stat(path).await,
            Place::Service(operator) => match operator.stat(path).await {
                Ok(metadata) => Ok(Some(super::describe(path.to_owned(), &metadata))),
                Err(error) => match super::fault(&error) {
                    FileError::NotFound => Ok(None),
                    other => Err(other),
                },
            },
        }
    }

    async fn rename(&self, from: &str, to: &str) -> Result<Moved, FileError> {
        match &self.place {
            Place::Folder(root) => {
                folder::rename(root.clone(), from.to_owned(), to.to_owned()).await
            }
            Place::Sftp(sftp) => sftp.rename(from, to).await,
            Place::Service(operator) => {
                if operator
                    .exists(to)
                    .await
                    .map_err(|error| super::fault(&error))?
                {
                    return Ok(Moved::Taken);
                }
                operator
                    .rename(from, to)
                    .await
                    .map_err(|error| super::fault(&error))?;
                Ok(Moved::Done)
            }
        }
    }
}

/// The first name is `to` itself, the second has `-2` before its ending.
fn numbered(to: &str, number: u32) -> String {
    if number == 1 {
        return to.to_owned();
    }
    let name_at = to.rfind('/').map_or(0, |at| at + 1);
    let (folder, name) = to.split_at(name_at);
    // `a.csv.gz` has one ending of two parts.
    match name.get(1..).and_then(|rest| rest.find('.')) {
        Some(dot) => {
            let (stem, ending) = name.split_at(dot + 1);
            format!("{folder}{stem}-{number}{ending}")
        }
        None => format!("{folder}{name}-{number}"),
    }
}
