/// How a peer broke the rules of RFC 6455, or a limit of this end. The connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebSocketError {
    /// A reserved bit is set although no extension was agreed on (§5.2).
    #[error("a reserved bit of a frame is set")]
    ReservedBits,
    /// A frame of a kind that does not exist (§5.2).
    #[error("unknown opcode {0:#x}")]
    Opcode(u8),
    /// A length that is not written in as few bytes as possible, or has its highest bit set (§5.2).
    #[error("a frame's length is not encoded as it must be")]
    Length,
    /// A client's frame without a mask (§5.1).
    #[error("a client's frame is not masked")]
    Unmasked,
    /// A server's frame with a mask (§5.1).
    #[error("a server's frame is masked")]
    Masked,
    /// A control frame in fragments (§5.5).
    #[error("a control frame is fragmented")]
    FragmentedControl,
    /// A control frame of more than 125 bytes (§5.5).
    #[error("a control frame is longer than 125 bytes")]
    LongControl,
    /// A continuation frame without a message to continue (§5.4).
    #[error("a continuation of no message")]
    NothingToContinue,
    /// A new message inside another one (§5.4).
    #[error("a new message begins before the last one has ended")]
    Interleaved,
    /// A close frame whose payload is not a code that may be sent, followed by text (§5.5.1, §7.4).
    #[error("a close frame with a payload that is not allowed")]
    BadClose,
    /// Text that is not UTF-8 (§8.1).
    #[error("text that is not UTF-8")]
    InvalidUtf8,
    /// A frame or message longer than this end takes.
    #[error("more than {limit} bytes in one {}", if *.fragmented { "message" } else { "frame" })]
    TooBig {
        /// What is taken, in bytes.
        limit: usize,
        /// Whether the limit of messages was broken, rather than that of frames.
        fragmented: bool,
    },
}

impl WebSocketError {
    /// The code of the close frame that tells the peer (§7.4.1).
    pub fn close_code(self) -> u16 {
        match self {
            Self::InvalidUtf8 => 1007,
            Self::TooBig { .. } => crate::close::TOO_BIG,
            _ => 1002,
        }
    }
}
