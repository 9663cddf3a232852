//! Where connections come in: accepting, deadlines and limits, and the choice between dashboard and proxy.

mod accept;
mod body;
mod client_body;
mod connection;
mod data_plane;
mod dispatch;
mod first_words;
mod handler;
mod http2;
mod places;

pub use accept::{Acceptor, Departure, Limits};
pub use body::ResponseBody;
pub use client_body::{ClientBody, Informing, OnUpgrade};
pub use data_plane::{DataPlane, LinePlace, current_worker};
pub use dispatch::Dispatch;
pub(crate) use dispatch::{ENDPOINT, check};
pub use handler::Handler;
pub use places::{Place, PlaceFigures, Places, Room};
pub use server_heads::{Client, HostError, RequestHost, TrustedProxies};
