//! The JavaScript that loads the WebAssembly.
//!
//! `wasm-opt` has no part in it: on top of the compiler's own optimisation for size it takes 8 % off the file but
//! nothing off its compressed copies, and the version in Debian 12 breaks the program.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use sha2::{Digest, Sha256};
use wasm_bindgen_cli_support::Bindgen;

use crate::{flavour::Flavour, workspace::Workspace};

/// The name of the pair `switchboard.js` and `switchboard_bg.wasm`.
pub const NAME: &str = "switchboard";

/// Writes script and WebAssembly into a folder of their own and returns it. Nothing is done when the input is that of
/// the last time.
///
/// # Errors
/// When the input is not what wasm-bindgen expects, or a file cannot be written.
pub fn generate(workspace: &Workspace, wasm: &Path, flavour: Flavour) -> anyhow::Result<PathBuf> {
    let input = fs::read(wasm).with_context(|| format!("cannot read {}", wasm.display()))?;
    let folder = workspace.target.join("xtask").join(format!("glue-{}", flavour.native_profile()));
    let stamp_file = folder.with_extension("stamp");
    let stamp = fingerprint(workspace, &input)?;
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
    fs::write(&stamp_file, stamp).with_context(|| format!("cannot write {}", stamp_file.display()))?;
    Ok(folder)
}

/// What the output depends on.
fn fingerprint(workspace: &Workspace, input: &[u8]) -> anyhow::Result<String> {
    let version = workspace.package_version("wasm-bindgen-cli-support")?;
    Ok(format!("{} wasm-bindgen {version}", hex::encode(Sha256::digest(input))))
}

fn clear(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}
