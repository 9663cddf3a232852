//! The browser's half: WebAssembly with its JavaScript glue, styles, charts and pictures, put together in one folder
//! that the server embeds.

mod compress;
mod glue;
mod site;
mod styles;
mod vendored;

use std::path::PathBuf;

use anyhow::Context;

use crate::{binaries, flavour::Flavour, front_end::site::Site, wasm_toolchain::WasmToolchain, workspace::Workspace};

/// Builds what has changed and returns the folder, with everything to be served under `pkg/` in it.
///
/// # Errors
/// When something does not compile or cannot be written.
pub fn build(workspace: &Workspace, toolchain: &WasmToolchain, flavour: Flavour) -> anyhow::Result<PathBuf> {
    let mut cargo = toolchain.cargo(workspace, "build");
    cargo.args(["--package", "hydrate", "--profile", flavour.wasm_profile()]);
    let wasm = binaries::artifacts(&mut cargo)?.file("hydrate", "wasm")?;
    let style = workspace.root.join("style");
    vendored::copy_echarts(workspace, &style.join("assets"))?;

    let mut site = Site::default();
    site.add_program(glue::generate(workspace, &wasm, flavour)?)?;
    site.add("main.css", "switchboard.css", styles::bundle(&style.join("main.css"))?);
    site.add_folder(&style.join("assets"))?;
    let folder = flavour.site(workspace);
    site.write(&folder.join("pkg"), flavour).with_context(|| format!("cannot write {}", folder.display()))?;
    Ok(folder)
}
