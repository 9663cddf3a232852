//! WebSocket framing (RFC 6455 §5) without I/O: what is on the wire under a line, after the handshake.
//!
//! [`Decoder`] takes whole messages out of the bytes that were read; [`put_message`] lets whoever has a message write it
//! straight into the bytes to be sent, behind its header. No extension is known, so that the reserved bits are always
//! zero, and this end never fragments.

mod close;
mod decode;
mod encode;
mod error;
mod header;
mod mask;
mod skip;
mod utf8;

use bytes::Bytes;

pub use close::CloseReason;
pub use decode::Decoder;
pub use encode::{put_close, put_message};
pub use error::WebSocketError;
pub use header::{Header, MAX_CONTROL, MAX_HEADER, Opcode};
pub use mask::mask;
pub use skip::Skipped;

/// The end of a connection. A client masks what it sends, a server does not (RFC 6455 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The end that dialled.
    Client,
    /// The end that was dialled.
    Server,
}

/// What a peer may make this end hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest payload of one frame, in bytes.
    pub frame: usize,
    /// The longest message, in bytes, over all its fragments.
    pub message: usize,
}

impl Default for Limits {
    /// What a line uses: 1 MiB and 4 MiB.
    fn default() -> Self {
        Self { frame: 1024 * 1024, message: 4 * 1024 * 1024 }
    }
}

/// What a peer sent: a whole message, or a control frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A text message.
    Text(String),
    /// A text message over the limits, of a peer of which such are [read past](Decoder::skip_long_texts).
    TooLong(Skipped),
    /// A binary message. One that came in a single frame shares the buffer it was read into.
    Binary(Bytes),
    /// A `ping`; a pong with the same payload is owed (§5.5.2).
    Ping(Bytes),
    /// A `pong`.
    Pong(Bytes),
    /// The last frame the peer sends (§5.5.1), with its reason if it gave one.
    Close(Option<CloseReason>),
}
