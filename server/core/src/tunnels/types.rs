//! What is asked of and said about tunnels.

use crate::{AnnouncedService, AnnouncementRefused, CoreError};
use domain::{Email, Front, Hostname, Subdomain, SubdomainError, Tunnel, TunnelId, TunnelState, TunnelStatus, UserId};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// What is asked for when a tunnel is created.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewTunnel {
    /// Whose it is; who asks when it is missing.
    pub owner: Option<Email>,
    /// What people call it; the subdomain when it is missing.
    pub name: Option<String>,
    /// Its label below the tunnel domain; a random one when it is missing.
    pub subdomain: Option<String>,
    /// Further host names, at most 10.
    pub custom_domains: Vec<String>,
    /// What the telephone is to forward to, for information.
    pub local_url: Option<String>,
    /// Where its telephone is, for information.
    pub region: Option<String>,
    /// Free text by key; at most 20 entries of 200 characters.
    pub metadata: BTreeMap<String, String>,
}

/// What is to be changed of a tunnel; what is missing stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TunnelPatch {
    /// What people call it.
    pub name: Option<String>,
    /// Its label below the tunnel domain.
    pub subdomain: Option<String>,
    /// All further host names.
    pub custom_domains: Option<Vec<String>>,
    /// What the telephone is to forward to; empty: unknown.
    pub local_url: Option<String>,
    /// Where its telephone is; empty: unknown.
    pub region: Option<String>,
    /// All of the free text.
    pub metadata: Option<BTreeMap<String, String>>,
    /// All of what stands in front of it.
    pub front: Option<Front>,
}

/// Which tunnels to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TunnelQuery {
    /// Only those whose name, subdomain or custom domain contains this text.
    pub search: Option<String>,
    /// Only those that are doing this.
    pub status: Option<TunnelStatus>,
    /// In which order.
    pub sort: TunnelSort,
    /// The deleted ones instead of the others.
    pub deleted: bool,
}

/// The order of a list of tunnels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TunnelSort {
    /// Newest first.
    #[default]
    Created,
    /// By name, A to Z.
    Name,
    /// What was last active first, never active last.
    LastActive,
}

/// What a telephone wants to serve.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttachRequest {
    /// The subdomain it wants; `None`: any, but the same one each time.
    pub subdomain: Option<String>,
    /// What it forwards to.
    pub local_url: String,
    /// Where it is.
    pub region: Option<String>,
    /// Free text by key; what is too long or too much is left out.
    pub metadata: BTreeMap<String, String>,
    /// What else it is to serve.
    pub services: Vec<WantedService>,
}

/// What a telephone says of itself while it serves. What is not there has not changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TelephoneNews {
    /// What it forwards to now.
    pub local_url: Option<String>,
    /// Where it is.
    pub region: Option<String>,
    /// Free text by key, besides what is known.
    pub metadata: BTreeMap<String, String>,
}

/// A service that a telephone announces, as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedService {
    /// The host; `None`: any.
    pub host: Option<String>,
    /// The path; `None`: all of the host.
    pub path: Option<String>,
    /// The label; `None`: the one that is enabled.
    pub tag: Option<String>,
    /// The pool; `None`: the one that is led to.
    pub service: Option<String>,
}

/// The tunnel a telephone now serves.
#[derive(Debug, Clone, PartialEq)]
pub struct Attached {
    /// The tunnel.
    pub tunnel: Tunnel,
    /// What its telephones announce, one by one as it was asked for.
    pub services: Vec<AnnouncedService>,
    /// Whether anything was made or changed for that, which the routing table has to learn.
    pub is_news: bool,
}

/// Why a telephone may not serve what it wants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttachRefused {
    /// It is not a subdomain.
    #[error(transparent)]
    SubdomainInvalid(SubdomainError),
    /// It is kept back.
    #[error("this subdomain is reserved; choose another")]
    SubdomainReserved,
    /// Someone else has it.
    #[error("this subdomain is taken; choose another")]
    SubdomainTaken,
    /// The token does not cover it.
    #[error("this token does not allow this subdomain; use one of its own, or another token")]
    OutsideScope,
    /// Its owner paused it.
    #[error("this tunnel is paused; resume it on its page")]
    TunnelPaused,
    /// The owner has too many tunnels.
    #[error("the limit of tunnels is reached; delete one that is not needed")]
    LimitExceeded,
    /// It does not get what it announces.
    #[error(transparent)]
    Announcement(#[from] AnnouncementRefused),
    /// It could not be looked up.
    #[error(transparent)]
    Unavailable(#[from] CoreError),
}

/// What the routing table needs to know of a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingEntry {
    /// The tunnel.
    pub tunnel_id: TunnelId,
    /// Whose it is.
    pub owner_id: UserId,
    /// Its label below the tunnel domain.
    pub subdomain: Subdomain,
    /// Where it is reached.
    pub public_url: String,
    /// Further host names that lead to it: domains that are verified.
    pub custom_domains: Vec<Hostname>,
    /// Whether requests may pass.
    pub state: TunnelState,
    /// What stands in front of it.
    pub front: Option<Arc<Front>>,
}
