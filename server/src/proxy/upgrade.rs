//! Connections that stop being HTTP: WebSockets and every other `Upgrade`.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use server_core::{InFlight, Meter};
use telephone::line::{RecvBody, SendBody, pipe};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::ingress::OnUpgrade;

/// Joins the client's upgraded connection with the stream, until both directions have ended.
pub(super) async fn join(upgrade: OnUpgrade, send: SendBody, recv: RecvBody, meter: Arc<Meter>, in_flight: InFlight) {
    let Some(upgraded) = upgrade.await else {
        tracing::debug!("the client left before the switch of protocols");
        return;
    };
    let counted = Counted { io: upgraded, meter };
    if let Err(error) = pipe(send, recv, counted).await {
        tracing::debug!(%error, "an upgraded connection broke off");
    }
    drop(in_flight);
}

/// Counts bytes as they pass, since such a connection may last for days.
struct Counted<IO> {
    io: IO,
    meter: Arc<Meter>,
}

impl<IO: AsyncRead + Unpin> AsyncRead for Counted<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.io).poll_read(cx, buf);
        self.meter.add_bytes_in((buf.filled().len() - before) as u64);
        result
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Counted<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(cx, buf);
        if let Poll::Ready(Ok(written)) = result {
            self.meter.add_bytes_out(written as u64);
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
