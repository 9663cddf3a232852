//! Makes routing tables, and goes on from one to the next.

use std::borrow::Cow;
use std::collections::HashMap;

use domain::{HostPattern, MountPath};

use super::depths::Depths;
use super::index::Index;
use super::key::{Key, Keys, Prefix};
use super::{Host, Table};

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
    hosts: HashMap<Key, HostState>,
    wildcard_labels: Counts,
    /// What lies under every path above a mount.
    above: HashMap<Key, Under>,
}

#[derive(Debug)]
struct Changed<T> {
    exact: HashMap<Key, Option<Host<T>>>,
    wildcards: HashMap<Key, Option<Host<T>>>,
    mounts: HashMap<Key, Option<T>>,
}

/// What is entered of a host.
#[derive(Debug, Default)]
struct HostState {
    /// It is known even when it has neither a target nor mounts.
    known: bool,
    mounts: Counts,
}

/// How many there are of each depth.
#[derive(Debug, Default)]
struct Counts(Vec<(usize, usize)>);

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
                keys: keys.clone(),
                exact: Index::default(),
                wildcards: Index::default(),
                wildcard_labels: Depths::default(),
                any: Host::default(),
                mounts: Index::default(),
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
        let mut host = self.of(Some(pattern), key);
        match own {
            Some(_) if host.own.is_some() => return Err(Refused::Taken(pattern.clone())),
            Some(own) => host.own = Some(own),
            None => self.hosts.entry(key).or_default().known = true,
        }
        self.put(Some(pattern), key, host);
        Ok(())
    }

    /// Takes the host's own target away, and the host too if it has no mounts and was entered with a target only.
    pub fn remove_host(&mut self, pattern: &HostPattern) {
        let key = self.key(Some(pattern));
        let host = Host { own: None, ..self.of(Some(pattern), key) };
        self.put(Some(pattern), key, host);
    }

    /// Enters a mount of a host, or of any host. The host need not have been entered before.
    pub fn mount(&mut self, pattern: Option<&HostPattern>, mount: &MountPath, target: T) -> Result<(), Refused> {
        let name = name(pattern);
        let mut prefix = self.keys.host(&name, segments(mount));
        let host_key = prefix.key();
        if let Some(existing) = self.in_the_way(prefix.clone()) {
            return Err(Refused::Overlap { existing, new: mount.clone() });
        }
        while !prefix.is_whole() {
            let under = self.above.entry(prefix.key()).or_insert_with(|| Under { count: 0, one: Some(mount.clone()) });
            under.count += 1;
            prefix.advance();
        }
        self.changed.mounts.insert(prefix.key(), Some(target));
        self.count_mounts(pattern, host_key, |counts| counts.insert(prefix.depth()));
        Ok(())
    }

    /// Lets a host that has a target of its own lead elsewhere; `false`: it has none.
    pub fn replace_host(&mut self, pattern: &HostPattern, own: T) -> bool {
        let key = self.key(Some(pattern));
        let host = self.of(Some(pattern), key);
        if host.own.is_some() {
            self.put(Some(pattern), key, Host { own: Some(own), ..host });
            return true;
        }
        false
    }

    /// Lets a mount that was entered lead elsewhere; `false`: it was not.
    pub fn replace_mount(&mut self, pattern: Option<&HostPattern>, mount: &MountPath, target: T) -> bool {
        let key = self.keys.mount(&name(pattern), segments(mount)).key();
        if self.mounted(key).is_some() {
            self.changed.mounts.insert(key, Some(target));
            return true;
        }
        false
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
        if self.mounted(prefix.key()).is_none() {
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
        self.changed.mounts.insert(prefix.key(), None);
        self.count_mounts(pattern, host_key, |counts| counts.remove(prefix.depth()));
    }

    /// The table of all that is entered now.
    pub fn table(&mut self) -> Table<T> {
        let Changed { exact, wildcards, mounts } = std::mem::take(&mut self.changed);
        let changed = |index: &mut Index<_>, changes: HashMap<_, _>| {
            if !changes.is_empty() {
                *index = index.with(changes);
            }
        };
        changed(&mut self.table.exact, exact);
        changed(&mut self.table.wildcards, wildcards);
        if !mounts.is_empty() {
            self.table.mounts = self.table.mounts.with(mounts);
        }
        self.table.wildcard_labels = self.wildcard_labels.depths();
        self.table.clone()
    }

    /// The table of all that was entered.
    pub fn build(mut self) -> Table<T> {
        self.table()
    }

    fn key(&self, pattern: Option<&HostPattern>) -> Key {
        self.keys.host(&name(pattern), "").key()
    }

    /// What is entered about a host.
    fn of(&self, pattern: Option<&HostPattern>, key: Key) -> Host<T> {
        let (changed, index) = match pattern {
            None => return self.table.any.clone(),
            Some(HostPattern::Exact(_)) => (&self.changed.exact, &self.table.exact),
            Some(HostPattern::Wildcard(_)) => (&self.changed.wildcards, &self.table.wildcards),
        };
        let host = changed.get(&key).map_or_else(|| index.get(key), Option::as_ref);
        host.cloned().unwrap_or_default()
    }

    /// Enters a host as it is now, or takes it out when nothing is known of it any more.
    fn put(&mut self, pattern: Option<&HostPattern>, key: Key, host: Host<T>) {
        let state = self.hosts.get(&key);
        let stays = host.own.is_some() || state.is_some_and(|state| state.known || !state.mounts.0.is_empty());
        if !stays {
            self.hosts.remove(&key);
        }
        let (changed, index) = match pattern {
            None => {
                self.table.any = host;
                return;
            }
            Some(HostPattern::Exact(_)) => (&mut self.changed.exact, &self.table.exact),
            Some(HostPattern::Wildcard(_)) => (&mut self.changed.wildcards, &self.table.wildcards),
        };
        let was = changed.get(&key).map_or_else(|| index.get(key).is_some(), Option::is_some);
        changed.insert(key, stays.then_some(host));
        if let Some(HostPattern::Wildcard(name)) = pattern {
            let labels = name.as_str().split('.').count();
            match (was, stays) {
                (false, true) => self.wildcard_labels.insert(labels),
                (true, false) => self.wildcard_labels.remove(labels),
                _ => {}
            }
        }
    }

    fn count_mounts(&mut self, pattern: Option<&HostPattern>, key: Key, change: impl FnOnce(&mut Counts)) {
        let state = self.hosts.entry(key).or_default();
        change(&mut state.mounts);
        let depths = state.mounts.depths();
        let host = Host { depths, ..self.of(pattern, key) };
        self.put(pattern, key, host);
    }

    fn mounted(&self, key: Key) -> Option<&T> {
        self.changed.mounts.get(&key).map_or_else(|| self.table.mounts.get(key), Option::as_ref)
    }

    /// A mount that is the same as `prefix` will be when it has come to its end, or above it, or under it.
    fn in_the_way(&self, mut prefix: Prefix<'_>) -> Option<String> {
        loop {
            if self.mounted(prefix.key()).is_some() {
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
        Self { exact: HashMap::new(), wildcards: HashMap::new(), mounts: HashMap::new() }
    }
}

impl Counts {
    fn insert(&mut self, depth: usize) {
        match self.0.iter_mut().find(|(other, _)| *other == depth) {
            Some((_, count)) => *count += 1,
            None => self.0.push((depth, 1)),
        }
    }

    fn remove(&mut self, depth: usize) {
        if let Some(at) = self.0.iter().position(|(other, _)| *other == depth) {
            self.0[at].1 -= 1;
            if self.0[at].1 == 0 {
                self.0.swap_remove(at);
            }
        }
    }

    fn depths(&self) -> Depths {
        let mut depths = Depths::default();
        self.0.iter().for_each(|(depth, _)| depths.insert(*depth));
        depths
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
