//! The command line: what was asked for, where settings come from, what is shown.

mod args;
mod diagnose;
mod display;
mod exit;
mod http;
mod logging;
mod login;
mod settings;
mod store;

use std::process::ExitCode;

use args::Command;
use exit::Failure;

/// Does what the command line asks for.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    let (cli, origins) = args::parse()?;
    match cli.command {
        Command::Http(args) => http::run(*args, &origins),
        Command::Diagnose(args) => diagnose::run(args, &origins),
        Command::Login(args) => login::run(args, &origins),
    }
}
