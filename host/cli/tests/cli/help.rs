use std::path::Path;

use crate::shell::Shell;

/// What stands above it in the reference is written by hand.
const MARK: &str = "<!-- From here on: the binary's own help. CROSSPOINT_BLESS=1 renews it. -->\n";

/// The help of a command and of all commands below it.
fn pages(shell: &Shell, path: &[&str], into: &mut String) {
    let help = shell.good(&[path, &["--help"]].concat());
    assert!(help.contains("Examples:"), "{path:?} has no examples");
    let title = [&["crosspoint"], path].concat().join(" ");
    into.push_str(&format!(
        "\n## `{title}`\n\n```text\n{}\n```\n",
        help.trim_end()
    ));
    let commands = help
        .split_once("Commands:\n")
        .map(|(_, rest)| rest.split("\n\n").next().unwrap_or_default());
    for line in commands.unwrap_or_default().lines() {
        let name = line.split_whitespace().next().unwrap();
        if name != "help" && line.starts_with("  ") && !line.starts_with("   ") {
            pages(shell, &[path, &[name]].concat(), into);
        }
    }
}

#[test]
fn reference_shows_the_help_as_it_is() {
    let shell = Shell::new();
    let mut help = String::new();
    pages(&shell, &[], &mut help);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/cli.md");
    let reference = std::fs::read_to_string(&path).unwrap();
    let (above, shown) = reference.split_once(MARK).expect("the mark");
    if std::env::var_os("CROSSPOINT_BLESS").is_some() {
        std::fs::write(&path, format!("{above}{MARK}{help}")).unwrap();
    } else {
        assert_eq!(shown, help, "CROSSPOINT_BLESS=1 renews the reference");
    }
    assert_eq!(
        help.matches("\n## ").count(),
        41,
        "commands in the reference"
    );
}

#[test]
fn version_is_told_by_every_command() {
    let shell = Shell::new();
    let expected = format!("crosspoint {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(shell.good(&["--version"]), expected);
    assert!(
        shell
            .good(&["profile", "find", "--version"])
            .contains(env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn wrong_usage_exits_with_2() {
    let shell = Shell::new();
    for arguments in [
        &["nonsense"][..],
        &["profile"],
        &["profile", "find"],
        &["outbox", "drop"],
        &["outbox", "retry", "a/1/0", "--connector", "a"],
        &["outbox", "edit", "a/1/0", "--set", "novalue"],
        &["outbox", "list", "--waiting", "--stopped"],
        &["quarantine", "retry"],
        &["import", "file.csv"],
        &["run", "--log-format", "xml"],
    ] {
        let done = shell.run(arguments);
        assert_eq!(done.code, 2, "{arguments:?}: {}", done.stderr);
        assert!(
            done.stdout.is_empty() && !done.stderr.is_empty(),
            "{arguments:?}"
        );
    }
}

#[test]
fn completions_are_there_for_each_shell() {
    let shell = Shell::new();
    for name in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(
            shell.good(&["completions", name]).contains("quarantine"),
            "{name}"
        );
    }
}

#[test]
fn error_pages_are_inside_the_binary() {
    let shell = Shell::new();
    let list = shell.good(&["explain"]);
    let code = list.split_whitespace().next().unwrap();
    assert!(shell.good(&["explain", code]).contains("## Fix"));
    assert!(shell.json(&["explain", code])["page"].is_string());
    let wrong = shell.run(&["explain", "XP-CFG-OO1"]);
    assert_eq!(wrong.code, 2);
    assert_eq!(
        wrong.stderr,
        "error: there is no error code `XP-CFG-OO1`\nhint: did you mean `XP-CFG-001`?\n"
    );
}

#[test]
fn a_reader_that_stops_reading_is_no_error() {
    let shell = Shell::new();
    let mut child = shell
        .command(&["completions", "zsh"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}
