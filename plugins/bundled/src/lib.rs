//! The plugins that travel inside the binary, as compiled components.
//!
//! # Invariants
//! - Every one is a component that carries its manifest (`tests::bundled_plugins_are_components`).
//! - None imports more than it uses (`tests::components_import_only_what_they_use`).
//!
//! # Not here
//! Loading them: the sandbox treats them like any other plugin.

/// One plugin as it is shipped.
#[derive(Clone, Copy, Debug)]
pub struct Bundled {
    /// The id in its manifest.
    pub id: &'static str,
    /// The component, with its manifest inside.
    pub wasm: &'static [u8],
}

/// All plugins that travel inside the binary, sorted by id.
pub static BUNDLED: &[Bundled] = include!(concat!(env!("OUT_DIR"), "/bundled.rs"));

/// The bundled plugin of that id.
pub fn find(id: &str) -> Option<&'static Bundled> {
    BUNDLED.iter().find(|bundled| bundled.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundled_plugins_are_components() {
        assert!(BUNDLED.is_sorted_by_key(|bundled| bundled.id));
        for bundled in BUNDLED {
            // Magic number, then version 13 and layer 1: a component, no core module.
            assert_eq!(
                bundled.wasm[..8],
                [0, b'a', b's', b'm', 13, 0, 1, 0],
                "{}",
                bundled.id
            );
            let contains = |needle: &[u8]| bundled.wasm.windows(needle.len()).any(|w| w == needle);
            assert!(contains(b"crosspoint:manifest"), "{}", bundled.id);
            let id = format!("id = \"{}\"", bundled.id);
            assert!(contains(id.as_bytes()), "{}", bundled.id);
        }
        assert_eq!(find("tabular").map(|found| found.id), Some("tabular"));
        assert!(find("nothing").is_none());
    }

    #[test]
    fn components_import_only_what_they_use() {
        for (id, imported, left_out) in [
            ("tabular", "files", ["http", "jobs", "tcp"]),
            ("webhook", "http", ["files", "jobs", "tcp"]),
            ("smtp", "tcp", ["http", "files", "jobs"]),
        ] {
            let wasm = find(id).unwrap().wasm;
            let imports = |name: &str| {
                let full = format!("crosspoint:connector/{name}@0.1.0");
                wasm.windows(full.len())
                    .any(|window| window == full.as_bytes())
            };
            assert!(imports(imported), "{id} uses {imported}");
            for name in left_out {
                assert!(!imports(name), "{id} does not use {name}");
            }
        }
    }
}
