use crate::frame::{FrameError, Kind, ResetCode};
use crate::head::HeadError;

/// The peer broke the rules of the line. The session cannot go on; it is closed with
/// [`close::PROTOCOL`](crate::close::PROTOCOL).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// Bytes that are not a frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A head or trailers that cannot be decoded.
    #[error("stream {stream}: {error}")]
    Head {
        /// The stream.
        stream: u32,
        /// What is wrong.
        error: HeadError,
    },
    /// A frame that only the other end sends.
    #[error("a {0:?} frame from the wrong end")]
    WrongSide(Kind),
    /// A stream number that is not above all earlier ones.
    #[error("stream {0} opened out of order")]
    StreamReused(u32),
    /// A frame for a stream that was never opened.
    #[error("a {kind:?} frame for stream {stream}, which was never opened")]
    UnknownStream {
        /// The frame's kind.
        kind: Kind,
        /// The stream.
        stream: u32,
    },
    /// DATA or TRAILERS before the final head.
    #[error("stream {0}: body before the head")]
    BodyBeforeHead(u32),
    /// A second final head.
    #[error("stream {0}: a second head")]
    SecondHead(u32),
    /// An informational head with END.
    #[error("stream {0}: ends with an informational head")]
    EndAfterInformational(u32),
    /// A frame of a direction that has ended.
    #[error("stream {0}: frames after the end")]
    AfterEnd(u32),
    /// More DATA than credit on one stream.
    #[error("stream {0}: more data than credit")]
    StreamWindow(u32),
    /// More DATA than credit on the connection.
    #[error("more data than credit on the connection")]
    ConnectionWindow,
    /// Requests beyond the limit of streams, from a peer that does not read how they are refused.
    #[error("requests beyond the limit, whose refusals are not read")]
    RefusalsUnread,
    /// A WINDOW frame of nothing, or of too much.
    #[error("stream {0}: a credit of nothing, or above the maximum")]
    Credit(u32),
}

/// Why no stream can be opened now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The session is draining: use another one.
    #[error("the session is draining")]
    Draining,
    /// As many streams are open as the peer takes.
    #[error("too many concurrent requests on this session")]
    TooManyStreams,
    /// The peer does not take what is sent; there is no point in queueing more.
    #[error("the session is congested")]
    Congested,
    /// All stream numbers are used; the session has to be replaced.
    #[error("the session has used all its stream numbers")]
    Exhausted,
    /// Only the server opens streams.
    #[error("only the server opens streams")]
    WrongSide,
    /// The head cannot be sent.
    #[error(transparent)]
    Head(#[from] HeadError),
}

/// Why something cannot be sent on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The peer reset the stream.
    #[error("reset by the peer: {0}")]
    Reset(ResetCode),
    /// The peer reads no more of this direction.
    #[error("not read any further by the peer: {0}")]
    Stopped(ResetCode),
    /// This end has already ended or reset this direction.
    #[error("this direction of the stream has ended")]
    Closed,
    /// The call does not fit the stream's state: body before the head, a second final head, END with an informational one.
    #[error("not possible in the stream's state")]
    State,
    /// More than [`send_capacity`](super::Mux::send_capacity).
    #[error("more than there is room for")]
    NoCapacity,
    /// The head or the trailers cannot be sent.
    #[error(transparent)]
    Head(#[from] HeadError),
}
