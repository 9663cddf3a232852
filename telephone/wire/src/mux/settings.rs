use crate::control::Limits;
use crate::flow::MAX_STREAM_WINDOW;

/// The longest payload of a DATA frame of a stream that is alone and delays nobody, in bytes. With all headers it stays
/// below the 64 KiB in which TCP hands data down: those few bytes that a longer one leaves for a packet of their own would
/// cost as much as all the others.
pub(super) const LONE_FRAME: usize = 63 * 1024;

/// Which end of the line a [`Mux`](super::Mux) is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The switchboard: opens streams.
    Server,
    /// The telephone: answers them.
    Telephone,
}

/// How a [`Mux`](super::Mux) behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What this end has announced that it takes.
    pub local: Limits,
    /// What the peer has announced that it takes.
    pub peer: Limits,
    /// How far the window of a stream grows whose reader keeps up, in bytes.
    pub max_stream_window: u32,
    /// By how much the windows of all streams together may grow, in bytes: what readers who kept up and then stop can
    /// leave lying here beyond the first window of each.
    pub max_grown: usize,
    /// How much may lie here unread, in bytes over all streams, before the connection's credit is held back as well.
    /// Below it one slow reader never slows another stream, and below half of it windows grow: room for the first
    /// windows of 500 who do not read, and all that windows may grow.
    pub max_held: usize,
    /// How much one stream may queue for sending, in bytes.
    pub send_buffer: usize,
    /// How much all streams together may queue for sending, in bytes.
    pub max_queued: usize,
    /// The longest payload of a DATA frame sent, in bytes: the turn of one stream before the next one's.
    pub frame_size: usize,
}

impl Settings {
    /// The usual behaviour towards a peer that has announced `peer`.
    pub fn new(local: Limits, peer: Limits) -> Self {
        Self {
            local,
            peer,
            max_stream_window: MAX_STREAM_WINDOW,
            max_grown: 16 * 1024 * 1024,
            max_held: 96 * 1024 * 1024,
            send_buffer: 2 * LONE_FRAME,
            max_queued: 16 * 1024 * 1024,
            frame_size: 16 * 1024,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new(Limits::default(), Limits::default())
    }
}
