//! What lies together in memory.

use super::depths::Depths;
use super::key::Key;

/// How many mounts lie with their host: they, its head and its contents are two lines of a cache, which processors read
/// together. The mounts of a host that has more lie elsewhere, each for itself.
pub(super) const WITH_HOST: usize = 6;

/// How many places of a group lie behind its head, at most.
pub(super) const MOST_BEHIND: usize = 1 + WITH_HOST;

/// A place of a [`Group`]: its head, which every group begins with, for a host with mounts its contents, and then the
/// mounts. Or one that is empty.
///
/// What it is, its lowest bit and the place before it say:
///
/// ```text
/// head        check (63 bits)                                   1
/// contents    depths (57 bits)  how many mounts follow (6 bits) 0     63: they are elsewhere
/// mount       check (63 bits)                                   0
/// empty       ones (63 bits)                                    1
/// ```
#[derive(Clone, Debug)]
pub(super) struct Place<T> {
    pub(super) word: u64,
    /// Where a mount leads to; a host's own target is in the head.
    pub(super) target: Option<T>,
}

/// What an empty place has: all the same as a head, so that it ends what it follows, and greater than any key.
const EMPTY: u64 = u64::MAX;
/// Where the depths begin.
const DEPTHS: u32 = 7;
/// What stands in place of a number where mounts are elsewhere.
const ELSEWHERE: u64 = 63;

impl<T> Place<T> {
    pub(super) fn empty() -> Self {
        Self { word: EMPTY, target: None }
    }

    /// A host, or a mount that lies for itself.
    pub(super) fn head(key: Key, target: Option<T>) -> Self {
        Self { word: key.check, target }
    }

    /// What a host has: so many mounts that follow, at these depths. `None`: they are elsewhere.
    pub(super) fn contents(depths: Depths, follow: Option<usize>) -> Self {
        let follow = follow.map_or(ELSEWHERE, |mounts| mounts as u64);
        Self { word: depths.bits() << DEPTHS | follow << 1, target: None }
    }

    /// A mount that lies with its host.
    pub(super) fn mount(key: Key, target: T) -> Self {
        Self { word: key.check & !1, target: Some(target) }
    }

    #[inline]
    pub(super) fn is_head(&self) -> bool {
        self.word & 1 == 1
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.word == EMPTY
    }
}

/// A host with its mounts, or a mount that lies for itself.
#[derive(Debug)]
pub(super) struct Group<'t, T> {
    own: Option<&'t T>,
    behind: &'t Behind<T>,
}

/// What lies behind a head: contents, mounts, and perhaps the beginning of what follows.
pub(super) type Behind<T> = [Place<T>; MOST_BEHIND];

impl<T> Clone for Group<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Group<'_, T> {}

impl<'t, T> Group<'t, T> {
    #[inline]
    pub(super) fn new(own: Option<&'t T>, behind: &'t Behind<T>) -> Self {
        Self { own, behind }
    }

    /// The host's own target, or that of the mount.
    #[inline]
    pub(super) fn own(self) -> Option<&'t T> {
        self.own
    }

    /// At which depths the host has mounts.
    #[inline]
    pub(super) fn depths(self) -> Depths {
        match self.contents() {
            Some(contents) => Depths::of_bits(contents >> DEPTHS),
            None => Depths::default(),
        }
    }

    /// How many mounts lie with their host; `None`: they lie elsewhere, if there are any.
    #[inline]
    fn follow(self) -> Option<usize> {
        let follow = self.contents()? >> 1 & 63;
        (follow != ELSEWHERE).then_some(follow as usize)
    }

    /// Whether the host's mounts lie elsewhere.
    #[inline]
    pub(super) fn is_elsewhere(self) -> bool {
        self.contents().is_some_and(|contents| contents >> 1 & 63 == ELSEWHERE)
    }

    /// A mount that lies with its host.
    ///
    /// All places are looked at, without a branch for each: at which one a search ends differs from host to host, and a
    /// processor that guesses wrong loses more time than all of them take.
    #[inline]
    pub(super) fn mount(self, key: Key) -> Option<&'t T> {
        let [_, mounts @ ..] = self.behind;
        let mut found = WITH_HOST;
        for (at, place) in mounts.iter().enumerate() {
            found = if place.word == key.check & !1 { at } else { found };
        }
        let place = mounts.get(..self.follow()?)?.get(found)?;
        place.target.as_ref()
    }

    #[inline]
    fn contents(self) -> Option<u64> {
        let [first, ..] = self.behind;
        (!first.is_head()).then_some(first.word)
    }
}
