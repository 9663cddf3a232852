//! HTTP/1.1 (RFC 9112) as a proxy needs it.
//!
//! A proxy stands between two parsers, and what they read differently is how requests are smuggled. So what comes from
//! clients is read strictly: a message whose end or meaning is not beyond doubt is refused and its connection closed.
//! Heads and bodies are slices of what was read, never copies.
//!
//! [`server`] serves a client's connection, [`client`] uses a connection to a server. Neither spawns tasks or opens
//! sockets. The syntax below them does no I/O at all.

mod chunked;
pub mod client;
mod date;
mod decode;
mod encode;
mod error;
mod fields;
mod framing;
mod hop_by_hop;
mod inbound;
mod outbound;
mod protocols;
mod request;
mod response;
mod scan;
pub mod server;
mod upgraded;

pub use chunked::remove_forbidden;
pub use date::now as date;
pub use decode::{BodyDecoder, Decoded};
pub use error::{BodyError, RequestError, ResponseError};
pub use framing::Framing;
pub use hop_by_hop::remove_hop_by_hop;
pub use protocols::switches_as_asked;
pub use request::{Request, parse as parse_request};
pub use response::{Response, parse as parse_response};
pub use scan::HeadScan;
pub use upgraded::Upgraded;

/// The largest number of header fields in a head or in trailers.
pub const MAX_FIELDS: usize = 100;
