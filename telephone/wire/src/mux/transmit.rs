//! What goes out: one message with whatever is ready.

use bytes::{Buf, Bytes, BytesMut};

use super::settings::LONE_FRAME;
use super::stream::{SendHalf, SendState, Tail};
use super::{Event, Mux, StreamId, put_aside};
use crate::frame::{HEADER, MAX_DATA, put_data_header};

/// The room a message must still have for one more DATA frame to be worth its header.
const LEAST_FRAME: usize = 1024;
/// How much room for urgent frames a line keeps while it has none.
const KEPT: usize = 8 * 1024;

impl Mux {
    /// Whether [`Mux::put_message`] may have something.
    pub fn has_output(&self) -> bool {
        !self.urgent.is_empty() || !self.turns.is_empty()
    }

    /// Whether heads or control frames wait.
    pub fn has_urgent(&self) -> bool {
        !self.urgent.is_empty()
    }

    /// The next binary message, of about `max` bytes at most, or `None` when nothing can be sent now.
    pub fn next_message(&mut self, max: usize) -> Option<Bytes> {
        let mut out = BytesMut::new();
        self.put_message(max, &mut out).then(|| out.freeze())
    }

    /// Appends the next binary message, of about `max` bytes at most, to `out`; `false` when nothing can be sent now.
    ///
    /// Heads and control frames go first, so that no body delays them; then the streams with data have one frame each
    /// in turn, and one that had nothing for the message before goes first: bulk transfers delay it by one frame of theirs,
    /// behind the message that is on its way.
    pub fn put_message(&mut self, max: usize, out: &mut BytesMut) -> bool {
        let start = out.len();
        let end = start.saturating_add(max);
        self.put_urgent(max, out);
        while self.urgent.is_empty() && out.len() + HEADER + LEAST_FRAME <= end {
            let Some(id) = self.turns.next() else { break };
            self.take_turn(id, out, end);
        }
        let put = out.len() > start;
        self.messages = self.messages.wrapping_add(put.into());
        put
    }

    /// Appends as many whole urgent frames as fit, at least one. What they leave of the buffer is used again.
    fn put_urgent(&mut self, max: usize, out: &mut BytesMut) {
        if self.urgent.len() <= max {
            out.extend_from_slice(&self.urgent);
            if self.urgent.capacity() > KEPT {
                self.urgent = BytesMut::new();
            }
            self.urgent.clear();
            return;
        }
        let mut end = 0;
        // Each frame was put here by this end, so its header is whole and its length true.
        while let Some(&[_, a, b, c]) = self.urgent.get(end..end + 4).and_then(|h| h.first_chunk::<4>()) {
            let next = end + HEADER + u32::from_be_bytes([0, a, b, c]) as usize;
            if next > max && end > 0 {
                break;
            }
            end = next;
        }
        out.extend_from_slice(&self.urgent[..end]);
        self.urgent.advance(end);
    }

    /// Gives a stream its turn; `out` may grow to about `end` bytes.
    fn take_turn(&mut self, id: StreamId, out: &mut BytesMut, end: usize) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let send = &mut stream.send;
        if !send.has_output() {
            send.scheduled = false;
            return;
        }
        send.turn = Some(self.messages);
        // A stream that is alone delays nobody with a long frame.
        let frame = if self.turns.is_empty() { LONE_FRAME } else { self.settings.frame_size.min(MAX_DATA) };
        let room = frame.min(end - out.len() - HEADER);
        let length = self.credit.take(send.queued.min(room));
        if length == 0 && send.queued > 0 {
            put_aside(&mut self.starved, id, &self.streams);
            return;
        }
        send.put_frame(id, length, out);
        if send.has_output() {
            self.turns.go_on(id);
        } else {
            send.scheduled = false;
        }
        if send.blocked && send.capacity(self.settings.send_buffer) > 0 {
            send.blocked = false;
            self.events.push_back(Event::Writable(id));
        }
        self.remove_if_settled(id);
        self.release_queued(length);
    }
}

impl SendHalf {
    /// Appends a DATA frame with the next `length` queued bytes, and the end when it is time.
    fn put_frame(&mut self, id: StreamId, length: usize, out: &mut BytesMut) {
        self.queued -= length;
        let ends = self.queued == 0 && matches!(self.state, SendState::Ending(Tail::End));
        if length > 0 || ends {
            out.reserve(HEADER + length);
            put_data_header(out, id.0, length, ends);
            self.put_payload(length, out);
        }
        if self.queued > 0 {
            return;
        }
        if let SendState::Ending(tail) = &self.state {
            if let Tail::Trailers(frame) = tail {
                out.extend_from_slice(frame);
            }
            self.state = SendState::Settled;
        }
    }

    fn put_payload(&mut self, mut length: usize, out: &mut BytesMut) {
        while length > 0 {
            let Some(chunk) = self.queue.front_mut() else { return };
            if chunk.len() <= length {
                length -= chunk.len();
                out.extend_from_slice(chunk);
                self.queue.pop_front();
            } else {
                out.extend_from_slice(&chunk.split_to(length));
                length = 0;
            }
        }
    }
}
