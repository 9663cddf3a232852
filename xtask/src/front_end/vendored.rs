//! Scripts of others that the dashboard needs, taken from packages that are already here.

use std::{fs, path::Path};

use anyhow::Context;

use crate::workspace::Workspace;

/// Puts the ECharts that comes with `charming` among the assets, where cargo-leptos finds it too.
///
/// # Errors
/// When the package has none, or the file cannot be written.
pub fn copy_echarts(workspace: &Workspace, assets: &Path) -> anyhow::Result<()> {
    let folder = workspace.package_folder("charming")?.join("src/asset");
    let files = folder.read_dir().with_context(|| format!("charming has no folder {}", folder.display()))?;
    let source = files
        .filter_map(Result::ok)
        .map(|file| file.path())
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("echarts-") && name.ends_with(".min.js")
        })
        .with_context(|| format!("no echarts-*.min.js in {}", folder.display()))?;
    let content = fs::read(&source).with_context(|| format!("cannot read {}", source.display()))?;
    let target = assets.join("echarts.min.js");
    if fs::read(&target).is_ok_and(|present| present == content) {
        return Ok(());
    }
    fs::create_dir_all(assets)
        .and_then(|()| fs::write(&target, content))
        .with_context(|| format!("cannot write {}", target.display()))
}
