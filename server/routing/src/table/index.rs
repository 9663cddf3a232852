//! A hash table that is only read, and of which a changed copy shares nearly everything with the one before.

use std::collections::HashMap;
use std::sync::Arc;

use super::group::{Group, MOST_BEHIND, Place};
use super::key::Key;

/// How many places are taken in a shard when it is made: so many are copied when one of them changes.
const PER_SHARD: usize = 512;
/// How many shards there are at least, so that a table that began with nothing may grow large.
const MIN_SHARDS: usize = 64;

/// Shards that later tables share with this one.
///
/// On a machine whose caches other work fills, a lookup costs as much as the number of places in memory that it reads one
/// after the other, and here that is one: where the shards are is little enough to stay near.
#[derive(Clone, Debug)]
pub(super) struct Index<T> {
    shards: Arc<[Shard<T>]>,
    /// How many groups there are.
    len: usize,
}

/// Open addressing with linear probing, and the groups in the order of their keys (Amble and Knuth, "Ordered hash tables",
/// 1974), so that a search for what is not there ends as soon as one for what is.
type Shard<T> = Arc<[Place<T>]>;

impl<T> Default for Index<T> {
    fn default() -> Self {
        Self { shards: empty(MIN_SHARDS).collect(), len: 0 }
    }
}

fn empty<T>(count: usize) -> impl Iterator<Item = Shard<T>> {
    let empty: Shard<T> = Arc::new([Place::empty()]);
    std::iter::repeat_n(empty, count)
}

impl<T> Index<T> {
    #[inline]
    pub(super) fn get(&self, key: Key) -> Option<Group<'_, T>> {
        let shard = &self.shards[key.shard(self.shards.len())];
        let mut rest = &shard[home(key.check, shard.len())..];
        while let Some((place, behind)) = rest.split_first() {
            if place.is_head() && place.word >= key.check {
                let behind = behind.first_chunk().filter(|_| place.word == key.check)?;
                return Some(Group::new(place.target.as_ref(), behind));
            }
            rest = behind;
        }
        None
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        let counts = 2 * size_of::<usize>();
        let of_shard = |shard: &Shard<T>| size_of::<Shard<T>>() + counts + size_of_val(&**shard);
        counts + self.shards.iter().map(of_shard).sum::<usize>()
    }
}

impl<T: Clone> Index<T> {
    /// The same with these changes: a group that is there from now on, or none.
    pub(super) fn with(&self, changes: HashMap<Key, Option<Vec<Place<T>>>>) -> Self {
        let count = match self.len {
            0 => {
                let places = changes.values().flatten().map(Vec::len).sum::<usize>();
                (places / PER_SHARD).next_power_of_two().max(MIN_SHARDS)
            }
            _ => self.shards.len(),
        };
        let mut by_shard: Vec<_> =
            changes.into_iter().map(|(key, group)| (key.shard(count), key.check, group)).collect();
        by_shard.sort_unstable_by_key(|(shard, check, _)| (*shard, *check));
        let mut shards = if self.shards.len() == count { self.shards.to_vec() } else { empty(count).collect() };
        let mut len = self.len;
        let mut rest = by_shard.into_iter().peekable();
        while let Some(at) = rest.peek().map(|(shard, ..)| *shard) {
            let changes = std::iter::from_fn(|| rest.next_if(|(shard, ..)| *shard == at));
            let before = groups(&shards[at]).count();
            let after = merged(&shards[at], changes.map(|(_, check, group)| (check, group)));
            len = len + groups(&after).count() - before;
            shards[at] = laid_out(after);
        }
        Self { shards: shards.into(), len }
    }
}

/// Where to begin to search (Lemire, "Fast Random Integer Generation in an Interval", 2019). The last places follow all
/// homes, so that searches never go round.
#[inline]
fn home(check: u64, places: usize) -> usize {
    ((u128::from(check) * homes(places) as u128) >> 64) as usize
}

/// How many of so many places are homes.
#[inline]
fn homes(places: usize) -> usize {
    let places = places.saturating_sub(MOST_BEHIND);
    places - places / 8
}

/// The groups among places, each from its head on.
fn groups<T>(places: &[Place<T>]) -> impl Iterator<Item = &[Place<T>]> {
    let groups = places.chunk_by(|_, place| !place.is_head());
    groups.filter(|group| !group[0].is_empty())
}

/// The places of a shard with changes, both in the order of their keys, without those that are empty.
fn merged<T: Clone>(shard: &[Place<T>], changes: impl Iterator<Item = (u64, Option<Vec<Place<T>>>)>) -> Vec<Place<T>> {
    let mut merged = Vec::with_capacity(shard.len() + changes.size_hint().0);
    let mut before = groups(shard).peekable();
    for (check, group) in changes {
        while let Some(group) = before.next_if(|group| group[0].word < check) {
            merged.extend_from_slice(group);
        }
        before.next_if(|group| group[0].word == check);
        merged.extend(group.into_iter().flatten());
    }
    before.for_each(|group| merged.extend_from_slice(group));
    merged
}

/// Gives each group its place: its home, or behind the group before it. Two of three places are taken, and one of two where
/// groups are large, since those are in each other's way more often.
fn laid_out<T>(places: Vec<Place<T>>) -> Shard<T> {
    let heads = groups(&places).count();
    let mut count = places.len() + places.len() / 2 + (places.len() - heads) / 2 + 2;
    // How far the last ones are pushed behind their homes is chance; nearly always the eighth that follows is enough.
    while end_of(&places, count) > count {
        count += count / 8 + 8;
    }
    let mut laid_out = Vec::with_capacity(count);
    for place in places {
        if place.is_head() {
            let home = home(place.word, count + MOST_BEHIND).max(laid_out.len());
            laid_out.resize_with(home, Place::empty);
        }
        laid_out.push(place);
    }
    // So that as many follow the last head as are looked at.
    laid_out.resize_with(count + MOST_BEHIND, Place::empty);
    laid_out.into()
}

/// Behind which place the last of the groups would end among so many places.
fn end_of<T>(places: &[Place<T>], count: usize) -> usize {
    groups(places).fold(0, |next, group| home(group[0].word, count + MOST_BEHIND).max(next) + group.len())
}
