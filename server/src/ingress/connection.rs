//! One client connection, from its first byte to its last.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::watched::{Phase, QUIET, Watched};
use super::{Handler, Limits, ResponseBody};

/// The longest request head, bytes.
const MAX_HEAD: usize = 32 * 1024;
/// The largest number of header fields in a request.
const MAX_HEADERS: usize = 100;

/// Serves HTTP/1.1 until the client or `stop` ends it; the request under way is answered in any case.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    handler: Arc<impl Handler>,
    limits: Limits,
    stop: CancellationToken,
) {
    let accepted = Instant::now();
    // The time for the first head counts from the beginning of the connection, that for others from their first byte.
    let mut head_began = Some(accepted);
    let mut deadline = accepted + limits.head;
    let mut socket = match stream.set_nonblocking(true).and_then(|()| tokio::net::TcpStream::from_std(stream)) {
        Ok(socket) => socket,
        Err(error) => {
            tracing::debug!(%peer, %error, "the connection was gone before it began");
            return;
        }
    };
    let mut received = Bytes::new();
    loop {
        // Who says nothing is let go without a word.
        if received.is_empty() {
            tokio::select! {
                readable = timeout_at(deadline, socket.readable()) => if !matches!(readable, Ok(Ok(()))) { return },
                () = stop.cancelled() => return,
            }
        }
        let began = head_began.take().unwrap_or_else(Instant::now);
        let watched = |phase| Watched::new(socket, received, phase, began, limits.head, limits.idle);
        match serve_busy(watched, peer, &*handler, &stop).await {
            Some(quiet) => (socket, received) = quiet,
            None => return,
        }
        deadline = Instant::now() + limits.idle.saturating_sub(QUIET);
    }
}

/// Serves requests as long as they keep coming, and then gives the socket back: an open connection without requests is
/// to cost no more than its socket. `None` when the connection has ended.
async fn serve_busy(
    watched: impl FnOnce(Phase) -> Watched<tokio::net::TcpStream>,
    peer: SocketAddr,
    handler: &impl Handler,
    stop: &CancellationToken,
) -> Option<(tokio::net::TcpStream, Bytes)> {
    let phase = Phase::default();
    let service = service_fn(|request| answer(request, peer, handler, phase.clone()));
    let connection = http1::Builder::new()
        // The socket has deadlines of its own, which can tell a slow head from an idle connection.
        .header_read_timeout(None)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(watched(phase.clone())), service)
        .with_upgrades();
    let mut connection = Box::new(connection);
    let busy = poll_fn(|cx| match Pin::new(&mut *connection).poll(cx) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending if phase.is_quiet() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    });
    let result = tokio::select! {
        result = busy => result,
        () = stop.cancelled() => {
            Pin::new(&mut *connection).graceful_shutdown();
            Some((&mut connection).await)
        }
    };
    match result {
        None => {
            let parts = connection.into_parts()?;
            // A connection without requests has read all there was.
            let (socket, _) = parts.io.into_inner().into_parts();
            Some((socket, parts.read_buf))
        }
        Some(result) => {
            if let Err(error) = result {
                tracing::debug!(%peer, error = &error as &dyn std::error::Error, "the connection ended early");
            }
            None
        }
    }
}

/// The socket of an upgraded connection, without the deadlines of HTTP, and what has been read from it already. `None`
/// when the connection was not accepted here.
pub fn take_socket(upgraded: Upgraded) -> Option<(tokio::net::TcpStream, Vec<u8>)> {
    let parts = upgraded.downcast::<TokioIo<Watched<tokio::net::TcpStream>>>().ok()?;
    let (socket, unread) = parts.io.into_inner().into_parts();
    Some((socket, [parts.read_buf, unread].concat()))
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    handler: &impl Handler,
    phase: Phase,
) -> Result<Response<Answer>, Infallible> {
    phase.request_begins();
    let response = handler.answer(request, peer.ip()).await;
    // After an upgrade the socket no longer speaks HTTP: there is no next head to wait for.
    let phase = Some(phase).filter(|_| response.status() != StatusCode::SWITCHING_PROTOCOLS);
    Ok(response.map(|body| Answer { body, phase }))
}

/// A body that tells its connection when it is done.
struct Answer {
    body: ResponseBody,
    phase: Option<Phase>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(phase) = &self.phase {
            phase.request_ends();
        }
    }
}

impl http_body::Body for Answer {
    type Data = bytes::Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, axum::BoxError>>> {
        std::pin::Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
