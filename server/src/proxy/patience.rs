//! Deadlines that are hardly ever reached: one timer for all requests of a thread. To set a timer for each of them, and to
//! take it back, would be a good part of what the way of a small request costs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use slab::Slab;
use tokio::time::{Instant, sleep};

/// How late it may be noticed that a wait is over.
const TICK: Duration = Duration::from_millis(50);

thread_local! {
    static MINE: Waits = Waits::default();
}

/// A wait for so long, or up to a twentieth of a second more. It begins when it is polled first.
#[derive(Debug)]
pub(super) struct Patience {
    limit: Duration,
    place: Option<Place>,
}

/// Those who wait on one thread.
#[derive(Clone, Debug, Default)]
struct Waits(Arc<Mutex<Row>>);

#[derive(Debug, Default)]
struct Row {
    waits: Slab<Wait>,
    is_watched: bool,
}

#[derive(Debug)]
struct Wait {
    until: Instant,
    /// `None`: it is over.
    waker: Option<Waker>,
}

/// One of them, who waits no longer when this is dropped.
#[derive(Debug)]
struct Place {
    waits: Waits,
    key: usize,
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, place: None }
    }

    /// Ready when it has waited for so long.
    pub(super) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        let Some(Place { waits, key }) = &self.place else {
            self.place = Some(MINE.with(|waits| waits.enter(self.limit, cx)));
            return Poll::Pending;
        };
        match waits.lock().waits.get_mut(*key).and_then(|wait| wait.waker.as_mut()) {
            None => Poll::Ready(()),
            Some(waker) => {
                waker.clone_from(cx.waker());
                Poll::Pending
            }
        }
    }
}

impl Waits {
    fn lock(&self) -> MutexGuard<'_, Row> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, limit: Duration, cx: &Context<'_>) -> Place {
        let mut row = self.lock();
        let until = Instant::now() + limit;
        let key = row.waits.insert(Wait { until, waker: Some(cx.waker().clone()) });
        if !std::mem::replace(&mut row.is_watched, true) {
            tokio::spawn(watch(Watching(self.clone())));
        }
        Place { waits: self.clone(), key }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waits.lock().waits.try_remove(self.key);
    }
}

/// Somebody watches; no longer when this is dropped, be it with its runtime.
struct Watching(Waits);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.lock().is_watched = false;
    }
}

/// Wakes those who have waited for long enough, until nobody waits.
async fn watch(watching: Watching) {
    loop {
        sleep(TICK).await;
        let (now, mut over) = (Instant::now(), Vec::new());
        {
            let mut row = watching.0.lock();
            if row.waits.is_empty() {
                // In the same breath: whoever comes next starts another one.
                row.is_watched = false;
                return;
            }
            let late = row.waits.iter_mut().filter(|(_, wait)| wait.until <= now);
            over.extend(late.filter_map(|(_, wait)| wait.waker.take()));
        }
        over.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    fn wait(limit: Duration) -> impl Future<Output = ()> {
        let mut patience = Patience::new(limit);
        poll_fn(move |cx| patience.poll(cx))
    }

    #[tokio::test]
    async fn each_waits_for_its_own_time() {
        let began = Instant::now();
        let (soon, late) = (Duration::from_millis(1), Duration::from_millis(300));
        let mut later = Box::pin(wait(late));
        tokio::select! {
            biased;
            () = &mut later => panic!("300 ms are not less than one"),
            () = wait(soon) => {}
        }
        // It is dropped with that: nobody waits any more.
        later.await;
        assert!(began.elapsed() >= late);
        // Nobody waits, until somebody does again.
        while MINE.with(|waits| waits.lock().is_watched) {
            sleep(TICK).await;
        }
        wait(soon).await;
    }

    #[tokio::test]
    async fn who_has_left_takes_no_room() {
        for _ in 0..100 {
            assert!(tokio::time::timeout(Duration::from_millis(1), wait(Duration::from_secs(60))).await.is_err());
        }
        MINE.with(|waits| {
            let row = waits.lock();
            assert!(row.waits.is_empty() && row.waits.capacity() < 8);
        });
    }
}
