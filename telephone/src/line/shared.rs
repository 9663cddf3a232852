//! What the driver and the handles of one line share.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wire::control::{Control, Drain};
use wire::flow::Pace;
use wire::frame::ResetCode;
use wire::head::{RequestHead, ResponseHead};
use wire::mux::{Event, Mux, OpenError, Pressure, Settings, Side, StreamId, StreamMap};

use super::budget::{SessionBudget, Share};
use super::{LineError, OpenStreamError};

/// How many control messages may wait to be sent.
const MAX_OUTBOX: usize = 64;
/// How many response heads of one stream may wait to be read. Informational ones beyond are dropped: they inform
/// nobody who does not look.
const MAX_HEADS: usize = 4;

#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    ended: CancellationToken,
    idle: Notify,
    /// Microseconds, 0 for unknown.
    rtt: AtomicU64,
    began: Instant,
    /// How many streams are open, or [`NO_MORE`]; for who compares lines and must not wait for the lock.
    load: AtomicUsize,
    /// The peer has not been heard for a while.
    silent: AtomicBool,
}

/// What a peer that is not heard counts for when it is compared with others.
const SILENT: usize = 1_000_000;
/// No stream is opened any more.
const NO_MORE: usize = usize::MAX;

#[derive(Debug)]
pub(super) struct State {
    pub mux: Mux,
    pub slots: StreamMap<Slot>,
    /// Requests nobody has taken yet; the telephone's limit of streams bounds it. `None` once nobody will.
    pub incoming: Option<VecDeque<(StreamId, Box<RequestHead>, bool)>>,
    pub incoming_waker: Option<Waker>,
    pub outbox: VecDeque<Control>,
    /// The latest `ping` to answer: answering only that one bounds what a flood of them costs.
    pub pong: Option<u64>,
    pub closing: Option<(u16, String)>,
    /// No stream is opened any more: one of the ends drains, or the line is closing.
    pub draining: bool,
    pub ended: Option<LineError>,
    pub driver: Option<Waker>,
    share: Share,
}

/// Who waits for what on one stream. It lives as long as one of the stream's two handles.
#[derive(Debug, Default)]
pub(super) struct Slot {
    pub released: bool,
    pub heads: VecDeque<(Box<ResponseHead>, bool)>,
    pub recv: Option<Waker>,
    pub send: Option<Waker>,
    pub reset: Option<Waker>,
}

impl Shared {
    pub(super) fn new(side: Side, settings: Settings, session: SessionBudget) -> Self {
        let state = State {
            mux: Mux::new(side, settings),
            slots: StreamMap::default(),
            incoming: Some(VecDeque::new()),
            incoming_waker: None,
            outbox: VecDeque::new(),
            pong: None,
            closing: None,
            draining: false,
            ended: None,
            driver: None,
            share: Share::new(session, &settings),
        };
        Self {
            state: Mutex::new(state),
            ended: CancellationToken::new(),
            idle: Notify::new(),
            rtt: AtomicU64::new(0),
            began: Instant::now(),
            load: AtomicUsize::new(0),
            silent: AtomicBool::new(false),
        }
    }

    /// A panic while the lock was held poisons nothing: it ends the task it is in, and the state is always whole.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something that may leave the driver something to send.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let result = change(&mut state);
        let (streams, has_more) = self.publish(&mut state);
        let driver = if has_more || state.has_output() { state.driver.take() } else { None };
        let idle = streams == 0;
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
        if idle {
            self.idle.notify_waiters();
        }
        result
    }

    /// Tells those who wait for it when the last stream is over.
    pub(super) fn notify_if_idle(&self) {
        let mut state = self.lock();
        let (streams, has_more) = self.publish(&mut state);
        let driver = if has_more { state.driver.take() } else { None };
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
        if streams == 0 {
            self.idle.notify_waiters();
        }
    }

    /// Makes true again what is known of this line outside of it; how many streams there are, and whether the line may have
    /// more than before, which the driver has to pass on.
    fn publish(&self, state: &mut State) -> (usize, bool) {
        let has_more = state.share.count(&mut state.mux);
        let streams = state.mux.active_streams();
        self.load.store(if state.draining { NO_MORE } else { streams }, Ordering::Relaxed);
        (streams, has_more)
    }

    /// How many streams are open, `None` once no more are opened. Takes no lock, and may be a moment behind.
    pub(super) fn load(&self) -> Option<usize> {
        let load = self.load.load(Ordering::Relaxed);
        (load != NO_MORE).then(|| if self.is_silent() { load.saturating_add(SILENT) } else { load })
    }

    pub(super) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    pub(super) fn set_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::Relaxed);
    }

    pub(super) fn open(&self, head: &RequestHead, end: bool) -> Result<StreamId, OpenStreamError> {
        self.change(|state| {
            if let Some(error) = &state.ended {
                return Err(error.clone().into());
            }
            if !state.draining && !state.share.take_stream() {
                return Err(OpenError::TooManyStreams.into());
            }
            let id = state.mux.open(head, end).inspect_err(|error| {
                if *error == OpenError::Exhausted {
                    // The telephone replaces a line that drains, and finishes on this one what it has begun.
                    state.stop_opening();
                    state.outbox.push_back(Control::Drain(Drain::default()));
                }
            })?;
            // Without a body there is no handle to send one.
            state.slots.insert(id, Slot { released: end, ..Slot::default() });
            Ok(id)
        })
    }

    pub(super) fn send_control(&self, message: Control) -> Result<(), LineError> {
        self.change(|state| match &state.ended {
            Some(error) => Err(error.clone()),
            None if state.outbox.len() >= MAX_OUTBOX => Err(LineError::ControlFlood),
            None => {
                state.outbox.push_back(message);
                Ok(())
            }
        })
    }

    pub(super) fn close(&self, code: u16, reason: String) {
        self.change(|state| {
            state.stop_opening();
            state.closing.get_or_insert((code, reason));
        });
    }

    pub(super) fn stop_opening(&self) {
        self.change(State::stop_opening);
    }

    pub(super) fn ended(&self) -> Option<LineError> {
        self.lock().ended.clone()
    }

    pub(super) async fn wait_ended(&self) -> LineError {
        self.ended.cancelled().await;
        self.ended().unwrap_or(LineError::Dropped)
    }

    pub(super) fn active_streams(&self) -> usize {
        self.lock().mux.active_streams()
    }

    pub(super) fn pressure(&self) -> Pressure {
        self.lock().mux.pressure()
    }

    pub(super) async fn wait_idle(&self) {
        loop {
            let mut changed = std::pin::pin!(self.idle.notified());
            changed.as_mut().enable();
            if self.active_streams() == 0 || self.ended.is_cancelled() {
                return;
            }
            tokio::select! {
                () = changed => {}
                () = self.ended.cancelled() => return,
            }
        }
    }

    pub(super) fn rtt(&self) -> Option<Duration> {
        match self.rtt.load(Ordering::Relaxed) {
            0 => None,
            micros => Some(Duration::from_micros(micros)),
        }
    }

    /// What the windows' growth goes by.
    pub(super) fn pace(&self) -> Pace {
        Pace { now: self.began.elapsed(), round_trip: self.rtt() }
    }

    pub(super) fn set_rtt(&self, rtt: Duration) {
        let micros = u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX).max(1);
        self.rtt.store(micros, Ordering::Relaxed);
    }

    /// Ends the line for everybody; the first reason stays.
    pub(super) fn end(&self, reason: LineError) {
        let mut wakers = Vec::new();
        {
            let mut state = self.lock();
            state.ended.get_or_insert(reason);
            state.stop_opening();
            self.publish(&mut state);
            wakers.extend(state.incoming_waker.take());
            for slot in state.slots.values_mut() {
                slot.wake_all(&mut wakers);
            }
        }
        self.ended.cancel();
        wake(&mut wakers);
    }

    /// Lets go of one of a stream's two handles.
    pub(super) fn release(&self, id: StreamId, release: impl FnOnce(&mut Mux)) {
        self.change(|state| {
            release(&mut state.mux);
            match state.slots.get_mut(&id) {
                Some(slot) if !slot.released => slot.released = true,
                _ => drop(state.slots.remove(&id)),
            }
        });
    }
}

impl State {
    /// Refuses new streams from now on.
    pub(super) fn stop_opening(&mut self) {
        self.draining = true;
        self.mux.stop_opening();
    }

    fn has_output(&self) -> bool {
        self.mux.has_output() || !self.outbox.is_empty() || self.closing.is_some()
    }

    /// Passes on what the multiplexer has to tell; whom to wake goes to `wakers`, for after the lock.
    pub(super) fn dispatch(&mut self, wakers: &mut Vec<Waker>) {
        while let Some(event) = self.mux.next_event() {
            match event {
                Event::Request { id, head, end } => match &mut self.incoming {
                    Some(incoming) => {
                        incoming.push_back((id, head, end));
                        self.slots.insert(id, Slot::default());
                        wakers.extend(self.incoming_waker.take());
                    }
                    None => self.mux.reset(id, ResetCode::REFUSED),
                },
                Event::Response { id, head, end } => {
                    let Some(slot) = self.slots.get_mut(&id) else { continue };
                    if slot.heads.len() < MAX_HEADS || !head.is_informational() {
                        slot.heads.push_back((head, end));
                        wakers.extend(slot.recv.take());
                    }
                }
                Event::Readable(id) => wakers.extend(self.slots.get_mut(&id).and_then(|slot| slot.recv.take())),
                Event::Writable(id) => wakers.extend(self.slots.get_mut(&id).and_then(|slot| slot.send.take())),
                Event::Reset(id) => {
                    if let Some(slot) = self.slots.get_mut(&id) {
                        slot.wake_all(wakers);
                    }
                }
            }
        }
    }

    /// Looks at the state of a stream and, when that is not yet to be had, remembers who waits. `waker` picks the place.
    pub(super) fn wait<T>(
        &mut self,
        id: StreamId,
        cx: &Context<'_>,
        waker: impl FnOnce(&mut Slot) -> &mut Option<Waker>,
    ) -> Poll<T> {
        if let Some(slot) = self.slots.get_mut(&id) {
            let place = waker(slot);
            if !place.as_ref().is_some_and(|old| old.will_wake(cx.waker())) {
                *place = Some(cx.waker().clone());
            }
        }
        Poll::Pending
    }
}

impl Slot {
    fn wake_all(&mut self, wakers: &mut Vec<Waker>) {
        wakers.extend([self.recv.take(), self.send.take(), self.reset.take()].into_iter().flatten());
    }
}

pub(super) fn wake(wakers: &mut Vec<Waker>) {
    wakers.drain(..).for_each(Waker::wake);
}
