//! Makes routing tables.

use std::borrow::Cow;
use std::collections::HashMap;

use domain::{HostPattern, MountPath};

use super::depths::Depths;
use super::index::Index;
use super::key::{Key, Keys, Prefix};
use super::{Host, Table};

/// Gathers hosts and mounts for a [`Table`]. What is refused is not entered, and what was entered before stays.
#[derive(Debug)]
pub struct Builder<T> {
    keys: Keys,
    exact: HashMap<Key, Host<T>>,
    wildcards: HashMap<Key, Host<T>>,
    wildcard_labels: Depths,
    any: Host<T>,
    mounts: HashMap<Key, T>,
    /// Every path above a mount, with one mount that lies under it.
    above: HashMap<Key, MountPath>,
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

impl<T> Default for Builder<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Builder<T> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            keys: Keys::random(),
            exact: HashMap::new(),
            wildcards: HashMap::new(),
            wildcard_labels: Depths::default(),
            any: Host::default(),
            mounts: HashMap::new(),
            above: HashMap::new(),
        }
    }

    /// Enters a host, with the target that serves where none of its mounts does. A host without one is still known:
    /// what none of its mounts covers is found nowhere else.
    pub fn host(&mut self, pattern: &HostPattern, own: Option<T>) -> Result<(), Refused> {
        let host = self.entry(Some(pattern));
        match own {
            Some(_) if host.own.is_some() => return Err(Refused::Taken(pattern.clone())),
            Some(own) => host.own = Some(own),
            None => {}
        }
        Ok(())
    }

    /// Enters a mount of a host, or of any host. The host need not have been entered before.
    pub fn mount(&mut self, pattern: Option<&HostPattern>, mount: &MountPath, target: T) -> Result<(), Refused> {
        let name = name(pattern);
        let path = if mount.is_root() { "" } else { mount.as_str() };
        let mut prefix = self.keys.host(&name, path);
        if let Some(existing) = self.in_the_way(prefix.clone()) {
            return Err(Refused::Overlap { existing, new: mount.clone() });
        }
        while prefix.len() < path.len() {
            self.above.entry(prefix.key()).or_insert_with(|| mount.clone());
            prefix.advance();
        }
        self.mounts.insert(prefix.key(), target);
        self.entry(pattern).depths.insert(prefix.depth());
        Ok(())
    }

    /// The table of all that was entered.
    pub fn build(self) -> Table<T> {
        Table {
            keys: self.keys,
            exact: Index::new(self.exact.into_iter()),
            wildcards: Index::new(self.wildcards.into_iter()),
            wildcard_labels: self.wildcard_labels,
            any: self.any,
            mounts: Index::new(self.mounts.into_iter()),
        }
    }

    /// What is entered about a host.
    fn entry(&mut self, pattern: Option<&HostPattern>) -> &mut Host<T> {
        let key = self.keys.host(&name(pattern), "").key();
        match pattern {
            None => &mut self.any,
            Some(HostPattern::Exact(_)) => self.exact.entry(key).or_default(),
            Some(HostPattern::Wildcard(name)) => {
                self.wildcard_labels.insert(name.as_str().split('.').count());
                self.wildcards.entry(key).or_default()
            }
        }
    }

    /// A mount that is the same as `prefix` will be when it has come to its end, or above it, or under it.
    fn in_the_way(&self, mut prefix: Prefix<'_>) -> Option<String> {
        loop {
            if self.mounts.contains_key(&prefix.key()) {
                return Some(prefix.mount().to_owned());
            }
            if !prefix.advance() {
                return self.above.get(&prefix.key()).map(MountPath::to_string);
            }
        }
    }
}

/// What keys are made from: the name of a host, that of a wildcard with its dot in front, and for any host nothing.
fn name(pattern: Option<&HostPattern>) -> Cow<'_, str> {
    match pattern {
        None => Cow::Borrowed(""),
        Some(HostPattern::Exact(name)) => Cow::Borrowed(name.as_str()),
        Some(HostPattern::Wildcard(name)) => Cow::Owned(format!(".{name}")),
    }
}
