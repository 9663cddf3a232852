//! What requests were for, who sent them, and how they fared.

use crate::{RequestId, Timestamp};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use uuid::Uuid;

/// Measured traffic told apart. Each list names the most frequent values; what is not named is in `other`, so that the
/// parts of each add up to all requests. A value that was among the rarest for a while may have some of its requests there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Breakdown {
    /// The start of what was looked at, seconds since the Unix epoch. It begins with a minute, or, more than two days ago,
    /// with an hour.
    pub from: i64,
    /// The end of it.
    pub until: i64,
    /// Requests answered.
    pub requests: u64,
    /// Answers with a status from 400, by status and code.
    pub errors: Parts,
    /// By path: without query, and with `:id` for segments that are numbers, UUIDs or other ids.
    pub paths: Parts,
    /// By the client's address.
    pub clients: Parts,
    /// The slowest requests, slowest first.
    pub slowest: Vec<SlowRequest>,
}

/// Requests by one property, the most frequent first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Parts {
    /// Those that are named.
    pub items: Vec<Part>,
    /// All others.
    pub other: Share,
}

/// Requests with one value of a property.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Part {
    /// The value. Of an error its status and, where the answer is not the local server's, the code in
    /// `X-Switchboard-Error`: `404`, `503 tunnel_offline`.
    pub name: String,
    /// How many they are, and how they fared.
    #[serde(flatten)]
    pub share: Share,
}

/// Some requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Share {
    /// How many.
    pub requests: u64,
    /// How many were answered with 4xx.
    pub client_errors: u64,
    /// How many were answered with 5xx.
    pub server_errors: u64,
    /// The mean time from arrival to response head, milliseconds; `None`: there were none.
    pub mean_ms: Option<f64>,
}

/// One of the slowest requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SlowRequest {
    /// Its id, as in `X-Request-Id`.
    pub id: RequestId,
    /// When it was answered.
    pub at: Timestamp,
    /// The id of the tunnel or service that it was for.
    pub subject: Uuid,
    /// Its method.
    pub method: String,
    /// Its path, without the query, cut after 256 bytes.
    pub path: String,
    /// The final status.
    pub status: u16,
    /// From arrival to response head, milliseconds.
    pub duration_ms: f64,
    /// The client's address.
    pub client: IpAddr,
}

impl Parts {
    /// All requests, named or not.
    pub fn requests(&self) -> u64 {
        self.items.iter().map(|part| part.share.requests).sum::<u64>() + self.other.requests
    }
}
