use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// What carries a connection.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Ready when a read would not have to wait.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// What has broken the connection, found out without reading: what was not read yet may stand before it.
    fn take_error(&self) -> Option<io::Error>;

    /// Has the connection end, once it is dropped, in a way that cannot be taken for the proper end of a message.
    fn abort(&self);
}

impl Transport for TcpStream {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_ready(cx)
    }

    fn take_error(&self) -> Option<io::Error> {
        TcpStream::take_error(self).unwrap_or_else(Some)
    }

    fn abort(&self) {
        // A reset instead of a FIN. Where that cannot be had the connection is gone already.
        let _gone = socket2::SockRef::from(self).set_linger(Some(Duration::ZERO));
    }
}
