use std::fs;

use crate::shell::Shell;

#[test]
fn a_new_project_passes_its_check() {
    let shell = Shell::new();
    let done = shell.run(&["init", "My Shop"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(
        done.stderr.contains("Wrote project `my-shop`"),
        "{}",
        done.stderr
    );
    assert_eq!(
        shell.good(&["check", "--project", "My Shop"]),
        "No problems.\n"
    );
    assert_eq!(
        shell.json(&["check", "--project", "My Shop"]),
        serde_json::json!([])
    );
    let ignored = fs::read_to_string(shell.folder().join("My Shop/.gitignore")).unwrap();
    assert!(ignored.contains("/secrets/"));

    let again = shell.run(&["init", "My Shop"]);
    assert_eq!(again.code, 2);
    assert!(
        again.stderr.contains("already holds a project"),
        "{}",
        again.stderr
    );
}

#[test]
fn a_project_is_found_from_the_folders_below_it() {
    let shell = Shell::new();
    shell.good(&["init", "shop", "--quiet"]);
    let below = shell.folder().join("shop/segments/deep");
    fs::create_dir_all(&below).unwrap();
    let check = |command: &mut std::process::Command| command.output().unwrap().status.code();
    assert_eq!(
        check(shell.command(&["check"]).current_dir(&below)),
        Some(0)
    );
    assert_eq!(
        check(shell.command(&["check"]).env("CROSSPOINT_PROJECT", "shop")),
        Some(0)
    );
    assert_eq!(check(&mut shell.command(&["check"])), Some(2));
}

#[test]
fn check_tells_every_error_at_once() {
    let shell = Shell::new();
    fs::write(
        shell.folder().join("crosspoint.toml"),
        "[project]\nname = \"shop\"\nclok = \"data\"\n\n\
         [connectors.feed]\nplugin = \"tabullar\"\nevry = \"1h\"\n",
    )
    .unwrap();
    let done = shell.run(&["check"]);
    assert_eq!(done.code, 2);
    for wrong in [
        "crosspoint.toml:3:1: ",
        "`clok`",
        "`evry`",
        "did you mean `every`?",
    ] {
        assert!(done.stdout.contains(wrong), "{wrong} in {}", done.stdout);
    }
    let json = shell.run(&["check", "--json"]);
    assert_eq!(json.code, 2);
    let findings: Vec<serde_json::Value> = serde_json::from_str(&json.stdout).unwrap();
    assert!(findings.len() >= 2);
    assert!(findings.iter().all(|finding| finding["code"].is_string()));

    let status = shell.run(&["status"]);
    assert_eq!(
        status.code, 2,
        "an invalid project is not opened: {}",
        status.stderr
    );
    assert!(!shell.folder().join("data").exists());
}

#[test]
fn without_a_project_the_hint_says_how_to_get_one() {
    let shell = Shell::new();
    let done = shell.run(&["status"]);
    assert_eq!(done.code, 2);
    assert!(
        done.stderr
            .starts_with("error: found no `crosspoint.toml` in ")
    );
    assert!(
        done.stderr
            .contains("\nhint: name the folder with `--project DIR`")
    );
    let named = shell.run(&["status", "--project", "nowhere"]);
    assert_eq!(named.code, 2);
    assert!(named.stderr.contains("nowhere` holds no `crosspoint.toml`"));
}

#[test]
fn what_is_asked_for_and_not_there_exits_with_1() {
    let shell = Shell::new();
    shell.good(&["init", ".", "--name", "shop"]);
    for arguments in [
        &["profile", "show", "email:nobody@example.com"][..],
        &["segment", "members", "no-such-segment"],
        &["sync", "no-such-connector"],
        &["import", "no-such-file.csv", "--connector", "feed"],
        &["plugin", "inspect", "no-such-plugin"],
    ] {
        let done = shell.run(arguments);
        assert_eq!(done.code, 1, "{arguments:?}: {}", done.stderr);
        assert!(
            done.stderr.starts_with("error: "),
            "{arguments:?}: {}",
            done.stderr
        );
    }
}

#[test]
fn plugins_can_be_looked_at_without_a_project() {
    let shell = Shell::new();
    let plugins = shell.json(&["plugin", "list"]);
    let ids: Vec<_> = plugins
        .as_array()
        .unwrap()
        .iter()
        .map(|plugin| plugin["manifest"]["id"].as_str().unwrap())
        .collect();
    assert!(
        ids.contains(&"tabular") && ids.contains(&"webhook"),
        "{ids:?}"
    );
    let webhook = shell.good(&["plugin", "inspect", "webhook"]);
    assert!(webhook.contains("signing_secret"), "{webhook}");
}
