//! What a builder knows of a host.

use super::depths::Depths;
use super::group::{Place, WITH_HOST};
use super::key::Key;

/// What is entered of a host.
#[derive(Debug)]
pub(super) struct HostState<T> {
    /// It is there even when it has neither a target nor mounts.
    pub(super) known: bool,
    pub(super) own: Option<T>,
    pub(super) mounts: Mounts<T>,
}

/// The mounts of a host.
#[derive(Debug)]
pub(super) enum Mounts<T> {
    /// Few, which lie with it.
    WithHost(Vec<Mount<T>>),
    /// Each lies for itself. So it stays until the last of them is gone.
    Elsewhere(Counts),
}

#[derive(Debug)]
pub(super) struct Mount<T> {
    pub(super) key: Key,
    pub(super) depth: usize,
    pub(super) target: T,
}

/// How many there are of each depth.
#[derive(Debug, Default)]
pub(super) struct Counts(Vec<(usize, usize)>);

impl<T> Default for HostState<T> {
    fn default() -> Self {
        Self { known: false, own: None, mounts: Mounts::WithHost(Vec::new()) }
    }
}

impl<T: Clone> HostState<T> {
    /// Whether anything is known of it.
    pub(super) fn is_there(&self) -> bool {
        let has_mounts = match &self.mounts {
            Mounts::WithHost(mounts) => !mounts.is_empty(),
            Mounts::Elsewhere(counts) => !counts.0.is_empty(),
        };
        self.known || self.own.is_some() || has_mounts
    }

    /// Its places in the table.
    pub(super) fn group(&self, key: Key) -> Vec<Place<T>> {
        std::iter::once(Place::head(key, self.own.clone())).chain(self.mounts.places()).collect()
    }
}

impl<T: Clone> Mounts<T> {
    /// What lies behind the host's head.
    pub(super) fn places(&self) -> impl Iterator<Item = Place<T>> {
        let (mounts, contents) = match self {
            Self::WithHost(mounts) => {
                let mut depths = Depths::default();
                mounts.iter().for_each(|mount| depths.insert(mount.depth));
                let contents = || Place::contents(depths, Some(mounts.len()));
                (mounts.as_slice(), (!mounts.is_empty()).then(contents))
            }
            Self::Elsewhere(counts) => (&[][..], Some(Place::contents(counts.depths(), None))),
        };
        contents.into_iter().chain(mounts.iter().map(|mount| Place::mount(mount.key, mount.target.clone())))
    }
}

impl<T> Mounts<T> {
    /// Enters one, and gives those that lie for themselves from now on.
    pub(super) fn insert(&mut self, mount: Mount<T>) -> Vec<Mount<T>> {
        match self {
            Self::WithHost(mounts) if mounts.len() < WITH_HOST => {
                mounts.push(mount);
                Vec::new()
            }
            Self::WithHost(mounts) => {
                let mut all = std::mem::take(mounts);
                all.push(mount);
                let mut counts = Counts::default();
                all.iter().for_each(|mount| counts.insert(mount.depth));
                *self = Self::Elsewhere(counts);
                all
            }
            Self::Elsewhere(counts) => {
                counts.insert(mount.depth);
                vec![mount]
            }
        }
    }

    /// Takes one away that is there; `true`: it lay for itself.
    pub(super) fn remove(&mut self, key: Key, depth: usize) -> bool {
        match self {
            Self::WithHost(mounts) => {
                mounts.retain(|mount| mount.key != key);
                false
            }
            Self::Elsewhere(counts) => {
                counts.remove(depth);
                if counts.0.is_empty() {
                    *self = Self::WithHost(Vec::new());
                }
                true
            }
        }
    }
}

impl Counts {
    pub(super) fn insert(&mut self, depth: usize) {
        match self.0.iter_mut().find(|(other, _)| *other == depth) {
            Some((_, count)) => *count += 1,
            None => self.0.push((depth, 1)),
        }
    }

    pub(super) fn remove(&mut self, depth: usize) {
        if let Some(at) = self.0.iter().position(|(other, _)| *other == depth) {
            self.0[at].1 -= 1;
            if self.0[at].1 == 0 {
                self.0.swap_remove(at);
            }
        }
    }

    pub(super) fn depths(&self) -> Depths {
        let mut depths = Depths::default();
        self.0.iter().for_each(|(depth, _)| depths.insert(*depth));
        depths
    }
}
