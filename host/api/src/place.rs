//! Where a socket is, for the kernel: a socket address holds about a hundred bytes of path, a data
//! folder may be deeper.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Longest path that is used as it is: `sun_path` has 108 bytes on Linux and 104 elsewhere, the
/// last of them zero.
const LONGEST_PATH_BYTES: usize = 103;

/// A path short enough for a socket address, good for as long as this value lives.
pub(crate) struct Place {
    path: PathBuf,
    _folder: Option<File>,
}

impl Place {
    /// Finds one for `path`. A path that is too long is reached through a descriptor of its folder,
    /// which only Linux offers; elsewhere it stays as it is, and the kernel's refusal says why.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        if path.as_os_str().len() > LONGEST_PATH_BYTES
            && cfg!(target_os = "linux")
            && let (Some(folder), Some(name)) = (path.parent(), path.file_name())
        {
            use std::os::fd::AsRawFd;
            let folder = File::open(folder)?;
            let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
            return Ok(Self {
                path,
                _folder: Some(folder),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            _folder: None,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}
