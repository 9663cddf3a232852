//! How much and how long.

use std::{num::NonZero, time::Duration};

use super::{parse, reader::Reader, setting};

/// How much and how long.
#[derive(Debug, Clone)]
pub struct Limits {
    /// `max_connections`: connections served at one time, as far as the limit of open files allows.
    pub max_connections: usize,
    /// `client_connections`: of one address among them; `None`: as many as there may be.
    pub client_connections: Option<usize>,
    /// `header_timeout`: for the head of a request.
    pub header_timeout: Duration,
    /// `idle_timeout`: for silence on a connection, between two requests or within a body.
    pub idle_timeout: Duration,
    /// `response_timeout`: until the origin's response begins.
    pub response_timeout: Duration,
    /// `hold_timeout`: for a telephone that broke off; zero for not at all.
    pub hold_timeout: Duration,
    /// `hold_limit`: requests that wait for the telephone of one tunnel.
    pub hold_limit: usize,
    /// `heartbeat`: from one question whether a silent telephone is there to the next; whole seconds.
    pub heartbeat: Duration,
    /// `health_interval`: from one check of a backend to the next; whole seconds.
    pub health_interval: Duration,
    /// `health_timeout`: until a check is given up.
    pub health_timeout: Duration,
    /// `body_limit`: the most that the body of a request may have where its owner has not said anything, bytes; `None`: as
    /// much as comes.
    pub body_limit: Option<u64>,
    /// `shutdown_grace`: for what is in flight when the process is told to stop.
    pub shutdown_grace: Duration,
}

impl Limits {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let hold_timeout = reader.take(&setting::HOLD_TIMEOUT, parse::duration_or_zero, Duration::from_secs(10));
        let heartbeat = reader.take(&setting::HEARTBEAT, parse::seconds, Duration::from_secs(2));
        let health_interval = reader.take(&setting::HEALTH_INTERVAL, parse::seconds, Duration::from_secs(10));
        let health_timeout = reader.take(&setting::HEALTH_TIMEOUT, parse::check_timeout, Duration::from_secs(2));
        let hold_limit = reader.take_optional(&setting::HOLD_LIMIT, parse::count(10_000)).map_or(100, NonZero::get);
        let body_limit = reader.take(&setting::BODY_LIMIT, parse::size_or_off, None);
        let most = parse::count_or_off(1_000_000);
        let client_connections = reader.take(&setting::CLIENT_CONNECTIONS, most, NonZero::new(1_000));
        let mut time = |setting, seconds| reader.take(setting, parse::duration, Duration::from_secs(seconds));
        Self {
            hold_timeout,
            heartbeat,
            hold_limit,
            health_interval,
            health_timeout,
            body_limit,
            client_connections: client_connections.map(NonZero::get),
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
