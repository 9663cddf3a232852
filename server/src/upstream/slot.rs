//! What one thread has of a backend.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

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
    /// Connections over which HTTP/2 is spoken.
    pub(super) multiplexed: Arc<http2::Connections>,
}

#[derive(Debug, Default)]
struct State {
    idle: VecDeque<(Pooled, Instant)>,
    /// Requests that wait for a connection.
    queue: VecDeque<oneshot::Sender<Pooled>>,
    /// The backend is not asked any more.
    closed: bool,
}

impl Slot {
    pub(super) fn new(places: Arc<Places>, max_idle: usize) -> Self {
        Self { state: Mutex::default(), places, max_idle, multiplexed: Arc::default() }
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

    /// Closes the connection that was idle for longest; whether there was one.
    pub(super) fn close_oldest(&self) -> bool {
        self.multiplexed.close_idle() || self.lock().idle.pop_front().is_some()
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
        let kept = self.lock().idle.len();
        kept + self.multiplexed.idle()
    }

    /// Closes all idle connections, and keeps none from now on.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.idle.clear();
        drop(state);
        self.multiplexed.close();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pooled {
    fn is_open(&mut self) -> bool {
        self.connection.is_open()
    }
}
