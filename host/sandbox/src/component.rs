//! What a component says about itself before it is compiled: its manifest, its real imports and
//! its exports.

use wasmparser::{Encoding, Parser, Payload};

use crate::error::{Error, Result};
use crate::manifest::{Capability, MANIFEST_SECTION, Manifest, Role};

/// Read without compiling.
#[derive(Debug)]
pub(crate) struct Outline {
    pub(crate) manifest: Manifest,
    imports: Vec<String>,
    exports: Vec<String>,
}

/// The manifest of a component whose real imports and exports keep to it; nothing is compiled.
///
/// # Errors
/// As `Engine::load`, compiling apart.
pub fn read_manifest(wasm: &[u8]) -> Result<Manifest> {
    outline(wasm).map(|outline| outline.manifest)
}

/// Reads the manifest and the outermost imports and exports, and checks them against each other.
pub(crate) fn outline(wasm: &[u8]) -> Result<Outline> {
    let (mut text, mut imports, mut exports) = (None, Vec::new(), Vec::new());
    let mut depth = 0u32;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(not_a_component)? {
            Payload::Version { encoding, .. } => {
                if depth == 0 && encoding != Encoding::Component {
                    let reason = "it is a core module".to_owned();
                    return Err(Error::NotAComponent { reason });
                }
                depth += 1;
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            // The SDK links the section into the core module, which the component wraps.
            Payload::CustomSection(section) if section.name() == MANIFEST_SECTION => {
                text.get_or_insert(section.data());
            }
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    imports.push(import.map_err(not_a_component)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    exports.push(export.map_err(not_a_component)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    let text = std::str::from_utf8(text.ok_or(Error::ManifestMissing)?).map_err(|error| {
        Error::NotAComponent {
            reason: error.to_string(),
        }
    })?;
    let manifest = Manifest::parse(text).map_err(Error::Manifest)?;
    let outline = Outline {
        manifest,
        imports,
        exports,
    };
    outline.check_imports()?;
    outline.check_exports()?;
    Ok(outline)
}

fn not_a_component(error: wasmparser::BinaryReaderError) -> Error {
    Error::NotAComponent {
        reason: error.message().to_owned(),
    }
}

/// Who may import an interface.
enum Lent {
    ToAll,
    ToThoseWhoAsk(Capability),
    Never,
}

fn lent(import: &str) -> Lent {
    let (interface, version) = import.split_once('@').unwrap_or((import, ""));
    let (package, name) = interface.split_once('/').unwrap_or((interface, ""));
    match package {
        "crosspoint:connector" if version.starts_with("0.1.") => match name {
            "model" | "errors" | "log" | "settings" => Lent::ToAll,
            "http" => Lent::ToThoseWhoAsk(Capability::Http),
            "tcp" => Lent::ToThoseWhoAsk(Capability::Tcp),
            "files" => Lent::ToThoseWhoAsk(Capability::Files),
            "jobs" => Lent::ToThoseWhoAsk(Capability::Jobs),
            _ => Lent::Never,
        },
        // No folder is ever opened to `wasi:filesystem`; standard libraries import it regardless.
        "wasi:cli" | "wasi:clocks" | "wasi:filesystem" | "wasi:io" | "wasi:random" => Lent::ToAll,
        "wasi:http" => Lent::ToThoseWhoAsk(Capability::WasiHttp),
        _ => Lent::Never,
    }
}

impl Outline {
    fn check_imports(&self) -> Result<()> {
        let (plugin, version) = (&self.manifest.id, &self.manifest.version);
        for import in &self.imports {
            match lent(import) {
                Lent::ToAll => {}
                Lent::ToThoseWhoAsk(capability) if self.manifest.asks_for(capability) => {}
                Lent::ToThoseWhoAsk(capability) => {
                    return Err(Error::ImportNotDeclared {
                        plugin: plugin.clone(),
                        version: version.clone(),
                        import: import.clone(),
                        capability,
                    });
                }
                Lent::Never => {
                    return Err(Error::ImportUnknown {
                        plugin: plugin.clone(),
                        version: version.clone(),
                        import: import.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    fn check_exports(&self) -> Result<()> {
        for role in &self.manifest.roles {
            let interface = match role {
                Role::Source => "crosspoint:connector/source@0.1.",
                Role::Destination => "crosspoint:connector/destination@0.1.",
            };
            if !self
                .exports
                .iter()
                .any(|export| export.starts_with(interface))
            {
                return Err(Error::RoleMissing {
                    plugin: self.manifest.id.clone(),
                    version: self.manifest.version.clone(),
                    role: *role,
                });
            }
        }
        Ok(())
    }
}
