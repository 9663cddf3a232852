use std::io;

use crate::{BodyError, ResponseError};

/// Why an exchange has failed.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError<E> {
    /// The connection ended without a word: an idle connection was closed just as it was used, or the server fell over.
    #[error("it closed the connection without an answer")]
    Silent,
    /// The connection ended within the head of the response.
    #[error("it closed the connection within its answer")]
    Incomplete,
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Io(io::Error),
    /// What the server has said cannot be passed on.
    #[error(transparent)]
    Response(#[from] ResponseError),
    /// The body of the request broke.
    #[error("the request broke off")]
    Body(E),
    /// The body of the request has another length than its head has said.
    #[error("the request has another length than it said")]
    Length,
}

/// Why the body of a response has ended early.
#[derive(Debug, thiserror::Error)]
pub enum ResponseBodyError<E> {
    /// The response broke.
    #[error(transparent)]
    Response(#[from] BodyError),
    /// The request that is still being sent broke.
    #[error(transparent)]
    Request(ExchangeError<E>),
}
