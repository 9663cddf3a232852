use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::OpenError;
use crate::connection::{Connection, Load, Stream};

/// The open connections to one server.
#[derive(Debug, Default)]
pub struct Connections {
    state: Mutex<State>,
    /// A request is over, or an attempt to open a connection.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    open: Vec<Connection>,
    /// One more is being opened.
    opening: bool,
    /// None is kept from now on.
    closed: bool,
}

impl Connections {
    /// The right to a request on one of them.
    pub fn stream(self: &Arc<Self>) -> Option<Stream> {
        let mut state = self.lock();
        state.open.retain_mut(|connection| !connection.is_over());
        state.open.iter_mut().find_map(|connection| connection.stream(self))
    }

    /// The right to open one more, unless that is already being done: whoever wants one meanwhile uses the same.
    pub fn open(&self) -> Option<Opening<'_>> {
        let busy = std::mem::replace(&mut self.lock().opening, true);
        (!busy).then(|| Opening(self))
    }

    /// Ready when a request is over, or an attempt to open a connection. What happens after this call is not missed.
    pub fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Speaks HTTP/2 over `socket` and has it carry requests, the first of which this is, until nobody has needed it for
    /// `idle`. The server has shown that it speaks HTTP/2, too, and how many requests it takes. `held` is dropped with
    /// the connection.
    ///
    /// # Errors
    /// The server does not speak HTTP/2. There is no deadline.
    pub async fn add<S, H>(self: &Arc<Self>, socket: S, held: H, idle: Duration) -> Result<Stream, OpenError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        H: Send + 'static,
    {
        let mut connection = Connection::open(socket, held, self, idle).await?;
        let stream = connection.stream(self);
        let mut state = self.lock();
        if !state.closed {
            state.open.push(connection);
        }
        stream.ok_or(OpenError::Full)
    }

    /// Closes one on which no request is under way; whether there was one.
    pub fn close_idle(&self) -> bool {
        let mut state = self.lock();
        let idle = state.open.iter().position(Connection::is_idle);
        idle.map(|idle| state.open.swap_remove(idle)).is_some()
    }

    /// On how many of them no request is under way.
    pub fn idle(&self) -> usize {
        self.lock().open.iter().filter(|connection| connection.is_idle()).count()
    }

    /// Closes all of them as soon as their requests are over, and keeps none from now on.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.open.clear();
    }

    /// Has a connection used no more.
    pub(crate) fn forget(&self, load: &Arc<Load>) {
        self.lock().open.retain(|connection| !connection.is(load));
    }

    pub(crate) fn notify(&self) {
        self.changed.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt to open a connection; over when it is dropped.
#[derive(Debug)]
pub struct Opening<'a>(&'a Connections);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.0.lock().opening = false;
        self.0.notify();
    }
}
