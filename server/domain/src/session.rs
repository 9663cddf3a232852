//! Who is connected: telephones and browsers.

use crate::{ProgramSessionId, TelephoneSessionId, Timestamp, TokenId, TunnelId, WebSessionId};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One telephone that serves a tunnel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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
    /// How its lines and its local server do, measured every five seconds.
    #[serde(default)]
    pub quality: LineQuality,
}

/// How the lines of a telephone and the local server behind it do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LineQuality {
    /// Requests that are under way on its lines.
    pub streams: u64,
    /// Of these, requests that wait because the telephone takes no more at present.
    pub starved: u64,
    /// Bytes that wait to be sent to it.
    pub queued_bytes: u64,
    /// Bytes that came from it and that visitors have not taken yet.
    pub held_bytes: u64,
    /// Bytes that it takes before it has to give more credit.
    pub credit_bytes: u64,
    /// How often it had no answer of its local server, since it connected.
    pub local_failures: u64,
    /// The last time that was so.
    pub last_local_failure: Option<LocalFailure>,
}

/// A request for which a telephone had no answer of its local server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LocalFailure {
    /// What was wrong: `local_unreachable`, `local_broken` or `local_not_http2`.
    pub code: String,
    /// When.
    pub at: Timestamp,
}

/// A round trip to a telephone and back.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RoundTrip {
    /// When it was measured, seconds since the Unix epoch.
    pub at: i64,
    /// How long it took, milliseconds.
    pub ms: f64,
}

/// A telephone that serves a tunnel, or did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SessionRecord {
    /// The telephone; as it was at the end, when it has gone.
    #[serde(flatten)]
    pub session: TelephoneSession,
    /// When it went; `None`: it is connected.
    pub ended_at: Option<Timestamp>,
    /// Why it went.
    pub reason: Option<String>,
    /// The round trips of the last five minutes, the oldest first; none of one that has gone.
    pub round_trips: Vec<RoundTrip>,
}

/// One signed-in browser, as the settings page lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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
    /// When it ends, however much it is used.
    pub expires_at: Timestamp,
}

/// One program that is signed in: what began with a sign-in at the API, and goes on with its refresh tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ProgramSession {
    /// Its id in lists.
    pub id: ProgramSessionId,
    /// Whether it is the one that asks.
    pub current: bool,
    /// The program, as it said itself when it signed in.
    pub user_agent: Option<String>,
    /// Where it signed in from.
    pub address: Option<IpAddr>,
    /// When it signed in.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_seen_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}
