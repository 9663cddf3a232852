//! `cargo xtask dev`

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Child,
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use anyhow::Context;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher, event::ModifyKind};

use crate::{
    binaries::{self, With},
    flavour::Flavour,
    process,
    workspace::Workspace,
};

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
    let (_watcher, changes) = watch(workspace)?;
    let mut server = None;
    loop {
        match binaries::build(workspace, Flavour::Dev, With::Nothing) {
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

/// Starts watching. Each change arrives as the path that changed; the watcher watches as long as it is held.
fn watch(workspace: &Workspace) -> anyhow::Result<(RecommendedWatcher, Receiver<notify::Result<PathBuf>>)> {
    let (sender, changes) = mpsc::channel();
    let written_by_us = workspace.root.join("style/assets/echarts.min.js");
    let report = move |event: notify::Result<Event>| {
        let change = match event {
            Ok(event) if !is_change(event.kind) => None,
            Ok(event) => event.paths.into_iter().find(|path| *path != written_by_us).map(Ok),
            Err(error) => Some(Err(error)),
        };
        if let Some(change) = change {
            // Nobody listens only when this program is about to end.
            sender.send(change).ok();
        }
    };
    let mut watcher = notify::recommended_watcher(report).context("cannot watch the sources")?;
    for source in SOURCES {
        let path = workspace.root.join(source);
        watcher.watch(&path, RecursiveMode::Recursive).with_context(|| format!("cannot watch {}", path.display()))?;
    }
    Ok((watcher, changes))
}

/// Compilers read the sources, which is an event too.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Any | EventKind::Create(_) | EventKind::Remove(_) => true,
        EventKind::Modify(kind) => !matches!(kind, ModifyKind::Metadata(_)),
        EventKind::Access(_) | EventKind::Other => false,
    }
}

/// Blocks until a source file has changed and all of them have been left alone for a moment.
fn wait_for_change(workspace: &Workspace, changes: &Receiver<notify::Result<PathBuf>>) -> anyhow::Result<()> {
    let mut change = changes.recv().context("the watcher has ended")?.context("cannot watch the sources any longer")?;
    while let Ok(next) = changes.recv_timeout(SETTLE) {
        change = next.context("cannot watch the sources any longer")?;
    }
    eprintln!("  {} changed", change.strip_prefix(&workspace.root).unwrap_or(&change).display());
    Ok(())
}
