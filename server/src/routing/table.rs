//! The routing table as requests see it. No I/O, no lock.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use domain::{Hostname, TunnelId, TunnelState, UserId};
use http::uri::PathAndQuery;
use server_core::Meter;
use server_routing::path::{PathError, normalise};

use super::Rule;
use super::switching::UnderWay;
use crate::front::Front;
use crate::ingress::RequestHost;
use crate::tunnel::{Address, SessionSet};

/// Where a request goes.
#[derive(Clone, Debug)]
pub enum Destination {
    /// The dashboard, the API and the tunnel endpoint.
    Dashboard,
    /// A tunnel, under its own host.
    Tunnel(Arc<TunnelRoute>),
    /// Where a domain or a route says.
    Rule(Arc<Rule>, Matched),
}

/// How a rule was found.
#[derive(Clone, Debug, Default)]
pub struct Matched {
    /// How many bytes of the path are the mount.
    pub mount: usize,
    /// The path and query as they were compared, where that is not as they were sent: what is compared is what the
    /// backend sees, so that no spelling gets past a mount.
    pub path: Option<PathAndQuery>,
    /// Whether the rule is for a part of the dashboard's own host.
    pub on_dashboards_host: bool,
}

/// Why a request goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoDestination {
    /// Nothing is there.
    Unknown,
    /// Its path cannot be compared with mounts.
    Path(PathError),
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
    /// What stands in front of it.
    pub front: Option<Arc<Front>>,
}

/// What a host or a mount leads to.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    Dashboard,
    Tunnel(Arc<TunnelRoute>),
    Rule(Arc<Rule>),
}

/// A snapshot of all hosts and mounts.
#[derive(Debug)]
pub struct Table {
    pub(super) entries: server_routing::Table<Entry>,
    pub(super) tunnels: Arc<HashMap<TunnelId, Arc<TunnelRoute>>>,
    pub(super) switches: Vec<Arc<UnderWay>>,
    pub(super) dashboard: Option<Hostname>,
}

impl Table {
    /// Where requests for this path of this host go. An IP address leads to the dashboard, since it can be no tunnel: so
    /// a fresh machine's dashboard opens under whatever address it has.
    pub fn find(&self, host: &RequestHost<'_>, target: &str) -> Result<Destination, NoDestination> {
        if host.is_address {
            return Ok(Destination::Dashboard);
        }
        let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
        let normal = normalise(path);
        let compared = normal.as_deref().unwrap_or(path);
        let found = self.entries.find(&host.name, compared).ok_or(NoDestination::Unknown)?;
        let rule = match found.target {
            Entry::Dashboard => return Ok(Destination::Dashboard),
            Entry::Tunnel(route) => return Ok(Destination::Tunnel(route.clone())),
            Entry::Rule(rule) => rule.clone(),
        };
        let (mount, on_dashboards_host) = (found.mount_len, self.is_dashboard(host));
        // Where there is only one way to go, the path decides nothing, and passes as it is.
        let path = match normal {
            _ if found.is_alone || path == "*" => None,
            Err(error) => return Err(NoDestination::Path(error)),
            Ok(Cow::Borrowed(_)) => None,
            Ok(Cow::Owned(path)) => {
                let path = PathAndQuery::from_maybe_shared(Bytes::from(path + query));
                Some(path.map_err(|_| NoDestination::Path(PathError::Escape))?)
            }
        };
        Ok(Destination::Rule(rule, Matched { mount, path, on_dashboards_host }))
    }

    /// The tunnel with this id.
    pub fn tunnel(&self, id: TunnelId) -> Option<&Arc<TunnelRoute>> {
        self.tunnels.get(&id)
    }

    /// All tunnels.
    pub fn tunnels(&self) -> impl Iterator<Item = &Arc<TunnelRoute>> {
        self.tunnels.values()
    }

    /// Whether this is the dashboard's host.
    pub fn is_dashboard(&self, host: &RequestHost<'_>) -> bool {
        host.is_address || self.dashboard.as_ref().is_some_and(|dashboard| dashboard.as_str() == host.name)
    }
}
