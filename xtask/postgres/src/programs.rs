//! PostgreSQL's own programs.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

/// Names the folder of PostgreSQL's programs.
pub const PROGRAMS: &str = "SWITCHBOARD_PG_BIN";

/// The folder of PostgreSQL's programs: the one that [`PROGRAMS`] names, else the newest of those that Debian keeps side by
/// side, else the one on `PATH`.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    if let Some(folder) = env::var_os(PROGRAMS) {
        return Some(folder.into()).filter(|folder: &PathBuf| is_postgresql(folder));
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let numbered = versions.filter_map(|version| {
        let number = version.file_name().to_str()?.parse::<u32>().ok()?;
        Some((number, version.path().join("bin")))
    });
    let newest = numbered.filter(|(_, folder)| is_postgresql(folder)).max().map(|(_, folder)| folder);
    newest.or_else(|| env::split_paths(&env::var_os("PATH")?).find(|folder| is_postgresql(folder)))
}

fn is_postgresql(folder: &Path) -> bool {
    ["initdb", "postgres", "createdb", "dropdb"].iter().all(|program| folder.join(program).is_file())
}

/// One of the programs.
pub(crate) fn program(name: &str) -> anyhow::Result<PathBuf> {
    let folder = folder().with_context(|| {
        format!("install PostgreSQL (Debian: apt-get install postgresql), or set {PROGRAMS} to its bin folder")
    })?;
    Ok(folder.join(name))
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    if !status.success() {
        bail!("{command:?}: {status}");
    }
    Ok(())
}
