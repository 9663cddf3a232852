//! HTTP/2 (RFC 9113) for clients: with prior knowledge on a clear-text connection, and on whatever else carries bytes.
//!
//! Frames, streams and windows are the `h2` crate's. What is decided here is what a request may look like before it
//! reaches a [`Handler`](super::Handler), how its answer goes out, and how long and how much a client may keep us busy.

mod activity;
mod body;
mod budget;
mod connection;
mod exchange;
mod frames;
mod head;
mod informing;
mod response;
mod transport;
mod uploads;

pub use body::Body;
pub(super) use connection::serve;
pub use informing::Informing;

/// What a client of HTTP/2 sends first (RFC 9113 section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
