//! What can go wrong between the proxy and a backend.

use std::time::Duration;
use std::{fmt, io};

use http1::ResponseError;

use super::PolicyError;
use super::names::NameError;

/// Why a request got no response. `E` is what can be wrong with its body.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError<E> {
    /// No connection could be opened.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Opening a connection took too long.
    #[error("no connection could be opened within {0:?}")]
    Timeout(Duration),
    /// All connections that the backend may have are in use, and none became free in time.
    #[error("all {0} connections to it are in use")]
    Busy(usize),
    /// The backend has turned the request away without looking at it (RFC 9113 sections 6.8 and 8.7).
    #[error("it took no more requests on this connection")]
    Refused,
    /// The connection ended without a word of an answer.
    #[error("it closed the connection without an answer")]
    Silent,
    /// The connection broke before the answer was whole enough to be passed on.
    #[error("the connection broke before the answer: {0}")]
    Broken(String),
    /// What came cannot be passed on.
    #[error("its answer cannot be passed on: {0}")]
    Invalid(String),
    /// The request cannot be said in HTTP/2.
    #[error("the request cannot be sent over HTTP/2: {0}")]
    Request(String),
    /// The body of the request broke.
    #[error("the request broke off: {0}")]
    Body(E),
    /// The body of the request has another length than its head has said.
    #[error("the request has another length than it said")]
    Length,
}

impl<E> UpstreamError<E> {
    /// Whether the backend may have begun to process the request. If not, any request can be given to another backend,
    /// provided that its body is at hand; otherwise only one that may be processed twice (RFC 9110 section 9.2.2).
    pub fn may_have_arrived(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Timeout(_) | Self::Busy(_) | Self::Refused | Self::Request(_) => false,
            Self::Silent | Self::Broken(_) | Self::Invalid(_) | Self::Body(_) | Self::Length => true,
        }
    }

    /// Whether this tells something about the health of the backend, and not only about the request or its client.
    pub fn is_the_backends_fault(&self) -> bool {
        !matches!(self, Self::Body(_) | Self::Length | Self::Request(_) | Self::Busy(_))
    }
}

/// Why no connection could be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The name leads nowhere.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The name has no address.
    #[error("the backend has no address")]
    NoAddress,
    /// The address is not one that may be connected to.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Nobody takes connections there.
    #[error("{to} cannot be connected to: {cause}")]
    Io {
        /// The address.
        to: String,
        /// What is wrong.
        cause: io::Error,
    },
    /// The connection is not secure.
    #[error("TLS to the backend failed: {cause}{advice}")]
    Tls {
        /// What is wrong.
        cause: io::Error,
        /// What to do about it.
        advice: &'static str,
    },
    /// What answers cannot be spoken to in HTTP/2.
    #[error("the backend cannot be asked over HTTP/2: {0}")]
    Http2(#[from] http2::OpenError),
}

impl<E> From<ResponseError> for UpstreamError<E> {
    fn from(error: ResponseError) -> Self {
        Self::Invalid(error.to_string())
    }
}

/// A request that got no response.
pub struct Failed<B: http_body::Body> {
    /// Why.
    pub error: UpstreamError<B::Error>,
    /// Its body, as far as it was read, for whoever can give it again from its beginning.
    pub body: Option<B>,
    /// Whether nothing was read of the body, or there is none: it can be sent again as it is.
    pub untouched: bool,
    /// How often it may have arrived, if it was sent.
    pub arrivals: u32,
}

impl<B: http_body::Body<Error: fmt::Debug>> fmt::Debug for Failed<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { error, untouched, arrivals, .. } = self;
        let mut shown = f.debug_struct("Failed");
        shown.field("error", error).field("untouched", untouched).field("arrivals", arrivals).finish_non_exhaustive()
    }
}

/// Why the body of a response did not come whole.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamBodyError {
    /// The backend or the network broke it off.
    #[error("the backend broke off its response: {0}")]
    Response(String),
    /// The request that was still being sent broke.
    #[error("the request broke off: {0}")]
    Request(String),
}
