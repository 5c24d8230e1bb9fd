use crate::shell::Shell;

#[test]
fn a_new_plugin_has_its_name_and_overwrites_nothing() {
    let shell = Shell::new();
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("my-vendor");
    let dir = dir.to_str().unwrap();
    let sdk = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/rust");
    shell.good(&["plugin", "new", dir, "--sdk", sdk]);
    let read = |file: &str| std::fs::read_to_string(format!("{dir}/{file}")).unwrap();
    assert!(read("plugin.toml").starts_with("id = \"my-vendor\"\nname = \"my-vendor\"\n"));
    let package: toml::Table = read("Cargo.toml").parse().unwrap();
    assert_eq!(
        package["package"]["name"].as_str(),
        Some("plugin-my-vendor")
    );
    assert!(
        package["dependencies"]["crosspoint-sdk"]["path"]
            .as_str()
            .unwrap()
            .ends_with("sdk/rust")
    );
    assert!(read("src/lib.rs").contains("crosspoint_sdk::connector!"));
    let again = shell.run(&["plugin", "new", dir, "--sdk", sdk]);
    assert_eq!(again.code, 2);
    assert!(again.stderr.contains("my-vendor"), "{}", again.stderr);
}
