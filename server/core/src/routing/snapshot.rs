//! What the engine routes by: plain data, read in one go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::RoutingEntry;
use domain::{
    Affinity, BackendAddress, BackendId, BackendName, BackendState, Balance, DomainId, Front, HeaderRules, HealthCheck,
    HostPattern, HostRewrite, MountPath, Redirect, RegionName, RequestRate, Resilience, RuleId, ServiceId, ServiceName,
    SwitchId, SwitchPlan, Tag, Tags, Timestamp, TunnelId, UserId, Weight,
};

/// All that may serve, as it was at one moment: only verified domains, enabled routes, and backends that are not
/// stopped.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RoutingSnapshot {
    /// All tunnels that are not deleted. The domains that lead to them are not repeated here: they are among the rules.
    pub tunnels: Vec<RoutingEntry>,
    /// All services that are not deleted.
    pub services: Vec<ServiceEntry>,
    /// All domains and routes that may serve; the target of one may since have been deleted.
    pub rules: Vec<RuleEntry>,
    /// All regions that are not deleted.
    pub regions: Vec<RegionEntry>,
    /// How many requests may come to what an account has, where that is limited.
    pub rates: BTreeMap<UserId, RequestRate>,
    /// How many requests may come to all of it.
    pub rate: Option<RequestRate>,
}

/// What became of some of the things in a [`RoutingSnapshot`]; without a value, they are not in it any more.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RoutingChanges {
    /// Tunnels.
    pub tunnels: BTreeMap<TunnelId, Option<RoutingEntry>>,
    /// Services.
    pub services: BTreeMap<ServiceId, Option<ServiceEntry>>,
    /// Domains and routes.
    pub rules: BTreeMap<RuleId, Option<RuleEntry>>,
    /// Domains all of whose routes are among the rules: what else was known of them is gone.
    pub whole_domains: BTreeSet<DomainId>,
    /// All regions, if they may have changed.
    pub regions: Option<Vec<RegionEntry>>,
}

/// A region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionEntry {
    /// What backends and nodes call it.
    pub name: RegionName,
    /// Where other regions reach it: scheme, host and port.
    pub public_url: String,
}

/// A service with its backends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceEntry {
    /// Its id.
    pub id: ServiceId,
    /// Whose it is.
    pub owner: UserId,
    /// What its owner calls it.
    pub name: ServiceName,
    /// How a backend is chosen.
    pub balance: Balance,
    /// What ties a client to a backend.
    pub affinity: Affinity,
    /// How backends are watched.
    pub health_check: HealthCheck,
    /// How failures are dealt with.
    pub resilience: Resilience,
    /// Its backends that are running or draining, in the order in which they were made.
    pub backends: Vec<BackendEntry>,
}

/// A backend of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendEntry {
    /// Its id.
    pub id: BackendId,
    /// Whose it is.
    pub owner: UserId,
    /// Whether its owner is an administrator, whose addresses may be internal ones.
    pub owner_is_admin: bool,
    /// What its owner names it by.
    pub name: BackendName,
    /// What it is.
    pub origin: BackendOrigin,
    /// Whether the telephones of the tunnel that it is announce it.
    pub announced: bool,
    /// Its labels.
    pub tags: Tags,
    /// Its share.
    pub weight: Weight,
    /// Where it lives; `None`: wherever the node is that asks.
    pub region: Option<RegionName>,
    /// What its owner has decided; not `Stopped`.
    pub state: BackendState,
    /// When its owner last changed it.
    pub updated_at: Timestamp,
}

/// What a backend is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackendOrigin {
    /// A server that switchboard connects to.
    Address {
        /// Where it is.
        address: BackendAddress,
        /// Whether its certificate is verified.
        tls_verify: bool,
    },
    /// A tunnel.
    Tunnel(TunnelId),
}

/// A domain's own target, or a route.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleEntry {
    /// Which of the two.
    pub id: RuleId,
    /// Whose it is.
    pub owner: UserId,
    /// The domain that a route belongs to; `None`: any host, or this is a domain.
    pub domain: Option<DomainId>,
    /// The host; `None`: any.
    pub host: Option<HostPattern>,
    /// The mount; `None`: the domain's own target.
    pub mount: Option<MountPath>,
    /// Whether the backend gets the path without the mount.
    pub strip_prefix: bool,
    /// Whether requests without TLS are sent to https: the domain's, also for its routes.
    pub http_to_https: bool,
    /// What is changed of headers.
    pub headers: HeaderRules,
    /// Which `Host` the backend is told; `None`: the client's.
    pub host_rewrite: Option<HostRewrite>,
    /// What stands in front of it.
    pub front: Option<Arc<Front>>,
    /// What stands in front of the domain that a route belongs to.
    pub domain_front: Option<Arc<Front>>,
    /// Whose that domain is.
    pub domain_owner: Option<UserId>,
    /// Where it leads.
    pub target: TargetEntry,
    /// The switch that is on its way.
    pub switch: Option<RunningSwitch>,
}

/// What the routes of a domain need to know of it.
#[derive(Debug, Clone, PartialEq)]
pub struct HostEntry {
    /// Its host.
    pub pattern: HostPattern,
    /// Whose it is.
    pub owner: UserId,
    /// Whether requests without TLS are sent to https.
    pub http_to_https: bool,
    /// What stands in front of it.
    pub front: Option<Arc<Front>>,
}

impl HostEntry {
    /// Of the domain that this is; `None`: it is a route.
    pub fn of(rule: &RuleEntry) -> Option<(DomainId, Self)> {
        let (RuleId::Domain(id), Some(pattern)) = (rule.id, rule.host.clone()) else { return None };
        let (owner, http_to_https, front) = (rule.owner, rule.http_to_https, rule.front.clone());
        Some((id, Self { pattern, owner, http_to_https, front }))
    }
}

/// Where a rule leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetEntry {
    /// Nowhere.
    None,
    /// To a service.
    Service {
        /// The service.
        id: ServiceId,
        /// Only to backends with this tag; `None`: to all.
        tag: Option<Tag>,
    },
    /// To a tunnel.
    Tunnel(TunnelId),
    /// Elsewhere.
    Redirect(Redirect),
}

/// A gradual switch that is on its way. Until it is done the rule's target holds the tag before.
#[derive(Debug, Clone, PartialEq)]
pub struct RunningSwitch {
    /// Its id.
    pub id: SwitchId,
    /// The tag before; `None`: all backends.
    pub from_tag: Option<Tag>,
    /// The tag after.
    pub to_tag: Tag,
    /// Its steps.
    pub plan: SwitchPlan,
    /// When it started.
    pub started_at: Timestamp,
}
