//! Control messages: the text messages of a line, each one JSON object tagged by `type`.

mod code;
mod messages;
mod services;

use serde::{Deserialize, Serialize};

pub use code::ErrorCode;
pub use messages::{
    AuthChallenge, Drain, Init, Join, Limits, Metadata, Refusal, Renew, Renewed, Stats, Status, TunnelCreated,
    TunnelStatus, UpdateTunnel,
};
pub use services::{Announced, Announcement, MAX_SERVICES, Verification};

/// The longest control message, in bytes.
pub const MAX_CONTROL: usize = 64 * 1024;

/// A control message. Unknown fields are ignored, so that either end may learn new ones first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Control {
    /// Server to telephone, at once when the WebSocket is open.
    AuthChallenge(AuthChallenge),
    /// Telephone to server: the answer to the challenge.
    Init(Init),
    /// Server to telephone: the answer to an `init` that was accepted.
    TunnelCreated(TunnelCreated),
    /// Telephone to server: requests may come.
    Ready,
    /// Either way, once a heartbeat; the peer answers with a `pong`.
    Ping {
        /// The sender's clock in milliseconds; only the sender interprets it.
        timestamp: u64,
    },
    /// Either way: the answer to a `ping`.
    Pong {
        /// The `ping`'s value.
        timestamp: u64,
    },
    /// Either way: something about the tunnel changed; absent fields did not.
    UpdateTunnel(UpdateTunnel),
    /// Server to telephone: how the tunnel is doing.
    TunnelStatus(TunnelStatus),
    /// Server to telephone: the opening is refused, or the session is about to be closed for this reason.
    Error(Refusal),
    /// Telephone to server: what it signs in with from now on, before what it has signed in with ends.
    Renew(Renew),
    /// Server to telephone: the answer to a `renew`.
    Renewed(Renewed),
    /// Either way: no new streams from now on; those in flight are finished. A telephone's `drain` is answered with
    /// one by the server, after the last stream it opens.
    Drain(Drain),
}

/// Why a text message is not a control message.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// It is longer than [`MAX_CONTROL`].
    #[error("a control message of {0} bytes, more than {MAX_CONTROL}")]
    TooLong(usize),
    /// Its `type` is not one of [`Control`]'s.
    #[error("unknown control message type {0:?}")]
    UnknownType(String),
    /// It is not JSON, has no `type`, or a field is missing or of the wrong type.
    #[error("malformed control message: {0}")]
    Malformed(serde_json::Error),
}

const TYPES: [&str; 12] = [
    "auth_challenge",
    "init",
    "tunnel_created",
    "ready",
    "ping",
    "pong",
    "update_tunnel",
    "tunnel_status",
    "error",
    "renew",
    "renewed",
    "drain",
];

impl Control {
    /// The message as JSON.
    pub fn encode(&self) -> Result<String, ControlError> {
        let text = serde_json::to_string(self).map_err(ControlError::Malformed)?;
        if text.len() > MAX_CONTROL { Err(ControlError::TooLong(text.len())) } else { Ok(text) }
    }

    /// Parses a whole text message.
    pub fn decode(text: &str) -> Result<Self, ControlError> {
        if text.len() > MAX_CONTROL {
            return Err(ControlError::TooLong(text.len()));
        }
        serde_json::from_str(text).map_err(|error| match unknown_type(text) {
            Some(kind) => ControlError::UnknownType(kind),
            None => ControlError::Malformed(error),
        })
    }
}

/// The message's type, shortened for a log, when it is there but not known.
fn unknown_type(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Tag {
        r#type: String,
    }
    let tag: Tag = serde_json::from_str(text).ok()?;
    (!TYPES.contains(&tag.r#type.as_str())).then(|| tag.r#type.chars().take(64).collect())
}
