//! Which things are routed differently than before.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use domain::{BackendId, DomainId, RevisionKind, RouteId, RuleId, ServiceId, TunnelId};
use uuid::Uuid;

/// With more than this, all is read anew: that costs less then.
const MOST: usize = 2_000;

/// What was created, changed, deleted or restored, so that whoever keeps it reads it anew and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// Nobody knows what, or it is too much: everything.
    pub all: bool,
    /// Tunnels.
    pub tunnels: BTreeSet<TunnelId>,
    /// Services.
    pub services: BTreeSet<ServiceId>,
    /// Backends, for the services that have or had them.
    pub backends: BTreeSet<BackendId>,
    /// Domains, also for their routes.
    pub domains: BTreeSet<DomainId>,
    /// Routes.
    pub routes: BTreeSet<RouteId>,
}

impl Touched {
    /// Everything.
    pub fn everything() -> Self {
        Self { all: true, ..Self::default() }
    }

    /// One tunnel.
    pub fn tunnel(id: TunnelId) -> Self {
        Self { tunnels: BTreeSet::from([id]), ..Self::default() }
    }

    /// Whether it is nothing.
    pub fn is_empty(&self) -> bool {
        !self.all && self.len() == 0
    }

    fn len(&self) -> usize {
        self.tunnels.len() + self.services.len() + self.backends.len() + self.domains.len() + self.routes.len()
    }

    /// Takes in what else was touched.
    pub fn add(&mut self, other: Self) {
        self.all |= other.all;
        self.tunnels.extend(other.tunnels);
        self.services.extend(other.services);
        self.backends.extend(other.backends);
        self.domains.extend(other.domains);
        self.routes.extend(other.routes);
        self.bound();
    }

    /// Takes in a domain or a route.
    pub(crate) fn rule(&mut self, id: RuleId) {
        match id {
            RuleId::Domain(id) => self.domains.insert(id),
            RuleId::Route(id) => self.routes.insert(id),
        };
        self.bound();
    }

    /// Takes in what a revision is about.
    pub(crate) fn object(&mut self, kind: RevisionKind, id: Uuid) {
        match kind {
            RevisionKind::Service => self.services.insert(ServiceId(id)),
            RevisionKind::Backend => self.backends.insert(BackendId(id)),
            RevisionKind::Domain => self.domains.insert(DomainId(id)),
            RevisionKind::Route => self.routes.insert(RouteId(id)),
            RevisionKind::Tunnel => self.tunnels.insert(TunnelId(id)),
            // They are few, and any backend may be in one.
            RevisionKind::Region => std::mem::replace(&mut self.all, true),
        };
        self.bound();
    }

    fn bound(&mut self) {
        if self.all || self.len() > MOST {
            *self = Self::everything();
        }
    }

    /// As other processes are told: a letter and an id for each, at most so many bytes, otherwise `*` for everything.
    pub(crate) fn to_text(&self, most: usize) -> String {
        let mut text = String::new();
        let ids = (self.tunnels.iter().map(|id| ('t', id.0)))
            .chain(self.services.iter().map(|id| ('s', id.0)))
            .chain(self.backends.iter().map(|id| ('b', id.0)))
            .chain(self.domains.iter().map(|id| ('d', id.0)))
            .chain(self.routes.iter().map(|id| ('r', id.0)));
        for (letter, id) in ids {
            if text.len() + 34 > most {
                return "*".to_owned();
            }
            let gap = if text.is_empty() { "" } else { " " };
            // Writing to a string does not fail.
            let _ = write!(text, "{gap}{letter}{}", id.simple());
        }
        if self.all || text.is_empty() { "*".to_owned() } else { text }
    }

    /// What another process has told; what is not understood is everything.
    pub(crate) fn from_text(text: &str) -> Self {
        let mut touched = Self::default();
        for word in text.split(' ') {
            let kind = match word.chars().next() {
                Some('t') => RevisionKind::Tunnel,
                Some('s') => RevisionKind::Service,
                Some('b') => RevisionKind::Backend,
                Some('d') => RevisionKind::Domain,
                Some('r') => RevisionKind::Route,
                _ => return Self::everything(),
            };
            let Ok(id) = Uuid::try_parse(&word[1..]) else { return Self::everything() };
            touched.object(kind, id);
        }
        touched
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_are_told_is_what_they_understand() {
        let mut touched = Touched::tunnel(TunnelId(Uuid::now_v7()));
        for kind in [RevisionKind::Service, RevisionKind::Backend, RevisionKind::Domain, RevisionKind::Route] {
            touched.object(kind, Uuid::now_v7());
            touched.object(kind, Uuid::now_v7());
        }
        assert_eq!(Touched::from_text(&touched.to_text(7_000)), touched);
        assert_eq!(Touched::from_text(&touched.to_text(9 * 34 - 1)), touched);
        for lost in [touched.to_text(9 * 34 - 2), String::new(), "x1".into(), "d1".into(), "é".into()] {
            assert!(Touched::from_text(&lost).all, "{lost}");
        }
    }

    #[test]
    fn too_much_is_everything() {
        let mut touched = Touched::default();
        (0..MOST).for_each(|_| touched.object(RevisionKind::Route, Uuid::now_v7()));
        assert_eq!((touched.all, touched.routes.len()), (false, MOST));
        touched.object(RevisionKind::Domain, Uuid::now_v7());
        assert_eq!(touched, Touched::everything());
    }
}
