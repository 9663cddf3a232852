//! `cargo xtask dev`

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Child,
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use anyhow::{Context, bail};
use notify_debouncer_mini::{DebounceEventResult, new_debouncer, notify::RecursiveMode};

use crate::{binaries, flavour::Flavour, process, workspace::Workspace};

/// Editors write a file in several steps, and saving all of them takes a moment.
const SETTLE: Duration = Duration::from_millis(250);

/// What is compiled into the programs. Everything that building and running writes to lies elsewhere.
const SOURCES: [&str; 7] = ["app", "migrations", "server", "style", "telephone", "Cargo.lock", "Cargo.toml"];

/// Arguments of `dev`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Arguments for `switchboard`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    switchboard: Vec<OsString>,
}

/// Builds and starts the server, and does so again after each change, until it is interrupted. The old server stays up
/// while the new one is built, and when it does not build.
///
/// # Errors
/// When the sources cannot be watched. What does not build is shown, and waits for the next change.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<()> {
    let (sender, changes) = mpsc::channel();
    let mut watcher = new_debouncer(SETTLE, sender).context("cannot watch the sources")?;
    for source in SOURCES {
        let path = workspace.root.join(source);
        watcher
            .watcher()
            .watch(&path, RecursiveMode::Recursive)
            .with_context(|| format!("cannot watch {}", path.display()))?;
    }
    let mut server = None;
    loop {
        match binaries::build(workspace, Flavour::Dev) {
            Ok(built) => restart(&mut server, &built.switchboard, &arguments.switchboard)?,
            Err(error) => eprintln!("error: {error:#}\n  waiting for a change …"),
        }
        wait_for_change(workspace, &changes)?;
    }
}

fn restart(server: &mut Option<Child>, program: &Path, arguments: &[OsString]) -> anyhow::Result<()> {
    if let Some(mut old) = server.take() {
        // It may have ended by itself, and losing nothing when it is killed is what it is built for.
        old.kill().and_then(|()| old.wait()).context("cannot end the running server")?;
    }
    let new = process::command(program).args(arguments).spawn();
    *server = Some(new.with_context(|| format!("cannot start {}", program.display()))?);
    Ok(())
}

/// Blocks until a source file changes.
fn wait_for_change(workspace: &Workspace, changes: &Receiver<DebounceEventResult>) -> anyhow::Result<()> {
    let written_by_us = workspace.root.join("style/assets/echarts.min.js");
    loop {
        let events = match changes.recv() {
            Ok(Ok(events)) => events,
            Ok(Err(error)) => bail!("cannot watch the sources any longer: {error}"),
            Err(mpsc::RecvError) => bail!("the watcher has ended"),
        };
        let changed: Vec<PathBuf> =
            events.into_iter().map(|event| event.path).filter(|path| *path != written_by_us).collect();
        if let Some(path) = changed.first() {
            eprintln!("  {} changed", path.strip_prefix(&workspace.root).unwrap_or(path).display());
            return Ok(());
        }
    }
}
