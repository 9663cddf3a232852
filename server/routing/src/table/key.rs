//! What hosts and mounts are looked up by.

use std::hash::Hasher;

use memchr::memchr;
use siphasher::sip128::{Hasher128, SipHasher13};

/// A host, or a mount of a host, as 127 bits of a keyed hash (SipHash, Aumasson and Bernstein, 2012; with one and three
/// rounds, as in the hash tables of Rust's standard library).
///
/// The table keeps no names and compares none, so that asking for an entry reads one place in memory and not a second
/// one with its name. The secret is made anew for every table: nobody outside can look for a name with the hash of
/// another. Half of the hash says in which shard to look and half is compared there, so that stumbling on an entry takes
/// some 10^16 requests, however many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// What is compared. Always odd, and never the greatest number: the table has other uses for those.
    pub(super) check: u64,
    /// Says where to look.
    low: u64,
}

impl Key {
    /// In which of so many shards it is; a power of two.
    pub(super) fn shard(self, shards: usize) -> usize {
        self.low as usize & (shards - 1)
    }
}

/// Makes the keys of one table.
#[derive(Clone, Debug)]
pub(super) struct Keys(SipHasher13);

impl Keys {
    /// With a secret from the system's source of randomness.
    pub(super) fn random() -> Self {
        Self(SipHasher13::new_with_keys(rand::random(), rand::random()))
    }

    /// A host. Any host has no name.
    pub(super) fn host<'p>(&self, name: &str, path: &'p str) -> Prefix<'p> {
        let mut hasher = self.0;
        hasher.write(name.as_bytes());
        Prefix { path, end: 0, depth: 0, hasher }
    }

    /// A whole mount of a host.
    pub(super) fn mount<'p>(&self, name: &str, path: &'p str) -> Prefix<'p> {
        let mut prefix = self.host(name, path);
        while prefix.advance() {}
        prefix
    }
}

/// A host with as much of a path as a mount could be: first nothing, which is the host itself and its mount `/`, and
/// then a segment more each time, so that all of them together cost one reading of the path. As names contain no slash
/// and a path begins with one, the two are told apart.
#[derive(Clone)]
pub(super) struct Prefix<'p> {
    path: &'p str,
    end: usize,
    depth: usize,
    hasher: SipHasher13,
}

impl<'p> Prefix<'p> {
    /// Whether there is a path to take segments from, and not the `*` of `OPTIONS *`.
    pub(super) fn is_of_path(&self) -> bool {
        self.path.starts_with('/')
    }

    /// Whether all of the path is in it.
    pub(super) fn is_whole(&self) -> bool {
        self.end == self.path.len()
    }

    /// Takes the next segment in; `false` when there is none.
    pub(super) fn advance(&mut self) -> bool {
        let rest = &self.path.as_bytes()[self.end..];
        let Some(segment) = rest.get(1..) else { return false };
        let len = 1 + memchr(b'/', segment).unwrap_or(segment.len());
        self.hasher.write(&rest[..len]);
        self.end += len;
        self.depth += 1;
        true
    }

    pub(super) fn key(&self) -> Key {
        let hash = self.hasher.finish128();
        Key { check: (hash.h1 | 1).min(u64::MAX - 2), low: hash.h2 }
    }

    /// How many segments it has.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// How many bytes of the path it has.
    pub(super) fn len(&self) -> usize {
        self.end
    }

    /// The mount that it would be.
    pub(super) fn mount(&self) -> &'p str {
        if self.end == 0 { "/" } else { &self.path[..self.end] }
    }
}
