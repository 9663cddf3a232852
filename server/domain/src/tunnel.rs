//! Tunnels: named public entries that telephones serve.

use crate::{Hostname, Subdomain, TelephoneSession, Timestamp, TunnelId, UserId, text::text_type};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, str::FromStr};

/// What its owner has decided about a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TunnelState {
    /// Telephones may serve it.
    Active,
    /// Kept, but no request passes and no telephone may serve it.
    Paused,
    /// Gone, but can be restored as long as its subdomain is free.
    Deleted,
}

/// What a tunnel is doing, for people and API: the owner's decision, and for an active one whether a telephone is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TunnelStatus {
    /// Active, at least one telephone serves it.
    Online,
    /// Active, no telephone serves it.
    Offline,
    /// See [`TunnelState::Paused`].
    Paused,
    /// See [`TunnelState::Deleted`].
    Deleted,
}

impl TunnelStatus {
    /// The name used in JSON, in style classes and on pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Paused => "paused",
            Self::Deleted => "deleted",
        }
    }
}

/// A name people call a tunnel by, when the subdomain says too little: 1 to 64 characters without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct TunnelName(String);

/// Why a text is not accepted as a tunnel's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tunnel's name has 1 to 64 characters and no control characters")]
pub struct TunnelNameError;

text_type!(TunnelName, TunnelNameError);

impl FromStr for TunnelName {
    type Err = TunnelNameError;

    fn from_str(text: &str) -> Result<Self, TunnelNameError> {
        let text = text.trim();
        let length = text.chars().count();
        if length == 0 || length > 64 || text.chars().any(char::is_control) {
            return Err(TunnelNameError);
        }
        Ok(Self(text.to_owned()))
    }
}

/// A tunnel, as pages and the API show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Tunnel {
    /// Its id.
    pub id: TunnelId,
    /// Whose it is.
    pub owner_id: UserId,
    /// What people call it.
    pub name: TunnelName,
    /// Its label below the tunnel domain.
    pub subdomain: Subdomain,
    /// Further host names that lead to it.
    pub custom_domains: Vec<Hostname>,
    /// What the telephone forwards to, as it last said; `None` until one was there.
    pub local_url: Option<String>,
    /// Where it can be reached.
    pub public_url: String,
    /// What it is doing.
    pub status: TunnelStatus,
    /// The region of its telephone, as it last said.
    pub region: Option<String>,
    /// Free text by key, from owner and telephone; at most 20 entries of 200 characters.
    pub metadata: BTreeMap<String, String>,
    /// The telephones that serve it now.
    pub sessions: Vec<TelephoneSession>,
    /// Requests since it was created.
    pub request_count: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its owner last changed it.
    pub updated_at: Timestamp,
    /// When a telephone or a request was last seen.
    pub last_active_at: Option<Timestamp>,
}
