//! What outlives a routing table: how backends are doing, the connections to them, and what stands in front of things.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use domain::{BackendAddress, BackendId, RegionName, ServiceId, SwitchId, Tag};
use server_core::{ConnectPolicy, Outside, RunningSwitch, Tally};
use server_routing::balance::Cursor;

use super::backend::Backend;
use crate::front::{Fronts, Limits};
use crate::upstream::{Common, Upstream};

/// All backends of this process.
#[derive(Debug)]
pub struct Backends {
    common: Common,
    outside: Arc<Outside>,
    states: DashMap<BackendId, Arc<Backend>>,
    upstreams: Mutex<HashMap<BackendId, Arc<Upstream>>>,
    regions: Mutex<HashMap<RegionName, Arc<Upstream>>>,
    tallies: Mutex<HashMap<SwitchId, Arc<Tally>>>,
    cursors: Mutex<HashMap<PoolKey, Arc<Cursor>>>,
    fronts: Fronts,
    limits: Arc<Limits>,
}

/// Which backends a pool has: those of a service with a tag, or all of them.
type PoolKey = (ServiceId, Option<Tag>);

impl Backends {
    /// None yet. `outside` says what members' backends may be.
    pub fn new(common: Common, outside: Arc<Outside>) -> Self {
        Self {
            common,
            outside,
            states: DashMap::new(),
            upstreams: Mutex::default(),
            regions: Mutex::default(),
            tallies: Mutex::default(),
            cursors: Mutex::default(),
            fronts: Fronts::default(),
            limits: Arc::default(),
        }
    }

    /// What stands in front of tunnels, domains and routes.
    pub fn fronts(&self) -> &Fronts {
        &self.fronts
    }

    /// How many requests may come, whatever stands in front.
    pub fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    /// How a backend is doing.
    pub fn state(&self, id: BackendId) -> Arc<Backend> {
        self.states.entry(id).or_insert_with(|| Arc::new(Backend::new(id))).clone()
    }

    /// Where connections of somebody's backends may lead.
    pub(super) fn policy(&self, of_administrator: bool) -> ConnectPolicy {
        self.outside.policy(of_administrator)
    }

    /// How a backend is doing, if that is known.
    pub(super) fn known(&self, id: BackendId) -> Option<Arc<Backend>> {
        self.states.get(&id).map(|state| state.clone())
    }

    /// The connections to a backend; those of before as long as it is the same server.
    pub(super) fn upstream(
        &self,
        id: BackendId,
        address: &BackendAddress,
        verify: bool,
        of_administrator: bool,
    ) -> Arc<Upstream> {
        let policy = self.policy(of_administrator);
        let mut upstreams = lock(&self.upstreams);
        match upstreams.get(&id) {
            Some(kept) if kept.address() == address && kept.verifies() == verify && *kept.policy() == policy => {
                kept.clone()
            }
            _ => {
                let upstream = Arc::new(Upstream::new(address.clone(), verify, policy, &self.common));
                upstreams.insert(id, upstream.clone());
                upstream
            }
        }
    }

    /// The connections to another region's switchboards; those of before as long as it has the same address.
    pub(super) fn region(&self, name: &RegionName, address: &BackendAddress) -> Arc<Upstream> {
        let mut regions = lock(&self.regions);
        match regions.get(name) {
            Some(kept) if kept.address() == address => kept.clone(),
            _ => {
                let upstream = Arc::new(Upstream::new(address.clone(), true, ConnectPolicy::Anything, &self.common));
                regions.insert(name.clone(), upstream.clone());
                upstream
            }
        }
    }

    /// What counts the answers of the tag that is switched to.
    pub(super) fn tally(&self, switch: &RunningSwitch) -> Arc<Tally> {
        let limit = switch.plan.max_latency_ms.map(|most| Duration::from_millis(most.into()));
        lock(&self.tallies).entry(switch.id).or_insert_with(|| Arc::new(Tally::new(limit))).clone()
    }

    /// Whose turn it is in the pool of a service's backends with a tag, or of all: a change of the pool is no reason to begin
    /// with the first one again.
    pub(super) fn cursor(&self, service: ServiceId, tag: Option<&Tag>) -> Arc<Cursor> {
        lock(&self.cursors).entry((service, tag.cloned())).or_default().clone()
    }

    /// Lets go of what nobody else holds any more. Its counts begin anew if it comes back.
    pub(super) fn forget_unused(&self) {
        self.fronts.forget_unused();
        self.states.retain(|_, state| Arc::strong_count(state) > 1);
        lock(&self.upstreams).retain(|_, upstream| Arc::strong_count(upstream) > 1);
        lock(&self.regions).retain(|_, upstream| Arc::strong_count(upstream) > 1);
        lock(&self.tallies).retain(|_, tally| Arc::strong_count(tally) > 1);
        lock(&self.cursors).retain(|_, cursor| Arc::strong_count(cursor) > 1);
    }

    /// Closes connections that have been idle for too long.
    pub(super) fn sweep(&self) {
        let upstreams: Vec<_> = lock(&self.upstreams).values().cloned().collect();
        let regions: Vec<_> = lock(&self.regions).values().cloned().collect();
        for upstream in upstreams.iter().chain(&regions) {
            upstream.sweep();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
