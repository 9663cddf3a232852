//! A hash table that is only read, and of which a changed copy shares nearly everything with the one before.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::Arc;

use super::key::Key;

/// How many entries a shard has when it is made: so many are copied when one of them changes.
const PER_SHARD: usize = 512;
/// How many shards there are at least, so that a table that began with nothing may grow large.
const MIN_SHARDS: usize = 64;

/// Shards that later tables share with this one.
///
/// On a machine whose caches other work fills, a lookup costs as much as the number of places in memory that it reads one
/// after the other, and here that is one: where the shards are is little enough to stay near.
#[derive(Clone, Debug)]
pub(super) struct Index<V> {
    shards: Arc<[Shard<V>]>,
    len: usize,
}

/// Open addressing with linear probing, and the values in their places in the order of their keys (Amble and Knuth,
/// "Ordered hash tables", 1974), so that a search for what is not there ends as soon as one for what is.
type Shard<V> = Arc<[Option<(NonZero<u64>, V)>]>;

impl<V> Default for Index<V> {
    fn default() -> Self {
        Self { shards: empty(MIN_SHARDS).collect(), len: 0 }
    }
}

fn empty<V>(count: usize) -> impl Iterator<Item = Shard<V>> {
    let empty: Shard<V> = Arc::new([None]);
    std::iter::repeat_n(empty, count)
}

impl<V> Index<V> {
    #[inline]
    pub(super) fn get(&self, key: Key) -> Option<&V> {
        let shard = &self.shards[key.shard(self.shards.len())];
        for place in &shard[home(key.check, shard.len())..] {
            match place {
                Some((check, value)) if *check == key.check => return Some(value),
                Some((check, _)) if *check < key.check => {}
                _ => break,
            }
        }
        None
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        let counts = 2 * size_of::<usize>();
        let of_shard = |shard: &Shard<V>| size_of::<Shard<V>>() + counts + size_of_val(&**shard);
        counts + self.shards.iter().map(of_shard).sum::<usize>()
    }
}

impl<V: Clone> Index<V> {
    /// The same with these changes: a value that is there from now on, or none.
    pub(super) fn with(&self, changes: HashMap<Key, Option<V>>) -> Self {
        let count = match self.len {
            0 => (changes.len() / PER_SHARD).next_power_of_two().max(MIN_SHARDS),
            _ => self.shards.len(),
        };
        let mut by_shard: Vec<_> =
            changes.into_iter().map(|(key, value)| (key.shard(count), key.check, value)).collect();
        by_shard.sort_unstable_by_key(|(shard, check, _)| (*shard, *check));
        let mut shards = if self.shards.len() == count { self.shards.to_vec() } else { empty(count).collect() };
        let mut len = self.len;
        let mut rest = by_shard.into_iter().peekable();
        while let Some(at) = rest.peek().map(|(shard, ..)| *shard) {
            let changes = std::iter::from_fn(|| rest.next_if(|(shard, ..)| *shard == at));
            let (before, after) =
                (entries(&shards[at]).count(), merged(&shards[at], changes.map(|(_, key, value)| (key, value))));
            len = len + after.len() - before;
            shards[at] = laid_out(after);
        }
        Self { shards: shards.into(), len }
    }
}

/// Where to begin to search (Lemire, "Fast Random Integer Generation in an Interval", 2019). The last places follow all
/// homes, so that searches never go round.
#[inline]
fn home(check: NonZero<u64>, places: usize) -> usize {
    ((u128::from(check.get()) * homes(places) as u128) >> 64) as usize
}

/// How many of so many places are homes.
#[inline]
fn homes(places: usize) -> usize {
    places - places / 8
}

fn entries<V>(shard: &[Option<(NonZero<u64>, V)>]) -> impl Iterator<Item = &(NonZero<u64>, V)> {
    shard.iter().flatten()
}

/// The entries of a shard with changes, both in the order of their keys.
fn merged<V: Clone>(
    shard: &[Option<(NonZero<u64>, V)>],
    changes: impl Iterator<Item = (NonZero<u64>, Option<V>)>,
) -> Vec<(NonZero<u64>, V)> {
    let mut merged = Vec::with_capacity(entries(shard).count() + changes.size_hint().0);
    let mut before = entries(shard).cloned().peekable();
    for (key, value) in changes {
        while let Some(entry) = before.next_if(|entry| entry.0 < key) {
            merged.push(entry);
        }
        before.next_if(|entry| entry.0 == key);
        merged.extend(value.map(|value| (key, value)));
    }
    merged.extend(before);
    merged
}

/// Gives each entry its place: its home, or the next one that is free behind it. Three of four places are taken.
fn laid_out<V>(entries: Vec<(NonZero<u64>, V)>) -> Shard<V> {
    let mut count = entries.len() * 3 / 2 + 2;
    // How far the last ones are pushed behind their homes is chance; nearly always the eighth that follows is enough.
    while end_of(&entries, count) > count {
        count += count / 8 + 8;
    }
    let mut places: Vec<_> = std::iter::repeat_with(|| None).take(count).collect();
    let mut next = 0;
    for (key, value) in entries {
        let at = home(key, count).max(next);
        places[at] = Some((key, value));
        next = at + 1;
    }
    places.into()
}

/// Behind which place the last of the entries would be among so many places.
fn end_of<V>(entries: &[(NonZero<u64>, V)], count: usize) -> usize {
    entries.iter().fold(0, |next, (key, _)| home(*key, count).max(next) + 1)
}
