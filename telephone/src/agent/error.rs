use std::io;

use wire::control::{ErrorCode, Refusal};

use super::HandshakeError;
use crate::line::opening::OpeningError;
use crate::{ServerUrlError, TlsError};

/// Why an agent could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The server's address is not one.
    #[error(transparent)]
    Server(#[from] ServerUrlError),
    /// The token is not one.
    #[error(
        "the token is not a telephone token: those begin with \"sbt_\", short-lived ones with \"eyJ\"; create one in the dashboard under Tokens"
    )]
    Token,
    /// No target was given.
    #[error("no target to forward to was given")]
    NoTarget,
    /// Too much was announced.
    #[error("a telephone announces at most {} services", wire::control::MAX_SERVICES)]
    Services,
    /// The value for `Host` is not one.
    #[error("{0:?} is not a host name for the Host header")]
    HostHeader(String),
    /// The threads for the lines cannot be started.
    #[error("the threads for the lines cannot be started: {0}")]
    Threads(io::Error),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Why an agent has ended for good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// The server refuses this telephone, and would again.
    #[error("the switchboard refused: {message} ({code})")]
    Refused {
        /// The reason for a program.
        code: ErrorCode,
        /// The server's words, printable.
        message: String,
    },
    /// The server speaks no version this telephone does.
    #[error(
        "the switchboard speaks versions {offered} of the line, this telephone speaks {}; update the older of the two",
        wire::VERSION
    )]
    Version {
        /// What the server offered, for people.
        offered: String,
    },
    /// It was shut down.
    #[error("the telephone was shut down")]
    ShutDown,
}

/// Why one attempt to open a line failed.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The server cannot be reached.
    #[error("{server} cannot be reached: {error}")]
    Unreachable {
        /// The server's address.
        server: String,
        /// The cause.
        error: io::Error,
    },
    /// The TLS handshake failed.
    #[error("no secure connection to {server}: {error}{advice}", advice = crate::tls::advice(error))]
    Tls {
        /// The server's address.
        server: String,
        /// The cause.
        error: io::Error,
    },
    /// The server answered, but not with a WebSocket.
    #[error("{server} answered {status} instead of opening the line; is it a switchboard, and is it up?")]
    NotAWebSocket {
        /// The server's address.
        server: String,
        /// The status it answered with.
        status: u16,
    },
    /// The WebSocket handshake failed.
    #[error("the line to {server} could not be opened: {error}")]
    Handshake {
        /// The server's address.
        server: String,
        /// The cause.
        error: Box<HandshakeError>,
    },
    /// An opening message could not be exchanged.
    #[error("the line was not opened: {0}")]
    Opening(#[from] OpeningError),
    /// The server sent another message than the opening asks for.
    #[error("the line was not opened: the switchboard sent an unexpected message")]
    Unexpected,
    /// The server took too long.
    #[error("the line was not opened within 10 s")]
    TooSlow,
    /// The server refused, with words.
    #[error("{message} ({code})", code = .0.code, message = .0.message)]
    Refused(Refusal),
    /// The server speaks other versions only.
    #[error("the switchboard speaks versions {0} of the line only")]
    Version(String),
}

impl DialError {
    /// What ends the agent for good, if this does.
    pub(super) fn permanent(&self) -> Option<AgentError> {
        match self {
            Self::Refused(refusal) => permanent(refusal),
            Self::Version(offered) => Some(AgentError::Version { offered: offered.clone() }),
            _ => None,
        }
    }
}

/// The end that a refusal means, if it does. The server's words are made printable: they go to a terminal.
pub(super) fn permanent(refusal: &Refusal) -> Option<AgentError> {
    let Refusal { code, message } = refusal;
    code.is_permanent().then(|| AgentError::Refused { code: code.clone(), message: printable(message) })
}

/// `text` without what could steer a terminal, and not too long.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(500).collect()
}
