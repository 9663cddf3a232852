//! Connections over which HTTP/2 is spoken (RFC 9113): many requests at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use h2::{Ping, PingPong};
use tokio::sync::{Notify, oneshot};
use tokio::time::{sleep, timeout};

use super::error::ConnectError;
use super::places::Place;
use super::slot::Slot;
use super::socket::Socket;

/// How many requests a connection carries at once, if the backend allows that many.
const MAX_STREAMS: usize = 128;
/// How much of one response comes ahead of its reader, bytes.
const STREAM_WINDOW: u32 = 256 * 1024;
/// How much of all responses of a connection does: if no reader reads, there is room for every one of them nevertheless.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * MAX_STREAMS as u32;
/// How much of one request body waits to be sent, bytes.
const SEND_BUFFER: usize = 128 * 1024;
/// The largest response head, bytes, counted as RFC 9113 section 6.5.2 says.
const MAX_HEAD: u32 = 64 * 1024;
/// How long a backend of which it is in doubt whether it is still there has to show that it is.
const DOUBT: Duration = Duration::from_secs(5);
/// How often it is looked at most whether a connection is still needed.
const SHORTEST: Duration = Duration::from_millis(50);

/// A connection that takes requests.
pub(super) struct Multiplexed {
    sender: SendRequest<Bytes>,
    load: Arc<Load>,
}

/// What is known of a connection besides.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// The requests under way.
    streams: AtomicUsize,
    /// All requests there have been.
    begun: AtomicUsize,
    /// How often something was heard from the backend.
    heard: AtomicUsize,
    /// It is being found out whether the backend is still there.
    doubted: AtomicBool,
    doubt: Notify,
    /// No more requests go here.
    over: AtomicBool,
}

/// The right to one request on a connection, and the end of it.
pub(super) struct Stream {
    pub(super) sender: SendRequest<Bytes>,
    pub(super) place: StreamPlace,
}

/// A request under way; over when it is dropped.
pub(super) struct StreamPlace {
    load: Arc<Load>,
    slot: Arc<Slot>,
    /// What had been heard when it began.
    heard: usize,
    answered: bool,
}

impl Multiplexed {
    /// Speaks HTTP/2 over `socket`. A task of its own drives the connection until it has ended; it is opened when the
    /// backend has shown that it speaks HTTP/2, too, and how many requests it takes.
    pub(super) async fn open(
        socket: Socket,
        place: Place,
        slot: &Arc<Slot>,
        idle: Duration,
    ) -> Result<Self, ConnectError> {
        let handshake = Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MAX_HEAD)
            .max_send_buffer_size(SEND_BUFFER)
            .initial_max_send_streams(MAX_STREAMS)
            .handshake(socket);
        let failed = |error: h2::Error| ConnectError::Http2(error.to_string());
        let (sender, mut connection) = handshake.await.map_err(failed)?;
        let load = Arc::new(Load::default());
        let (opened, opening) = oneshot::channel();
        if let Some(pings) = connection.ping_pong() {
            let driver = Driver { load: load.clone(), slot: Arc::downgrade(slot), idle, _place: place };
            tokio::spawn(driver.run(connection, pings, opened));
        }
        match opening.await {
            Ok(opened) => opened.map_err(ConnectError::Http2)?,
            Err(_) => return Err(ConnectError::Http2("the connection ended".to_owned())),
        }
        Ok(Self { sender, load })
    }

    /// The right to one more request, if there is room and the backend takes more.
    pub(super) fn stream(&mut self, slot: &Arc<Slot>) -> Option<Stream> {
        let load = &self.load;
        let most = self.sender.current_max_send_streams().min(MAX_STREAMS);
        if load.doubted.load(Ordering::Relaxed) || load.streams.load(Ordering::Relaxed) >= most {
            return None;
        }
        load.streams.fetch_add(1, Ordering::Relaxed);
        load.begun.fetch_add(1, Ordering::Relaxed);
        let heard = load.heard.load(Ordering::Relaxed);
        let place = StreamPlace { load: load.clone(), slot: slot.clone(), heard, answered: false };
        Some(Stream { sender: self.sender.clone(), place })
    }

    /// Whether it takes no more requests: it has ended, or the backend has said that it will (GOAWAY).
    pub(super) fn is_over(&mut self) -> bool {
        let ready = self.sender.poll_ready(&mut Context::from_waker(Waker::noop()));
        self.load.over.load(Ordering::Relaxed) || matches!(ready, std::task::Poll::Ready(Err(_)))
    }

    pub(super) fn is(&self, load: &Arc<Load>) -> bool {
        Arc::ptr_eq(&self.load, load)
    }

    /// Whether no request is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.load.streams.load(Ordering::Relaxed) == 0
    }
}

impl StreamPlace {
    /// Something came from the backend.
    pub(super) fn heard(&mut self) {
        self.answered = true;
        self.load.heard.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        // Who gives up without an answer, on a connection on which nobody else got one either, is perhaps not the last.
        if !self.answered && self.load.heard.load(Ordering::Relaxed) == self.heard {
            self.load.doubted.store(true, Ordering::Relaxed);
            self.load.doubt.notify_one();
        }
        self.load.streams.fetch_sub(1, Ordering::Relaxed);
        self.slot.changed.notify_waiters();
    }
}

/// Why a connection is not driven any further.
#[derive(Debug)]
enum End {
    /// Nobody has needed it for a while.
    Idle,
    /// The backend does not answer any more.
    Lost,
}

/// What a connection's task knows.
struct Driver {
    load: Arc<Load>,
    slot: Weak<Slot>,
    idle: Duration,
    _place: Place,
}

impl Driver {
    async fn run(
        self,
        mut connection: Connection<Socket>,
        mut pings: PingPong,
        mut opened: oneshot::Sender<Result<(), String>>,
    ) {
        // The backend's settings come before anything else it says, so that they are known with the answer to this.
        let answered = tokio::select! {
            ended = &mut connection => Err(ended.err().map_or("it closed the connection".to_owned(), |error| error.to_string())),
            answered = pings.ping(Ping::opaque()) => answered.map(drop).map_err(|error| error.to_string()),
            () = opened.closed() => return,
        };
        let failed = answered.is_err();
        if opened.send(answered).is_err() || failed {
            return;
        }
        let end = tokio::select! {
            ended = &mut connection => {
                tracing::debug!(error = ended.err().map(tracing::field::display), "an HTTP/2 connection to a backend ended");
                self.forget();
                return;
            }
            end = self.watch(pings) => end,
        };
        self.forget();
        match end {
            // With nobody left who could send a request, it says goodbye by itself.
            End::Idle => drop(timeout(DOUBT, connection).await),
            End::Lost => {
                tracing::debug!("an HTTP/2 connection to a backend is given up: nothing comes from it any more")
            }
        }
    }

    /// Regular pings would keep a dead connection from being used for long; yet servers of gRPC take more than one in five
    /// minutes for an attack. So there is one when there is reason for it.
    async fn watch(&self, mut pings: PingPong) -> End {
        let (mut begun, interval) = (0, self.idle.max(SHORTEST));
        loop {
            tokio::select! {
                () = self.load.doubt.notified() => {
                    match timeout(DOUBT, pings.ping(Ping::opaque())).await {
                        Ok(Ok(_)) => self.load.doubted.store(false, Ordering::Relaxed),
                        Ok(Err(_)) | Err(_) => return End::Lost,
                    }
                    if let Some(slot) = self.slot.upgrade() {
                        slot.changed.notify_waiters();
                    }
                }
                () = sleep(interval) => {
                    let before = std::mem::replace(&mut begun, self.load.begun.load(Ordering::Relaxed));
                    if begun == before && self.load.streams.load(Ordering::Relaxed) == 0 {
                        return End::Idle;
                    }
                }
            }
        }
    }

    /// No more requests go here.
    fn forget(&self) {
        self.load.over.store(true, Ordering::Relaxed);
        if let Some(slot) = self.slot.upgrade() {
            slot.forget(&self.load);
        }
    }
}

impl std::fmt::Debug for Multiplexed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Multiplexed").field("load", &self.load).finish_non_exhaustive()
    }
}
