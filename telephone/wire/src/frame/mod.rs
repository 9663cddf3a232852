//! The frames of version 2. A binary WebSocket message is a row of whole frames.
//!
//! ```text
//!  byte   0        1 .. 3            4 .. 7             8 ..
//!       ┌────────┬─────────────────┬──────────────────┬─────────────┐
//!       │E00kkkkk│ length (24 bit) │ stream (32 bit)  │ payload     │   all numbers big-endian
//!       └────────┴─────────────────┴──────────────────┴─────────────┘
//! ```
//!
//! `E` says that this direction of the stream ends with this frame; `kkkkk` is the [`Kind`].

mod code;
mod number;
mod stream;

use bytes::{Buf, Bytes, BytesMut};

pub use code::ResetCode;
pub(crate) use number::take_number;
pub use number::{put_reset, put_stop, put_window};
pub use stream::{put_data_header, put_head_frame};

use crate::head::MAX_HEAD;

/// The length of a frame's header, in bytes.
pub const HEADER: usize = 8;
/// The longest payload of a DATA frame, in bytes.
pub const MAX_DATA: usize = 64 * 1024;

const END: u8 = 0x80;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Server to telephone: opens a stream; the payload is a [`RequestHead`](crate::head::RequestHead).
    Request = 1,
    /// Telephone to server: a [`ResponseHead`](crate::head::ResponseHead). Informational ones come before the final one.
    Response = 2,
    /// Body bytes, or bytes of an upgraded stream. Only DATA uses credit. Empty only together with END.
    Data = 3,
    /// The trailers, in place of the last DATA frame; always with END.
    Trailers = 4,
    /// Ends both directions at once; the payload is a [`ResetCode`].
    Reset = 5,
    /// The sender of this frame reads no more of the stream; the other direction goes on. The payload is a [`ResetCode`].
    Stop = 6,
    /// More credit for the stream, or for the connection when the stream is 0; the payload is a number of bytes.
    Window = 7,
}

/// The header of a frame, checked as far as it can be without knowing the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the frame is.
    pub kind: Kind,
    /// Whether this direction of the stream ends with the frame.
    pub end: bool,
    /// The stream; 0 is the connection, for WINDOW only.
    pub stream: u32,
    /// The payload's length in bytes.
    pub length: usize,
}

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The message ends inside a frame.
    #[error("a frame is cut short")]
    CutShort,
    /// The kind is not known, or a reserved bit is set.
    #[error("unknown frame kind byte {0:#04x}")]
    UnknownKind(u8),
    /// The payload is longer, or shorter, than the kind allows.
    #[error("{kind:?} frame with a payload of {length} bytes")]
    Length {
        /// The frame's kind.
        kind: Kind,
        /// Its payload's length in bytes.
        length: usize,
    },
    /// END on a frame that cannot end a direction, or none on TRAILERS.
    #[error("{0:?} frame with a wrong END bit")]
    End(Kind),
    /// Stream 0 on a frame that belongs to a stream.
    #[error("{0:?} frame on stream 0")]
    StreamZero(Kind),
}

impl Kind {
    fn from_bits(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Request,
            2 => Self::Response,
            3 => Self::Data,
            4 => Self::Trailers,
            5 => Self::Reset,
            6 => Self::Stop,
            7 => Self::Window,
            _ => return None,
        })
    }

    /// Whether a payload of `length` bytes is possible.
    fn allows(self, length: usize, end: bool) -> bool {
        match self {
            Self::Request | Self::Response | Self::Trailers => length <= MAX_HEAD,
            // An empty frame that ends nothing would cost its reader work and its sender no credit.
            Self::Data => length <= MAX_DATA && (length > 0 || end),
            Self::Reset | Self::Stop | Self::Window => length == 4,
        }
    }
}

impl Header {
    /// Appends the header.
    pub fn encode(&self, out: &mut BytesMut) {
        out.extend_from_slice(&self.to_bytes());
    }

    fn to_bytes(self) -> [u8; HEADER] {
        let kind = self.kind as u8 | if self.end { END } else { 0 };
        // Lengths stay far below 2²⁴: MAX_DATA and MAX_HEAD bound them.
        let first = u32::from(kind) << 24 | (self.length as u32 & 0x00ff_ffff);
        (u64::from(first) << 32 | u64::from(self.stream)).to_be_bytes()
    }

    /// Takes one frame off the front of a message.
    pub fn decode(message: &mut Bytes) -> Result<(Self, Bytes), FrameError> {
        if message.len() < HEADER {
            return Err(FrameError::CutShort);
        }
        let (first, stream) = (message.get_u32(), message.get_u32());
        let (byte, length) = ((first >> 24) as u8, (first & 0x00ff_ffff) as usize);
        let kind = Kind::from_bits(byte & !END).ok_or(FrameError::UnknownKind(byte))?;
        let header = Self { kind, end: byte & END != 0, stream, length };
        header.check()?;
        if message.len() < length {
            return Err(FrameError::CutShort);
        }
        Ok((header, message.split_to(length)))
    }

    fn check(&self) -> Result<(), FrameError> {
        let may_end = matches!(self.kind, Kind::Request | Kind::Response | Kind::Data | Kind::Trailers);
        if self.end && !may_end || !self.end && self.kind == Kind::Trailers {
            return Err(FrameError::End(self.kind));
        }
        if !self.kind.allows(self.length, self.end) {
            return Err(FrameError::Length { kind: self.kind, length: self.length });
        }
        if self.stream == 0 && self.kind != Kind::Window {
            return Err(FrameError::StreamZero(self.kind));
        }
        Ok(())
    }
}
