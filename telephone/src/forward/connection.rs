use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http2::{OpenError, Stream};
use tokio::time::{Instant, timeout_at};

use super::Forwarder;
use super::page::Problem;
use super::pool::MAX_AGE;
use crate::net::{Socket, connect_tcp, too_slow};
use crate::target::{Scheme, Target};

/// How long the local server may take to accept a connection, TLS included.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// A connection to the local server over which HTTP/1.1 is spoken, on which no request is under way.
pub(super) type Connection = http1::client::Connection<Socket>;

/// What carries a request.
pub(super) enum Way {
    Http1(Connection),
    /// Several times as large as a connection.
    Http2(Box<Stream>),
}

/// Why nothing does.
#[derive(Debug, thiserror::Error)]
enum NoWay {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Http2(#[from] OpenError),
}

impl Forwarder {
    /// Whether requests share connections, as far as is known.
    fn multiplexes(&self) -> bool {
        match self.target {
            Target::Unix(_) | Target::Tcp { scheme: Scheme::Http, .. } => false,
            Target::Tcp { scheme: Scheme::H2c, .. } => true,
            Target::Tcp { scheme: Scheme::Https, .. } => !self.pool.prefers_http1.load(Ordering::Relaxed),
        }
    }

    /// Whether the local server speaks HTTP/2 alone, as far as is known.
    pub(super) fn speaks_http2_only(&self) -> bool {
        matches!(self.target, Target::Tcp { scheme: Scheme::H2c, .. })
    }

    /// A connection that is there at `now`.
    pub(super) fn open_already(&self, now: std::time::Instant) -> Option<Way> {
        if self.multiplexes()
            && let Some(stream) = self.pool.http2.stream()
        {
            return Some(Way::Http2(Box::new(stream)));
        }
        self.pool.take(now).map(Way::Http1)
    }

    /// Opens a connection, or uses one that another request is just opening; one that can be switched to another
    /// protocol, if `upgrade`.
    pub(super) async fn open(&self, upgrade: bool) -> Result<Way, Problem> {
        let deadline = Instant::now() + CONNECT_LIMIT;
        while !upgrade && self.multiplexes() {
            let changed = self.pool.http2.changed();
            if let Some(stream) = self.pool.http2.stream() {
                return Ok(Way::Http2(Box::new(stream)));
            }
            // One opens a connection, and all that wait meanwhile use it.
            if let Some(_opening) = self.pool.http2.open() {
                return self.open_before(deadline, upgrade).await;
            }
            if timeout_at(deadline, changed).await.is_err() {
                return Err(Problem::Unreachable(too_slow("connecting", CONNECT_LIMIT).to_string()));
            }
        }
        self.open_before(deadline, upgrade).await
    }

    async fn open_before(&self, deadline: Instant, upgrade: bool) -> Result<Way, Problem> {
        match timeout_at(deadline, self.open_fresh(upgrade)).await {
            Ok(Ok(way)) => Ok(way),
            Ok(Err(NoWay::Io(error))) => Err(Problem::Unreachable(error.to_string())),
            Ok(Err(NoWay::Http2(error))) => Err(Problem::NotHttp2(error.to_string())),
            Err(_) => Err(Problem::Unreachable(too_slow("connecting", CONNECT_LIMIT).to_string())),
        }
    }

    async fn open_fresh(&self, upgrade: bool) -> Result<Way, NoWay> {
        let (socket, http2) = self.dial(upgrade).await?;
        if self.tls.is_some() && !upgrade {
            self.pool.prefers_http1.store(!http2, Ordering::Relaxed);
        }
        if !http2 {
            return Ok(Way::Http1(Connection::new(socket)));
        }
        Ok(Way::Http2(Box::new(self.pool.http2.add(socket, (), MAX_AGE).await?)))
    }

    /// A socket, and whether HTTP/2 is spoken over it.
    async fn dial(&self, upgrade: bool) -> io::Result<(Socket, bool)> {
        match &self.target {
            Target::Tcp { host, port, scheme } => {
                let socket: Socket = Box::new(connect_tcp(host, *port, CONNECT_LIMIT).await?);
                match &self.tls {
                    Some(tls) if upgrade => Ok((tls.connect(host, socket).await?, false)),
                    Some(tls) => tls.connect_either(host, socket).await,
                    None => Ok((socket, *scheme == Scheme::H2c)),
                }
            }
            #[cfg(unix)]
            Target::Unix(path) => Ok((Box::new(tokio::net::UnixStream::connect(path).await?), false)),
            #[cfg(not(unix))]
            Target::Unix(_) => Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets")),
        }
    }
}
