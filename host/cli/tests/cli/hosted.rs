use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::Value as Json;

use crate::shell::Shell;

/// A host in the background; killed if a test fails before it ends.
pub struct Hosted {
    child: Child,
    log: BufReader<ChildStderr>,
    /// Where it listens for HTTP, as it last said.
    pub address: Option<String>,
}

impl Hosted {
    /// Starts it, and waits until it says that it runs.
    pub fn start(shell: &Shell) -> Self {
        Self::start_command(shell.command(&["run", "--log-format", "json"]))
    }

    /// As [`Self::start`], with an environment of its own.
    pub fn start_command(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut host = Self {
            child,
            log,
            address: None,
        };
        host.wait_for("the host runs");
        host
    }

    /// Reads its log up to a message; gives the lines before it.
    pub fn wait_for(&mut self, message: &str) -> Vec<Json> {
        let mut lines = Vec::new();
        loop {
            let mut text = String::new();
            self.log.read_line(&mut text).unwrap();
            assert!(!text.is_empty(), "the host ended: {lines:#?}");
            let line: Json = serde_json::from_str(&text).unwrap();
            let fields = &line["fields"];
            if fields["message"] == "listening for HTTP" {
                self.address = fields["address"].as_str().map(str::to_owned);
            }
            if fields["message"] == message {
                return lines;
            }
            lines.push(line);
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the end, and gives the exit code.
    pub fn ended(mut self) -> i32 {
        let mut rest = String::new();
        while self.log.read_line(&mut rest).unwrap() > 0 {}
        self.child.wait().unwrap().code().expect("ended by itself")
    }

    fn stop(self, signal: &str) -> i32 {
        self.signal(signal);
        self.ended()
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        // Has ended already, unless the test failed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn commands_go_through_a_running_host() {
    let shell = Shell::new();
    shell.good(&["init", ".", "--name", "shop"]);
    let socket = shell.folder().join("data/admin.sock");
    for signal in ["TERM", "INT"] {
        let host = Hosted::start(&shell);
        assert!(socket.exists());
        assert_eq!(shell.json(&["status"])["running"], true);
        let refused = shell.run(&["profile", "show", "email:nobody@example.com"]);
        assert_eq!(refused.code, 1);

        let second = shell.run(&["run"]);
        assert_eq!(second.code, 1);
        assert!(
            second.stderr.contains("a host runs already"),
            "{}",
            second.stderr
        );

        assert_eq!(host.stop(signal), 0, "a stop in order is a success");
        assert!(!socket.exists());
        assert_eq!(shell.json(&["status"])["running"], false);
    }
}

#[test]
fn a_killed_hosts_socket_is_no_obstacle() {
    let shell = Shell::new();
    shell.good(&["init", ".", "--name", "shop"]);
    let mut host = Hosted::start(&shell);
    host.child.kill().unwrap();
    host.child.wait().unwrap();
    assert!(shell.folder().join("data/admin.sock").exists());
    assert_eq!(shell.json(&["status"])["running"], false);
    let host = Hosted::start(&shell);
    assert_eq!(shell.json(&["status"])["running"], true);
    assert_eq!(host.stop("TERM"), 0);
}
