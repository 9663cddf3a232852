/// What is kept of a text message that was too long: enough to see what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// How long it was, in bytes.
    pub length: u64,
    /// Its first bytes.
    pub beginning: Vec<u8>,
    /// Its last bytes.
    pub end: Vec<u8>,
    /// How much is kept of either.
    keep: usize,
}

impl Skipped {
    pub(super) fn new(keep: usize) -> Self {
        Self { length: 0, beginning: Vec::new(), end: Vec::new(), keep }
    }

    /// Goes past `bytes`.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.length = self.length.saturating_add(bytes.len() as u64);
        let room = self.keep.saturating_sub(self.beginning.len()).min(bytes.len());
        self.beginning.extend_from_slice(&bytes[..room]);
        let last = &bytes[bytes.len().saturating_sub(self.keep)..];
        let surplus = (self.end.len() + last.len()).saturating_sub(self.keep);
        self.end.drain(..surplus.min(self.end.len()));
        self.end.extend_from_slice(last);
    }
}
