//! Makes a routing table of what the database holds.

use std::collections::HashMap;
use std::sync::Arc;

use domain::{BackendState, HealthCheck, HostPattern, Hostname, RegionName, ServiceId, Tag, TunnelId};
use server_core::{
    BackendEntry, BackendOrigin, RoutingEntry, RoutingSnapshot, RuleEntry, ServiceEntry, Services, TargetEntry,
};
use server_routing::Builder;
use server_routing::balance::{Cursor, stable_hash};

use super::backends::Backends;
use super::pool::{Candidate, Origin, Pool, Ties};
use super::rule::{HeaderEdits, Rule, Target};
use super::split::Split;
use super::switching::UnderWay;
use super::table::{Entry, Table, TunnelRoute};
use crate::health;
use crate::tunnel::{Address, Registry};
use crate::upstream::Upstream;

/// What a table is made with.
pub(super) struct Making<'a> {
    pub services: &'a Services,
    pub registry: &'a Registry,
    pub backends: &'a Backends,
    pub dashboard: Option<&'a Hostname>,
    pub tunnel_domain: &'a Hostname,
    pub region: Option<&'a RegionName>,
}

/// What rules can lead to.
struct Ends<'a> {
    services: HashMap<ServiceId, &'a ServiceEntry>,
    tunnels: HashMap<TunnelId, Arc<TunnelRoute>>,
    regions: HashMap<RegionName, Arc<Upstream>>,
}

/// What is made on the way.
#[derive(Default)]
struct Made {
    /// The pools that rules share.
    pools: HashMap<(ServiceId, Option<Tag>), Arc<Pool>>,
    switches: Vec<UnderWay>,
}

impl Making<'_> {
    /// The table of all that is in the snapshot. What cannot enter it is left out and logged: a conflict that the
    /// database let pass must not keep everything else from being served.
    pub(super) fn table(&self, snapshot: &RoutingSnapshot) -> Table {
        let mut builder = Builder::new();
        if let Some(dashboard) = self.dashboard {
            enter(builder.host(&HostPattern::Exact(dashboard.clone()), Some(Entry::Dashboard)));
        }
        // A wildcard above the tunnel domain must not take the names that no tunnel has yet.
        enter(builder.host(&HostPattern::Wildcard(self.tunnel_domain.clone()), None));
        let mut tunnels = HashMap::with_capacity(snapshot.tunnels.len());
        for entry in &snapshot.tunnels {
            let route = self.tunnel(entry);
            if let Ok(host) = format!("{}.{}", entry.subdomain, self.tunnel_domain).parse::<Hostname>() {
                enter(builder.host(&HostPattern::Exact(host), Some(Entry::Tunnel(route.clone()))));
            }
            tunnels.insert(route.id, route);
        }
        let ends = Ends {
            services: snapshot.services.iter().map(|service| (service.id, service)).collect(),
            regions: self.regions(snapshot),
            tunnels,
        };
        let with_mounts: std::collections::HashSet<_> =
            snapshot.rules.iter().filter(|rule| rule.mount.is_some()).map(|rule| &rule.host).collect();
        let mut made = Made::default();
        for entry in &snapshot.rules {
            let target = self.target(entry, &ends, &mut made);
            let is_alone = !with_mounts.contains(&entry.host);
            let rule = Entry::Rule(Arc::new(rule(entry, target, is_alone)));
            match (&entry.mount, &entry.host) {
                (Some(mount), host) => enter(builder.mount(host.as_ref(), mount, rule)),
                (None, Some(host)) if !self.is_dashboard(host) => enter(builder.host(host, Some(rule))),
                (None, _) => {}
            }
        }
        Table {
            entries: builder.build(),
            tunnels: ends.tunnels,
            switches: made.switches,
            dashboard: self.dashboard.cloned(),
        }
    }

    /// The backends whose health is checked.
    pub(super) fn checked(&self, snapshot: &RoutingSnapshot) -> Vec<health::Target> {
        let of_service = |service: &ServiceEntry| {
            let check = service.health_check.clone();
            service.backends.iter().filter_map(move |backend| self.check(backend, check.clone())).collect::<Vec<_>>()
        };
        snapshot.services.iter().flat_map(of_service).collect()
    }

    fn check(&self, backend: &BackendEntry, check: HealthCheck) -> Option<health::Target> {
        let BackendOrigin::Address { address, tls_verify } = &backend.origin else { return None };
        Some(health::Target {
            id: backend.id,
            name: backend.name.to_string(),
            address: address.clone(),
            tls_verify: *tls_verify,
            policy: self.backends.policy(backend.owner_is_admin),
            check,
            sink: self.backends.state(backend.id),
        })
    }

    /// The other regions that say where they are reached.
    fn regions(&self, snapshot: &RoutingSnapshot) -> HashMap<RegionName, Arc<Upstream>> {
        let others = snapshot.regions.iter().filter(|region| Some(&region.name) != self.region);
        let reached = others.filter_map(|region| match region.public_url.parse() {
            Ok(address) => Some((region.name.clone(), self.backends.region(&region.name, &address))),
            Err(error) => {
                tracing::warn!(region = %region.name, %error, "a region cannot be reached by its public URL");
                None
            }
        });
        reached.collect()
    }

    fn is_dashboard(&self, host: &HostPattern) -> bool {
        matches!(host, HostPattern::Exact(host) if Some(host) == self.dashboard)
    }

    fn tunnel(&self, entry: &RoutingEntry) -> Arc<TunnelRoute> {
        Arc::new(TunnelRoute {
            id: entry.tunnel_id,
            owner: entry.owner_id,
            state: entry.state,
            address: Address { subdomain: entry.subdomain.clone(), public_url: entry.public_url.clone() },
            sessions: self.registry.sessions_of(entry.tunnel_id),
            meter: self.services.traffic().meter(entry.tunnel_id.0, entry.owner_id),
        })
    }

    fn target(&self, entry: &RuleEntry, ends: &Ends<'_>, made: &mut Made) -> Target {
        match &entry.target {
            TargetEntry::None => Target::Nothing,
            TargetEntry::Redirect(redirect) => Target::Redirect(redirect.clone()),
            TargetEntry::Tunnel(id) => ends.tunnels.get(id).cloned().map_or(Target::Nothing, Target::Tunnel),
            TargetEntry::Service { id, tag } => {
                let Some(service) = ends.services.get(id) else { return Target::Nothing };
                let mut pool = |tag: &Option<Tag>| {
                    let make = || Arc::new(self.pool(service, tag.as_ref(), ends));
                    made.pools.entry((*id, tag.clone())).or_insert_with(make).clone()
                };
                let now = pool(tag);
                Target::Pool(match &entry.switch {
                    None => Split::whole(now),
                    Some(switch) => {
                        let next = pool(&Some(switch.to_tag.clone()));
                        let under_way = UnderWay::new(switch, self.backends.tally(switch));
                        let split = Split::gradual(now, next, &under_way);
                        made.switches.push(under_way);
                        split
                    }
                })
            }
        }
    }

    fn pool(&self, service: &ServiceEntry, tag: Option<&Tag>, ends: &Ends<'_>) -> Pool {
        let mut candidates: Vec<_> = service
            .backends
            .iter()
            .filter(|backend| tag.is_none_or(|tag| backend.tags.contains(tag)))
            .filter_map(|backend| Some((self.is_near(backend), self.candidate(service, backend, ends)?)))
            .collect();
        candidates.sort_by_key(|(near, _)| !near);
        let near = candidates.iter().filter(|(near, _)| *near).count();
        Pool {
            service: service.id,
            name: service.name.clone(),
            owner: service.owner,
            tag: tag.cloned(),
            resilience: service.resilience.clone(),
            meter: self.services.traffic().meter(service.id.0, service.owner),
            strategy: service.balance,
            affinity: Ties::new(&service.affinity),
            cursor: Cursor::default(),
            candidates: candidates.into_iter().map(|(_, candidate)| candidate).collect(),
            near,
        }
    }

    /// Whether the backend is of this node's region, or of none in particular.
    fn is_near(&self, backend: &BackendEntry) -> bool {
        backend.region.is_none() || self.region.is_none() || backend.region.as_ref() == self.region
    }

    fn candidate(&self, service: &ServiceEntry, backend: &BackendEntry, ends: &Ends<'_>) -> Option<Candidate> {
        let elsewhere =
            backend.region.as_ref().filter(|_| !self.is_near(backend)).and_then(|name| ends.regions.get(name));
        let origin = match (&backend.origin, elsewhere) {
            (_, Some(region)) => Origin::Region(region.clone()),
            (BackendOrigin::Address { address, tls_verify }, None) => {
                Origin::Address(self.backends.upstream(backend.id, address, *tls_verify, backend.owner_is_admin))
            }
            (BackendOrigin::Tunnel(id), None) => Origin::Tunnel(ends.tunnels.get(id)?.clone()),
        };
        Some(Candidate {
            backend: self.backends.state(backend.id),
            name: backend.name.clone(),
            origin,
            announced: backend.announced,
            state: backend.state,
            region: backend.region.clone(),
            key: stable_hash(backend.id.0.as_bytes()),
            weight: match backend.state {
                BackendState::Running => backend.weight.get().into(),
                BackendState::Draining | BackendState::Stopped => 0,
            },
            slow_start: service.resilience.slow_start_seconds,
            most: service.resilience.max_in_flight,
        })
    }
}

fn rule(entry: &RuleEntry, target: Target, is_alone: bool) -> Rule {
    Rule {
        id: entry.id,
        owner: entry.owner,
        host: entry.host.clone(),
        mount: entry.mount.clone(),
        strip_prefix: entry.strip_prefix,
        https_only: entry.http_to_https,
        headers: HeaderEdits::new(&entry.headers),
        host_rewrite: entry.host_rewrite.clone(),
        is_alone,
        target,
    }
}

fn enter(entered: Result<(), server_routing::Refused>) {
    if let Err(refused) = entered {
        tracing::warn!(%refused, "a rule was left out of the routing table");
    }
}
