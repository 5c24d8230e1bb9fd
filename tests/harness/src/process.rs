//! A host process, from outside.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde::{Deserialize, Serialize};

/// Where a host is reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Doors {
    /// Its HTTP address.
    pub http: SocketAddr,
    /// Its admin socket.
    pub admin: PathBuf,
}

/// A program that calls [`crate::serve`]. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    doors: Doors,
    log: PathBuf,
}

impl Process {
    /// Starts `program` for the project in a folder, with what stands in `environment`, and waits
    /// until it answers; `None` where it was killed before that. What it says on standard error
    /// goes to `host.log` in the folder.
    ///
    /// # Panics
    /// Where it cannot be started, or ends by itself before it answers.
    pub fn start(program: &str, project: &Path, environment: &[(&str, &str)]) -> Option<Self> {
        let log = project.join("host.log");
        let file = File::options().create(true).append(true).open(&log);
        let mut child = Command::new(program)
            .arg("serve")
            .arg(project)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file.expect("the project folder can be written"))
            .spawn()
            .expect("the program can be started");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        let read = BufReader::new(stdout).read_line(&mut line);
        read.expect("what it says is text");
        match serde_json::from_str(&line) {
            Ok(doors) => Some(Self { child, doors, log }),
            Err(_) => {
                let status = child.wait().expect("it can be waited for");
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                assert!(status.code().is_none(), "the host failed: {status}\n{said}");
                None
            }
        }
    }

    /// Where it is reached.
    pub fn doors(&self) -> &Doors {
        &self.doors
    }

    /// What it said on standard error, all lives of the project together.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Kills it with SIGKILL and waits for its end.
    ///
    /// # Panics
    /// Where the system refuses.
    pub fn kill(mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it can be waited for");
    }

    /// How it ended, if it has.
    ///
    /// # Panics
    /// Where the system refuses to say.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it can be asked")
    }

    /// Has it stop in order, and gives its exit status.
    ///
    /// # Panics
    /// Where the system refuses to say.
    pub fn stop(mut self) -> ExitStatus {
        drop(self.child.stdin.take());
        self.child.wait().expect("it can be waited for")
    }

    /// Most bytes of memory that it ever had, where the system says.
    pub fn peak_bytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kilobytes * 1_024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Has ended already, unless a test failed.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
