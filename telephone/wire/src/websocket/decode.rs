use bytes::{Buf, Bytes, BytesMut};

use super::header::Header;
use super::skip::Skipped;
use super::utf8::Utf8;
use super::{CloseReason, Limits, Opcode, Received, Role, WebSocketError, mask};

/// Messages shorter than this are copied out of the buffer they came in, which can be read into again at once then.
const SHARED: usize = 4096;

/// Takes messages out of what a peer sent, however it was cut on its way.
#[derive(Debug)]
pub struct Decoder {
    /// The end that sends.
    from: Role,
    limits: Limits,
    /// The frame whose header has been read.
    frame: Option<Frame>,
    /// The fragments of a message that is not complete.
    gathered: Option<Gathered>,
    /// Checks the text message under way.
    utf8: Utf8,
    /// How much is kept of either end of a text message that is too long.
    keep: Option<usize>,
    /// What is kept of the one under way.
    skipped: Option<Skipped>,
}

#[derive(Debug)]
struct Frame {
    opcode: Opcode,
    fin: bool,
    length: usize,
    key: Option<[u8; 4]>,
    /// How many bytes of the payload have been unmasked, and checked.
    done: usize,
    /// Whether it belongs to a text message.
    text: bool,
    /// Whether it belongs to one that is too long.
    skip: bool,
}

#[derive(Debug)]
struct Gathered {
    text: bool,
    data: Vec<u8>,
}

impl Decoder {
    /// A decoder for what arrives at the end `role`.
    pub fn new(role: Role, limits: Limits) -> Self {
        let from = match role {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        };
        Self { from, limits, frame: None, gathered: None, utf8: Utf8::default(), keep: None, skipped: None }
    }

    /// From now on a text message over the limits is no error: it is read past, and [`Received::TooLong`] has `keep`
    /// bytes of either end of it.
    pub fn skip_long_texts(&mut self, keep: usize) {
        self.keep = Some(keep);
    }

    /// Sets other limits, for frames that begin from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Takes the next message or control frame out of `buffer`; `None` when more has to be read. What is consumed is
    /// gone from the buffer. After an error the connection cannot go on.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Received>, WebSocketError> {
        loop {
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None => match Header::decode(buffer, self.from, false)? {
                    Some((header, length)) => {
                        buffer.advance(length);
                        self.begin(header)?
                    }
                    None => return Ok(None),
                },
            };
            if frame.skip {
                self.skip(&mut frame, buffer);
            } else {
                self.take_in(&mut frame, buffer)?;
            }
            if frame.done < frame.length {
                self.frame = Some(frame);
                return Ok(None);
            }
            if let Some(received) = self.complete(&frame, buffer)? {
                return Ok(Some(received));
            }
        }
    }

    /// How many bytes the frame under way still lacks beyond `buffered` ones; 0 between frames.
    pub fn missing(&self, buffered: usize) -> usize {
        self.frame.as_ref().map_or(0, |frame| frame.length.saturating_sub(buffered))
    }

    /// Whether a message, or a frame, has begun and not ended.
    pub fn is_inside(&self) -> bool {
        self.frame.is_some() || self.gathered.is_some() || self.skipped.is_some()
    }

    /// Checks a header against the rules of fragments (§5.4) and the limits.
    fn begin(&mut self, header: Header) -> Result<Frame, WebSocketError> {
        let Header { fin, opcode, length, key, .. } = header;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let (text, before) = match (opcode, &self.gathered, &self.skipped) {
            // Short as they are, they come in between.
            (Opcode::Close | Opcode::Ping | Opcode::Pong, ..) => {
                return Ok(Frame { opcode, fin, length, key, done: 0, text: false, skip: false });
            }
            (Opcode::Continuation, _, Some(_)) => (true, usize::MAX),
            (Opcode::Continuation, Some(gathered), None) => (gathered.text, gathered.data.len()),
            (Opcode::Continuation, None, None) => return Err(WebSocketError::NothingToContinue),
            (Opcode::Text | Opcode::Binary, None, None) => (opcode == Opcode::Text, 0),
            (Opcode::Text | Opcode::Binary, ..) => return Err(WebSocketError::Interleaved),
        };
        let Limits { frame, message } = self.limits;
        let too_big = if length > frame {
            Some(WebSocketError::TooBig { limit: frame, fragmented: false })
        } else if length > message.saturating_sub(before) {
            Some(WebSocketError::TooBig { limit: message, fragmented: true })
        } else {
            None
        };
        match (too_big, self.keep) {
            (Some(_), Some(keep)) if text => self.begin_to_skip(keep),
            (Some(error), _) => return Err(error),
            (None, _) => {}
        }
        Ok(Frame { opcode, fin, length, key, done: 0, text, skip: self.skipped.is_some() })
    }

    fn begin_to_skip(&mut self, keep: usize) {
        let skipped = self.skipped.get_or_insert_with(|| Skipped::new(keep));
        if let Some(gathered) = self.gathered.take() {
            skipped.push(&gathered.data);
        }
        self.utf8 = Utf8::default();
    }

    /// Goes past what has come of the payload.
    fn skip(&mut self, frame: &mut Frame, buffer: &mut BytesMut) {
        let mut new = buffer.split_to(buffer.len().min(frame.length - frame.done));
        if let Some(key) = frame.key {
            mask(&mut new, key, frame.done);
        }
        frame.done += new.len();
        if let Some(skipped) = &mut self.skipped {
            skipped.push(&new);
        }
    }

    /// Unmasks, and checks, what has come of the payload since the last time.
    fn take_in(&mut self, frame: &mut Frame, buffer: &mut BytesMut) -> Result<(), WebSocketError> {
        let there = frame.length.min(buffer.len());
        let new = &mut buffer[frame.done..there];
        if let Some(key) = frame.key {
            mask(new, key, frame.done);
        }
        if frame.text {
            self.utf8.check(new)?;
        }
        frame.done = there;
        Ok(())
    }

    /// Takes a complete frame's payload, and says what it amounts to; `None` when its message goes on.
    fn complete(&mut self, frame: &Frame, buffer: &mut BytesMut) -> Result<Option<Received>, WebSocketError> {
        if frame.skip {
            return Ok(if frame.fin { self.skipped.take().map(Received::TooLong) } else { None });
        }
        let payload = &buffer[..frame.length];
        let received = match frame.opcode {
            Opcode::Ping => Some(Received::Ping(Bytes::copy_from_slice(payload))),
            Opcode::Pong => Some(Received::Pong(Bytes::copy_from_slice(payload))),
            Opcode::Close => Some(Received::Close(CloseReason::decode(payload)?)),
            _ if !frame.fin || self.gathered.is_some() => self.gather(frame, payload)?,
            Opcode::Binary if frame.length >= SHARED => {
                return Ok(Some(Received::Binary(buffer.split_to(frame.length).freeze())));
            }
            _ if frame.text => Some(self.text(payload.to_vec())?),
            _ => Some(Received::Binary(Bytes::copy_from_slice(payload))),
        };
        buffer.advance(frame.length);
        Ok(received)
    }

    /// Adds a fragment to its message; gives the message when it was the last one.
    fn gather(&mut self, frame: &Frame, payload: &[u8]) -> Result<Option<Received>, WebSocketError> {
        let mut data = self.gathered.take().map(|gathered| gathered.data).unwrap_or_default();
        data.extend_from_slice(payload);
        if !frame.fin {
            self.gathered = Some(Gathered { text: frame.text, data });
            return Ok(None);
        }
        Ok(Some(if frame.text { self.text(data)? } else { Received::Binary(data.into()) }))
    }

    fn text(&mut self, text: Vec<u8>) -> Result<Received, WebSocketError> {
        self.utf8.finish()?;
        Ok(Received::Text(String::from_utf8(text).map_err(|_| WebSocketError::InvalidUtf8)?))
    }
}
