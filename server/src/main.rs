//! `switchboard`: dashboard, API, proxy and tunnel endpoint in one process.

use clap::Parser;
use server::{
    commands::{Arguments, Command, Failure},
    config::Config,
    observe::logs,
};
use std::process::ExitCode;

/// Traffic makes and drops buffers of every size all the time. The C library's allocator gives freed ones back to the
/// kernel only to ask for them again: that halved the speed of large downloads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    arguments.command.unwrap_or(Command::Serve).run(config)
}
