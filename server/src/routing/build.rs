//! Makes what a routing table holds of what the database holds.

use std::collections::HashMap;
use std::sync::Arc;

use domain::{BackendState, HealthCheck, Hostname, RegionName, RuleId, ServiceId, Tag, TunnelId};
use server_core::{
    BackendEntry, BackendOrigin, RegionEntry, RoutingEntry, RuleEntry, ServiceEntry, Services, TargetEntry,
};
use server_routing::balance::stable_hash;

use super::backends::Backends;
use super::pool::{Candidate, Origin, Pool, Ties};
use super::rule::{HeaderEdits, Rule, Target};
use super::split::Split;
use super::switching::UnderWay;
use super::table::TunnelRoute;
use crate::front::{Front, Of};
use crate::health;
use crate::tunnel::{Address, Registry};
use crate::upstream::Upstream;

/// What all of it is made with.
pub(super) struct Making<'a> {
    pub services: &'a Services,
    pub registry: &'a Registry,
    pub backends: &'a Backends,
    pub dashboard: Option<&'a Hostname>,
    pub tunnel_domain: &'a Hostname,
    pub region: Option<&'a RegionName>,
}

/// What pools and rules are made of.
#[derive(Debug, Default)]
pub(super) struct Ends {
    pub services: HashMap<ServiceId, ServiceEntry>,
    pub tunnels: Arc<HashMap<TunnelId, Arc<TunnelRoute>>>,
    pub regions: HashMap<RegionName, Arc<Upstream>>,
    /// The pools that rules share.
    pub pools: HashMap<ServiceId, HashMap<Option<Tag>, Arc<Pool>>>,
}

impl Making<'_> {
    /// The backends whose health this node checks: not those that it reaches through another region, whose nodes do. Their
    /// addresses may mean nothing here.
    pub(super) fn checked(&self, ends: &Ends) -> Vec<health::Target> {
        let of_service = |service: &ServiceEntry| {
            let check = service.health_check.clone();
            let backends = service.backends.iter().filter(|backend| self.elsewhere(backend, ends).is_none());
            backends.filter_map(move |backend| self.check(backend, check.clone())).collect::<Vec<_>>()
        };
        ends.services.values().flat_map(of_service).collect()
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
    pub(super) fn regions(&self, regions: &[RegionEntry]) -> HashMap<RegionName, Arc<Upstream>> {
        let others = regions.iter().filter(|region| Some(&region.name) != self.region);
        let reached = others.filter_map(|region| match region.public_url.parse() {
            Ok(address) => Some((region.name.clone(), self.backends.region(&region.name, &address))),
            Err(error) => {
                tracing::warn!(region = %region.name, %error, "a region cannot be reached by its public URL");
                None
            }
        });
        reached.collect()
    }

    pub(super) fn tunnel(&self, entry: &RoutingEntry) -> Arc<TunnelRoute> {
        Arc::new(TunnelRoute {
            id: entry.tunnel_id,
            owner: entry.owner_id,
            state: entry.state,
            address: Address { subdomain: entry.subdomain.clone(), public_url: entry.public_url.clone() },
            sessions: self.registry.sessions_of(entry.tunnel_id),
            meter: self.services.traffic().meter(entry.tunnel_id.0, entry.owner_id),
            front: self.backends.fronts().of(entry.tunnel_id.0, (Of::Tunnel, entry.owner_id), entry.front.as_ref()),
        })
    }

    /// A rule, and the switch that it is on its way through.
    pub(super) fn rule(&self, entry: RuleEntry, ends: &mut Ends) -> (Rule, Option<Arc<UnderWay>>) {
        let mut under_way = None;
        let target = match &entry.target {
            TargetEntry::None => Target::Nothing,
            TargetEntry::Redirect(redirect) => Target::Redirect(redirect.clone()),
            TargetEntry::Tunnel(id) => ends.tunnels.get(id).cloned().map_or(Target::Nothing, Target::Tunnel),
            TargetEntry::Service { id, tag } => match (self.shared_pool(*id, tag, ends), &entry.switch) {
                (None, _) => Target::Nothing,
                (Some(now), None) => Target::Pool(Split::whole(now)),
                (Some(now), Some(switch)) => {
                    let next = self.shared_pool(*id, &Some(switch.to_tag.clone()), ends).unwrap_or_else(|| now.clone());
                    let switch = Arc::new(UnderWay::new(switch, self.backends.tally(switch)));
                    let split = Split::gradual(now, next, &switch);
                    under_way = Some(switch);
                    Target::Pool(split)
                }
            },
        };
        (Rule { headers: HeaderEdits::new(&entry.headers), fronts: self.fronts(&entry), entry, target }, under_way)
    }

    fn fronts(&self, entry: &RuleEntry) -> Box<[Arc<Front>]> {
        let fronts = self.backends.fronts();
        let (id, of) = match entry.id {
            RuleId::Domain(id) => (id.0, Of::Domain),
            RuleId::Route(id) => (id.0, Of::Route),
        };
        let of_domain = (Of::Domain, entry.domain_owner.unwrap_or(entry.owner));
        let domain = entry.domain.and_then(|domain| fronts.of(domain.0, of_domain, entry.domain_front.as_ref()));
        domain.into_iter().chain(fronts.of(id, (of, entry.owner), entry.front.as_ref())).collect()
    }

    fn shared_pool(&self, id: ServiceId, tag: &Option<Tag>, ends: &mut Ends) -> Option<Arc<Pool>> {
        if let Some(pool) = ends.pools.get(&id).and_then(|pools| pools.get(tag)) {
            return Some(pool.clone());
        }
        let pool = Arc::new(self.pool(ends.services.get(&id)?, tag.as_ref(), ends));
        ends.pools.entry(id).or_default().insert(tag.clone(), pool.clone());
        Some(pool)
    }

    pub(super) fn pool(&self, service: &ServiceEntry, tag: Option<&Tag>, ends: &Ends) -> Pool {
        self.pool_with(service, tag, |backend| tag.is_none_or(|tag| backend.tags.contains(tag)), ends)
    }

    /// A pool of those backends only that are meant.
    pub(super) fn pool_with(
        &self,
        service: &ServiceEntry,
        tag: Option<&Tag>,
        is_meant: impl Fn(&BackendEntry) -> bool,
        ends: &Ends,
    ) -> Pool {
        let mut candidates: Vec<_> = service
            .backends
            .iter()
            .filter(|backend| is_meant(backend))
            .filter_map(|backend| Some((self.is_near(backend), self.candidate(service, backend, ends)?)))
            .collect();
        candidates.sort_by_key(|(near, _)| !near);
        let tunnels = service.backends.iter().filter(|backend| is_meant(backend)).filter_map(|backend| {
            let BackendOrigin::Tunnel(id) = &backend.origin else { return None };
            ends.tunnels.get(id).filter(|route| route.front.is_some()).cloned()
        });
        let mut guarded: Vec<_> = tunnels.collect();
        guarded.sort_unstable_by_key(|route| route.id);
        guarded.dedup_by_key(|route| route.id);
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
            cursor: self.backends.cursor(service.id, tag),
            candidates: candidates.into_iter().map(|(_, candidate)| candidate).collect(),
            near,
            guarded: guarded.into(),
        }
    }

    /// Whether the backend is of this node's region, or of none in particular.
    pub(super) fn is_near(&self, backend: &BackendEntry) -> bool {
        backend.region.is_none() || self.region.is_none() || backend.region.as_ref() == self.region
    }

    /// The region through which the backend is reached, if that is another one.
    fn elsewhere<'e>(&self, backend: &BackendEntry, ends: &'e Ends) -> Option<&'e Arc<Upstream>> {
        backend.region.as_ref().filter(|_| !self.is_near(backend)).and_then(|name| ends.regions.get(name))
    }

    fn candidate(&self, service: &ServiceEntry, backend: &BackendEntry, ends: &Ends) -> Option<Candidate> {
        let origin = match (&backend.origin, self.elsewhere(backend, ends)) {
            (_, Some(region)) => Origin::Region(region.clone()),
            (BackendOrigin::Address { address, tls_verify }, None) => {
                Origin::Address(self.backends.upstream(backend.id, address, *tls_verify, backend.owner_is_admin))
            }
            (BackendOrigin::Tunnel(id), None) => Origin::Tunnel(ends.tunnels.get(id)?.clone()),
        };
        Some(Candidate {
            backend: self.backends.state(backend.id),
            meter: self.services.traffic().backend_meter(backend.id),
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
