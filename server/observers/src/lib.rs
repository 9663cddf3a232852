//! What goes over a WebSocket or an event stream, told from the bytes as they pass, for the request inspector.
//!
//! Each observer is fed with what one end sends, cut in whatever way, and tells of each message when its last byte is
//! there. The bytes themselves are never held up or changed: what an observer cannot read ends only what it tells.

mod deflate;
mod event_stream;
mod kept;
mod web_socket;

use bytes::Bytes;
use domain::MessageKind;
use wire::websocket::WebSocketError;

pub use deflate::Deflate;
pub use event_stream::EventStreamObserver;
pub use web_socket::WebSocketObserver;

/// A message that has passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// What it is.
    pub kind: MessageKind,
    /// Its payload, or the beginning of it. A cut text ends with a whole character.
    pub payload: Bytes,
    /// The payload's full size, bytes; of a compressed message of which nothing is kept, as it was sent.
    pub size: u64,
}

/// Why an observer tells nothing more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is no WebSocket as RFC 6455 has it.
    #[error(transparent)]
    WebSocket(#[from] WebSocketError),
    /// Both ends have agreed on something that we do not know.
    #[error("the extension {0:?} is not known")]
    Extension(String),
    /// A compressed message that cannot be inflated (RFC 7692 §7.2.2).
    #[error("a compressed message is broken")]
    Deflate,
    /// Compressed messages that become so much larger that inflating them all would cost too much.
    #[error("compressed messages hold too much")]
    TooMuch,
}
