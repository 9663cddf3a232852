use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use crate::flow::{Credit, Window};
use crate::frame::ResetCode;

/// One stream. It lives until both halves are settled: nothing more to send and nothing more to read.
#[derive(Debug)]
pub(super) struct Stream {
    pub send: SendHalf,
    pub recv: RecvHalf,
}

/// What this end sends.
///
/// ```text
///            head            end given           END sent
///  Idle ───────────▶ Open ─────────────▶ Ending ──────────▶ Settled
///   │                 │                    │                   ▲
///   └───── RESET or STOP from the peer ────┴──▶ Failed ──────┘ handle released
/// ```
/// A server's stream starts at `Open` (or `Ending`), its head being what opens it.
#[derive(Debug)]
pub(super) struct SendHalf {
    pub state: SendState,
    pub credit: Credit,
    /// What waits for its turn; never more than the credit taken for it.
    pub queue: VecDeque<Bytes>,
    pub queued: usize,
    /// The stream is in the line for a turn.
    pub scheduled: bool,
    /// Which of the line's messages its last turn was for.
    pub turn: Option<u32>,
    /// The application found no room and wants to hear of some.
    pub blocked: bool,
    /// It is in the row of those for whom all streams together had too much queued.
    pub crowded: bool,
}

#[derive(Debug)]
pub(super) enum SendState {
    Idle,
    Open,
    Ending(Tail),
    Failed(Failure),
    Settled,
}

/// What ends a direction.
#[derive(Debug)]
pub(super) enum Tail {
    End,
    /// The encoded TRAILERS frame.
    Trailers(Bytes),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Failure {
    Reset(ResetCode),
    Stopped(ResetCode),
}

/// What this end reads.
///
/// ```text
///              head            END                   all read
///  AwaitHead ───────▶ Open ──────────────▶ Ended ─────────────▶ Settled
///      │                │                                          ▲
///      └── RESET ───────┴──▶ Failed ─────────────── reported ──────┘
///      └── handle released: STOP ──▶ Stopped, which is as good as settled
/// ```
/// A telephone's stream starts at `Open` (or `Ended`).
#[derive(Debug)]
pub(super) struct RecvHalf {
    pub state: RecvState,
    pub window: Window,
    pub held: Held,
}

#[derive(Debug)]
pub(super) enum RecvState {
    AwaitHead,
    Open,
    Ended(Option<HeaderMap>),
    Failed(ResetCode),
    /// Given up by this end; what still arrives is dropped.
    Stopped,
    Settled,
}

impl Stream {
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.send.state, SendState::Settled)
            && matches!(self.recv.state, RecvState::Settled | RecvState::Stopped)
    }
}

impl RecvHalf {
    pub(super) fn new(state: RecvState, window: Window) -> Self {
        Self { state, window, held: Held::default() }
    }
}

impl SendHalf {
    pub(super) fn new(state: SendState, credit: u32) -> Self {
        Self {
            state,
            credit: Credit::new(credit),
            queue: VecDeque::new(),
            queued: 0,
            scheduled: false,
            turn: None,
            blocked: false,
            crowded: false,
        }
    }

    /// Whether there is something to put into a message, credit of the connection aside.
    pub(super) fn has_output(&self) -> bool {
        self.queued > 0 || matches!(self.state, SendState::Ending(_))
    }

    /// Forgets what is queued and says how much it was.
    pub(super) fn clear(&mut self) -> usize {
        self.queue = VecDeque::new();
        std::mem::take(&mut self.queued)
    }
}

/// Payloads below this are copied together: a small slice would pin the whole message it came in.
const COPY_BELOW: usize = 4 * 1024;
/// A slice pins at most this many times its own length.
const PIN_AT_MOST: usize = 4;

/// Received bytes that wait for their reader.
#[derive(Debug, Default)]
pub(super) struct Held {
    chunks: VecDeque<Bytes>,
    /// Small payloads, copied together, after all chunks.
    tail: BytesMut,
    length: usize,
}

impl Held {
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Adds `payload`, a slice of a message of `message` bytes.
    pub(super) fn push(&mut self, payload: Bytes, message: usize) {
        self.length += payload.len();
        if payload.len() < COPY_BELOW || payload.len() * PIN_AT_MOST < message {
            self.tail.extend_from_slice(&payload);
        } else {
            if !self.tail.is_empty() {
                self.chunks.push_back(self.tail.split().freeze());
            }
            self.chunks.push_back(payload);
        }
    }

    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let chunk = match self.chunks.pop_front() {
            Some(chunk) => chunk,
            None if !self.tail.is_empty() => std::mem::take(&mut self.tail).freeze(),
            None => return None,
        };
        self.length -= chunk.len();
        Some(chunk)
    }

    /// Drops everything and says how much it was.
    pub(super) fn clear(&mut self) -> usize {
        std::mem::take(self).length
    }
}
