//! Frames seen in passing (RFC 9113 section 4.1), with nothing of them kept.

/// The head of a frame, which tells what it is.
const HEAD: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// What a frame is to whoever counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Opens a stream, or ends one with trailers.
    Headers,
    /// Carries a part of a body, or its end.
    Data,
    /// Takes a stream back.
    Reset,
    /// Anything else: it carries nothing of a request or a response.
    Chore,
}

/// A frame's head.
#[derive(Clone, Copy, Debug)]
struct Head {
    length: usize,
    kind: u8,
    flags: u8,
}

/// Finds frames in a stream of bytes.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// What is still to come before the next frame: the preface, or the rest of a frame.
    ahead: usize,
    head: [u8; HEAD],
    known: usize,
    current: Option<Head>,
    /// Whether a block of fields goes on in the next frame.
    open_block: bool,
}

impl Frames {
    /// Those behind a preface of so many bytes.
    pub(super) fn behind(preface: usize) -> Self {
        Self { ahead: preface, ..Self::default() }
    }

    /// Takes the next bytes; `begun` is told of each frame whose head is whole, `ended` when one has passed that leaves
    /// no block of fields open.
    pub(super) fn pass(&mut self, mut bytes: &[u8], mut seen: impl FnMut(Seen)) {
        loop {
            let passed = self.ahead.min(bytes.len());
            self.ahead -= passed;
            bytes = &bytes[passed..];
            if self.ahead > 0 {
                return;
            }
            if let Some(head) = self.current.take() {
                if matches!(head.kind, HEADERS | CONTINUATION) {
                    self.open_block = head.flags & END_HEADERS == 0;
                }
                if !self.open_block {
                    seen(Seen::Whole);
                }
            }
            let taken = (HEAD - self.known).min(bytes.len());
            self.head[self.known..][..taken].copy_from_slice(&bytes[..taken]);
            self.known += taken;
            bytes = &bytes[taken..];
            if self.known < HEAD {
                return;
            }
            let [a, b, c, kind, flags, ..] = self.head;
            let head = Head { length: usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c), kind, flags };
            (self.known, self.ahead, self.current) = (0, head.length, Some(head));
            seen(Seen::Begun(head.kind()));
        }
    }

    /// Whether something other than a part of a body is on its way: a frame of which not all has passed, or a block of
    /// fields. The head of a frame may belong to a body.
    pub(super) fn is_amid(&self) -> bool {
        self.open_block || self.current.is_some_and(|head| head.kind != DATA)
    }
}

/// What [`Frames::pass`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// A frame has begun.
    Begun(Kind),
    /// One has passed, and no block of fields is open behind it.
    Whole,
}

impl Head {
    fn kind(self) -> Kind {
        match self.kind {
            HEADERS => Kind::Headers,
            // One with nothing in it says nothing, unless that the body has ended.
            DATA if self.length > 0 || self.flags & END_STREAM != 0 => Kind::Data,
            RST_STREAM => Kind::Reset,
            _ => Kind::Chore,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0, 0, 0, kind, flags, 0, 0, 0, 1];
        frame[2] = u8::try_from(payload.len()).unwrap_or(u8::MAX);
        frame.extend_from_slice(payload);
        frame
    }

    fn seen(frames: &mut Frames, pieces: &[&[u8]]) -> Vec<Seen> {
        let mut all = Vec::new();
        for piece in pieces {
            frames.pass(piece, |seen| all.push(seen));
        }
        all
    }

    #[test]
    fn frames_are_found_however_they_are_cut() {
        let bytes = [
            b"PRI".to_vec(),
            frame(4, 0, b""),
            frame(HEADERS, 0, b"abc"),
            frame(CONTINUATION, END_HEADERS, b""),
            frame(DATA, 0, b""),
            frame(DATA, 0, b"x"),
            frame(DATA, END_STREAM, b""),
            frame(RST_STREAM, 0, b"1234"),
            frame(200, 0, b"?"),
        ]
        .concat();
        let begun =
            [Kind::Chore, Kind::Headers, Kind::Chore, Kind::Chore, Kind::Data, Kind::Data, Kind::Reset, Kind::Chore];
        for size in 1..=bytes.len() {
            let mut frames = Frames::behind(3);
            let seen = seen(&mut frames, &bytes.chunks(size).collect::<Vec<_>>());
            let kinds: Vec<_> =
                seen.iter().filter_map(|seen| matches!(seen, Seen::Begun(_)).then_some(*seen)).collect();
            assert_eq!(kinds, begun.map(Seen::Begun), "in pieces of {size}");
            // All but the one that left a block of fields open.
            assert_eq!(seen.len() - kinds.len(), begun.len() - 1, "in pieces of {size}");
            assert!(!frames.is_amid());
        }
    }

    #[test]
    fn an_open_block_of_fields_and_a_half_frame_are_amid_something() {
        let mut frames = Frames::behind(0);
        seen(&mut frames, &[&frame(HEADERS, 0, b"abc")]);
        assert!(frames.is_amid());
        seen(&mut frames, &[&frame(CONTINUATION, END_HEADERS, b"")]);
        assert!(!frames.is_amid());
        seen(&mut frames, &[&frame(DATA, 0, b"abc")[..10]]);
        assert!(!frames.is_amid(), "a body may take its time");
        seen(&mut frames, &[b"bc", &frame(RST_STREAM, 0, b"1234")[..10]]);
        assert!(frames.is_amid());
    }
}
