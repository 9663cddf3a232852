//! A client's connection: requests in, responses out, one after the other.

mod body;
mod connection;
mod deadline;
mod io;
mod reading;
mod stop;
mod transport;
mod upgrade;
mod writing;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;

use crate::RequestError;
pub use body::Body;
pub use connection::{Connection, Ended};
pub use io::Informing;
pub use stop::Stop;
pub use transport::Transport;
pub use upgrade::OnUpgrade;

/// What a client may use up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest head, bytes.
    pub head: usize,
    /// The longest request target, bytes.
    pub target: usize,
    /// How long a head may take from its first byte to its last.
    pub head_time: Duration,
    /// How long the client may take nothing of what is sent.
    pub write_time: Duration,
    /// After how long without a request [`Connection::serve`] returns.
    pub quiet: Duration,
}

/// Answers requests.
pub trait Service<S: Transport> {
    /// The body of a response.
    type Body: http_body::Body<Data = Bytes, Error: std::fmt::Display> + Unpin;

    /// Answers one request. Dropped before it is ready when the client has gone.
    fn answer(&self, request: http::Request<Body<S>>) -> impl Future<Output = http::Response<Self::Body>> + Send;

    /// Says why a request cannot be read. The connection ends with it.
    fn refuse(&self, error: RequestError) -> http::Response<Self::Body>;
}
