//! What can be wrong with a message.

use http::StatusCode;

/// Why a request is refused. Its connection is closed: where the next request begins is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The head is not what RFC 9112 says.
    #[error("the request is malformed: {0}")]
    Malformed(&'static str),
    /// The request target is too long.
    #[error("the request target is too long")]
    TargetTooLong,
    /// The head is too long or has too many fields.
    #[error("the request head is too large")]
    HeadTooLarge,
    /// Neither HTTP/1.1 nor HTTP/1.0.
    #[error("the version of HTTP is not supported")]
    Version,
    /// A transfer coding other than chunked (RFC 9112 section 6.1).
    #[error("the transfer coding is not supported")]
    TransferCoding,
}

impl RequestError {
    /// The status to answer with.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::TransferCoding => StatusCode::NOT_IMPLEMENTED,
        }
    }
}

/// Why a response cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    /// The head is not HTTP.
    #[error("its answer is not HTTP/1.1: {0}")]
    Malformed(&'static str),
    /// The head is too long or has too many fields.
    #[error("the head of its answer is too large")]
    HeadTooLarge,
    /// It is in doubt where the response ends (RFC 9112 section 6.3).
    #[error("{0}")]
    Framing(&'static str),
}

/// Why a body did not come whole.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection ended before the body.
    #[error("the connection ended before the body did")]
    Incomplete,
    /// The chunks are not what RFC 9112 section 7.1 says.
    #[error("the chunks of the body are malformed: {0}")]
    Chunk(&'static str),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Io(std::io::ErrorKind),
}

impl From<std::io::Error> for BodyError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.kind())
    }
}
