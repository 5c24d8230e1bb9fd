use std::fs;
use std::path::Path;

use super::*;

#[test]
fn workspace_is_found_upwards() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let package = root.join("plugins/one");
    fs::create_dir_all(&package).unwrap();
    fs::write(root.join("Cargo.toml"), "[workspace]\nmembers = []\n").unwrap();
    fs::write(package.join("Cargo.toml"), "[package]\nname = \"one\"\n").unwrap();
    assert_eq!(workspace_root(&package).unwrap(), root);
    assert!(matches!(
        workspace_root(Path::new("/nowhere/at/all")),
        Err(Error::NoWorkspace { .. })
    ));
}

#[test]
fn target_directory_is_the_workspaces_own() {
    assert_eq!(target_dir(Path::new("/w")), Path::new("/w/target/plugins"));
}

#[test]
fn missing_component_names_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let error = built_file(folder.path(), "plugin-one").unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("plugin_one.wasm") && text.contains("cdylib"),
        "{text}"
    );
}

#[test]
fn failed_target_says_the_command() {
    let text = Error::Target {
        reason: "no network".to_owned(),
    }
    .to_string();
    assert!(
        text.ends_with("run: rustup target add wasm32-wasip2"),
        "{text}"
    );
}
