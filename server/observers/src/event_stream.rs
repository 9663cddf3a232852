use std::mem::take;

use bytes::Bytes;
use domain::MessageKind;
use memchr::memchr2;

use crate::Observed;
use crate::kept::Kept;

/// Tells the events of a body of `text/event-stream` (the HTML standard, "Server-sent events") that is not compressed.
///
/// An event is told as it was written: its lines without the end of the last one. Comments by themselves, which keep
/// connections open, are told as well.
#[derive(Debug)]
pub struct EventStreamObserver {
    event: Kept,
    /// How much may still be kept of all events.
    left: usize,
    /// Where in the stream the next byte is.
    place: Place,
    /// Ends of lines that belong to the event if another line follows.
    end: &'static [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// So many bytes of a byte order mark have been there.
    Start(usize),
    /// Within a line.
    Line,
    /// At the beginning of one.
    NewLine,
    /// The same behind a carriage return: a line feed would belong to it.
    Return,
}

/// May stand before the first event, and means nothing.
const MARK: &[u8] = "\u{feff}".as_bytes();

impl EventStreamObserver {
    /// `limit`: how much of all events together is kept, bytes.
    pub fn new(limit: usize) -> Self {
        Self { event: Kept::default(), left: limit, place: Place::Start(0), end: b"" }
    }

    /// Takes in the next piece of the body, and tells of each event that is complete with it.
    pub fn observe(&mut self, mut bytes: &[u8], mut found: impl FnMut(Observed)) {
        while let Some((&first, rest)) = bytes.split_first() {
            match (self.place, first) {
                (Place::Start(there), byte) if MARK.get(there) == Some(&byte) => {
                    self.place = Place::Start(there + 1);
                    bytes = rest;
                }
                (Place::Start(there), _) => {
                    self.place = Place::NewLine;
                    if there < MARK.len() {
                        self.write(&MARK[..there]);
                    }
                }
                (Place::Return, b'\n') => {
                    self.place = Place::NewLine;
                    if self.end == b"\r" {
                        self.end = b"\r\n";
                    }
                    bytes = rest;
                }
                (_, b'\r' | b'\n') => {
                    self.end_line(first, &mut found);
                    bytes = rest;
                }
                _ => {
                    let (line, rest) = bytes.split_at(memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len()));
                    self.write(line);
                    bytes = rest;
                }
            }
        }
    }

    /// The body is over: an event that has begun and not ended, which browsers do not take for one.
    pub fn finish(mut self) -> Option<Observed> {
        (!self.event.is_empty()).then(|| self.take())
    }

    fn write(&mut self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        self.event.push(take(&mut self.end), &mut self.left);
        self.event.push(line, &mut self.left);
        self.place = Place::Line;
    }

    fn end_line(&mut self, byte: u8, found: &mut impl FnMut(Observed)) {
        let empty = self.place != Place::Line;
        if empty && !self.event.is_empty() {
            let event = self.take();
            found(event);
        }
        self.end = match (empty, byte) {
            (true, _) => b"",
            (false, b'\r') => b"\r",
            (false, _) => b"\n",
        };
        self.place = if byte == b'\r' { Place::Return } else { Place::NewLine };
    }

    fn take(&mut self) -> Observed {
        self.end = b"";
        let (payload, size): (Bytes, u64) = self.event.take(true);
        Observed { kind: MessageKind::Event, payload, size }
    }
}
