//! `switchboard backup` and `switchboard restore`

use clap::Args;
use server_core::BackupError;
use std::path::PathBuf;

use super::{Failure, block_on, exit, signals::Signals};
use crate::config::{Config, DataDir};

/// Where a backup goes.
#[derive(Debug, Args)]
pub struct BackupArguments {
    /// The file to write; a backup of that name is replaced once the new one is whole
    file: PathBuf,
}

/// Where a backup comes from.
#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// The file that `switchboard backup` wrote, from either kind of database
    file: PathBuf,
    /// Lose all that is in the database now
    #[arg(long)]
    replace: bool,
}

/// Servers may be running on the database meanwhile.
pub(super) fn back_up(arguments: &BackupArguments, config: &Config) -> Result<(), Failure> {
    block_on(async {
        let mut signals = Signals::listen()?;
        let backing_up = server_core::back_up(&config.storage.database_url, &arguments.file);
        // What was written so far goes with it.
        let done = tokio::select! {
            done = backing_up => done?,
            signal = signals.next() => return Err(Failure::new(exit::INTERRUPTED, format!("ended by {signal}; there is no backup"))),
        };
        let (rows, tables, bytes) = (done.rows, done.tables, done.bytes);
        println!("{}: {rows} rows of {tables} tables, {bytes} bytes.", arguments.file.display());
        Ok(())
    })
}

/// No server may be running on the database.
pub(super) fn restore(arguments: &RestoreArguments, config: &Config) -> Result<(), Failure> {
    let folder = DataDir::open(&config.storage)?;
    let _lock = folder.lock()?;
    block_on(async {
        let url = &config.storage.database_url;
        let done = server_core::restore(url, &arguments.file, arguments.replace).await?;
        let at = done.at.format("%Y-%m-%d %H:%M:%S UTC");
        println!("{url} is as it was at {at}: {} rows of {} tables.", done.rows, done.tables);
        Ok(())
    })
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let code = match error {
            BackupError::Open(error) => return error.into(),
            BackupError::File { .. } => exit::OS,
            BackupError::Database(_) | BackupError::InUse { .. } => exit::UNAVAILABLE,
            BackupError::SomethingElse { .. }
            | BackupError::NotABackup { .. }
            | BackupError::Damaged { .. }
            | BackupError::Newer { .. }
            | BackupError::Nothing { .. }
            | BackupError::NotEmpty { .. } => exit::DATA,
        };
        Self::new(code, error.to_string())
    }
}
