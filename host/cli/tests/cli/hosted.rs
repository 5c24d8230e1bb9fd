use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::shell::Shell;

/// A host in the background; killed if a test fails before it ends.
struct Hosted {
    child: Child,
    log: BufReader<ChildStderr>,
}

impl Hosted {
    /// Starts it, and waits until it says that it runs.
    fn start(shell: &Shell) -> Self {
        let mut child = shell
            .command(&["run", "--log-format", "json"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut host = Self { child, log };
        let mut seen = String::new();
        loop {
            let before = seen.len();
            host.log.read_line(&mut seen).unwrap();
            assert!(seen.len() > before, "the host ended: {seen}");
            let line: serde_json::Value = serde_json::from_str(&seen[before..]).unwrap();
            if line["fields"]["message"] == "the host runs" {
                return host;
            }
        }
    }

    /// Sends a signal and waits for the end.
    fn stop(mut self, signal: &str) -> i32 {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.unwrap().success());
        let mut rest = String::new();
        while self.log.read_line(&mut rest).unwrap() > 0 {}
        self.child.wait().unwrap().code().expect("ended by itself")
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
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
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

        assert_eq!(host.stop(signal), code);
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
    assert_eq!(host.stop("TERM"), 143);
}
