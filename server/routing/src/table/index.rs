//! A hash table that is made once and only read.

use super::key::Key;

/// Open addressing with linear probing, and the values in their places: on a machine whose caches other work fills, a
/// lookup costs as much as the number of places in memory that it reads one after the other, and here that is one.
/// (Tables with control bytes or references read two.)
#[derive(Debug)]
pub(super) struct Index<V> {
    places: Box<[Option<(Key, V)>]>,
}

impl<V> Index<V> {
    /// Half the places and one stay empty, so that searches are short and end.
    pub(super) fn new(entries: impl ExactSizeIterator<Item = (Key, V)>) -> Self {
        let count = 1 + 2 * entries.len();
        let mut places: Box<[Option<(Key, V)>]> = std::iter::repeat_with(|| None).take(count).collect();
        for entry in entries {
            let mut at = entry.0.home(count);
            while places[at].is_some() {
                at = following(at, count);
            }
            places[at] = Some(entry);
        }
        Self { places }
    }

    #[inline]
    pub(super) fn get(&self, key: Key) -> Option<&V> {
        let mut at = key.home(self.places.len());
        while let Some((other, value)) = &self.places[at] {
            if *other == key {
                return Some(value);
            }
            at = following(at, self.places.len());
        }
        None
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.places)
    }
}

fn following(at: usize, count: usize) -> usize {
    if at + 1 == count { 0 } else { at + 1 }
}
