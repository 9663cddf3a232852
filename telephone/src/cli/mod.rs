//! The command line: what was asked for, where settings come from, what is shown.

mod announcement;
mod args;
mod config;
mod diagnose;
mod display;
mod exit;
mod file;
mod http;
mod logging;
mod login;
mod serve;
mod service;
mod settings;
mod signals;
mod start;
mod status;
mod store;
mod workers;

use std::process::ExitCode;

use args::{Command, ConfigCommand};
use exit::Failure;

/// Does what the command line asks for.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    let (cli, origins) = args::parse()?;
    match cli.command {
        Command::Http(args) => http::run(*args, &origins),
        Command::Start(args) => start::run(args, &origins),
        Command::Config(ConfigCommand::Check(args)) => config::check(args, &origins),
        Command::Status(args) => status::run(&args),
        Command::Service(command) => service::run(command),
        Command::Diagnose(args) => diagnose::run(args, &origins),
        Command::Login(args) => login::run(args, &origins),
    }
}
