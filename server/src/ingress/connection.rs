//! One client connection, from its first byte to its last.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http::{Request, Response};
use http1::RequestError;
use http1::server::{Body, Connection, Ended, Stop};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

use super::first_words::{Speech, speech};
use super::{ClientBody, DataPlane, Handler, Limits, ResponseBody, current_worker, http2};

/// The longest request head, bytes: its target and 32 KiB of fields.
const MAX_HEAD: usize = MAX_TARGET + 32 * 1024;
/// The longest path and query, bytes; beyond it 414.
pub(super) const MAX_TARGET: usize = 16 * 1024;
/// After how long without a request a connection gives up what it has beyond its socket.
const QUIET: Duration = Duration::from_millis(200);
/// How much of the first head is read to find out where the connection belongs.
const FIRST_READ: usize = 4 * 1024;

/// A connection that was accepted on one thread and belongs to another: the first words of its first request say
/// which.
struct Arrived {
    stream: std::net::TcpStream,
    received: BytesMut,
    accepted: Instant,
}

/// What all connections of a listener share.
pub(super) struct Shared<H> {
    pub(super) handler: H,
    pub(super) limits: Limits,
    pub(super) plane: Arc<DataPlane>,
    pub(super) tracker: TaskTracker,
    pub(super) stop: Stop,
}

/// A place among the connections there may be.
pub(super) type Place = OwnedSemaphorePermit;

/// Serves a connection on the thread where it belongs, which the first words of the client tell; this is the one that
/// has accepted it.
pub(super) async fn run<H: Handler>(stream: TcpStream, peer: SocketAddr, shared: Arc<Shared<H>>, place: Place) {
    let Some((home, arrived)) = begin(stream, peer, &shared).await else { return };
    let counted = shared.plane.place(home);
    let home = shared.plane.worker(home).clone();
    shared.tracker.clone().spawn_on(
        async move {
            let _counted = counted;
            if let Some(stream) = register(arrived.stream, peer) {
                serve(stream, arrived.received, arrived.accepted, peer, &shared).await;
            }
            drop(place);
        },
        &home,
    );
}

/// Serves the connection if it belongs here; otherwise says which thread it is to be taken to.
async fn begin<H: Handler>(
    mut stream: TcpStream,
    peer: SocketAddr,
    shared: &Arc<Shared<H>>,
) -> Option<(usize, Arrived)> {
    let accepted = Instant::now();
    let deadline = accepted + shared.limits.head;
    // Who says nothing is let go without a word.
    tokio::select! {
        biased;
        readable = timeout_at(deadline, stream.readable()) => { readable.ok()?.ok()? }
        () = shared.stop.stopped() => return None,
    }
    let mut received = BytesMut::with_capacity(FIRST_READ);
    loop {
        if timeout_at(deadline, stream.read_buf(&mut received)).await.ok()?.ok()? == 0 {
            return None;
        }
        if speech(&received) != Speech::Unknown {
            break;
        }
    }
    let home = match speech(&received) {
        // Its requests may be for anybody.
        Speech::Http2 => Some(shared.plane.quietest()),
        Speech::Http1 | Speech::Unknown => shared.handler.home(&received, &shared.plane),
    };
    match home {
        Some(home) if Some(home) != current_worker() => {
            Some((home, Arrived { stream: stream.into_std().ok()?, received, accepted }))
        }
        _ => {
            let _counted = shared.plane.place(current_worker().unwrap_or(0));
            serve(stream, received, accepted, peer, shared).await;
            None
        }
    }
}

fn register(stream: std::net::TcpStream, peer: SocketAddr) -> Option<TcpStream> {
    let registered = TcpStream::from_std(stream);
    registered.inspect_err(|error| tracing::debug!(%peer, %error, "the connection was gone before it began")).ok()
}

/// Serves the HTTP that the client has begun to speak.
async fn serve<H: Handler>(
    stream: TcpStream,
    received: BytesMut,
    accepted: Instant,
    peer: SocketAddr,
    shared: &Arc<Shared<H>>,
) {
    if speech(&received) == Speech::Http2 {
        Box::pin(http2::serve(stream, received, accepted, peer, shared)).await;
    } else {
        serve_http1(stream, received, accepted, peer, shared).await;
    }
}

/// Serves HTTP/1.1 until the client or `stop` ends it; the request under way is answered in any case.
async fn serve_http1<H: Handler>(
    stream: TcpStream,
    received: BytesMut,
    accepted: Instant,
    peer: SocketAddr,
    shared: &Shared<H>,
) {
    let limits = http1::server::Limits {
        head: MAX_HEAD,
        target: MAX_TARGET,
        head_time: shared.limits.head,
        write_time: shared.limits.idle,
        quiet: QUIET,
    };
    let connection = Connection::new(stream, received, limits);
    let service = Service { handler: &shared.handler, peer };
    // The time for the first head counts from the beginning of the connection, that for others from their first byte.
    let mut began = Some(accepted);
    loop {
        // In a box that is not kept: a connection without requests is to cost no more than its socket.
        let served = Box::pin(connection.serve(&service, began.take(), &shared.stop)).await;
        if served != Ended::Quiet {
            return;
        }
        let deadline = Instant::now() + shared.limits.idle.saturating_sub(QUIET);
        tokio::select! {
            readable = timeout_at(deadline, connection.readable()) => if !matches!(readable, Ok(Ok(()))) { return },
            () = shared.stop.stopped() => return,
        }
    }
}

/// A handler and whom it talks to.
struct Service<'a, H> {
    handler: &'a H,
    peer: SocketAddr,
}

impl<H: Handler> http1::server::Service<TcpStream> for Service<'_, H> {
    type Body = ResponseBody;

    async fn answer(&self, request: Request<Body<TcpStream>>) -> Response<ResponseBody> {
        self.handler.answer(request.map(ClientBody::Http1), self.peer.ip()).await
    }

    fn refuse(&self, error: RequestError) -> Response<ResponseBody> {
        self.handler.refuse(error)
    }
}
