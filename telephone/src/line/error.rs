use std::io;
use std::sync::Arc;

use wire::close;
use wire::control::ControlError;
use wire::frame::ResetCode;
use wire::head::HeadError;
use wire::mux::{OpenError, ProtocolError, SendError};
use wire::websocket::WebSocketError;

use super::SocketError;

/// Why a line ended.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LineError {
    /// The peer closed it.
    #[error("closed by the peer with code {code}{}{reason}", if reason.is_empty() { "" } else { ": " })]
    PeerClosed {
        /// The close code, see [`wire::close`].
        code: u16,
        /// The peer's words.
        reason: String,
    },
    /// The connection ended without a close frame.
    #[error("the connection broke off")]
    PeerGone,
    /// Nothing came from the peer for two heartbeats.
    #[error("nothing was heard from the peer for two heartbeats")]
    HeartbeatLost,
    /// The peer took nothing of what was sent for long, though it was heard.
    #[error("the peer took nothing of what was sent for 15 heartbeats, or half a minute")]
    WriteStalled,
    /// The peer broke the rules of the line.
    #[error("the peer broke the protocol: {0}")]
    Protocol(#[from] ProtocolError),
    /// The peer sent a text message that is not a control message.
    #[error("the peer sent a bad message: {0}")]
    BadControl(Arc<ControlError>),
    /// The peer sent a message that has no meaning there.
    #[error("the peer sent {0}")]
    Unexpected(&'static str),
    /// Control messages come, or have to go, faster than they are taken.
    #[error("too many control messages")]
    ControlFlood,
    /// The peer's WebSocket frames are not valid, or too large.
    #[error("the WebSocket broke: {0}")]
    WebSocket(WebSocketError),
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(Arc<io::Error>),
    /// This end closed it.
    #[error("closed by this end with code {code}{}{reason}", if reason.is_empty() { "" } else { ": " })]
    ClosedByUs {
        /// The close code, see [`wire::close`].
        code: u16,
        /// The reason given.
        reason: String,
    },
    /// The task that drove the line was dropped.
    #[error("the line's task was ended")]
    Dropped,
}

impl LineError {
    /// What to tell the peer in a close frame, code and reason, when there is a point in telling it.
    pub fn close_frame(&self) -> Option<(u16, String)> {
        match self {
            Self::Protocol(_) | Self::BadControl(_) | Self::Unexpected(_) | Self::ControlFlood => {
                Some((close::PROTOCOL, self.to_string()))
            }
            Self::HeartbeatLost => Some((close::HEARTBEAT, self.to_string())),
            Self::WebSocket(error) => Some((error.close_code(), self.to_string())),
            Self::ClosedByUs { code, reason } => Some((*code, reason.clone())),
            Self::PeerClosed { .. } | Self::PeerGone | Self::WriteStalled | Self::Io(_) | Self::Dropped => None,
        }
    }
}

impl From<SocketError> for LineError {
    fn from(error: SocketError) -> Self {
        match error {
            SocketError::Gone => Self::PeerGone,
            SocketError::Protocol(error) => Self::WebSocket(error),
            SocketError::Io(error) => error.into(),
        }
    }
}

impl From<io::Error> for LineError {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

/// Why no stream was opened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenStreamError {
    /// The session does not take one now.
    #[error(transparent)]
    Refused(#[from] OpenError),
    /// The line has ended.
    #[error("the line has ended: {0}")]
    Line(#[from] LineError),
}

/// Why a stream cannot go on.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StreamError {
    /// The peer reset it.
    #[error("reset by the peer: {0}")]
    Reset(ResetCode),
    /// The peer reads no more of what this end sends; the other direction goes on.
    #[error("not read any further by the peer: {0}")]
    Stopped(ResetCode),
    /// This end has ended it already.
    #[error("the stream has ended")]
    Closed,
    /// A call that does not fit the stream's state, such as a second response.
    #[error("not possible in the stream's state")]
    State,
    /// The head or the trailers cannot be sent.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The line ended under it.
    #[error("the line has ended: {0}")]
    Line(#[from] LineError),
}

impl StreamError {
    /// Whether the peer did nothing with the request, so that it may be sent elsewhere whatever its method.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Reset(ResetCode::REFUSED))
    }
}

impl From<SendError> for StreamError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Reset(code) => Self::Reset(code),
            SendError::Stopped(code) => Self::Stopped(code),
            SendError::Closed => Self::Closed,
            SendError::State | SendError::NoCapacity => Self::State,
            SendError::Head(error) => Self::Head(error),
        }
    }
}

/// Why a body was not copied to its end.
#[derive(Debug, thiserror::Error)]
pub enum CopyError<E> {
    /// The stream it went to failed.
    #[error(transparent)]
    Stream(StreamError),
    /// The body itself failed; the stream was reset, so that the peer sees it.
    #[error("the body broke: {0}")]
    Body(E),
}
