//! How long an answer is waited for.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::task::{Poll, ready};
use std::time::Duration;

use super::patience::Patience;

/// How far a request body has come: as long as it goes on, nobody can expect an answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<State>);

#[derive(Debug, Default)]
struct State {
    pieces: AtomicU64,
    broken: AtomicBool,
    /// The limit that it turned out to be over.
    exceeded: OnceLock<u64>,
}

impl Progress {
    /// Another piece of the body was read.
    pub(super) fn advance(&self) {
        self.0.pieces.fetch_add(1, Relaxed);
    }

    /// The client broke the body off.
    pub(super) fn break_off(&self) {
        self.0.broken.store(true, Relaxed);
    }

    /// The body is larger than `limit`, and is broken off.
    pub(super) fn exceed(&self, limit: u64) {
        self.0.exceeded.get_or_init(|| limit);
        self.break_off();
    }

    /// The limit that the body was larger than.
    pub(super) fn exceeded(&self) -> Option<u64> {
        self.0.exceeded.get().copied()
    }

    /// Whether the client broke the body off: what came of the request then is nobody else's fault.
    pub(super) fn is_broken(&self) -> bool {
        self.0.broken.load(Relaxed)
    }

    fn pieces(&self) -> u64 {
        self.0.pieces.load(Relaxed)
    }
}

/// What `answer` comes to, unless it takes longer than `limit` from its beginning or from the latest progress of the
/// request's body.
pub(super) async fn within<F: Future>(
    limit: Duration,
    progress: Option<&Progress>,
    mut answer: Pin<&mut F>,
) -> Option<F::Output> {
    let pieces = || progress.map(Progress::pieces);
    let mut waiting = (pieces(), Patience::new(limit));
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
                return Poll::Ready(Some(answer));
            }
            let (before, patience) = &mut waiting;
            ready!(patience.poll(cx));
            if pieces() == *before {
                return Poll::Ready(None);
            }
            waiting = (pieces(), Patience::new(limit));
        }
    })
    .await
}
