//! Where things are: asked of cargo, never guessed.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::process;

/// The workspace as `cargo metadata` describes it.
pub struct Workspace {
    /// The folder of the root `Cargo.toml`.
    pub root: PathBuf,
    /// Where cargo builds (`CARGO_TARGET_DIR` respected).
    pub target: PathBuf,
    /// The oldest compiler that the workspace accepts, as (major, minor).
    pub rust_version: (u32, u32),
    metadata: Value,
}

impl Workspace {
    /// Asks cargo about the workspace that this program belongs to.
    ///
    /// # Errors
    /// When cargo cannot be started or its answer cannot be understood.
    pub fn load() -> anyhow::Result<Self> {
        // Cargo says it when it runs us, and then it is right even for a program that another clone has built into a
        // target folder that both use.
        let folder = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let manifest = folder.join("Cargo.toml");
        let mut cargo = process::cargo();
        cargo.args(["metadata", "--format-version", "1", "--manifest-path"]).arg(&manifest);
        let metadata: Value = serde_json::from_str(&process::output(&mut cargo)?)
            .context("`cargo metadata` printed something that is not JSON")?;
        let path = |key: &str| {
            let text = metadata[key].as_str().with_context(|| format!("`cargo metadata` gave no {key}"))?;
            anyhow::Ok(PathBuf::from(text))
        };
        let (root, target) = (path("workspace_root")?, path("target_directory")?);
        let rust_version = package(&metadata, "xtask")?["rust_version"]
            .as_str()
            .and_then(parse_version)
            .context("`rust-version` in Cargo.toml must read `major.minor`")?;
        Ok(Self { root, target, rust_version, metadata })
    }

    /// The folder that holds a package's sources, whether in the workspace or from the registry.
    ///
    /// # Errors
    /// When the workspace does not depend on such a package.
    pub fn package_folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let manifest = package(&self.metadata, name)?["manifest_path"].as_str().unwrap_or_default();
        match Path::new(manifest).parent() {
            Some(folder) if folder.is_dir() => Ok(folder.to_owned()),
            _ => bail!("package {name} has no sources at {manifest:?}: run `cargo fetch`"),
        }
    }

    /// The version of a package as locked.
    ///
    /// # Errors
    /// When the workspace does not depend on such a package.
    pub fn package_version(&self, name: &str) -> anyhow::Result<&str> {
        package(&self.metadata, name)?["version"].as_str().with_context(|| format!("package {name} has no version"))
    }
}

fn package<'a>(metadata: &'a Value, name: &str) -> anyhow::Result<&'a Value> {
    metadata["packages"]
        .as_array()
        .and_then(|packages| packages.iter().find(|package| package["name"] == name))
        .with_context(|| format!("the workspace has no package {name}"))
}

/// Reads `1.95` or `1.95.0-suffix` as (1, 95).
pub fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?.parse().ok()?;
    Some((major, minor))
}
