//! What of the environment the inner cargo may see.

use std::ffi::{OsStr, OsString};
use std::process::Command;

/// Removes from `command` what the outer cargo, clippy or the person's shell set for the outer
/// build.
pub(crate) fn isolate(command: &mut Command, names: impl Iterator<Item = OsString>) {
    for name in names.filter(|name| leaks(name)) {
        command.env_remove(name);
    }
}

/// Whether a variable would change what the inner build does. Where to find crates and how to
/// reach a registry stays, and so does the job server, which shares the machine fairly.
fn leaks(name: &OsStr) -> bool {
    const KEPT: [&str; 9] = [
        "CARGO_HOME",
        "CARGO_MAKEFLAGS",
        "CARGO_NET_",
        "CARGO_HTTP_",
        "CARGO_REGISTRIES_",
        "CARGO_REGISTRY_",
        "CARGO_SOURCE_",
        "CARGO_TERM_",
        "CARGO_RESOLVER_",
    ];
    const CLEARED: [&str; 5] = ["CARGO_", "RUSTC", "RUSTDOC", "CLIPPY_", "DEP_"];
    const CLEARED_EXACTLY: [&str; 10] = [
        "CARGO",
        "RUSTFLAGS",
        "OUT_DIR",
        "TARGET",
        "HOST",
        "NUM_JOBS",
        "OPT_LEVEL",
        "PROFILE",
        "DEBUG",
        "__CARGO_DEFAULT_LIB_METADATA",
    ];
    let Some(name) = name.to_str() else {
        return false;
    };
    let kept = KEPT.iter().any(|kept| {
        if kept.ends_with('_') {
            name.starts_with(kept)
        } else {
            name == *kept
        }
    });
    !kept
        && (CLEARED_EXACTLY.contains(&name)
            || CLEARED.iter().any(|prefix| name.starts_with(prefix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outer_build_does_not_leak() {
        for name in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "RUSTC_WRAPPER",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTC",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET",
            "CARGO_BUILD_RUSTFLAGS",
            "CARGO_PROFILE_PLUGIN_LTO",
            "CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS",
            "CARGO_MANIFEST_DIR",
            "CARGO_FEATURE_X",
            "CLIPPY_ARGS",
            "RUSTDOCFLAGS",
            "OUT_DIR",
        ] {
            assert!(leaks(OsStr::new(name)), "{name}");
        }
        for name in [
            "PATH",
            "HOME",
            "CARGO_HOME",
            "RUSTUP_HOME",
            "RUSTUP_TOOLCHAIN",
            "CARGO_NET_OFFLINE",
            "CARGO_REGISTRIES_CRATES_IO_PROTOCOL",
            "CARGO_HTTP_PROXY",
            "HTTPS_PROXY",
            "CARGO_MAKEFLAGS",
        ] {
            assert!(!leaks(OsStr::new(name)), "{name}");
        }
    }
}
