//! One client connection, from its first byte to its last.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::watched::{Phase, Watched};
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
    let started = Instant::now();
    let stream = match stream.set_nodelay(true).and_then(|()| tokio::net::TcpStream::from_std(stream)) {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%peer, %error, "the connection was gone before it began");
            return;
        }
    };
    // Who connects and says nothing is let go without a word.
    let first_byte = async { stream.peek(&mut [0]).await.is_ok_and(|read| read > 0) };
    tokio::select! {
        first = timeout_at(started + limits.head, first_byte) => if !first.unwrap_or(false) { return },
        () = stop.cancelled() => return,
    }
    let phase = Phase::default();
    let rest = limits.head.saturating_sub(started.elapsed());
    let socket = Watched::new(stream, phase.clone(), rest, limits.head, limits.idle);
    let service = service_fn(|request| answer(request, peer, &*handler, phase.clone()));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // The socket's own deadlines are shorter and tell a slow head from an idle connection, which this cannot.
        .header_read_timeout(limits.idle + limits.head)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%peer, error = &error as &dyn std::error::Error, "the connection ended early");
    }
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
