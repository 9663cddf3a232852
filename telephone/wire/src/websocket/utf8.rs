use std::str::from_utf8;

use super::WebSocketError;

/// Checks text that comes in pieces, at the first byte that cannot be right: RFC 6455 §8.1 lets a connection fail then.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    /// The beginning of a character whose rest is still to come.
    partial: [u8; 4],
    length: usize,
}

impl Utf8 {
    /// Checks the next piece.
    pub(super) fn check(&mut self, mut text: &[u8]) -> Result<(), WebSocketError> {
        while self.length > 0
            && let Some((&byte, rest)) = text.split_first()
        {
            text = rest;
            self.partial[self.length] = byte;
            self.length += 1;
            match from_utf8(&self.partial[..self.length]) {
                Ok(_) => self.length = 0,
                Err(error) if error.error_len().is_some() => return Err(WebSocketError::InvalidUtf8),
                // At most three bytes: four make a character or are an error.
                Err(_) => {}
            }
        }
        let Err(error) = from_utf8(text) else { return Ok(()) };
        if error.error_len().is_some() {
            return Err(WebSocketError::InvalidUtf8);
        }
        let tail = &text[error.valid_up_to()..];
        self.partial[..tail.len()].copy_from_slice(tail);
        self.length = tail.len();
        Ok(())
    }

    /// Checks that the text may end here, and is ready for another one.
    pub(super) fn finish(&mut self) -> Result<(), WebSocketError> {
        if std::mem::take(&mut self.length) == 0 { Ok(()) } else { Err(WebSocketError::InvalidUtf8) }
    }
}
