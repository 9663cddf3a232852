//! The routing table. Pure: no I/O, no lock.

use std::collections::HashMap;
use std::sync::Arc;

use domain::{Hostname, TunnelId, TunnelState, UserId};
use server_core::Meter;

use crate::ingress::RequestHost;
use crate::tunnel::{Address, SessionSet};

/// Where a request goes.
#[derive(Clone, Debug)]
pub enum Destination {
    /// The dashboard, the API and the tunnel endpoint.
    Dashboard,
    /// A tunnel.
    Tunnel(Arc<TunnelRoute>),
}

/// A tunnel with all that a request to it needs.
#[derive(Debug)]
pub struct TunnelRoute {
    /// Its id.
    pub id: TunnelId,
    /// Whose it is.
    pub owner: UserId,
    /// What its owner has decided.
    pub state: TunnelState,
    /// Where it is reached, as its telephones are told.
    pub address: Address,
    /// The telephones that serve it.
    pub sessions: Arc<SessionSet>,
    /// Counts its traffic.
    pub meter: Arc<Meter>,
}

/// A snapshot of all hosts.
#[derive(Debug)]
pub struct Table {
    dashboard: Option<Hostname>,
    hosts: HashMap<Box<str>, Arc<TunnelRoute>>,
    by_id: HashMap<TunnelId, Arc<TunnelRoute>>,
}

impl Table {
    /// A table in which only the dashboard's host leads anywhere; it needs no name when it is an IP address.
    pub fn new(dashboard: Option<Hostname>) -> Self {
        Self { dashboard, hosts: HashMap::new(), by_id: HashMap::new() }
    }

    /// Adds a tunnel under all its hosts. The dashboard's host stays the dashboard's.
    pub fn add<'a>(&mut self, route: &Arc<TunnelRoute>, hosts: impl IntoIterator<Item = &'a str>) {
        self.by_id.insert(route.id, route.clone());
        for host in hosts {
            self.hosts.insert(host.into(), route.clone());
        }
    }

    /// Where requests for `host` go. An IP address leads to the dashboard, since it can be no tunnel: so a fresh
    /// machine's dashboard opens under whatever address it has.
    pub fn find(&self, host: &RequestHost<'_>) -> Option<Destination> {
        if host.is_address || self.dashboard.as_ref().is_some_and(|dashboard| dashboard.as_str() == host.name) {
            return Some(Destination::Dashboard);
        }
        self.hosts.get(&*host.name).cloned().map(Destination::Tunnel)
    }

    /// The tunnel with this id.
    pub fn tunnel(&self, id: TunnelId) -> Option<&Arc<TunnelRoute>> {
        self.by_id.get(&id)
    }

    /// All tunnels.
    pub fn tunnels(&self) -> impl Iterator<Item = &Arc<TunnelRoute>> {
        self.by_id.values()
    }
}
