//! One connection, which carries many requests at once.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, oneshot};

use crate::driver::Driver;
use crate::{Connections, OpenError};

/// How many requests a connection carries at once, if the server allows that many.
const MAX_STREAMS: usize = 128;
/// How much of one response comes ahead of its reader, bytes.
const STREAM_WINDOW: u32 = 256 * 1024;
/// How much of all responses of a connection does: if no reader reads, there is room for every one of them nevertheless.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * MAX_STREAMS as u32;
/// How much of one request body waits to be sent, bytes.
const SEND_BUFFER: usize = 128 * 1024;
/// The largest response head, bytes, counted as RFC 9113 section 6.5.2 says.
const MAX_HEAD: u32 = 64 * 1024;

/// A connection that takes requests.
pub(crate) struct Connection {
    sender: SendRequest<Bytes>,
    load: Arc<Load>,
}

/// What is known of a connection besides.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// The requests under way.
    pub(crate) streams: AtomicUsize,
    /// All requests there have been.
    pub(crate) begun: AtomicUsize,
    /// How often something was heard from the server.
    heard: AtomicUsize,
    /// It is being found out whether the server is still there.
    pub(crate) doubted: AtomicBool,
    pub(crate) doubt: Notify,
    /// No more requests go here.
    pub(crate) over: AtomicBool,
}

/// The right to one request on a connection.
pub struct Stream {
    pub(crate) sender: SendRequest<Bytes>,
    pub(crate) place: Place,
}

/// A request under way; over when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    load: Arc<Load>,
    connections: Arc<Connections>,
    /// What had been heard when it began.
    heard: usize,
    answered: bool,
}

impl Connection {
    /// Speaks HTTP/2 over `socket`. A task of its own drives the connection until it has ended; it is opened when the
    /// server has shown that it speaks HTTP/2, too, and how many requests it takes.
    pub(crate) async fn open<S, H>(
        socket: S,
        held: H,
        connections: &Arc<Connections>,
        idle: Duration,
    ) -> Result<Self, OpenError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        H: Send + 'static,
    {
        let handshake = Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MAX_HEAD)
            .max_send_buffer_size(SEND_BUFFER)
            .initial_max_send_streams(MAX_STREAMS)
            .handshake(socket);
        let (sender, mut connection) = handshake.await.map_err(|error| OpenError::Protocol(error.to_string()))?;
        let load = Arc::new(Load::default());
        let (opened, opening) = oneshot::channel();
        if let Some(pings) = connection.ping_pong() {
            let driver = Driver::new(load.clone(), connections, idle).run(connection, pings, opened);
            tokio::spawn(async move {
                let _held = held;
                driver.await;
            });
        }
        match opening.await {
            Ok(opened) => opened.map_err(OpenError::Protocol)?,
            Err(_) => return Err(OpenError::Protocol("the connection ended".to_owned())),
        }
        Ok(Self { sender, load })
    }

    /// The right to one more request, if there is room and the server takes more.
    pub(crate) fn stream(&mut self, connections: &Arc<Connections>) -> Option<Stream> {
        let load = &self.load;
        let most = self.sender.current_max_send_streams().min(MAX_STREAMS);
        if load.doubted.load(Ordering::Relaxed) || load.streams.load(Ordering::Relaxed) >= most {
            return None;
        }
        load.streams.fetch_add(1, Ordering::Relaxed);
        load.begun.fetch_add(1, Ordering::Relaxed);
        let heard = load.heard.load(Ordering::Relaxed);
        let place = Place { load: load.clone(), connections: connections.clone(), heard, answered: false };
        Some(Stream { sender: self.sender.clone(), place })
    }

    /// Whether it takes no more requests: it has ended, or the server has said that it will (GOAWAY).
    pub(crate) fn is_over(&mut self) -> bool {
        let ready = self.sender.poll_ready(&mut Context::from_waker(Waker::noop()));
        self.load.over.load(Ordering::Relaxed) || matches!(ready, Poll::Ready(Err(_)))
    }

    pub(crate) fn is(&self, load: &Arc<Load>) -> bool {
        Arc::ptr_eq(&self.load, load)
    }

    /// Whether no request is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.load.streams.load(Ordering::Relaxed) == 0
    }
}

impl Place {
    /// Something came from the server.
    pub(crate) fn heard(&mut self) {
        self.answered = true;
        self.load.heard.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Who gives up without an answer, on a connection on which nobody else got one either, is perhaps not the last.
        if !self.answered && self.load.heard.load(Ordering::Relaxed) == self.heard {
            self.load.doubted.store(true, Ordering::Relaxed);
            self.load.doubt.notify_one();
        }
        self.load.streams.fetch_sub(1, Ordering::Relaxed);
        self.connections.notify();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("load", &self.load).finish_non_exhaustive()
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("place", &self.place).finish_non_exhaustive()
    }
}
