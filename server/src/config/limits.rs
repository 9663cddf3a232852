//! How much and how long.

use std::{num::NonZero, time::Duration};

use super::{parse, reader::Reader, setting};

/// How much and how long.
#[derive(Debug, Clone)]
pub struct Limits {
    /// `max_connections`: connections served at one time, as far as the limit of open files allows.
    pub max_connections: usize,
    /// `header_timeout`: for the head of a request.
    pub header_timeout: Duration,
    /// `idle_timeout`: for silence on a connection, between two requests or within a body.
    pub idle_timeout: Duration,
    /// `response_timeout`: until the origin's response begins.
    pub response_timeout: Duration,
    /// `shutdown_grace`: for what is in flight when the process is told to stop.
    pub shutdown_grace: Duration,
}

impl Limits {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let mut time = |setting, seconds| reader.take(setting, parse::duration, Duration::from_secs(seconds));
        Self {
            header_timeout: time(&setting::HEADER_TIMEOUT, 10),
            idle_timeout: time(&setting::IDLE_TIMEOUT, 60),
            response_timeout: time(&setting::RESPONSE_TIMEOUT, 120),
            shutdown_grace: time(&setting::SHUTDOWN_GRACE, 30),
            max_connections: reader
                .take_optional(&setting::MAX_CONNECTIONS, parse::count(1_000_000))
                .map_or(20_000, NonZero::get),
        }
    }
}
