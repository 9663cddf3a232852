//! The JavaScript that loads the WebAssembly.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use sha2::{Digest, Sha256};
use wasm_bindgen_cli_support::Bindgen;

use crate::{flavour::Flavour, process, workspace::Workspace};

/// The name of the pair `switchboard.js` and `switchboard_bg.wasm`.
pub const NAME: &str = "switchboard";

/// Writes script and WebAssembly into a folder of their own and returns it. Nothing is done when the input is that of
/// the last time.
///
/// # Errors
/// When the input is not what wasm-bindgen expects, or a file cannot be written.
pub fn generate(workspace: &Workspace, wasm: &Path, flavour: Flavour) -> anyhow::Result<PathBuf> {
    let input = fs::read(wasm).with_context(|| format!("cannot read {}", wasm.display()))?;
    let optimiser = flavour.uses_wasm_opt().then(|| process::find(&["wasm-opt"])).flatten();
    let folder = workspace.target.join("xtask").join(format!("glue-{}", flavour.native_profile()));
    let stamp_file = folder.with_extension("stamp");
    let stamp = fingerprint(workspace, &input, optimiser.as_deref())?;
    if fs::read_to_string(&stamp_file).is_ok_and(|present| present == stamp) && folder.is_dir() {
        return Ok(folder);
    }

    clear(&folder)?;
    Bindgen::new()
        .input_bytes(NAME, input)
        .typescript(false)
        .omit_default_module_path(true)
        .remove_name_section(flavour != Flavour::Dev)
        .remove_producers_section(true)
        .web(true)
        .and_then(|bindgen| bindgen.generate(&folder))
        .context("wasm-bindgen failed")?;
    if let Some(optimiser) = optimiser {
        optimise(&optimiser, &folder.join(format!("{NAME}_bg.wasm")))?;
    }
    fs::write(&stamp_file, stamp).with_context(|| format!("cannot write {}", stamp_file.display()))?;
    Ok(folder)
}

/// What the output depends on.
fn fingerprint(workspace: &Workspace, input: &[u8], optimiser: Option<&Path>) -> anyhow::Result<String> {
    let version = workspace.package_version("wasm-bindgen-cli-support")?;
    let optimiser = optimiser.map_or_else(|| "none".into(), Path::to_string_lossy);
    Ok(format!("{} wasm-bindgen {version} wasm-opt {optimiser}", hex::encode(Sha256::digest(input))))
}

fn clear(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}

fn optimise(optimiser: &Path, wasm: &Path) -> anyhow::Result<()> {
    // The features that rustc switches on for this target; an older wasm-opt refuses what it is not told of.
    const FEATURES: [&str; 5] = [
        "--enable-bulk-memory",
        "--enable-mutable-globals",
        "--enable-nontrapping-float-to-int",
        "--enable-reference-types",
        "--enable-sign-ext",
    ];
    process::run(process::command(optimiser).arg("-Oz").args(FEATURES).arg(wasm).arg("-o").arg(wasm))
}
