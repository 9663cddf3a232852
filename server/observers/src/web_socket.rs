use bytes::Bytes;
use domain::{MessageKind, Party};
use wire::websocket::{Header, MAX_CONTROL, MAX_HEADER, Opcode, Role, WebSocketError, mask};

use crate::deflate::{Deflate, Inflater};
use crate::kept::Kept;
use crate::{Observed, Unreadable};

/// How much is unmasked at a time.
const STEP: usize = 4 * 1024;

/// Tells the messages that one end of a WebSocket sends (RFC 6455 §5), from the bytes behind the 101.
///
/// It holds what it keeps of a message under way, and 64 KiB when messages are compressed.
#[derive(Debug)]
pub struct WebSocketObserver {
    sender: Party,
    deflate: Option<Deflate>,
    /// Made for the first message that is compressed.
    inflater: Option<Inflater>,
    /// How much may still be kept of all messages.
    left: usize,
    /// The part of a header that is there.
    header: Vec<u8>,
    /// The frame whose payload passes.
    frame: Option<Frame>,
    /// The message whose fragments pass.
    message: Option<Message>,
    /// The payload of a control frame.
    control: Vec<u8>,
    /// Nothing more is told: it was closed, or is none.
    over: bool,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    header: Header,
    /// How many bytes of the payload have passed.
    done: u64,
}

#[derive(Debug)]
struct Message {
    kind: MessageKind,
    /// Whether it is to be inflated.
    compressed: bool,
    kept: Kept,
}

impl WebSocketObserver {
    /// An observer of what `sender` sends, compressed as both ends have agreed. `limit`: how much of the payloads of all
    /// messages together is kept, bytes; once that is reached, messages are told without payload.
    pub fn new(sender: Party, deflate: Option<Deflate>, limit: usize) -> Self {
        Self {
            sender,
            deflate,
            inflater: None,
            left: limit,
            header: Vec::with_capacity(MAX_HEADER),
            frame: None,
            message: None,
            control: Vec::new(),
            over: false,
        }
    }

    /// Takes in what `sender` sends next, and tells of each message that is complete with it. Behind a close nothing is.
    ///
    /// # Errors
    /// [`Unreadable`], once: from there on all calls do nothing.
    pub fn observe(&mut self, mut bytes: &[u8], mut found: impl FnMut(Observed)) -> Result<(), Unreadable> {
        while !self.over && !bytes.is_empty() {
            let result = match self.frame {
                None => self.take_header(&mut bytes),
                Some(frame) => self.take_payload(frame, &mut bytes),
            };
            if let Err(error) = result.and_then(|()| self.end_frame(&mut found)) {
                self.give_up();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Nothing more is told, and nothing held.
    fn give_up(&mut self) {
        let Self { sender, deflate, .. } = *self;
        *self = Self { over: true, ..Self::new(sender, deflate, 0) };
    }

    fn take_header(&mut self, bytes: &mut &[u8]) -> Result<(), Unreadable> {
        let role = match self.sender {
            Party::Client => Role::Client,
            Party::Server => Role::Server,
        };
        let before = self.header.len();
        let (new, _) = bytes.split_at(bytes.len().min(MAX_HEADER - before));
        self.header.extend_from_slice(new);
        let Some((header, length)) = Header::decode(&self.header, role, self.deflate.is_some())? else {
            *bytes = &bytes[new.len()..];
            return Ok(());
        };
        *bytes = &bytes[length - before..];
        self.header.clear();
        self.begin(header)
    }

    /// Checks a frame against the rules of fragments (RFC 6455 §5.4).
    fn begin(&mut self, header: Header) -> Result<(), Unreadable> {
        let kind = match header.opcode {
            Opcode::Text => Some(MessageKind::Text),
            Opcode::Binary => Some(MessageKind::Binary),
            _ => None,
        };
        match (kind, &self.message) {
            (Some(_), Some(_)) => return Err(WebSocketError::Interleaved.into()),
            (Some(kind), None) => {
                // When nothing more is kept, nothing needs to be inflated, now or later.
                let compressed = header.compressed && self.left > 0;
                self.inflater = self.inflater.take().filter(|_| self.left > 0);
                self.message = Some(Message { kind, compressed, kept: Kept::default() });
            }
            (None, None) if header.opcode == Opcode::Continuation => {
                return Err(WebSocketError::NothingToContinue.into());
            }
            (None, _) => {}
        }
        self.frame = Some(Frame { header, done: 0 });
        Ok(())
    }

    /// Takes in as much of the payload as there is.
    fn take_payload(&mut self, mut frame: Frame, bytes: &mut &[u8]) -> Result<(), Unreadable> {
        let missing = usize::try_from(frame.header.length - frame.done).unwrap_or(usize::MAX);
        let (payload, rest) = bytes.split_at(bytes.len().min(missing));
        *bytes = rest;
        let mut unmasked = [0; STEP];
        let mut payload = payload;
        while !payload.is_empty() && !self.passes_unread(frame.header) {
            let (piece, rest) = payload.split_at(payload.len().min(STEP));
            let copy = &mut unmasked[..piece.len()];
            copy.copy_from_slice(piece);
            if let Some(key) = frame.header.key {
                mask(copy, key, (frame.done % 4) as usize);
            }
            self.take_piece(frame.header, copy)?;
            frame.done += piece.len() as u64;
            payload = rest;
        }
        if let Some(message) = &mut self.message
            && !payload.is_empty()
        {
            message.kept.pass(payload.len() as u64);
            frame.done += payload.len() as u64;
        }
        self.frame = Some(frame);
        Ok(())
    }

    /// Whether nothing of a payload is kept or inflated.
    fn passes_unread(&self, header: Header) -> bool {
        let read = header.opcode.is_control() || self.left > 0;
        !read && self.message.as_ref().is_some_and(|message| !message.compressed)
    }

    fn take_piece(&mut self, header: Header, piece: &[u8]) -> Result<(), Unreadable> {
        let Self { left, control, message, inflater, deflate, sender, .. } = self;
        match message {
            _ if header.opcode.is_control() => control.extend_from_slice(piece),
            Some(Message { compressed: true, kept, .. }) => {
                let deflate = deflate.unwrap_or_default();
                let inflater = inflater.get_or_insert_with(|| Inflater::new(deflate, *sender));
                inflater.push(piece, |piece| kept.push(piece, left))?;
            }
            Some(message) => message.kept.push(piece, left),
            None => {}
        }
        Ok(())
    }

    /// Tells of what ends with the frame, if all of that is there.
    fn end_frame(&mut self, found: &mut impl FnMut(Observed)) -> Result<(), Unreadable> {
        let Some(Frame { header, .. }) = self.frame.take_if(|frame| frame.done == frame.header.length) else {
            return Ok(());
        };
        if header.opcode.is_control() {
            let observed = self.take_control(header.opcode)?;
            found(observed);
            return Ok(());
        }
        let Some(mut message) = self.message.take_if(|_| header.fin) else { return Ok(()) };
        if message.compressed {
            let deflate = self.deflate.unwrap_or_default();
            let inflater = self.inflater.get_or_insert_with(|| Inflater::new(deflate, self.sender));
            inflater.finish(|piece| message.kept.push(piece, &mut self.left))?;
        }
        let (payload, size) = message.kept.take(message.kind == MessageKind::Text);
        found(Observed { kind: message.kind, payload, size });
        Ok(())
    }

    /// A control frame is short (§5.5), so that it is there at once; all of it is kept as long as anything is.
    fn take_control(&mut self, opcode: Opcode) -> Result<Observed, Unreadable> {
        debug_assert!(self.control.len() <= MAX_CONTROL, "checked with the header");
        let payload = std::mem::take(&mut self.control);
        let kind = match opcode {
            Opcode::Ping => MessageKind::Ping,
            Opcode::Pong => MessageKind::Pong,
            _ => MessageKind::Close,
        };
        let size = payload.len() as u64;
        let mut shown = if kind == MessageKind::Close { close_in_words(&payload)? } else { payload };
        self.over = kind == MessageKind::Close;
        if shown.len() > self.left {
            shown.clear();
        }
        self.left -= shown.len();
        Ok(Observed { kind, payload: Bytes::from(shown), size })
    }
}

/// Code and reason (§5.5.1), as in `1000 done`.
fn close_in_words(payload: &[u8]) -> Result<Vec<u8>, Unreadable> {
    if payload.is_empty() {
        return Ok(Vec::new());
    }
    let (code, reason) = payload.split_first_chunk().ok_or(WebSocketError::BadClose)?;
    let words = format!("{} {}", u16::from_be_bytes(*code), String::from_utf8_lossy(reason));
    Ok(words.trim_end().as_bytes().to_vec())
}
