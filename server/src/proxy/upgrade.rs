//! Connections that stop being HTTP: WebSockets and every other `Upgrade`.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use domain::ExchangeEnd;
use server_core::{InFlight, Meter};
use telephone::line::pipe;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::answer::{Parts, UpgradedAnswer};
use super::capture::{Capture, Side};
use crate::front::{Pace, Visitor};
use crate::ingress::OnUpgrade;
use crate::routing::InUse;

/// How much of one direction of a connection to a backend is under way, bytes.
const PIPE: usize = 16 * 1024;

/// Carries a connection on for as long as whoever signed in for it is; `None`: nobody had to.
pub(super) async fn while_signed_in(visitor: Option<Visitor>, joined: impl Future<Output = ()>) {
    match visitor.map(Visitor::ended) {
        None => joined.await,
        Some(ended) => tokio::select! {
            () = joined => {}
            () = ended => tracing::debug!("an upgraded connection was cut: who had signed in is not any more"),
        },
    }
}

/// Joins the client's upgraded connection with the one it asked for, until both directions have ended. Meanwhile
/// `guards` are held.
pub(super) async fn join(
    upgrade: OnUpgrade,
    other: UpgradedAnswer,
    meter: Arc<Meter>,
    capture: Option<Arc<Capture>>,
    given: Parts,
    (up, down): (Option<Box<Pace>>, Option<Box<Pace>>),
    guards: (InFlight, Option<InUse>),
) {
    let Some((upgraded, place)) = upgrade.await else {
        tracing::debug!("the client left before the switch of protocols");
        return;
    };
    let mut counted = Counted { io: upgraded, meter, given, capture: capture.clone(), up, down };
    let ended = match other {
        UpgradedAnswer::Tunnel(send, recv) => {
            pipe(send, recv, counted).await.map(drop).map_err(|error| error.to_string())
        }
        UpgradedAnswer::Upstream(mut backend) => {
            let copied = tokio::io::copy_bidirectional_with_sizes(&mut counted, &mut backend, PIPE, PIPE).await;
            copied.map(drop).map_err(|error| error.to_string())
        }
    };
    if let Some(capture) = capture {
        capture.ended(if ended.is_ok() { ExchangeEnd::Complete } else { ExchangeEnd::BrokenOff });
    }
    if let Err(error) = ended {
        tracing::debug!(%error, "an upgraded connection broke off");
    }
    drop((guards, place));
}

/// Counts bytes as they pass, since such a connection may last for days.
struct Counted<IO> {
    io: IO,
    meter: Arc<Meter>,
    given: Parts,
    capture: Option<Arc<Capture>>,
    up: Option<Box<Pace>>,
    down: Option<Box<Pace>>,
}

impl<IO: AsyncRead + Unpin> AsyncRead for Counted<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(pace) = &mut self.up {
            ready!(pace.poll(cx));
        }
        let before = buf.filled().len();
        let result = Pin::new(&mut self.io).poll_read(cx, buf);
        let read = &buf.filled()[before..];
        self.meter.add_bytes_in(read.len() as u64);
        self.given.add_bytes_in(read.len() as u64);
        if let Some(pace) = &self.up {
            pace.passed(read.len());
        }
        if let Some(capture) = &self.capture {
            capture.passed(Side::Request, read);
        }
        result
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Counted<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(pace) = &mut self.down {
            ready!(pace.poll(cx));
        }
        let result = Pin::new(&mut self.io).poll_write(cx, buf);
        if let Poll::Ready(Ok(written)) = result {
            if let Some(pace) = &self.down {
                pace.passed(written);
            }
            self.meter.add_bytes_out(written as u64);
            self.given.add_bytes_out(written as u64);
            if let Some(capture) = &self.capture {
                capture.passed(Side::Response, &buf[..written]);
            }
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
