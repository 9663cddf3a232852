//! HTTP/2 (RFC 9113) as a proxy speaks it to a server.
//!
//! [`Connections`] are the open connections to one server, each of which carries many requests; an [`Exchange`] is one
//! request and its response. Sockets are opened by whoever needs them. Each connection is driven by a task of its own on
//! the runtime that [added](Connections::add) it.
//!
//! There are no pushed responses, and a connection cannot be switched to another protocol.

mod connection;
mod connections;
mod driver;
mod error;
mod exchange;
mod head;
mod sending;

pub use connection::Stream;
pub use connections::{Connections, Opening};
pub use error::{ExchangeError, OpenError, ResponseBodyError};
pub use exchange::Exchange;
pub use head::request;
