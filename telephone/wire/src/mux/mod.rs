//! The multiplexer: the state of all streams of one line, seen from one end.
//!
//! The server [opens](Mux::open) streams, the telephone [responds](Mux::respond); both send bodies within the credit
//! they have and read what has arrived. Whole WebSocket messages go [in](Mux::receive) and [out](Mux::next_message);
//! what the application should know about comes as [`Event`]s.

mod error;
mod id;
mod receive;
mod send;
mod settings;
mod stream;
mod transmit;
mod turns;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

pub use error::{OpenError, ProtocolError, SendError};
pub use id::{IdHasher, StreamId, StreamMap};
pub use settings::{Settings, Side};

use crate::flow::{Credit, MAX_CONNECTION_WINDOW, Pace, Window};
use crate::frame::{self, ResetCode};
use crate::head::{RequestHead, ResponseHead};
use stream::{RecvState, SendState, Stream};
use turns::Turns;

/// Something the application should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A new stream (telephone).
    Request {
        /// The stream.
        id: StreamId,
        /// The request's head.
        head: Box<RequestHead>,
        /// Whether the request has no body.
        end: bool,
    },
    /// A response head (server); the final one unless it is [informational](ResponseHead::is_informational).
    Response {
        /// The stream.
        id: StreamId,
        /// The response's head.
        head: Box<ResponseHead>,
        /// Whether the response has no body.
        end: bool,
    },
    /// [`Mux::read`] has something after it had nothing.
    Readable(StreamId),
    /// [`Mux::send_capacity`] has something after it had nothing, or now fails.
    Writable(StreamId),
    /// The peer reset the stream, or reads no more of it; whatever waits for the stream should look.
    Reset(StreamId),
}

/// What [`Mux::read`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// The next bytes, never empty.
    Data(Bytes),
    /// The clean end.
    End,
    /// The clean end, with trailers.
    Trailers(HeaderMap),
    /// The stream was reset: what was read so far is not all.
    Reset(ResetCode),
}

/// The state of one end of a line.
#[derive(Debug)]
pub struct Mux {
    side: Side,
    settings: Settings,
    streams: StreamMap<Stream>,
    /// The highest stream opened so far. A number up to it that is not in `streams` belongs to a stream that is over.
    last: u32,
    draining: bool,
    /// Encoded frames that go before any data: heads, RESET, STOP, WINDOW.
    urgent: BytesMut,
    turns: Turns,
    /// How many messages have been made, modulo 2³².
    messages: u32,
    /// Streams that had their turn while the connection had no credit.
    starved: VecDeque<StreamId>,
    /// Streams that found no room because all streams together had queued too much.
    crowded: VecDeque<StreamId>,
    /// Bytes queued for sending, over all streams.
    queued: usize,
    credit: Credit,
    window: Window,
    pace: Pace,
    /// By how much the windows of all streams together have grown, in bytes.
    grown: usize,
    /// Bytes that lie here unread, over all streams.
    held: usize,
    /// Credit of the connection that is kept back while too much is held.
    withheld: u32,
    events: VecDeque<Event>,
}

/// How much waits on a line, and for whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    /// Streams that are not over.
    pub streams: usize,
    /// Streams that have something to send and wait for the peer's credit for the connection.
    pub starved: usize,
    /// Bytes that are queued for sending.
    pub queued: usize,
    /// Bytes that came and are not read yet.
    pub held: usize,
    /// Bytes that the peer takes before it has to give more credit.
    pub credit: usize,
}

impl Mux {
    /// A line on which nothing has happened yet.
    pub fn new(side: Side, settings: Settings) -> Self {
        let window = settings.local.connection_window;
        // What is under way comes on top of what is held: it stays a small part of it.
        let max_window = MAX_CONNECTION_WINDOW.min(u32::try_from(settings.max_held / 4).unwrap_or(u32::MAX));
        Self {
            side,
            settings,
            streams: StreamMap::default(),
            last: 0,
            draining: false,
            urgent: BytesMut::new(),
            turns: Turns::default(),
            messages: 0,
            starved: VecDeque::new(),
            crowded: VecDeque::new(),
            queued: 0,
            credit: Credit::new(settings.peer.connection_window),
            window: Window::new(window, max_window, Duration::ZERO),
            pace: Pace::default(),
            grown: 0,
            held: 0,
            withheld: 0,
            events: VecDeque::new(),
        }
    }

    /// The end this is.
    pub fn side(&self) -> Side {
        self.side
    }

    /// How many streams are not settled yet.
    pub fn active_streams(&self) -> usize {
        self.streams.len()
    }

    /// How much waits, and for whom.
    pub fn pressure(&self) -> Pressure {
        Pressure {
            streams: self.streams.len(),
            starved: self.starved.len(),
            queued: self.queued,
            held: self.held,
            credit: self.credit.available(),
        }
    }

    /// How many bytes of bodies have come and are not read yet.
    pub fn held(&self) -> usize {
        self.held
    }

    /// How many bytes are queued for sending.
    pub fn queued(&self) -> usize {
        self.queued
    }

    /// Sets another [`max_held`](Settings::max_held), which applies to what comes and is read from now on. Credit that was
    /// kept back for less is given.
    pub fn set_max_held(&mut self, bytes: usize) {
        self.settings.max_held = bytes;
        self.release_held(0);
    }

    /// Sets another [`max_queued`](Settings::max_queued), which applies to what is queued from now on. Streams that found no
    /// room in less are told.
    pub fn set_max_queued(&mut self, bytes: usize) {
        self.settings.max_queued = bytes;
        self.release_queued(0);
    }

    /// Makes [`Mux::open`] refuse from now on.
    pub fn stop_opening(&mut self) {
        self.draining = true;
    }

    /// The next thing to know, in the order in which things happened.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Tells what time it is and how far away the peer is: windows grow towards what that needs. Never told, they grow
    /// for every reader that keeps up.
    pub fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// What has arrived on a stream next; `None` when that is still to come. Reading gives credit back to the peer.
    ///
    /// After the end, and for a stream that is over, this is a reset with [`ResetCode::CLOSED`].
    pub fn read(&mut self, id: StreamId) -> Option<Received> {
        let Some(stream) = self.streams.get_mut(&id) else { return Some(Received::Reset(ResetCode::CLOSED)) };
        let recv = &mut stream.recv;
        if let Some(data) = recv.held.pop() {
            // What fills a window comes in several frames: the last of them may not have been read yet.
            let keeps_up = recv.held.len() <= recv.window.size() as usize / 4;
            let plenty = self.held <= self.settings.max_held / 2;
            let spare = if keeps_up && plenty { self.settings.max_grown.saturating_sub(self.grown) } else { 0 };
            let before = recv.window.grown();
            // Held data is bounded by the window, a u32.
            let grant = recv.window.consume(data.len() as u32, u32::try_from(spare).unwrap_or(u32::MAX), self.pace);
            self.grown += (recv.window.grown() - before) as usize;
            if let (Some(grant), RecvState::Open) = (grant, &recv.state) {
                frame::put_window(&mut self.urgent, id.0, grant);
            }
            self.release_held(data.len());
            return Some(Received::Data(data));
        }
        let received = match std::mem::replace(&mut recv.state, RecvState::Settled) {
            RecvState::Ended(None) => Received::End,
            RecvState::Ended(Some(trailers)) => Received::Trailers(trailers),
            RecvState::Failed(code) => Received::Reset(code),
            RecvState::Settled => Received::Reset(ResetCode::CLOSED),
            pending @ (RecvState::AwaitHead | RecvState::Open) => {
                recv.state = pending;
                return None;
            }
            RecvState::Stopped => {
                recv.state = RecvState::Stopped;
                return Some(Received::Reset(ResetCode::CLOSED));
            }
        };
        self.remove_if_settled(id);
        Some(received)
    }

    /// Takes the clean end without trailers if that is all that is left to read, as [`read`](Self::read) would the next
    /// time; whether it was.
    pub fn read_end(&mut self, id: StreamId) -> bool {
        let Some(recv) = self.streams.get_mut(&id).map(|stream| &mut stream.recv) else { return false };
        let ends = recv.held.len() == 0 && matches!(recv.state, RecvState::Ended(None));
        if ends {
            recv.state = RecvState::Settled;
            self.remove_if_settled(id);
        }
        ends
    }

    /// Whether everything the peer sends on this stream has arrived, read or not.
    pub fn has_ended(&self, id: StreamId) -> bool {
        self.streams.get(&id).is_none_or(|s| !matches!(s.recv.state, RecvState::AwaitHead | RecvState::Open))
    }

    /// Why nothing can be sent on this stream any more, when the peer is the reason; [`SendError::Closed`] when the
    /// stream is over.
    pub fn send_failure(&self, id: StreamId) -> Option<SendError> {
        match self.streams.get(&id).map(|stream| &stream.send.state) {
            Some(SendState::Failed(failure)) => Some((*failure).into()),
            Some(_) => None,
            None => Some(SendError::Closed),
        }
    }

    /// Ends both directions of a stream at once.
    pub fn reset(&mut self, id: StreamId, code: ResetCode) {
        let Some(mut stream) = self.take_out(id) else { return };
        let held = stream.recv.held.clear();
        self.release_held(held);
        self.release_queued(stream.send.queued);
        let sent = matches!(stream.send.state, SendState::Settled | SendState::Failed(_));
        let received = !matches!(stream.recv.state, RecvState::AwaitHead | RecvState::Open | RecvState::Stopped);
        if !(sent && received) {
            frame::put_reset(&mut self.urgent, id.0, code);
        }
    }

    /// The application will not send on this stream any more. If the direction has not been ended, the stream is reset.
    pub fn release_send(&mut self, id: StreamId, code: ResetCode) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        match stream.send.state {
            SendState::Idle | SendState::Open => self.reset(id, code),
            SendState::Failed(_) => {
                stream.send.state = SendState::Settled;
                self.remove_if_settled(id);
            }
            SendState::Ending(_) | SendState::Settled => {}
        }
    }

    /// The application will not read from this stream any more. If there is more to come, the server resets the stream,
    /// since whoever wanted the response has gone; the telephone only stops the request body, since its response may
    /// well be complete without it.
    pub fn release_recv(&mut self, id: StreamId, code: ResetCode) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let held = stream.recv.held.clear();
        match stream.recv.state {
            RecvState::AwaitHead | RecvState::Open if self.side == Side::Server => self.reset(id, code),
            RecvState::AwaitHead | RecvState::Open => {
                stream.recv.state = RecvState::Stopped;
                frame::put_stop(&mut self.urgent, id.0, code);
            }
            RecvState::Ended(_) | RecvState::Failed(_) => stream.recv.state = RecvState::Settled,
            RecvState::Stopped | RecvState::Settled => {}
        }
        self.release_held(held);
        self.remove_if_settled(id);
    }

    fn remove_if_settled(&mut self, id: StreamId) {
        if self.streams.get(&id).is_some_and(Stream::is_settled) {
            self.take_out(id);
        }
    }

    fn take_out(&mut self, id: StreamId) -> Option<Stream> {
        let stream = self.streams.remove(&id)?;
        self.grown -= stream.recv.window.grown() as usize;
        Some(stream)
    }

    /// Accounts for `bytes` that no longer lie here.
    fn release_held(&mut self, bytes: usize) {
        self.held -= bytes;
        if self.held <= self.settings.max_held {
            let bytes = std::mem::take(&mut self.withheld);
            self.return_credit(bytes);
        }
    }

    /// Gives credit of the connection back.
    fn return_credit(&mut self, bytes: u32) {
        if let Some(grant) = self.window.consume(bytes, u32::MAX, self.pace) {
            frame::put_window(&mut self.urgent, 0, grant);
        }
    }
}

/// Puts a stream into a row of those that wait. Streams that were reset meanwhile are swept out now and then, so that
/// the row stays within about twice the number of streams.
fn put_aside(row: &mut VecDeque<StreamId>, id: StreamId, streams: &StreamMap<Stream>) {
    if row.len() > 64 + 2 * streams.len() {
        row.retain(|id| streams.contains_key(id));
    }
    row.push_back(id);
}
