//! What the application sends.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use super::stream::{Failure, RecvHalf, RecvState, SendHalf, SendState, Stream, Tail};
use super::{Event, Mux, OpenError, SendError, Side, StreamId, put_aside};
use crate::flow::Window;
use crate::frame::{Kind, put_head_frame};
use crate::head::{RequestHead, ResponseHead, encode_trailers};

/// How many bytes of urgent frames may wait before no stream is opened any more: the heads of as many requests as a peer
/// usually takes, when they come all at once. Beyond that the peer has stopped reading.
pub(super) const MAX_URGENT: usize = 8 * 1024 * 1024;
/// While more than this of them waits, informational heads are left out. A local server may send them without end, they go
/// before all data, and nobody is the worse for not having read one.
const MAX_BEFORE_INFORMATIONAL: usize = 64 * 1024;

impl Mux {
    /// Opens a stream (server only); `end` says that the request has no body.
    pub fn open(&mut self, head: &RequestHead, end: bool) -> Result<StreamId, OpenError> {
        if self.side != Side::Server {
            return Err(OpenError::WrongSide);
        }
        if self.draining {
            return Err(OpenError::Draining);
        }
        if self.streams.len() >= self.settings.peer.max_streams as usize {
            return Err(OpenError::TooManyStreams);
        }
        if self.urgent.len() > MAX_URGENT {
            return Err(OpenError::Congested);
        }
        let id = self.last.checked_add(1).ok_or(OpenError::Exhausted)?;
        put_head_frame(&mut self.urgent, Kind::Request, id, end, |out| head.encode(out))?;
        self.last = id;
        let send = if end { SendState::Settled } else { SendState::Open };
        let stream = self.new_stream(send, RecvState::AwaitHead);
        self.streams.insert(StreamId(id), stream);
        Ok(StreamId(id))
    }

    pub(super) fn new_stream(&self, send: SendState, recv: RecvState) -> Stream {
        let Self { settings, pace, .. } = self;
        let window = Window::new(settings.local.stream_window, settings.max_stream_window, pace.now);
        Stream { send: SendHalf::new(send, settings.peer.stream_window), recv: RecvHalf::new(recv, window) }
    }

    /// Answers a stream (telephone only): any number of informational heads, of which some are left out when there are more
    /// than the line takes, then the final one. `end` says that the response has no body.
    pub fn respond(&mut self, id: StreamId, head: &ResponseHead, end: bool) -> Result<(), SendError> {
        let stream = self.streams.get_mut(&id).ok_or(SendError::Closed)?;
        match stream.send.state {
            SendState::Idle if self.side == Side::Telephone && !(end && head.is_informational()) => {}
            SendState::Failed(failure) => return Err(failure.into()),
            _ => return Err(SendError::State),
        }
        if head.is_informational() && self.urgent.len() > MAX_BEFORE_INFORMATIONAL {
            return Ok(());
        }
        put_head_frame(&mut self.urgent, Kind::Response, id.0, end, |out| head.encode(out))?;
        if !head.is_informational() {
            stream.send.state = if end { SendState::Settled } else { SendState::Open };
            self.remove_if_settled(id);
        }
        Ok(())
    }

    /// How many bytes [`Mux::send_data`] takes now: what credit and the stream's send buffer leave. When that is 0,
    /// [`Event::Writable`] follows as soon as it is more.
    pub fn send_capacity(&mut self, id: StreamId) -> Result<usize, SendError> {
        let (buffer, room) = (self.settings.send_buffer, self.room());
        let send = &mut self.streams.get_mut(&id).ok_or(SendError::Closed)?.send;
        send.check_open()?;
        let own = send.capacity(buffer);
        let capacity = own.min(room);
        send.blocked = capacity == 0;
        if own > 0 && room == 0 && !std::mem::replace(&mut send.crowded, true) {
            put_aside(&mut self.crowded, id, &self.streams);
        }
        Ok(capacity)
    }

    /// Queues body bytes, at most [`Mux::send_capacity`]; `end` says that they are the last.
    pub fn send_data(&mut self, id: StreamId, data: Bytes, end: bool) -> Result<(), SendError> {
        let (buffer, room) = (self.settings.send_buffer, self.room());
        let send = &mut self.streams.get_mut(&id).ok_or(SendError::Closed)?.send;
        send.check_open()?;
        if data.len() > send.capacity(buffer).min(room) {
            return Err(SendError::NoCapacity);
        }
        send.credit.take(data.len());
        if !data.is_empty() {
            send.queued += data.len();
            self.queued += data.len();
            send.queue.push_back(data);
        }
        if end {
            send.state = SendState::Ending(Tail::End);
        }
        self.schedule(id);
        Ok(())
    }

    /// Ends this direction with trailers.
    pub fn send_trailers(&mut self, id: StreamId, trailers: &HeaderMap) -> Result<(), SendError> {
        let send = &mut self.streams.get_mut(&id).ok_or(SendError::Closed)?.send;
        send.check_open()?;
        let mut out = BytesMut::new();
        put_head_frame(&mut out, Kind::Trailers, id.0, true, |out| encode_trailers(trailers, out))?;
        send.state = SendState::Ending(Tail::Trailers(out.freeze()));
        self.schedule(id);
        Ok(())
    }

    /// What all streams together may still queue.
    fn room(&self) -> usize {
        self.settings.max_queued.saturating_sub(self.queued)
    }

    /// Accounts for `bytes` that are no longer queued, and tells the streams that waited for room once there is a good
    /// deal of it.
    pub(super) fn release_queued(&mut self, bytes: usize) {
        self.queued -= bytes;
        if self.queued > self.settings.max_queued / 2 {
            return;
        }
        while let Some(id) = self.crowded.pop_front() {
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            stream.send.crowded = false;
            if stream.send.blocked && stream.send.capacity(self.settings.send_buffer) > 0 {
                stream.send.blocked = false;
                self.events.push_back(Event::Writable(id));
            }
        }
    }

    /// Puts a stream that has something to send into the line for a turn.
    fn schedule(&mut self, id: StreamId) {
        let Some(Stream { send, .. }) = self.streams.get_mut(&id) else { return };
        if !send.has_output() || send.scheduled {
            return;
        }
        send.scheduled = true;
        // One that had a part of the latest message goes on with what it does, even if that had taken all it had.
        if send.turn == Some(self.messages.wrapping_sub(1)) {
            self.turns.go_on(id);
        } else {
            self.turns.begin(id);
        }
    }
}

impl SendHalf {
    fn check_open(&self) -> Result<(), SendError> {
        match self.state {
            SendState::Open => Ok(()),
            SendState::Idle => Err(SendError::State),
            SendState::Ending(_) | SendState::Settled => Err(SendError::Closed),
            SendState::Failed(failure) => Err(failure.into()),
        }
    }

    pub(super) fn capacity(&self, buffer: usize) -> usize {
        self.credit.available().min(buffer.saturating_sub(self.queued))
    }
}

impl From<Failure> for SendError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Reset(code) => Self::Reset(code),
            Failure::Stopped(code) => Self::Stopped(code),
        }
    }
}
