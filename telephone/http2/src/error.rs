use h2::Reason;

/// Why a connection is of no use.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    /// What answers speaks something else.
    #[error("it does not speak HTTP/2: {0}")]
    Protocol(String),
    /// It says that it takes no requests.
    #[error("it takes no requests")]
    Full,
}

/// Why a request got no response.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError<E> {
    /// The server has turned the request away without looking at it (RFC 9113 sections 6.8 and 8.7).
    #[error("it took no more requests on this connection")]
    Refused,
    /// The connection ended without a word of an answer.
    #[error("it closed the connection without an answer")]
    Silent,
    /// The connection ended after informational heads.
    #[error("it closed the connection within its answer")]
    Incomplete,
    /// The server broke the request off.
    #[error("it broke the request off: {0}")]
    Broken(String),
    /// What the server has said cannot be passed on.
    #[error("its answer is not HTTP/2: {0}")]
    Invalid(String),
    /// The request cannot be said in HTTP/2.
    #[error("the request cannot be sent over HTTP/2: {0}")]
    Request(String),
    /// The body of the request broke.
    #[error("the request broke off")]
    Body(E),
}

/// Why the body of a response has ended early.
#[derive(Debug, thiserror::Error)]
pub enum ResponseBodyError<E> {
    /// The server or the network broke it off.
    #[error("{0}")]
    Response(String),
    /// The request that is still being sent broke.
    #[error("the request broke off")]
    Request(E),
}

impl<E> From<h2::Error> for ExchangeError<E> {
    fn from(error: h2::Error) -> Self {
        let remote_reset = error.is_reset() && error.is_remote();
        // A stream that a GOAWAY ends was not looked at (RFC 9113 section 6.8).
        if error.is_remote() && error.is_go_away() || remote_reset && error.reason() == Some(Reason::REFUSED_STREAM) {
            return Self::Refused;
        }
        match error {
            _ if error.is_io() => Self::Silent,
            _ if error.is_library() => Self::Invalid(error.to_string()),
            _ => Self::Broken(error.to_string()),
        }
    }
}
