//! TCP connections, made one way for everything a telephone dials.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};
use tokio_rustls::client::TlsStream;

/// A connection, whatever it is made of.
pub(crate) type Socket = Box<dyn Io>;

/// What [`Socket`] can do.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {
    /// Has the connection be reset when it is dropped. Otherwise the kernel would go on to deliver what the other end has
    /// not read yet, and only then tell it that nobody is left, which is never if it does not read.
    fn abort(&self);

    /// Whether the other end is, as far as is known, still there and has said nothing that was not read. What it has said
    /// may be lost: who is not quiet when it should be is not to be listened to.
    fn is_quiet(&mut self) -> bool;
}

fn would_block(read: &io::Result<usize>) -> bool {
    matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

impl Io for TcpStream {
    fn abort(&self) {
        // Where that cannot be had the connection is gone already.
        let _gone = self.set_zero_linger();
    }

    fn is_quiet(&mut self) -> bool {
        would_block(&self.try_read(&mut [0]))
    }
}

/// Its other end is told at once, whatever it has not read.
#[cfg(unix)]
impl Io for tokio::net::UnixStream {
    fn abort(&self) {}

    fn is_quiet(&mut self) -> bool {
        would_block(&self.try_read(&mut [0]))
    }
}

impl Io for TlsStream<Socket> {
    fn abort(&self) {
        self.get_ref().0.abort();
    }

    /// Bytes that came may be TLS's own, so that only reading them shows.
    fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        Pin::new(self).poll_read(&mut Context::from_waker(Waker::noop()), &mut ReadBuf::new(&mut byte)).is_pending()
    }
}

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
