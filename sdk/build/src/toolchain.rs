//! Finds cargo and the compilation target.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use crate::{Error, TARGET, environment};

/// The cargo that runs us, else the one on the path.
pub(crate) fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Adds the target through rustup where it is missing.
pub(crate) fn ensure_target() -> Result<(), Error> {
    if has_target() {
        return Ok(());
    }
    let say = if super::is_build_script() {
        "cargo::warning="
    } else {
        ""
    };
    println!("{say}target {TARGET} is missing, adding it: rustup target add {TARGET}");
    let mut command = Command::new("rustup");
    command.args(["target", "add", TARGET]);
    // A toolchain by path cannot be named to rustup.
    if let Some(toolchain) = env::var_os("RUSTUP_TOOLCHAIN")
        && !Path::new(&toolchain).is_absolute()
    {
        command.arg("--toolchain").arg(toolchain);
    }
    let output = command.output().map_err(|error| Error::Target {
        reason: format!("rustup: {error}"),
    })?;
    if output.status.success() && has_target() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let reason = stderr.lines().rev().find(|line| !line.trim().is_empty());
    Err(Error::Target {
        reason: reason.unwrap_or("rustup failed").trim().to_owned(),
    })
}

/// Asks the compiler that the inner cargo will use. Where it cannot be asked, cargo's own message
/// will say more.
fn has_target() -> bool {
    let mut command = Command::new("rustc");
    environment::isolate(&mut command, env::vars_os().map(|(name, _)| name));
    let output = command
        .args(["--print", "target-libdir", "--target", TARGET])
        .output();
    match output {
        Ok(output) if output.status.success() => {
            Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
        }
        _ => true,
    }
}
