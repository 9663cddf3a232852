//! The line between a switchboard and a telephone, without any I/O.
//!
//! A line is one WebSocket. Its text messages are [`control`] messages (JSON); in version 2 each of its binary messages
//! holds one or more [`frame`]s, which carry many concurrent HTTP exchanges ("streams"). [`mux::Mux`] is the state
//! machine of both ends: it takes whole messages, hands out events and data, and says what to send next. Version 1.0,
//! in [`plain`], has no frames: each exchange is two text messages. Nothing in this crate reads a socket, a clock or a
//! random number, so that tests and fuzzers drive the same code as production.

pub mod close;
pub mod control;
pub mod flow;
pub mod frame;
pub mod head;
pub mod mux;
pub mod plain;
pub mod received;
mod secret;
mod varint;
pub mod websocket;

pub use secret::Secret;

/// The version of the line that our own telephone speaks, as it appears in `init`; the other one is
/// [`plain::VERSION`].
pub const VERSION: &str = "2";
