//! `cargo xtask bench`

mod arguments;
mod peers;

use std::{os::unix::process::CommandExt, path::Path};

use anyhow::Context;
use serde_json::{Value, json};

pub use arguments::Arguments;
use arguments::Variant;

use crate::{
    binaries::{self, Binaries, With},
    flavour::Flavour,
    packages, process, progress,
    workspace::Workspace,
};

/// The document whose table a full run replaces.
const DOCUMENT: &str = "docs/performance.md";

/// Builds our programs and the one that measures, installs what they are compared with, then becomes the measurement:
/// signals and exit code are its own.
///
/// # Errors
/// When something does not build, or the load generator cannot be installed.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<()> {
    let wrk = program("wrk", "wrk", "measuring")?;
    let strace = program("strace", "strace", "counting system calls").ok();
    let peers = peers::find_or_install(workspace, &arguments.peers());
    let bench = bench(workspace)?;
    let ours = ours(workspace, arguments)?;
    let plan = json!({
        "rounds": arguments.rounds(),
        "seconds": arguments.seconds(),
        "quick": arguments.quick,
        "measures": arguments.measures(),
        "ours": ours,
        "settings": {
            "connections": arguments.connections,
            "threads": arguments.threads,
            "environment": arguments.ours_env,
        },
        "peers": peers.found,
        "missing": peers.missing,
        "revision": revision(workspace),
        "wrk": wrk,
        "strace": strace,
        "document": arguments.is_full().then(|| workspace.root.join(DOCUMENT)),
    });
    let error = process::command(&bench).arg(plan.to_string()).exec();
    Err(error).with_context(|| format!("cannot start {}", bench.display()))
}

/// What the sources are, as git calls them; a `+` says that they were changed since.
fn revision(workspace: &Workspace) -> String {
    let mut git = process::command("git");
    git.current_dir(&workspace.root).args(["describe", "--always", "--dirty=+"]);
    process::output(&mut git).map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

/// The program that measures. It is built for speed, too: what it costs is missing to what is measured.
fn bench(workspace: &Workspace) -> anyhow::Result<std::path::PathBuf> {
    progress::step("bench", || {
        let mut cargo = process::cargo();
        cargo.current_dir(&workspace.root);
        cargo.args(["build", "--package", "bench", "--profile", Flavour::Quick.native_profile()]);
        binaries::artifacts(&mut cargo)?.executable("bench")
    })
}

/// The builds to measure: the first one is what the targets are about.
fn ours(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<Vec<Value>> {
    let main = match &arguments.bin_dir {
        Some(folder) => built(folder)?,
        None => binaries::build(workspace, Flavour::Release, With::Nothing)?,
    };
    let mut builds = vec![("Switchboard".to_owned(), main.clone(), None)];
    for (name, folder) in arguments.other_builds() {
        builds.push((format!("Switchboard {name}"), built(folder)?, None));
    }
    for Variant { name, variable } in &arguments.variant {
        builds.push((format!("Switchboard {name}"), main.clone(), Some(variable)));
    }
    let value = |(name, build, variable): (String, Binaries, Option<&(String, String)>)| {
        let environment = Vec::from_iter(variable);
        json!({"name": name, "switchboard": build.switchboard, "telephone": build.telephone, "environment": environment})
    };
    Ok(builds.into_iter().map(value).collect())
}

/// Our programs in a folder, built before.
fn built(folder: &Path) -> anyhow::Result<Binaries> {
    let program =
        |name| folder.join(name).canonicalize().with_context(|| format!("{} has no {name}", folder.display()));
    Ok(Binaries { switchboard: program("switchboard")?, telephone: program("telephone")? })
}

/// A program of the distribution, installed where it is missing.
fn program(name: &str, package: &str, purpose: &str) -> anyhow::Result<std::path::PathBuf> {
    if let Some(found) = process::find(&[name]) {
        return Ok(found);
    }
    packages::install(purpose, &[package])?;
    process::find(&[name]).with_context(|| format!("{package} was installed, but {name} is not on PATH"))
}
