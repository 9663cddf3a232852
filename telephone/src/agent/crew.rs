//! The tasks that see the requests of one line through.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::task::TaskTracker;
use wire::head::RequestHead;

use super::supervisor::Station;
use crate::forward::Forwarder;
use crate::line::{Incoming, RecvBody, SendResponse};

/// How many tasks are kept while they have nothing to do; each holds a few kilobytes. More than these are only under way
/// while so many requests are.
const MAX_RESTING: usize = 256;
/// For how long they are kept when no request comes.
const REST: Duration = Duration::from_secs(1);

/// Starts tasks for the requests of a line, one for each that is under way, so that none waits for another one or ends
/// with it. One that has seen a request through takes another: to start a task costs as much as a good part of a small
/// request. When this is dropped, those that rest end at once, and the others with their requests.
#[derive(Debug)]
pub(super) struct Crew {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

#[derive(Debug)]
struct Shared {
    station: Arc<Station>,
    forwarder: Arc<Forwarder>,
    resting: Mutex<Resting>,
}

/// Tasks without a request, the latest used first: what it holds may still be in the processor's cache.
#[derive(Debug, Default)]
struct Resting {
    seats: Vec<Arc<Seat>>,
    /// No request follows.
    over: bool,
}

type Request = (RequestHead, SendResponse, RecvBody);

/// Where a task finds its next request.
#[derive(Debug, Default)]
struct Seat(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    request: Option<Request>,
    waker: Option<Waker>,
    over: bool,
}

// === impl Crew ===

impl Crew {
    pub(super) fn new(station: Arc<Station>, forwarder: Arc<Forwarder>) -> Self {
        let resting = Mutex::default();
        Self { shared: Arc::new(Shared { station, forwarder, resting }), tasks: TaskTracker::new() }
    }

    /// Serves what comes until the line has ended, and every request with it: then all streams fail.
    pub(super) async fn serve(self, mut incoming: Incoming) {
        loop {
            tokio::select! {
                biased;
                request = incoming.next() => match request {
                    Some(request) => self.give(request),
                    None => break,
                },
                () = sleep(REST), if !self.tasks.is_empty() => self.shared.send_home(),
            }
        }
        self.shared.dismiss();
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn give(&self, request: Request) {
        let resting = self.shared.lock().seats.pop();
        let seat = resting.unwrap_or_else(|| {
            let seat = Arc::<Seat>::default();
            self.tasks.spawn(work(self.shared.clone(), seat.clone()));
            seat
        });
        seat.change(|waiting| waiting.request = Some(request));
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.shared.dismiss();
    }
}

/// Sees one request through after the other.
async fn work(shared: Arc<Shared>, seat: Arc<Seat>) {
    while let Some((mut head, respond, body)) = seat.next().await {
        let report = shared.forwarder.forward(&mut head, respond, body).await;
        shared.station.report(&head, report);
        if !shared.rest(&seat) {
            return;
        }
    }
}

// === impl Shared ===

impl Shared {
    /// Waits for work at `seat`; `false` when enough do, or there will be none.
    fn rest(&self, seat: &Arc<Seat>) -> bool {
        let mut resting = self.lock();
        let rests = !resting.over && resting.seats.len() < MAX_RESTING;
        if rests {
            resting.seats.push(seat.clone());
        }
        rests
    }

    fn dismiss(&self) {
        self.lock().over = true;
        self.send_home();
    }

    /// Ends those that rest.
    fn send_home(&self) {
        let seats = std::mem::take(&mut self.lock().seats);
        for seat in seats {
            seat.change(|waiting| waiting.over = true);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Resting> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Seat ===

impl Seat {
    fn change(&self, change: impl FnOnce(&mut Waiting)) {
        let waker = {
            let mut waiting = self.lock();
            change(&mut waiting);
            waiting.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits for the next request; `None` once there will be none.
    async fn next(&self) -> Option<Request> {
        poll_fn(|cx| {
            let mut waiting = self.lock();
            if waiting.request.is_none() && !waiting.over {
                waiting.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(waiting.request.take())
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
