//! `cargo xtask lint`

use std::{env, fs, path::PathBuf, process::Stdio};

use crate::{binaries::NATIVE, process, progress, wasm_toolchain::WasmToolchain, workspace::Workspace};

/// Checks formatting and lints. The browser's half is checked on its own, for its own target.
///
/// # Errors
/// When anything is to be put right.
pub fn run(workspace: &Workspace) -> anyhow::Result<()> {
    progress::step("format", || {
        process::run(process::cargo().current_dir(&workspace.root).args(["fmt", "--all", "--check"]))
    })?;
    progress::step("lints", || {
        let mut cargo = process::cargo();
        cargo.arg("clippy").args(NATIVE).args(["--all-targets", "--", "-D", "warnings"]);
        process::run(cargo.current_dir(&workspace.root))
    })?;
    dependencies(workspace)?;
    let toolchain = WasmToolchain::find_or_install(workspace)?;
    progress::step("lints of the front end", || {
        if toolchain.has_clippy() {
            let mut cargo = toolchain.cargo(workspace, "clippy");
            return process::run(cargo.args(["--package", "hydrate", "--", "-D", "warnings"]));
        }
        eprintln!("  the distribution's compiler has no clippy: its own warnings must do");
        let mut cargo = toolchain.cargo(workspace, "check");
        process::run(cargo.args(["--package", "hydrate", "-Z", "warnings", "--config", "build.warnings='deny'"]))
    })
}

/// Holds dependencies to `deny.toml`, where that can be done.
fn dependencies(workspace: &Workspace) -> anyhow::Result<()> {
    let deny = |arguments: &[&str]| {
        let mut cargo = process::cargo();
        cargo.arg("deny").args(arguments).current_dir(&workspace.root);
        cargo
    };
    let quietly = |arguments: &[&str]| {
        let status = deny(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    if !quietly(&["--version"]) {
        eprintln!("- dependencies are not checked: it needs cargo-deny (cargo install --locked cargo-deny)");
        return Ok(());
    }
    progress::step("licences, bans and sources of dependencies", || {
        process::run(&mut deny(&["--offline", "check", "bans", "licenses", "sources"]))
    })?;
    // Without it nothing can be said, which is no fault of the change that is being looked at.
    if !quietly(&["fetch", "db"]) {
        if !has_advisories() {
            eprintln!("- advisories are not checked: their database could not be fetched");
            return Ok(());
        }
        eprintln!("- advisories since their database was last here are not known: it could not be fetched");
    }
    progress::step("advisories", || process::run(&mut deny(&["--offline", "check", "advisories"])))
}

/// Whether a database was fetched at another time.
fn has_advisories() -> bool {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    let found = home.and_then(|home| fs::read_dir(home.join("advisory-dbs")).ok());
    // An attempt to fetch it leaves a lock there.
    found.into_iter().flatten().flatten().any(|entry| entry.path().is_dir())
}
