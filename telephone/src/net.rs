//! TCP connections, made one way for everything a telephone dials.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};

/// A connection, whatever it is made of.
pub(crate) type Socket = Box<dyn Io>;

/// What [`Socket`] can do.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Looks `host` up and connects to the first of its addresses that answers, all within `limit`. Each address has its
/// share of the time that is left, so that one which swallows packets does not use up the others' chance.
pub(crate) async fn connect_tcp(host: &str, port: u16, limit: Duration) -> io::Result<TcpStream> {
    let deadline = Instant::now() + limit;
    let addresses: Vec<SocketAddr> = timeout(limit, lookup_host((host, port)))
        .await
        .map_err(|_| too_slow("looking up the address", limit))??
        .collect();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for (tried, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - tried).unwrap_or(1);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = too_slow("connecting", limit),
        }
    }
    Err(last)
}

pub(crate) fn too_slow(what: &str, limit: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("{what} took longer than {} s", limit.as_secs()))
}
