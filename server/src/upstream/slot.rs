//! What one thread has of a backend.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use super::multiplexed::{Load, Multiplexed, Stream};
use super::places::{Place, Places};
use super::socket::Socket;

/// An open connection over which HTTP/1.1 is spoken, on which no request is under way.
#[derive(Debug)]
pub(super) struct Pooled {
    pub(super) connection: http1::client::Connection<Socket>,
    pub(super) place: Place,
}

/// The idle connections of one thread, the latest used last: what is not needed grows old and is closed. The lock is this
/// thread's own as a rule: others take it to sweep, or when the backend may have no more connections.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Slot {
    state: Mutex<State>,
    places: Arc<Places>,
    max_idle: usize,
    /// A request on a connection that carries several is over, or an attempt to open one.
    pub(super) changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    idle: VecDeque<(Pooled, Instant)>,
    /// Requests that wait for a connection.
    queue: VecDeque<oneshot::Sender<Pooled>>,
    /// Connections over which HTTP/2 is spoken.
    multiplexed: Vec<Multiplexed>,
    /// One more of them is being opened.
    opening: bool,
    /// The backend is not asked any more.
    closed: bool,
}

impl Slot {
    pub(super) fn new(places: Arc<Places>, max_idle: usize) -> Self {
        Self { state: Mutex::default(), places, max_idle, changed: Notify::new() }
    }

    /// An idle connection that is, as far as is known, still open. With `surely`, the kernel is asked.
    pub(super) fn take(&self, surely: bool) -> Option<Pooled> {
        let mut state = self.lock();
        if state.idle.is_empty() {
            return None;
        }
        let now = Instant::now();
        while let Some((mut pooled, until)) = state.idle.pop_back() {
            if until > now && pooled.is_open() && (!surely || pooled.connection.stream().is_silent()) {
                return Some(pooled);
            }
        }
        None
    }

    /// Keeps a connection for `idle`, or gives it to a request that waits for one.
    pub(super) fn put(&self, mut pooled: Pooled, idle: Duration) {
        let mut state = self.lock();
        while let Some(waiting) = state.queue.pop_front() {
            match waiting.send(pooled) {
                Ok(()) => return,
                Err(back) => pooled = back,
            }
        }
        // Whoever waits on another thread gets the place of this one.
        if state.closed || idle.is_zero() || state.idle.len() >= self.max_idle || self.places.is_waited_for() {
            return;
        }
        state.idle.push_back((pooled, Instant::now() + idle));
    }

    /// The next connection that another request of this thread is done with.
    pub(super) fn queue(&self) -> oneshot::Receiver<Pooled> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.lock();
        state.queue.retain(|waiting| !waiting.is_closed());
        state.queue.push_back(sender);
        receiver
    }

    /// The right to a request on one of the connections that carry several.
    pub(super) fn stream(self: &Arc<Self>) -> Option<Stream> {
        let mut state = self.lock();
        state.multiplexed.retain_mut(|connection| !connection.is_over());
        state.multiplexed.iter_mut().find_map(|connection| connection.stream(self))
    }

    /// The right to open one more connection that carries several requests, unless that is already being done.
    pub(super) fn open(&self) -> Option<Opening<'_>> {
        let busy = std::mem::replace(&mut self.lock().opening, true);
        (!busy).then(|| Opening(self))
    }

    /// Has a connection used by all requests, the first of which this is.
    pub(super) fn add(self: &Arc<Self>, mut connection: Multiplexed) -> Option<Stream> {
        let stream = connection.stream(self);
        let mut state = self.lock();
        if !state.closed {
            state.multiplexed.push(connection);
        }
        stream
    }

    /// Has a connection used no more.
    pub(super) fn forget(&self, load: &Arc<Load>) {
        self.lock().multiplexed.retain(|connection| !connection.is(load));
    }

    /// Closes the connection that was idle for longest; whether there was one.
    pub(super) fn close_oldest(&self) -> bool {
        let mut state = self.lock();
        if let Some(idle) = state.multiplexed.iter().position(Multiplexed::is_idle) {
            state.multiplexed.swap_remove(idle);
            return true;
        }
        state.idle.pop_front().is_some()
    }

    /// Closes what is too old, and lets go of what the backend has closed.
    pub(super) fn sweep(&self) {
        let now = Instant::now();
        let mut state = self.lock();
        state.idle.retain_mut(|(pooled, until)| *until > now && pooled.is_open());
        if state.idle.is_empty() {
            state.idle.shrink_to(0);
        }
    }

    pub(super) fn idle(&self) -> usize {
        let state = self.lock();
        state.idle.len() + state.multiplexed.iter().filter(|connection| connection.is_idle()).count()
    }

    /// Closes all idle connections, and keeps none from now on.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.idle.clear();
        state.multiplexed.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt to open a connection; over when it is dropped.
pub(super) struct Opening<'a>(&'a Slot);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.0.lock().opening = false;
        self.0.changed.notify_waiters();
    }
}

impl Pooled {
    fn is_open(&mut self) -> bool {
        self.connection.is_open()
    }
}
