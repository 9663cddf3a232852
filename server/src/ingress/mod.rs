//! Where connections come in: accepting, deadlines and limits, and the choice between dashboard and proxy.

mod accept;
mod body;
mod client;
mod connection;
mod data_plane;
mod dispatch;
mod handler;
mod host;
mod watched;

pub use accept::{Acceptor, Limits};
pub use body::ResponseBody;
pub use client::{Client, TrustedProxies};
pub use connection::take_socket;
pub use data_plane::{DataPlane, current_worker};
pub use dispatch::Dispatch;
pub use handler::Handler;
pub use host::{HostError, RequestHost};
