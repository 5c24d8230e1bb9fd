//! Texts as they were when a person last looked, in `tests/goldens/view`.

use std::path::Path;

/// Compares `text` with the golden `name`; with `CROSSPOINT_BLESS` set, writes it instead.
pub fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/goldens/view")
        .join(format!("{name}.txt"));
    if std::env::var_os("CROSSPOINT_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, golden, "{name}; CROSSPOINT_BLESS=1 accepts it");
}
