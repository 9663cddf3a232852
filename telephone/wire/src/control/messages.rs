use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Announced, Announcement, ErrorCode};
use crate::Secret;
use crate::flow::{CONNECTION_WINDOW, STREAM_WINDOW};
use crate::secret::serialize_exposed;

/// What one end takes from the other: the first credits and the bounds the peer has to keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// First credit of each stream towards the sender of this message, in bytes.
    pub stream_window: u32,
    /// Credit of the connection towards the sender of this message, in bytes.
    pub connection_window: u32,
    /// How many streams may be open at once.
    pub max_streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { stream_window: STREAM_WINDOW, connection_window: CONNECTION_WINDOW, max_streams: 10_000 }
    }
}

/// `auth_challenge`: what the server speaks and expects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthChallenge {
    /// The versions of the line the server speaks, best first.
    pub versions: Vec<String>,
    /// After how much silence the peer is sent a `ping`, in seconds. Two of these without a byte mean that it is dead.
    pub heartbeat_s: u32,
    /// What the server takes. Absent from a server of version 1.0.
    #[serde(default)]
    pub limits: Limits,
    /// The server's name and version, for people.
    pub server: String,
}

/// `init`: who is calling and what it wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Init {
    /// The version the telephone has chosen from the challenge.
    pub version: String,
    /// The secret with which the telephone signs in.
    #[serde(serialize_with = "serialize_exposed")]
    pub token: Secret,
    /// The web server behind the telephone, for people and to find the tunnel of last time again.
    pub local_url: String,
    /// What the telephone says about itself.
    #[serde(default)]
    pub metadata: Metadata,
    /// The subdomain wanted; absent for the one of last time, or a random one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdomain: Option<String>,
    /// What else the local server is to serve, at most [`MAX_SERVICES`](super::MAX_SERVICES).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Announcement>,
    /// The value of `resume` in the last `tunnel_created`, to replace that session at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
    /// The session to which this socket is added as a further line; absent for a session of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join: Option<Join>,
    /// What the telephone takes.
    #[serde(default)]
    pub limits: Limits,
    /// Whether the telephone tells heads of responses as it received them ([`received`](crate::received)).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub heads: bool,
}

/// The live session that a further socket of the same telephone is added to. `tunnel_created` answers with the same
/// session, or `error` with [`ErrorCode::SessionGone`]: then a session of its own has to be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The value of `session_id` in the `tunnel_created` that opened the session.
    pub session_id: String,
    /// The value of `resume` there, which proves that it is the same telephone.
    pub resume: String,
}

/// What a telephone says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// A name for people, by default the machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The agent's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// Where it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Anything else.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// A tunnel's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Requests are passed on.
    Active,
    /// The owner has paused it.
    Paused,
    /// The owner has deleted it.
    Deleted,
}

/// `tunnel_created`: the tunnel this session serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TunnelCreated {
    /// The tunnel's id.
    pub tunnel_id: String,
    /// Its subdomain.
    pub subdomain: String,
    /// The address under which it is reached.
    pub public_url: String,
    /// Its state.
    pub status: Status,
    /// This session's id.
    pub session_id: String,
    /// What to send as `resume` when this session is lost.
    pub resume: String,
    /// What the telephone has announced, in the same order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Announced>,
}

/// `update_tunnel`: what changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateTunnel {
    /// From the server: the tunnel has another subdomain now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdomain: Option<String>,
    /// From the server: the tunnel has another address now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// From the server: the tunnel has another state now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// From the telephone: it forwards to another web server now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_url: Option<String>,
    /// From the telephone: it says something else about itself now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// `tunnel_status`: how the tunnel is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TunnelStatus {
    /// The tunnel's state.
    pub status: Status,
    /// Its figures.
    pub stats: Stats,
    /// Over how long the telephones of this server had better come back when all of them lose it at once, in milliseconds.
    /// Absent from a server that does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread_ms: Option<u32>,
}

/// A tunnel's figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Requests since the server started.
    pub requests: u64,
    /// Median time to the end of a response, in milliseconds.
    pub latency_ms: f64,
    /// How long the tunnel has had a session, in seconds.
    pub uptime_seconds: u64,
    /// How many requests wait at the moment for a telephone to be there.
    #[serde(default)]
    pub held: u64,
    /// Requests since the server started that were sent a second time, because the first line broke under them.
    #[serde(default)]
    pub retried: u64,
}

/// `error`: the reason for a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The reason for a program.
    pub code: ErrorCode,
    /// The reason for people, with what to do about it.
    pub message: String,
}

/// `renew`: the session goes on with this token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renew {
    /// What the telephone would sign in with now: another secret of the same token, or another short-lived one.
    #[serde(serialize_with = "serialize_exposed")]
    pub token: Secret,
}

/// `renewed`: the answer to a `renew`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewed {
    /// Why the session ends when it was to end before; absent when it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
}

/// `drain`: finish what is in flight, begin nothing new here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the sender closes the line at the latest, in seconds from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_s: Option<u32>,
    /// From a server: when to dial again, in milliseconds from now; absent when the telephone may choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redial_ms: Option<u32>,
    /// From a telephone: it lets go of this line only, and stays with the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub line: bool,
}
