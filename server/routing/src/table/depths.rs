//! Small sets of small numbers.

/// A set of depths, so that a lookup asks only where there is something to be found. All depths from 56 on are one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Depths(u64);

impl Depths {
    const LAST: usize = 56;

    pub(super) fn insert(&mut self, depth: usize) {
        self.0 |= 1 << depth.min(Self::LAST);
    }

    pub(super) fn contains(self, depth: usize) -> bool {
        self.0 >> depth.min(Self::LAST) & 1 == 1
    }

    /// Whether there is one that is deeper.
    pub(super) fn reaches_beyond(self, depth: usize) -> bool {
        self.0 >> (depth + 1).min(Self::LAST) != 0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// As the lowest 57 bits of a number.
    pub(super) fn bits(self) -> u64 {
        self.0
    }

    /// The other way round.
    pub(super) fn of_bits(bits: u64) -> Self {
        Self(bits)
    }
}
