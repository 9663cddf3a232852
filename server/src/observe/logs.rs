//! The log: lines for people or JSON for machines, always on standard error, which leaves standard output to what a
//! command was asked for.

use std::io::{self, IsTerminal};
use tracing_subscriber::{EnvFilter, fmt, util::SubscriberInitExt};

use crate::config::{LogFormat, Logs};

/// Heard only when asked for by name: one says at every start that there is nothing to migrate, one warns of every cookie
/// whose session has ended, and one of frames that a client can send by the thousand.
const QUIETER: &str = "sea_orm_migration=warn,tower_sessions_core=error,h2=error";

/// Starts logging for the whole process.
///
/// # Errors
/// When the process already logs.
pub fn start(logs: &Logs) -> Result<(), tracing_subscriber::util::TryInitError> {
    let filter = EnvFilter::builder().parse_lossy(format!("{QUIETER},{}", logs.level));
    // When nobody reads the log any more, complaining about it on the same closed standard error would be a panic.
    let log = fmt().with_env_filter(filter).with_writer(io::stderr).log_internal_errors(false);
    match logs.format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).finish().try_init(),
        LogFormat::Json => log.json().flatten_event(true).finish().try_init(),
    }
}
