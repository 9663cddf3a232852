//! `switchboard`: dashboard, API, proxy and tunnel endpoint in one process.

mod allocator;

use clap::Parser;
use server::{
    commands::{Arguments, Command, Failure},
    config::Config,
    observe::logs,
};
use std::process::ExitCode;

fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(arguments) => run(arguments).map_or_else(|failure| failure.report(), |()| ExitCode::SUCCESS),
        Err(error) => Failure::usage(&error),
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let config = Config::load(&arguments.settings)?;
    logs::start(&config.logs)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    if let Err(error) = allocator::keep_tidy() {
        tracing::warn!(%error, "freed memory goes back to the system late: no thread could be started for it");
    }
    arguments.command.unwrap_or(Command::Serve).run(config)
}
