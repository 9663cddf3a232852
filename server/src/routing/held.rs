//! What the table was made of, so that a change costs what it changes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use domain::{BackendId, DomainId, HostPattern, Hostname, RuleId, ServiceId, TunnelId};
use server_core::{
    BackendEntry, BackendOrigin, HostEntry, RegionEntry, RoutingChanges, RoutingEntry, RoutingSnapshot, RuleEntry,
    ServiceEntry, TargetEntry, Touched,
};
use server_routing::{Builder, Refused};
use uuid::Uuid;

use super::build::{Ends, Making};
use super::pool::{Meant, Pool};
use super::rule::Rule;
use super::switching::UnderWay;
use super::table::{Entry, Table, TunnelRoute};

/// All that is routed by, as the database said last.
#[derive(Debug, Default)]
pub(super) struct Held {
    ends: Ends,
    regions: Vec<RegionEntry>,
    rules: HashMap<RuleId, Arc<Rule>>,
    switches: BTreeMap<RuleId, Arc<UnderWay>>,
    /// The rules that lead to a service or a tunnel, and the routes of a domain.
    related: HashMap<Uuid, HashSet<RuleId>>,
    builder: Builder<Entry>,
    /// Something did not fit in. With that, what fits depends on the order, and everything is entered anew each time.
    refused: bool,
}

impl Held {
    /// Nothing but what is always there.
    pub(super) fn new(making: &Making<'_>) -> Self {
        let mut held = Self::default();
        held.enter_all(making);
        held
    }

    /// What is different in a snapshot from what is held.
    pub(super) fn differences(&self, snapshot: RoutingSnapshot) -> RoutingChanges {
        let mut changes = RoutingChanges::default();
        changes.tunnels.extend(self.ends.tunnels.keys().map(|id| (*id, None)));
        for entry in snapshot.tunnels {
            match self.ends.tunnels.get(&entry.tunnel_id) {
                Some(route) if is_as_before(route, &entry) => drop(changes.tunnels.remove(&entry.tunnel_id)),
                _ => drop(changes.tunnels.insert(entry.tunnel_id, Some(entry))),
            }
        }
        changes.services.extend(self.ends.services.keys().map(|id| (*id, None)));
        for entry in snapshot.services {
            match self.ends.services.get(&entry.id) {
                Some(held) if *held == entry => drop(changes.services.remove(&entry.id)),
                _ => drop(changes.services.insert(entry.id, Some(entry))),
            }
        }
        changes.rules.extend(self.rules.keys().map(|id| (*id, None)));
        for entry in snapshot.rules {
            match self.rules.get(&entry.id) {
                Some(rule) if rule.entry == entry => drop(changes.rules.remove(&entry.id)),
                _ => drop(changes.rules.insert(entry.id, Some(entry))),
            }
        }
        changes.regions = (snapshot.regions != self.regions).then_some(snapshot.regions);
        changes
    }

    /// What was touched, with the services that had the backends.
    pub(super) fn widened(&self, touched: Touched) -> Touched {
        let had = |backends: &BTreeSet<BackendId>| {
            let mut services = self.ends.services.values();
            let of_these =
                services.by_ref().filter(|service| service.backends.iter().any(|b| backends.contains(&b.id)));
            of_these.map(|service| service.id).collect::<Vec<_>>()
        };
        let more = if touched.backends.is_empty() { Vec::new() } else { had(&touched.backends) };
        let services = touched.services.iter().copied().chain(more).collect();
        Touched { services, ..touched }
    }

    /// All services, and what their backends are reached by.
    pub(super) fn ends(&self) -> &Ends {
        &self.ends
    }

    /// A pool of those backends that are meant and that no other region has; `None`: there are none.
    pub(super) fn pool_of(&self, meant: &Meant, making: &Making<'_>) -> Option<Pool> {
        let is_here = |backend: &BackendEntry| making.is_near(backend);
        let pool = match meant {
            Meant::Tag(id, tag) => {
                let service = self.ends.services.get(id)?;
                making.pool_with(
                    service,
                    Some(tag),
                    |backend| is_here(backend) && backend.tags.contains(tag),
                    &self.ends,
                )
            }
            Meant::Backend(id) => {
                let has = |service: &&ServiceEntry| service.backends.iter().any(|backend| backend.id == *id);
                let service = self.ends.services.values().find(has)?;
                making.pool_with(service, None, |backend| is_here(backend) && backend.id == *id, &self.ends)
            }
        };
        Some(pool).filter(|pool| !pool.candidates().is_empty())
    }

    /// What routes need to know of their domain.
    pub(super) fn host(&self, id: DomainId) -> Option<HostEntry> {
        HostEntry::of(&self.rules.get(&RuleId::Domain(id))?.entry).map(|(_, host)| host)
    }

    /// Takes changes in.
    pub(super) fn apply(&mut self, changes: RoutingChanges, making: &Making<'_>) {
        let RoutingChanges { tunnels, services, mut rules, whole_domains, regions } = changes;
        let mut pools: BTreeSet<ServiceId> = services.keys().copied().collect();
        if let Some(regions) = regions {
            self.ends.regions = making.regions(&regions);
            self.regions = regions;
            pools.extend(self.ends.services.keys());
        }
        let mut stale = BTreeSet::new();
        if !tunnels.is_empty() {
            pools.extend(self.services_with(|id| tunnels.contains_key(&id)));
            stale.extend(tunnels.keys().flat_map(|id| self.related(id.0)));
            self.apply_tunnels(tunnels, making);
        }
        for (id, entry) in services {
            match entry {
                Some(entry) => drop(self.ends.services.insert(id, entry)),
                None => drop(self.ends.services.remove(&id)),
            }
        }
        for id in pools {
            self.make_pools(id, making);
            stale.extend(self.related(id.0));
        }
        for id in whole_domains {
            for route in self.related(id.0).collect::<Vec<_>>() {
                rules.entry(route).or_insert(None);
            }
        }
        for id in stale {
            if let Some(rule) = self.rules.get(&id) {
                rules.entry(id).or_insert_with(|| Some(rule.entry.clone()));
            }
        }
        self.apply_rules(rules, making);
        if self.refused {
            self.enter_all(making);
        }
    }

    /// The table of all that is held.
    pub(super) fn table(&mut self, making: &Making<'_>) -> Table {
        Table {
            entries: self.builder.table(),
            tunnels: self.ends.tunnels.clone(),
            switches: self.switches.values().cloned().collect(),
            dashboard: making.dashboard.cloned(),
        }
    }

    /// Whether a table has all that is held and nothing else.
    pub(super) fn is_in(&self, table: &Table, making: &Making<'_>) -> bool {
        if self.refused {
            return true;
        }
        let always = always(making).map(|(pattern, _)| pattern);
        let tunnels = self.ends.tunnels.values().filter_map(|route| host_of(route, making.tunnel_domain));
        let mut hosts: HashSet<HostPattern> = always.chain(tunnels).collect();
        let mut mounts = 0;
        for rule in self.rules.values() {
            let (pattern, mount) = (rule.entry.host.as_ref(), rule.entry.mount.as_ref());
            hosts.extend(pattern.cloned());
            mounts += usize::from(mount.is_some());
            let entered = table.entries.entered(pattern, mount);
            let is_there = matches!(entered, Some(Entry::Rule(there)) if Arc::ptr_eq(there, rule));
            if !is_there && has_place(&rule.entry, making) {
                return false;
            }
        }
        table.entries.size() == (hosts.len(), mounts)
    }

    /// Lets go of pools that no rule leads to any more.
    pub(super) fn forget_unused(&mut self) {
        for pools in self.ends.pools.values_mut() {
            pools.retain(|_, pool| Arc::strong_count(pool) > 1);
        }
        self.ends.pools.retain(|_, pools| !pools.is_empty());
    }

    /// Makes the table's content anew.
    pub(super) fn enter_all(&mut self, making: &Making<'_>) {
        self.builder = Builder::new();
        self.refused = false;
        for (pattern, entry) in always(making) {
            let entered = self.builder.host(&pattern, entry);
            self.enter(entered);
        }
        for route in self.ends.tunnels.clone().values() {
            self.enter_tunnel(route, making);
        }
        let mut rules: Vec<_> = self.rules.values().cloned().collect();
        rules.sort_unstable_by_key(|rule| rule.entry.id);
        for rule in rules {
            self.enter_rule(&rule, making);
        }
    }

    /// The services with a backend that is a tunnel like this.
    fn services_with(&self, is_meant: impl Fn(TunnelId) -> bool) -> Vec<ServiceId> {
        let has = |origin: &BackendOrigin| matches!(origin, BackendOrigin::Tunnel(id) if is_meant(*id));
        let services = self.ends.services.values();
        let with = services.filter(|service| service.backends.iter().any(|backend| has(&backend.origin)));
        with.map(|service| service.id).collect()
    }

    fn related(&self, id: Uuid) -> impl Iterator<Item = RuleId> {
        self.related.get(&id).into_iter().flatten().copied()
    }

    fn apply_tunnels(&mut self, changed: BTreeMap<TunnelId, Option<RoutingEntry>>, making: &Making<'_>) {
        let tunnels = Arc::make_mut(&mut self.ends.tunnels);
        let mut entered = Vec::new();
        for (id, entry) in changed {
            let new = entry.map(|entry| making.tunnel(&entry));
            let old = match &new {
                Some(route) => tunnels.insert(id, route.clone()),
                None => tunnels.remove(&id),
            };
            if let Some(host) = old.and_then(|old| host_of(&old, making.tunnel_domain)) {
                self.builder.remove_host(&host);
            }
            entered.extend(new);
        }
        for route in entered {
            self.enter_tunnel(&route, making);
        }
    }

    /// Makes the pools of a service anew as far as there are rules that lead to them.
    fn make_pools(&mut self, id: ServiceId, making: &Making<'_>) {
        // Rules hold them as well, and a table that is in use does.
        let Some(pools) = self.ends.pools.remove(&id) else { return };
        let Some(service) = self.ends.services.get(&id) else { return };
        let make = |tag: Option<_>| (tag.clone(), Arc::new(making.pool(service, tag.as_ref(), &self.ends)));
        let used = pools.into_iter().filter(|(_, pool)| Arc::strong_count(pool) > 1);
        let made = used.map(|(tag, _)| make(tag)).collect();
        self.ends.pools.insert(id, made);
    }

    fn apply_rules(&mut self, changed: BTreeMap<RuleId, Option<RuleEntry>>, making: &Making<'_>) {
        let mut entered = Vec::new();
        for (id, entry) in changed {
            let old = self.rules.remove(&id);
            if let Some(old) = &old {
                relations(&old.entry).for_each(|other| self.unrelate(other, id));
                self.switches.remove(&id);
            }
            let new = entry.map(|entry| {
                let (rule, switch) = making.rule(entry, &mut self.ends);
                let rule = Arc::new(rule);
                for other in relations(&rule.entry) {
                    self.related.entry(other).or_default().insert(id);
                }
                self.switches.extend(switch.map(|switch| (id, switch)));
                self.rules.insert(id, rule.clone());
                rule
            });
            match (old, new) {
                (Some(old), Some(new)) if is_same_place(&old.entry, &new.entry) => self.replace(&new, making),
                (old, new) => {
                    if let Some(old) = old {
                        self.take_out(&old.entry, making);
                    }
                    entered.extend(new);
                }
            }
        }
        // Only when all are out that were in the way.
        for rule in entered {
            self.enter_rule(&rule, making);
        }
    }

    fn unrelate(&mut self, other: Uuid, id: RuleId) {
        if let Some(rules) = self.related.get_mut(&other) {
            rules.remove(&id);
            if rules.is_empty() {
                self.related.remove(&other);
            }
        }
    }

    fn replace(&mut self, rule: &Arc<Rule>, making: &Making<'_>) {
        let entry = Entry::Rule(rule.clone());
        let replaced = match (&rule.entry.mount, &rule.entry.host) {
            _ if !has_place(&rule.entry, making) => true,
            (Some(mount), host) => self.builder.replace_mount(host.as_ref(), mount, entry),
            (None, Some(host)) => self.builder.replace_host(host, entry),
            (None, None) => true,
        };
        self.refused |= !replaced;
    }

    fn take_out(&mut self, entry: &RuleEntry, making: &Making<'_>) {
        match (&entry.mount, &entry.host) {
            _ if !has_place(entry, making) => {}
            (Some(mount), host) => self.builder.remove_mount(host.as_ref(), mount),
            (None, Some(host)) => self.builder.remove_host(host),
            (None, None) => {}
        }
    }

    fn enter_tunnel(&mut self, route: &Arc<TunnelRoute>, making: &Making<'_>) {
        if let Some(host) = host_of(route, making.tunnel_domain) {
            let entered = self.builder.host(&host, Some(Entry::Tunnel(route.clone())));
            self.enter(entered);
        }
    }

    fn enter_rule(&mut self, rule: &Arc<Rule>, making: &Making<'_>) {
        let entry = Entry::Rule(rule.clone());
        let entered = match (&rule.entry.mount, &rule.entry.host) {
            _ if !has_place(&rule.entry, making) => Ok(()),
            (Some(mount), host) => self.builder.mount(host.as_ref(), mount, entry),
            (None, Some(host)) => self.builder.host(host, Some(entry)),
            (None, None) => Ok(()),
        };
        self.enter(entered);
    }

    /// What cannot enter is left out and logged: a conflict that the database let pass must not keep everything else from
    /// being served.
    fn enter(&mut self, entered: Result<(), Refused>) {
        if let Err(refused) = entered {
            tracing::warn!(%refused, "a rule was left out of the routing table");
            self.refused = true;
        }
    }
}

/// The hosts that are always there. A wildcard above the tunnel domain must not take the names that no tunnel has yet.
fn always(making: &Making<'_>) -> impl Iterator<Item = (HostPattern, Option<Entry>)> {
    let dashboard = making.dashboard.map(|host| (HostPattern::Exact(host.clone()), Some(Entry::Dashboard)));
    dashboard.into_iter().chain([(HostPattern::Wildcard(making.tunnel_domain.clone()), None)])
}

fn host_of(route: &TunnelRoute, tunnel_domain: &Hostname) -> Option<HostPattern> {
    format!("{}.{tunnel_domain}", route.address.subdomain).parse().ok().map(HostPattern::Exact)
}

/// Whether a rule is in the table: the dashboard's host has no other target of its own.
fn has_place(entry: &RuleEntry, making: &Making<'_>) -> bool {
    let is_dashboard = matches!(&entry.host, Some(HostPattern::Exact(host)) if Some(host) == making.dashboard);
    entry.mount.is_some() || (entry.host.is_some() && !is_dashboard)
}

fn is_same_place(old: &RuleEntry, new: &RuleEntry) -> bool {
    old.host == new.host && old.mount == new.mount
}

fn is_as_before(route: &TunnelRoute, entry: &RoutingEntry) -> bool {
    route.owner == entry.owner_id
        && route.state == entry.state
        && route.address.subdomain == entry.subdomain
        && route.address.public_url == entry.public_url
        && route.front.as_ref().map(|front| front.settings()) == entry.front.as_ref()
}

/// What a rule is found by when that changes.
fn relations(entry: &RuleEntry) -> impl Iterator<Item = Uuid> {
    let end = match &entry.target {
        TargetEntry::Service { id, .. } => Some(id.0),
        TargetEntry::Tunnel(id) => Some(id.0),
        TargetEntry::None | TargetEntry::Redirect(_) => None,
    };
    end.into_iter().chain(entry.domain.map(|id| id.0))
}
