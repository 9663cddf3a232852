//! Whose turn it is to send.

use std::collections::VecDeque;

use super::StreamId;

/// The streams that have data to send.
///
/// One that has just got something to send, and had no turn in the latest message, comes before those that have had turns
/// already, but only every other time: a small answer waits for one frame of a bulk transfer, however many of those there
/// are, and a flood of small answers leaves the bulk transfers every other frame (as do the new flows of RFC 8290 §4.2,
/// which go to the end of the others when they are empty, not away).
#[derive(Debug, Default)]
pub(super) struct Turns {
    fresh: VecDeque<StreamId>,
    others: VecDeque<StreamId>,
    /// The last turn was a fresh one's, and others had to wait for it.
    favoured: bool,
}

impl Turns {
    pub(super) fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.others.is_empty()
    }

    /// Puts in a stream that had nothing to send for a message at least.
    pub(super) fn begin(&mut self, id: StreamId) {
        self.fresh.push_back(id);
    }

    /// Puts in a stream again that has had its turn.
    pub(super) fn go_on(&mut self, id: StreamId) {
        self.others.push_back(id);
    }

    /// Puts in streams again that could not use their turn.
    pub(super) fn go_on_all(&mut self, ids: &mut VecDeque<StreamId>) {
        self.others.append(ids);
    }

    /// The next one.
    pub(super) fn next(&mut self) -> Option<StreamId> {
        let fresh = !self.fresh.is_empty() && (!self.favoured || self.others.is_empty());
        self.favoured = fresh && !self.others.is_empty();
        if fresh { self.fresh.pop_front() } else { self.others.pop_front() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_fresh_comes_every_other_time() {
        let mut turns = Turns::default();
        for bulk in 1..=3 {
            turns.go_on(StreamId(bulk));
        }
        for small in 10..=12 {
            turns.begin(StreamId(small));
        }
        let order: Vec<_> = std::iter::from_fn(|| turns.next()).map(|id| id.0).collect();
        assert_eq!(order, [10, 1, 11, 2, 12, 3]);
        turns.begin(StreamId(1));
        turns.begin(StreamId(2));
        assert_eq!([turns.next(), turns.next(), turns.next()], [Some(StreamId(1)), Some(StreamId(2)), None]);
    }
}
