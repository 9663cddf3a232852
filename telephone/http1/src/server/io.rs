//! What a connection and the body of the request on it share.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use http::{HeaderMap, StatusCode};
use tokio::sync::oneshot;

use crate::inbound::Inbound;
use crate::{BodyDecoder, BodyError, Framing, Upgraded};

/// How many informational heads may wait to be written; they inform nobody who does not read.
const MAX_INFORMATIONAL: usize = 4;

/// Both live on one thread as a rule, so that the lock is all but never contended. It is never held while anything but
/// the socket is polled.
pub(super) struct Shared<S>(Arc<Mutex<Io<S>>>);

pub(super) struct Io<S> {
    /// `None` once it was handed over to another protocol.
    pub(super) stream: Option<S>,
    pub(super) inbound: Inbound,
    pub(super) request: RequestBody,
    /// Whether the client waits for a 100.
    pub(super) expects_continue: bool,
    pub(super) informational: Vec<(StatusCode, HeaderMap)>,
    pub(super) upgrade: Option<oneshot::Sender<Upgraded<S>>>,
    /// Who serves the connection.
    pub(super) connection: Option<Waker>,
}

/// What there is of the body of the request under way.
#[derive(Debug)]
pub(super) enum RequestBody {
    /// Nothing, or nothing more: what is read next is another request.
    Ended,
    /// Its reader has it.
    Lent(BodyDecoder),
    /// Its reader wants no more of it.
    Left(BodyDecoder),
    /// It did not come whole.
    Broken(BodyError),
}

impl<S> Clone for Shared<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S> Shared<S> {
    pub(super) fn new(stream: S, received: BytesMut) -> Self {
        Self(Arc::new(Mutex::new(Io {
            stream: Some(stream),
            inbound: Inbound::new(received),
            request: RequestBody::Ended,
            expects_continue: false,
            informational: Vec::new(),
            upgrade: None,
            connection: None,
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Io<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Io<S> {
    pub(super) fn stream(&mut self) -> io::Result<&mut S> {
        self.stream.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    pub(super) fn begin(&mut self, framing: Framing, expects_continue: bool) {
        let decoder = BodyDecoder::new(framing);
        // What came too late for one response is nothing to the next one.
        self.informational.clear();
        self.expects_continue = expects_continue && !decoder.is_ended();
        self.request = if decoder.is_ended() { RequestBody::Ended } else { RequestBody::Lent(decoder) };
    }

    /// Whether it is unknown where the next request begins.
    pub(super) fn is_broken(&self) -> bool {
        matches!(self.request, RequestBody::Broken(_))
    }

    /// Has the connection look at what has changed.
    pub(super) fn wake(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.wake();
        }
    }
}

impl<S: super::Transport> Io<S> {
    /// Reads something; 0 at the end.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let expected = match &self.request {
            RequestBody::Lent(decoder) | RequestBody::Left(decoder) => decoder.left(),
            RequestBody::Ended | RequestBody::Broken(_) => None,
        };
        match &mut self.stream {
            Some(stream) => self.inbound.poll_read(stream, expected, usize::MAX, cx),
            None => Poll::Ready(Ok(0)),
        }
    }
}

/// Tells a client something before its response is there (RFC 9110 section 15.2).
pub struct Informing<S>(pub(super) Shared<S>);

impl<S> Informing<S> {
    /// Sends an informational head, unless the client does not read them.
    pub fn send(&self, status: StatusCode, headers: HeaderMap) {
        let mut io = self.0.lock();
        if io.informational.len() < MAX_INFORMATIONAL {
            io.informational.push((status, headers));
            io.wake();
        }
    }
}

impl<S> std::fmt::Debug for Informing<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Informing").finish_non_exhaustive()
    }
}
