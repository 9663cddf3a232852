use bytes::Bytes;

/// The payload of a message under way: its beginning, as far as it is kept, and its size.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    bytes: Vec<u8>,
    size: u64,
}

impl Kept {
    /// Adds what comes next, of which as much is kept as `left` says.
    pub(crate) fn push(&mut self, piece: &[u8], left: &mut usize) {
        let fits = piece.len().min(*left);
        self.bytes.extend_from_slice(&piece[..fits]);
        *left -= fits;
        self.pass(piece.len() as u64);
    }

    /// Counts what is not kept.
    pub(crate) fn pass(&mut self, size: u64) {
        self.size = self.size.saturating_add(size);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// What is kept, and the full size. A text that is cut ends with a whole character.
    pub(crate) fn take(&mut self, text: bool) -> (Bytes, u64) {
        let Self { mut bytes, size } = std::mem::take(self);
        if text
            && (bytes.len() as u64) < size
            && let Err(error) = std::str::from_utf8(&bytes)
            && error.error_len().is_none()
        {
            bytes.truncate(error.valid_up_to());
        }
        // What grew to twice its size does not stay so large until it is written.
        bytes.shrink_to_fit();
        (bytes.into(), size)
    }
}
