//! What the program `switchboard` can be asked to do.

mod apply;
mod backup;
mod demo;
mod exit;
mod explain;
mod export;
mod health;
mod help;
mod keys;
mod migrate;
mod open;
mod output;
mod password;
mod reseal;
mod serve;
mod signals;
mod user;

use clap::{Parser, Subcommand};

use crate::config::{Config, Flags};
pub use exit::Failure;

/// A self-hosted tunnel and reverse proxy with its dashboard in one process.
#[derive(Debug, Parser)]
#[command(name = "switchboard", version, after_help = help::SHORT, after_long_help = help::long())]
pub struct Arguments {
    /// What to do; `serve` when left out.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The settings given as flags.
    #[command(flatten)]
    pub settings: Flags,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve dashboard, API and tunnels until told to stop (the default)
    Serve,
    /// Add an account, or set its password
    #[command(subcommand)]
    User(user::UserCommand),
    /// List or replace what access tokens are signed with, and what secrets in the database are encrypted with
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Tell where a request would go, with every decision on the way; nothing is sent
    Explain(explain::ExplainArguments),
    /// Write services, backends, domains and routes as one document (TOML)
    Export(export::Whose),
    /// Make services, backends, domains and routes what a document says; what it does not name is deleted
    Apply(apply::ApplyArguments),
    /// Write all that the database holds into one file; servers may be running on it
    Backup(backup::BackupArguments),
    /// Make the database what a backup says, whichever kind of database that is from; no server may be running on it
    Restore(backup::RestoreArguments),
    /// Show a switchboard with a tunnel and visitors, on data that is deleted at the end
    Demo,
    /// Bring the database up to date, and end
    Migrate,
    /// Ask the server that runs with these settings whether it is alive
    Health,
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// Why it could not be done, and the exit code that says so to programs.
    pub fn run(self, config: Config) -> Result<(), Failure> {
        match self {
            Self::Serve => serve::run(config),
            Self::User(command) => user::run(command, &config),
            Self::Keys(command) => keys::run(&command, &config),
            Self::Explain(arguments) => explain::run(arguments, &config),
            Self::Export(whose) => export::run(&whose, &config),
            Self::Apply(arguments) => apply::run(&arguments, &config),
            Self::Backup(arguments) => backup::back_up(&arguments, &config),
            Self::Restore(arguments) => backup::restore(&arguments, &config),
            Self::Demo => demo::run(config),
            Self::Migrate => migrate::run(&config),
            Self::Health => health::run(&config),
        }
    }
}

/// Waits for what `work` does on a small runtime, for commands that serve nobody.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(exit::OS, format!("cannot start: {error}")))?.block_on(work)
}
