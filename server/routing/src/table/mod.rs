//! The routing table: an immutable snapshot of hosts and mounts.

mod builder;
mod depths;
mod group;
mod host;
mod index;
mod key;
mod steps;

use std::sync::Arc;

use domain::{HostPattern, MountPath};
use memchr::memchr_iter;

pub use builder::{Builder, Refused};
use depths::Depths;
use group::{Behind, Group};
use index::Index;
use key::{Key, Keys, Prefix};
pub use steps::Step;

/// Where requests go, by host and path. `T` is what is found; it is kept in place and should be small (an `Arc`).
///
/// The most specific host that is in the table decides: an exact one, then the longest wildcard, and where there is
/// neither, the routes of any host. Within it the one mount that covers the path is found, otherwise the host's own
/// target, otherwise nothing: a host that is known never falls back to a less specific one.
///
/// It never changes; a [`Builder`] goes on to further ones, which share with it what stayed the same, so that it is cheap
/// to clone.
///
/// A lookup takes no lock and allocates nothing. It asks for the host once, once more per number of labels that a
/// wildcard has, and for a mount once per depth at which the host has one, whatever the number of routes. The mounts of a
/// host that has few lie beside it: of a large table, such a lookup reads one place that is in no cache.
#[derive(Clone, Debug)]
pub struct Table<T> {
    keys: Keys,
    exact: Index<T>,
    wildcards: Index<T>,
    /// How many labels the wildcards have, without the star.
    wildcard_labels: Depths,
    any: Arc<Behind<T>>,
    /// Those that do not lie with their hosts.
    mounts: Index<T>,
    mount_count: usize,
}

/// A target and how it was found.
#[derive(Debug)]
pub struct Found<'t, T> {
    /// What was entered.
    pub target: &'t T,
    /// How many bytes of the path the mount is, for the owner who wants it taken off; 0 for a host's own target, and for
    /// the mount `/`, of which nothing can be taken off.
    pub mount_len: usize,
    /// Which kind of host it was found at.
    pub host: HostMatch,
    /// Whether the host has no mounts, so that the path decided nothing.
    pub is_alone: bool,
}

impl<T> Clone for Found<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Found<'_, T> {}

/// How a host was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostMatch {
    /// By its name.
    Exact,
    /// By a wildcard.
    Wildcard,
    /// Not at all: the routes of any host were asked.
    Any,
}

impl<T> Table<T> {
    /// Where requests for `host` and `path` go. `host` is in lower case, without port or dot at the end; `path` is
    /// [normalised](crate::path::normalise).
    pub fn find(&self, host: &str, path: &str) -> Option<Found<'_, T>> {
        self.search(host, path, |_| {})
    }

    /// The same, with every step that was taken on the way.
    pub fn explain<'r>(&self, host: &'r str, path: &'r str) -> (Option<Found<'_, T>>, Vec<Step<'r>>) {
        let mut steps = Vec::new();
        let found = self.search(host, path, |step| steps.push(step));
        (found, steps)
    }

    /// What was entered for a mount of a host or of any host, or without mount as a host's own target.
    pub fn entered(&self, pattern: Option<&HostPattern>, mount: Option<&MountPath>) -> Option<&T> {
        let name = builder::name(pattern);
        let prefix = self.keys.host(&name, "");
        let host = match pattern {
            None => self.any(),
            Some(HostPattern::Exact(_)) => self.exact.get(prefix.key())?,
            Some(HostPattern::Wildcard(_)) => self.wildcards.get(prefix.key())?,
        };
        let Some(mount) = mount else { return host.own() };
        let prefix = self.keys.mount(&name, builder::segments(mount));
        self.mount_of(host, prefix.key())
    }

    /// How many hosts there are, and how many mounts.
    pub fn size(&self) -> (usize, usize) {
        (self.exact.len() + self.wildcards.len(), self.mount_count)
    }

    /// How many bytes of memory the table takes, without what its targets refer to.
    pub fn memory(&self) -> usize {
        size_of::<Self>()
            + size_of_val(&*self.any)
            + self.exact.memory()
            + self.wildcards.memory()
            + self.mounts.memory()
    }

    fn search<'r>(&self, host: &'r str, path: &'r str, mut observe: impl FnMut(Step<'r>)) -> Option<Found<'_, T>> {
        let (kind, host, prefix) = self.host(host, path, &mut observe);
        if let Some((target, mount_len)) = self.mount(host, prefix, &mut observe) {
            return Some(Found { target, mount_len, host: kind, is_alone: false });
        }
        if kind != HostMatch::Any {
            observe(Step::OwnTarget { found: host.own().is_some() });
        }
        host.own().map(|target| Found { target, mount_len: 0, host: kind, is_alone: host.depths().is_empty() })
    }

    /// What there is for any host.
    fn any(&self) -> Group<'_, T> {
        Group::new(None, &self.any)
    }

    /// The most specific host, and where the search for its mounts begins.
    fn host<'r>(
        &self,
        host: &'r str,
        path: &'r str,
        observe: &mut impl FnMut(Step<'r>),
    ) -> (HostMatch, Group<'_, T>, Prefix<'r>) {
        let prefix = self.keys.host(host, path);
        let exact = self.exact.get(prefix.key());
        observe(Step::Host { name: host, found: exact.is_some() });
        if let Some(exact) = exact {
            return (HostMatch::Exact, exact, prefix);
        }
        if let Some((wildcard, prefix)) = self.wildcard(host, path, observe) {
            return (HostMatch::Wildcard, wildcard, prefix);
        }
        let any = self.any();
        observe(Step::AnyHost { found: !any.depths().is_empty() });
        (HostMatch::Any, any, self.keys.host("", path))
    }

    /// The wildcard with the longest name.
    fn wildcard<'r>(
        &self,
        host: &'r str,
        path: &'r str,
        observe: &mut impl FnMut(Step<'r>),
    ) -> Option<(Group<'_, T>, Prefix<'r>)> {
        if self.wildcard_labels.is_empty() {
            return None;
        }
        let mut labels = memchr_iter(b'.', host.as_bytes()).count() + 1;
        for dot in memchr_iter(b'.', host.as_bytes()) {
            labels -= 1;
            // Something must be in front of the dot for the star to stand for.
            if dot == 0 {
                continue;
            }
            if !self.wildcard_labels.contains(labels) {
                observe(Step::Wildcard { name: &host[dot + 1..], found: false });
                continue;
            }
            let prefix = self.keys.host(&host[dot..], path);
            let found = self.wildcards.get(prefix.key());
            observe(Step::Wildcard { name: &host[dot + 1..], found: found.is_some() });
            if let Some(found) = found {
                return Some((found, prefix));
            }
        }
        None
    }

    /// The mount that covers the path, with its length. There is at most one, so the order does not matter.
    fn mount<'s, 'r>(
        &'s self,
        host: Group<'s, T>,
        mut prefix: Prefix<'r>,
        observe: &mut impl FnMut(Step<'r>),
    ) -> Option<(&'s T, usize)> {
        let depths = host.depths();
        if depths.is_empty() || !prefix.is_of_path() {
            return None;
        }
        loop {
            if depths.contains(prefix.depth()) {
                let found = self.mount_of(host, prefix.key());
                observe(Step::Mount { path: prefix.mount(), found: found.is_some() });
                if let Some(target) = found {
                    return Some((target, prefix.len()));
                }
            }
            if !depths.reaches_beyond(prefix.depth()) || !prefix.advance() || prefix.len() > MountPath::MAX_LEN {
                return None;
            }
        }
    }

    #[inline]
    fn mount_of<'s>(&'s self, host: Group<'s, T>, key: Key) -> Option<&'s T> {
        if host.is_elsewhere() { self.mounts.get(key)?.own() } else { host.mount(key) }
    }
}
