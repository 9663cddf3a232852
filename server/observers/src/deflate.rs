//! Compressed messages (RFC 7692).

use std::fmt;

use domain::Party;
use flate2::{Decompress, FlushDecompress, Status};

use crate::Unreadable;

/// What both ends of a WebSocket have agreed on for compressing messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deflate {
    /// The client compresses each message by itself.
    pub client_no_context_takeover: bool,
    /// The server does.
    pub server_no_context_takeover: bool,
}

impl Deflate {
    /// What the fields `Sec-WebSocket-Extensions` of a 101 say (RFC 7692 §7.1); `None`: nothing is compressed. The sizes
    /// of windows do not matter: whatever fits a small one fits the largest, which is used.
    ///
    /// # Errors
    /// [`Unreadable::Extension`] when there is any other extension, which may change what frames mean.
    pub fn agreed<'a>(fields: impl IntoIterator<Item = &'a str>) -> Result<Option<Self>, Unreadable> {
        let mut agreed = None;
        let extensions = fields.into_iter().flat_map(|field| field.split(','));
        for extension in extensions.map(str::trim).filter(|extension| !extension.is_empty()) {
            let mut parts = extension.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            if !name.eq_ignore_ascii_case("permessage-deflate") || agreed.is_some() {
                return Err(Unreadable::Extension(name.chars().take(64).collect()));
            }
            let mut deflate = Self::default();
            for part in parts {
                let key = part.split('=').next().unwrap_or_default().trim_end();
                deflate.client_no_context_takeover |= key.eq_ignore_ascii_case("client_no_context_takeover");
                deflate.server_no_context_takeover |= key.eq_ignore_ascii_case("server_no_context_takeover");
            }
            agreed = Some(deflate);
        }
        Ok(agreed)
    }

    /// Whether each message of that end begins anew.
    fn begins_anew(self, sender: Party) -> bool {
        match sender {
            Party::Client => self.client_no_context_takeover,
            Party::Server => self.server_no_context_takeover,
        }
    }
}

/// For each byte that is sent, so many may come of it in the long run. Deflate can make a thousand of one; what is not
/// made to, about twenty at most.
const RATIO: u64 = 128;
/// How much more may come of messages at once, bytes.
const SPARE: u64 = 8 * 1024 * 1024;
/// How much is inflated at a time.
const STEP: usize = 4 * 1024;
/// What a sender leaves out at the end of each message (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Inflates what one end sends.
pub(crate) struct Inflater {
    inflate: Decompress,
    begins_anew: bool,
    /// The compressed data of this message has said that it is over; what follows means nothing.
    over: bool,
    /// How much may come of what has been sent.
    budget: u64,
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").field("budget", &self.budget).finish_non_exhaustive()
    }
}

impl Inflater {
    pub(crate) fn new(deflate: Deflate, sender: Party) -> Self {
        let begins_anew = deflate.begins_anew(sender);
        Self { inflate: Decompress::new(false), begins_anew, over: false, budget: SPARE }
    }

    /// Inflates a piece of a message, and gives what comes of it to `take`.
    pub(crate) fn push(&mut self, mut piece: &[u8], mut take: impl FnMut(&[u8])) -> Result<(), Unreadable> {
        self.budget = self.budget.saturating_add(piece.len() as u64 * RATIO).min(SPARE.max(piece.len() as u64 * RATIO));
        let mut out = [0; STEP];
        while !self.over {
            let (read, written) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self.inflate.decompress(piece, &mut out, FlushDecompress::Sync);
            let status = status.map_err(|_| Unreadable::Deflate)?;
            let read = usize::try_from(self.inflate.total_in() - read).unwrap_or(usize::MAX);
            let written = usize::try_from(self.inflate.total_out() - written).unwrap_or(usize::MAX);
            let (Some(rest), Some(new)) = (piece.get(read..), out.get(..written)) else {
                return Err(Unreadable::Deflate);
            };
            piece = rest;
            self.budget = self.budget.checked_sub(written as u64).ok_or(Unreadable::TooMuch)?;
            take(new);
            if status == Status::StreamEnd {
                // Allowed (RFC 7692 §7.2.3.4), and hardly ever done. Nothing refers to what is before it.
                self.over = true;
                self.inflate.reset(false);
            } else if written < STEP && piece.is_empty() {
                break;
            } else if read == 0 && written == 0 {
                return Err(Unreadable::Deflate);
            }
        }
        Ok(())
    }

    /// The message is complete.
    pub(crate) fn finish(&mut self, take: impl FnMut(&[u8])) -> Result<(), Unreadable> {
        self.push(&TAIL, take)?;
        if self.begins_anew && !self.over {
            self.inflate.reset(false);
        }
        self.over = false;
        Ok(())
    }
}
