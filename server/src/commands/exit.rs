//! Exit codes, after sysexits(3), and the errors that lead to them.

use server_core::{CoreError, OpenError};
use std::{
    io::{self, Write},
    process::ExitCode,
};

use crate::{
    app::StartError,
    config::{ConfigError, DataDirError},
};

/// The server is not alive, or it stopped by a fault.
pub(super) const FAILED: u8 = 1;
/// The command line is not understood.
const USAGE: u8 = 64;
/// What was entered cannot be accepted: a bad e-mail address, a short password, a taken name, a damaged file.
pub(super) const DATA: u8 = 65;
/// Something needed is not there: the database, or the address to listen on.
pub(super) const UNAVAILABLE: u8 = 69;
/// The operating system refused something.
pub(super) const OS: u8 = 71;
/// A setting is wrong, the data folder's included.
const CONFIG: u8 = 78;
/// Ended at once by a second signal: 128 and the number of SIGINT, as shells count.
pub(super) const INTERRUPTED: u8 = 130;

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    pub(super) fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Says it on standard error; the exit code says it to programs.
    pub fn report(&self) -> ExitCode {
        let mut stderr = io::stderr().lock();
        for line in self.message.lines() {
            // The exit code still tells when nobody reads this.
            let _ = writeln!(stderr, "switchboard: {line}");
        }
        ExitCode::from(self.code)
    }

    /// The end of a command line that is not understood, or that asked for help.
    pub fn usage(error: &clap::Error) -> ExitCode {
        // Nobody is left to be told that standard output or error is closed.
        let _ = error.print();
        if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(CONFIG, error.to_string())
    }
}

impl From<DataDirError> for Failure {
    fn from(error: DataDirError) -> Self {
        Self::new(CONFIG, error.to_string())
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let code = match error {
            OpenError::NotWritable { .. } | OpenError::Missing { .. } | OpenError::OtherKey { .. } => CONFIG,
            OpenError::Damaged { .. } | OpenError::Newer { .. } => DATA,
            _ => UNAVAILABLE,
        };
        Self::new(code, error.to_string())
    }
}

impl From<CoreError> for Failure {
    fn from(error: CoreError) -> Self {
        // Whoever types commands on the server may see what is otherwise only in its log.
        let message = error.cause().map_or_else(|| error.to_string(), |cause| format!("{error} ({cause})"));
        let code = match error {
            CoreError::Unavailable(_) => UNAVAILABLE,
            CoreError::Internal(_) => FAILED,
            _ => DATA,
        };
        Self::new(code, message)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::DataDir(error) => error.into(),
            StartError::Open(error) => error.into(),
            StartError::Provider(_) => Self::new(CONFIG, error.to_string()),
            StartError::Load(_) | StartError::Mail(_) | StartError::Listen { .. } => {
                Self::new(UNAVAILABLE, error.to_string())
            }
        }
    }
}

impl From<tracing_subscriber::util::TryInitError> for Failure {
    fn from(error: tracing_subscriber::util::TryInitError) -> Self {
        Self::new(OS, format!("logging cannot be started: {error}"))
    }
}
