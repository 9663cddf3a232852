use std::io::{self, IsTerminal};

use tracing_subscriber::filter::LevelFilter;

use super::args::LogFormat;

/// Sends the library's own log to standard error.
pub(super) fn start(format: LogFormat, level: LevelFilter) {
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
}
