//! Makes routing tables, and goes on from one to the next.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use domain::{HostPattern, MountPath};

use super::Table;
use super::depths::Depths;
use super::group::{Group, Place};
use super::host::{Counts, HostState, Mount, Mounts};
use super::index::Index;
use super::key::{Key, Keys, Prefix};

/// Gathers hosts and mounts for a [`Table`]. What is refused is not entered, and what was entered before stays.
///
/// It may be kept: what is entered and taken away later goes into further tables, each of which costs as much as has
/// changed since the one before, and shares everything else with it.
#[derive(Debug)]
pub struct Builder<T> {
    keys: Keys,
    table: Table<T>,
    /// What is not in `table` yet.
    changed: Changed<T>,
    hosts: HashMap<Key, HostState<T>>,
    wildcard_labels: Counts,
    /// What lies under every path above a mount.
    above: HashMap<Key, Under>,
}

#[derive(Debug)]
struct Changed<T> {
    exact: HashSet<Key>,
    wildcards: HashSet<Key>,
    any: bool,
    /// Those that lie for themselves.
    mounts: HashMap<Key, Option<T>>,
}

/// The mounts under a path.
#[derive(Debug)]
struct Under {
    count: usize,
    /// One of them, as long as it is there.
    one: Option<MountPath>,
}

/// Why something does not enter a table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A path would be covered by two mounts of one host.
    #[error("the mount {new} overlaps the mount {existing}, which is there already")]
    Overlap {
        /// The mount in the way.
        existing: String,
        /// The mount that was to be entered.
        new: MountPath,
    },
    /// The host has another target of its own.
    #[error("{0} has a target of its own already")]
    Taken(HostPattern),
}

impl<T: Clone> Default for Builder<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Clone> Builder<T> {
    /// Nothing yet.
    pub fn new() -> Self {
        let keys = Keys::random();
        Self {
            table: Table {
                any: Arc::new(std::array::from_fn(|_| Place::empty())),
                keys: keys.clone(),
                exact: Index::default(),
                wildcards: Index::default(),
                wildcard_labels: Depths::default(),
                mounts: Index::default(),
                mount_count: 0,
            },
            keys,
            changed: Changed::default(),
            hosts: HashMap::new(),
            wildcard_labels: Counts::default(),
            above: HashMap::new(),
        }
    }

    /// Enters a host, with the target that serves where none of its mounts does. A host without one is still known:
    /// what none of its mounts covers is found nowhere else.
    pub fn host(&mut self, pattern: &HostPattern, own: Option<T>) -> Result<(), Refused> {
        let key = self.key(Some(pattern));
        match own {
            Some(_) if self.hosts.get(&key).is_some_and(|host| host.own.is_some()) => {
                return Err(Refused::Taken(pattern.clone()));
            }
            Some(own) => self.change(Some(pattern), key, |host| host.own = Some(own)),
            None => self.change(Some(pattern), key, |host| host.known = true),
        }
        Ok(())
    }

    /// Takes the host's own target away, and the host too if it has no mounts and was entered with a target only.
    pub fn remove_host(&mut self, pattern: &HostPattern) {
        let key = self.key(Some(pattern));
        self.change(Some(pattern), key, |host| host.own = None);
    }

    /// Enters a mount of a host, or of any host. The host need not have been entered before.
    pub fn mount(&mut self, pattern: Option<&HostPattern>, mount: &MountPath, target: T) -> Result<(), Refused> {
        let name = name(pattern);
        let mut prefix = self.keys.host(&name, segments(mount));
        let host_key = prefix.key();
        if let Some(existing) = self.in_the_way(host_key, prefix.clone()) {
            return Err(Refused::Overlap { existing, new: mount.clone() });
        }
        while !prefix.is_whole() {
            let under = self.above.entry(prefix.key()).or_insert_with(|| Under { count: 0, one: Some(mount.clone()) });
            under.count += 1;
            prefix.advance();
        }
        let mount = Mount { key: prefix.key(), depth: prefix.depth(), target };
        let elsewhere = self.change(pattern, host_key, |host| host.mounts.insert(mount));
        self.changed.mounts.extend(elsewhere.into_iter().map(|mount| (mount.key, Some(mount.target))));
        self.table.mount_count += 1;
        Ok(())
    }

    /// Lets a host that has a target of its own lead elsewhere; `false`: it has none.
    pub fn replace_host(&mut self, pattern: &HostPattern, own: T) -> bool {
        let key = self.key(Some(pattern));
        let has_own = self.hosts.get(&key).is_some_and(|host| host.own.is_some());
        if has_own {
            self.change(Some(pattern), key, |host| host.own = Some(own));
        }
        has_own
    }

    /// Lets a mount that was entered lead elsewhere; `false`: it was not.
    pub fn replace_mount(&mut self, pattern: Option<&HostPattern>, mount: &MountPath, target: T) -> bool {
        let key = self.keys.mount(&name(pattern), segments(mount)).key();
        let host_key = self.key(pattern);
        if self.mounted(host_key, key).is_none() {
            return false;
        }
        let elsewhere = self.change(pattern, host_key, |host| match &mut host.mounts {
            Mounts::WithHost(mounts) => {
                mounts.iter_mut().filter(|mount| mount.key == key).for_each(|mount| mount.target = target.clone());
                false
            }
            Mounts::Elsewhere(_) => true,
        });
        if elsewhere {
            self.changed.mounts.insert(key, Some(target));
        }
        true
    }

    /// Takes a mount away that was entered. The host goes with its last mount, unless something else is known of it.
    pub fn remove_mount(&mut self, pattern: Option<&HostPattern>, mount: &MountPath) {
        let name = name(pattern);
        let mut prefix = self.keys.host(&name, segments(mount));
        let host_key = prefix.key();
        let mut above = Vec::new();
        while !prefix.is_whole() {
            above.push(prefix.key());
            prefix.advance();
        }
        let (key, depth) = (prefix.key(), prefix.depth());
        if self.mounted(host_key, key).is_none() {
            return;
        }
        for key in above {
            let Some(under) = self.above.get_mut(&key) else { continue };
            under.count -= 1;
            under.one.take_if(|one| one == mount);
            if under.count == 0 {
                self.above.remove(&key);
            }
        }
        if self.change(pattern, host_key, |host| host.mounts.remove(key, depth)) {
            self.changed.mounts.insert(key, None);
        }
        self.table.mount_count -= 1;
    }

    /// The table of all that is entered now.
    pub fn table(&mut self) -> Table<T> {
        let Changed { exact, wildcards, any, mounts } = std::mem::take(&mut self.changed);
        let groups = |keys: HashSet<Key>| {
            let group = |key: Key| (key, self.hosts.get(&key).map(|host| host.group(key)));
            keys.into_iter().map(group).collect::<HashMap<_, _>>()
        };
        let mounts =
            mounts.into_iter().map(|(key, target)| (key, target.map(|target| vec![Place::head(key, Some(target))])));
        let table = &mut self.table;
        for (index, changes) in [
            (&mut table.exact, groups(exact)),
            (&mut table.wildcards, groups(wildcards)),
            (&mut table.mounts, mounts.collect()),
        ] {
            if !changes.is_empty() {
                *index = index.with(changes);
            }
        }
        if any {
            let key = self.keys.host("", "").key();
            let mut places = self.hosts.get(&key).into_iter().flat_map(|host| host.mounts.places());
            table.any = Arc::new(std::array::from_fn(|_| places.next().unwrap_or_else(Place::empty)));
        }
        table.wildcard_labels = self.wildcard_labels.depths();
        table.clone()
    }

    /// The table of all that was entered.
    pub fn build(mut self) -> Table<T> {
        self.table()
    }

    fn key(&self, pattern: Option<&HostPattern>) -> Key {
        self.keys.host(&name(pattern), "").key()
    }

    /// Changes what is known of a host, and forgets it when that is nothing any more.
    fn change<R>(&mut self, pattern: Option<&HostPattern>, key: Key, change: impl FnOnce(&mut HostState<T>) -> R) -> R {
        let host = self.hosts.entry(key).or_default();
        let was_there = host.is_there();
        let outcome = change(host);
        let is_there = host.is_there();
        if !is_there {
            self.hosts.remove(&key);
        }
        match pattern {
            None => self.changed.any = true,
            Some(HostPattern::Exact(_)) => drop(self.changed.exact.insert(key)),
            Some(HostPattern::Wildcard(name)) => {
                self.changed.wildcards.insert(key);
                let labels = name.as_str().split('.').count();
                match (was_there, is_there) {
                    (false, true) => self.wildcard_labels.insert(labels),
                    (true, false) => self.wildcard_labels.remove(labels),
                    _ => {}
                }
            }
        }
        outcome
    }

    /// Where a mount leads to.
    fn mounted(&self, host: Key, key: Key) -> Option<&T> {
        match &self.hosts.get(&host)?.mounts {
            Mounts::WithHost(mounts) => mounts.iter().find(|mount| mount.key == key).map(|mount| &mount.target),
            Mounts::Elsewhere(_) => match self.changed.mounts.get(&key) {
                Some(changed) => changed.as_ref(),
                None => self.table.mounts.get(key).and_then(Group::own),
            },
        }
    }

    /// A mount that is the same as `prefix` will be when it has come to its end, or above it, or under it.
    fn in_the_way(&self, host: Key, mut prefix: Prefix<'_>) -> Option<String> {
        loop {
            if self.mounted(host, prefix.key()).is_some() {
                return Some(prefix.mount().to_owned());
            }
            if !prefix.advance() {
                let under = self.above.get(&prefix.key())?;
                let one = under.one.as_ref().map(MountPath::to_string);
                return Some(one.unwrap_or_else(|| format!("{}/…", prefix.mount().trim_end_matches('/'))));
            }
        }
    }
}

impl<T> Default for Changed<T> {
    fn default() -> Self {
        Self { exact: HashSet::new(), wildcards: HashSet::new(), any: false, mounts: HashMap::new() }
    }
}

/// The mount as a path of segments; `/` has none.
pub(super) fn segments(mount: &MountPath) -> &str {
    if mount.is_root() { "" } else { mount.as_str() }
}

/// What keys are made from: the name of a host, that of a wildcard with its dot in front, and for any host nothing.
pub(super) fn name(pattern: Option<&HostPattern>) -> Cow<'_, str> {
    match pattern {
        None => Cow::Borrowed(""),
        Some(HostPattern::Exact(name)) => Cow::Borrowed(name.as_str()),
        Some(HostPattern::Wildcard(name)) => Cow::Owned(format!(".{name}")),
    }
}
