use super::{Role, WebSocketError};

/// The longest header of a frame, in bytes.
pub const MAX_HEADER: usize = 14;
/// The longest payload of a control frame, in bytes (RFC 6455 §5.5).
pub const MAX_CONTROL: usize = 125;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const COMPRESSED: u8 = 0x40;
const MASKED: u8 = 0x80;
/// In place of a length: two more bytes have it, or eight.
const TWO_BYTES: u8 = 126;
const EIGHT_BYTES: u8 = 127;

/// What a frame is (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// More of the message before.
    Continuation = 0,
    /// Text, or its beginning.
    Text = 1,
    /// Bytes, or their beginning.
    Binary = 2,
    /// The sender sends nothing after this.
    Close = 8,
    /// To be answered with a pong.
    Ping = 9,
    /// The answer.
    Pong = 10,
}

impl Opcode {
    fn from_bits(bits: u8) -> Result<Self, WebSocketError> {
        Ok(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return Err(WebSocketError::Opcode(bits)),
        })
    }

    /// Whether it says something of the connection, and may come in between the fragments of a message (§5.4).
    pub fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The header of a frame.
///
/// ```text
///  byte   0          1            2 ..
///       ┌──────────┬────────────┬───────────────────────────┬──────────────────┐
///       │FC00 oooo │M lllllll   │ length: 0, 2 or 8 bytes   │ key: 0 or 4      │
///       └──────────┴────────────┴───────────────────────────┴──────────────────┘
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Whether it is the last frame of its message.
    pub fin: bool,
    /// Whether a compressed message begins with it (RFC 7692 §6). Nobody agrees on that on a line.
    pub compressed: bool,
    /// What it is.
    pub opcode: Opcode,
    /// How long its payload is, bytes.
    pub length: u64,
    /// What its payload is masked with.
    pub key: Option<[u8; 4]>,
}

impl Header {
    /// The header that `bytes` begin with and its own length, once all of it is there. What can be told to be wrong by
    /// the first two bytes is an error at once. `from` is the end that sent it; `compressing`: messages may be
    /// compressed, as the handshake has agreed.
    ///
    /// # Errors
    /// What contradicts RFC 6455 in the header alone.
    pub fn decode(bytes: &[u8], from: Role, compressing: bool) -> Result<Option<(Self, usize)>, WebSocketError> {
        let Some((&[first, second], rest)) = bytes.split_first_chunk() else { return Ok(None) };
        let (fin, opcode) = (first & FIN != 0, Opcode::from_bits(first & 0x0f)?);
        let compressed = first & RESERVED == COMPRESSED;
        // Only the first frame of a message says that it is compressed (RFC 7692 §6.1).
        let may_be = compressing && matches!(opcode, Opcode::Text | Opcode::Binary);
        if first & RESERVED != 0 && !(compressed && may_be) {
            return Err(WebSocketError::ReservedBits);
        }
        let (masked, short) = (second & MASKED != 0, second & !MASKED);
        match (from, masked) {
            (Role::Client, false) => return Err(WebSocketError::Unmasked),
            (Role::Server, true) => return Err(WebSocketError::Masked),
            _ => {}
        }
        if opcode.is_control() && !fin {
            return Err(WebSocketError::FragmentedControl);
        }
        if opcode.is_control() && short > 125 {
            return Err(WebSocketError::LongControl);
        }
        let Some((length, rest)) = decode_length(short, rest)? else { return Ok(None) };
        let (key, rest) = match (masked, rest.split_first_chunk()) {
            (false, _) => (None, rest),
            (true, Some((key, rest))) => (Some(*key), rest),
            (true, None) => return Ok(None),
        };
        Ok(Some((Self { fin, compressed, opcode, length, key }, bytes.len() - rest.len())))
    }

    /// Writes the header and says how long it is.
    pub fn encode(self, out: &mut [u8; MAX_HEADER]) -> usize {
        let Self { fin, compressed, opcode, length, key } = self;
        let masked = if key.is_some() { MASKED } else { 0 };
        out[0] = (if fin { FIN } else { 0 }) | (if compressed { COMPRESSED } else { 0 }) | opcode as u8;
        let mut end = match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short @ 0..TWO_BYTES), _) => {
                out[1] = masked | short;
                2
            }
            (_, Ok(length)) => {
                out[1] = masked | TWO_BYTES;
                out[2..4].copy_from_slice(&length.to_be_bytes());
                4
            }
            _ => {
                out[1] = masked | EIGHT_BYTES;
                out[2..10].copy_from_slice(&length.to_be_bytes());
                10
            }
        };
        if let Some(key) = key {
            out[end..end + 4].copy_from_slice(&key);
            end += 4;
        }
        end
    }
}

/// The length that `short` stands for and what follows it, once it is there.
fn decode_length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, WebSocketError> {
    let (length, rest, least) = match short {
        EIGHT_BYTES => {
            let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
            (u64::from_be_bytes(*length), rest, 0x1_0000)
        }
        TWO_BYTES => {
            let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
            (u64::from(u16::from_be_bytes(*length)), rest, u64::from(TWO_BYTES))
        }
        short => (u64::from(short), rest, 0),
    };
    if length < least || length > i64::MAX as u64 {
        return Err(WebSocketError::Length);
    }
    Ok(Some((length, rest)))
}
