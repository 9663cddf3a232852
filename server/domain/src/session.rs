//! Who is connected: telephones and browsers.

use crate::{TelephoneSessionId, Timestamp, TokenId, TunnelId, WebSessionId};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One telephone that serves a tunnel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TelephoneSession {
    /// Its id.
    pub id: TelephoneSessionId,
    /// What it serves.
    pub tunnel_id: TunnelId,
    /// What it signed in with.
    pub token_id: TokenId,
    /// Where it dialled from.
    pub address: IpAddr,
    /// The program and its version, as it said itself.
    pub agent: String,
    /// The machine's name, as it said itself.
    pub machine: Option<String>,
    /// The line's version, `2` or `1.0`.
    pub protocol: String,
    /// How many sockets it has open.
    pub lines: u32,
    /// The last measured round trip, milliseconds; `None` until one was measured.
    pub round_trip_ms: Option<f64>,
    /// When it connected.
    pub connected_at: Timestamp,
}

/// One signed-in browser, as the settings page lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebSession {
    /// Its id in lists.
    pub id: WebSessionId,
    /// Whether it is the one that asks.
    pub current: bool,
    /// The browser, as it said itself.
    pub user_agent: Option<String>,
    /// Where it signed in from.
    pub address: Option<IpAddr>,
    /// When it signed in.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_seen_at: Timestamp,
}
