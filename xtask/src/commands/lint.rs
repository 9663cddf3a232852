//! `cargo xtask lint`

use crate::{process, progress, wasm_toolchain::WasmToolchain, workspace::Workspace};

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
        cargo.args(["clippy", "--workspace", "--exclude", "hydrate", "--all-targets", "--", "-D", "warnings"]);
        process::run(cargo.current_dir(&workspace.root))
    })?;
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
