//! One client connection, from its first byte to its last.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response, header};
use http1::RequestError;
use http1::server::{Body, Connection, Ended, Stop};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::first_words::{Speech, speech};
use super::places::Place;
use super::{ClientBody, DataPlane, Handler, Limits, ResponseBody, current_worker, http2};

/// The longest request head, bytes: its target and 32 KiB of fields.
const MAX_HEAD: usize = MAX_TARGET + 32 * 1024;
/// The longest path and query, bytes; beyond it 414.
pub(super) const MAX_TARGET: usize = 16 * 1024;
/// After how long without a request a connection gives up what it has beyond its socket. A thousand clients that ask once,
/// one after the other, and stay took 15 MiB with 200 ms and 2 MiB with this.
const QUIET: Duration = Duration::from_millis(25);
/// How much of the first head is read to find out where the connection belongs.
const FIRST_READ: usize = 4 * 1024;

/// A connection of which something is known already.
struct Arrived {
    peer: SocketAddr,
    received: BytesMut,
    accepted: Instant,
    place: Arc<Place>,
    first: First,
}

/// What all connections of a listener share.
pub(super) struct Shared<H> {
    pub(super) handler: Arc<H>,
    pub(super) limits: Limits,
    pub(super) plane: Arc<DataPlane>,
    pub(super) tracker: TaskTracker,
    pub(super) stop: Arc<Stop>,
    /// Connections that have not been answered yet.
    pub(super) unanswered: TaskTracker,
    /// Whether these connections are there only to be told that there is no place.
    pub(super) spare: bool,
}

/// Held until the first answer.
type First = TaskTrackerToken;

impl<H> Clone for Shared<H> {
    fn clone(&self) -> Self {
        Self {
            handler: self.handler.clone(),
            limits: self.limits,
            plane: self.plane.clone(),
            tracker: self.tracker.clone(),
            stop: self.stop.clone(),
            unanswered: self.unanswered.clone(),
            spare: self.spare,
        }
    }
}

impl<H: Handler> Shared<H> {
    /// Has a request answered. A fault of ours costs this one, and neither its connection nor what else is on it.
    pub(super) async fn answer(&self, request: Request<ClientBody>, peer: IpAddr) -> Response<ResponseBody> {
        let answer = async {
            match self.spare {
                false => self.handler.answer(request, peer).await,
                true => self.handler.turn_away(request, peer).await,
            }
        };
        // What the handler shares with others is behind locks and atomics, which its end leaves in order.
        match AssertUnwindSafe(answer).catch_unwind().await {
            Ok(response) => response,
            Err(_) => self.handler.failed(),
        }
    }
}

/// Has a connection that was just accepted served on the thread where it belongs, which the first words of the client
/// tell.
pub(super) fn begin<H: Handler>(stream: std::net::TcpStream, peer: SocketAddr, shared: Arc<Shared<H>>, place: Place) {
    let (place, first) = (Arc::new(place), shared.unanswered.token());
    let mut arrived = Arrived { peer, received: BytesMut::new(), accepted: Instant::now(), place, first };
    if let Err(error) = stream.set_nonblocking(true) {
        tracing::debug!(%peer, %error, "the connection was gone before it began");
        return;
    }
    // Who is near, or waited in the kernel's queue, has spoken by now, and nothing needs to be waited for here.
    let mut first = [0; FIRST_READ];
    match (&stream).read(&mut first) {
        Ok(0) => return,
        Ok(read) => {
            arrived.received.reserve(FIRST_READ);
            arrived.received.extend_from_slice(&first[..read]);
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        Err(_) => return,
    }
    match speech(&arrived.received) {
        Speech::Unknown => drop(shared.tracker.clone().spawn(listen(stream, arrived, shared))),
        _ => {
            let home = home(&arrived, &shared);
            send(home, stream, arrived, shared);
        }
    }
}

/// Waits for the first words.
async fn listen<H: Handler>(stream: std::net::TcpStream, mut arrived: Arrived, shared: Arc<Shared<H>>) {
    let Some(mut stream) = register(stream, arrived.peer) else { return };
    let deadline = arrived.accepted + shared.limits.head;
    // Who says nothing is let go without a word.
    tokio::select! {
        biased;
        readable = timeout_at(deadline, stream.readable()) => if !matches!(readable, Ok(Ok(()))) { return },
        () = shared.stop.stopped() => return,
    }
    arrived.received.reserve(FIRST_READ);
    while speech(&arrived.received) == Speech::Unknown {
        if !matches!(timeout_at(deadline, stream.read_buf(&mut arrived.received)).await, Ok(Ok(1..))) {
            return;
        }
    }
    let home = home(&arrived, &shared);
    if Some(home) == current_worker() {
        let _counted = shared.plane.place(home);
        return serve(stream, arrived, &shared).await;
    }
    match stream.into_std() {
        Ok(stream) => send(home, stream, arrived, shared),
        Err(error) => tracing::debug!(peer = %arrived.peer, %error, "the connection was gone before it began"),
    }
}

/// The thread where the connection belongs.
fn home<H: Handler>(arrived: &Arrived, shared: &Shared<H>) -> usize {
    let home = match speech(&arrived.received) {
        // Its requests may be for anybody.
        Speech::Http2 => Some(shared.plane.quietest()),
        Speech::Http1 | Speech::Unknown => shared.handler.home(&arrived.received, &shared.plane),
    };
    home.or_else(current_worker).unwrap_or(0)
}

/// Has the connection served on this thread.
fn send<H: Handler>(home: usize, stream: std::net::TcpStream, arrived: Arrived, shared: Arc<Shared<H>>) {
    let counted = shared.plane.place(home);
    let worker = shared.plane.worker(home).clone();
    shared.tracker.clone().spawn_on(
        async move {
            let _counted = counted;
            if let Some(stream) = register(stream, arrived.peer) {
                serve(stream, arrived, &shared).await;
            }
        },
        &worker,
    );
}

fn register(stream: std::net::TcpStream, peer: SocketAddr) -> Option<TcpStream> {
    let registered = TcpStream::from_std(stream);
    registered.inspect_err(|error| tracing::debug!(%peer, %error, "the connection was gone before it began")).ok()
}

/// Serves the HTTP that the client has begun to speak.
async fn serve<H: Handler>(stream: TcpStream, arrived: Arrived, shared: &Arc<Shared<H>>) {
    let Arrived { peer, received, accepted, place, first } = arrived;
    if speech(&received) == Speech::Http2 {
        // Its end says which requests were not looked at.
        drop(first);
        Box::pin(http2::serve(stream, received, accepted, peer, shared)).await;
        drop(place);
    } else {
        serve_http1(stream, received, accepted, peer, (place, first), shared).await;
    }
}

/// Serves HTTP/1.1 until the client or `stop` ends it; the request under way is answered in any case.
async fn serve_http1<H: Handler>(
    stream: TcpStream,
    received: BytesMut,
    accepted: Instant,
    peer: SocketAddr,
    (place, first): (Arc<Place>, First),
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
    let service = Service { shared, peer, place, first: Mutex::new(Some(first)) };
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
    shared: &'a Shared<H>,
    peer: SocketAddr,
    place: Arc<Place>,
    first: Mutex<Option<First>>,
}

impl<H: Handler> http1::server::Service<TcpStream> for Service<'_, H> {
    type Body = ResponseBody;

    async fn answer(&self, request: Request<Body<TcpStream>>) -> Response<ResponseBody> {
        let _answered = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let request = request.map(|body| ClientBody::Http1(body, self.place.clone()));
        let mut response = self.shared.answer(request, self.peer.ip()).await;
        if self.shared.spare {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    fn refuse(&self, error: RequestError) -> Response<ResponseBody> {
        self.shared.handler.refuse(error)
    }
}
