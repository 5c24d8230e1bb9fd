//! What is refused before it is compiled.

use std::path::Path;

use crosspoint_sandbox::{Engine, EngineOptions, Error};

use crate::rig::{ENGINE, WASM};

const MANIFEST: &str = r#"
id = "raw"
name = "Raw"
version = "0.0.1"
contract = "0.1"
roles = ["source"]
"#;

/// A component with nothing but a manifest and an import.
fn component(manifest: &str, import: &str) -> Vec<u8> {
    let manifest = manifest.replace('\n', "\\n").replace('"', "\\\"");
    let text = format!(
        r#"(component
            (import "{import}" (instance (export "run" (func))))
            (core module (@custom "crosspoint:manifest" "{manifest}")))"#
    );
    wat::parse_str(text).unwrap()
}

fn refusal(wasm: &[u8]) -> Error {
    ENGINE.load(wasm).unwrap_err()
}

fn assert_says(error: &Error, code: &str, parts: &[&str]) {
    let text = error.to_string();
    assert_eq!(error.code(), code, "{text}");
    for part in parts {
        assert!(text.contains(part), "`{part}` missing in: {text}");
    }
}

#[test]
fn an_unknown_import_is_refused() {
    for import in [
        "evil:backdoor/shell@1.0.0",
        "wasi:sockets/tcp@0.2.6",
        "crosspoint:connector/http@9.0.0",
        "crosspoint:connector/spy@0.1.0",
    ] {
        let error = refusal(&component(MANIFEST, import));
        assert_says(
            &error,
            "XP-PLG-006",
            &["plugin `raw` 0.0.1", import, "does not offer"],
        );
    }
}

#[test]
fn an_import_beyond_the_manifest_is_refused() {
    for (import, word) in [
        ("crosspoint:connector/http@0.1.0", "`http`"),
        ("crosspoint:connector/tcp@0.1.0", "`tcp`"),
        ("crosspoint:connector/files@0.1.0", "`files`"),
        ("crosspoint:connector/jobs@0.1.0", "`jobs`"),
        ("wasi:http/outgoing-handler@0.2.6", "`wasi:http`"),
    ] {
        let error = refusal(&component(MANIFEST, import));
        assert_says(
            &error,
            "XP-PLG-005",
            &["plugin `raw` 0.0.1", import, word, "plugin.toml"],
        );
    }
}

#[test]
fn a_role_without_its_export_is_refused() {
    let error = refusal(&component(MANIFEST, "crosspoint:connector/log@0.1.0"));
    assert_says(&error, "XP-PLG-007", &["plugin `raw` 0.0.1", "Source"]);
}

#[test]
fn a_missing_or_broken_manifest_is_refused() {
    assert_says(&refusal(b"not wasm"), "XP-PLG-002", &["wasm32-wasip2"]);
    let module = wat::parse_str("(module)").unwrap();
    assert_says(&refusal(&module), "XP-PLG-002", &["core module"]);
    let empty = wat::parse_str("(component)").unwrap();
    assert_says(&refusal(&empty), "XP-PLG-003", &["`plugin.toml`"]);
    let broken = MANIFEST.replace("0.0.1", "one").replace("\"0.1\"", "\"7\"");
    let error = refusal(&component(&broken, "crosspoint:connector/log@0.1.0"));
    assert_says(
        &error,
        "XP-PLG-004",
        &["2 problems", "`version`", "`contract`"],
    );
}

#[test]
fn a_compiled_plugin_comes_from_the_private_cache() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let options = || EngineOptions {
        cache_dir: Some(cache.clone()),
    };
    let first = Engine::new(options()).unwrap().load(&WASM).unwrap();
    let mode = std::fs::metadata(&cache).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let files = cached(&cache);
    assert_eq!(files.len(), 1);
    assert!(files[0].starts_with(&first.digest), "{files:?}");
    let second = Engine::new(options()).unwrap().load(&WASM).unwrap();
    assert_eq!(first.digest, second.digest);
    assert_eq!(cached(&cache), files);

    // A file of another engine is replaced, not believed.
    std::fs::write(cache.join(&files[0]), b"someone else's code").unwrap();
    Engine::new(options()).unwrap().load(&WASM).unwrap();
    assert!(std::fs::metadata(cache.join(&files[0])).unwrap().len() > 1000);
}

fn cached(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
