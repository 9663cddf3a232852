//! `cargo xtask run`

use std::{ffi::OsString, os::unix::process::CommandExt};

use anyhow::Context;

use crate::{
    binaries::{self, With},
    flavour::Flavour,
    process,
    workspace::Workspace,
};

/// Arguments of `run`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Arguments for `switchboard`, for instance `-- --listen 127.0.0.1:9000` or `-- --help`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    switchboard: Vec<OsString>,
}

/// Builds what has changed, then becomes the server: signals and exit code are the server's own.
///
/// # Errors
/// When something does not build or the server cannot be started.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<()> {
    let built = binaries::build(workspace, Flavour::Quick, With::Nothing)?;
    let error = process::command(&built.switchboard).args(&arguments.switchboard).exec();
    Err(error).with_context(|| format!("cannot start {}", built.switchboard.display()))
}
