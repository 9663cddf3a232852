//! Where connections come in: accepting, deadlines and limits, and the choice between dashboard and proxy.

mod accept;
mod body;
mod client;
mod connection;
mod data_plane;
mod dispatch;
mod first_words;
mod handler;
mod host;

pub use accept::{Acceptor, Limits};
pub use body::ResponseBody;
pub use client::{Client, TrustedProxies};
pub use data_plane::{DataPlane, LinePlace, current_worker};
pub use dispatch::Dispatch;
pub use handler::Handler;
/// The body of a client's request.
pub type ClientBody = http1::server::Body<tokio::net::TcpStream>;
/// A client's connection that becomes another protocol's.
pub type OnUpgrade = http1::server::OnUpgrade<tokio::net::TcpStream>;
pub use host::{HostError, RequestHost};
