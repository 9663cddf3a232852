//! Sending a recorded request again.

use crate::{BackendId, ExchangeSummary, RequestId, Tag, TunnelId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most times that a request is sent again at once.
pub const MOST_REPLAYS: u8 = 20;

/// How a recorded request is to be sent again. What is left out is as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ReplayRequest {
    /// The method.
    pub method: Option<String>,
    /// Path and query.
    pub path: Option<String>,
    /// All header fields, in place of those that were received. One that is marked as masked is left out.
    pub headers: Option<Vec<ReplayField>>,
    /// Header fields that are set besides; with `null`, taken away.
    pub set_headers: BTreeMap<String, Option<String>>,
    /// The body.
    pub body: Option<ReplayBody>,
    /// Who is to get it, other than whoever its host and path lead to.
    pub to: Option<ReplayTarget>,
    /// How often, one after the other; 1 to [`MOST_REPLAYS`].
    pub times: u8,
}

impl Default for ReplayRequest {
    fn default() -> Self {
        Self { method: None, path: None, headers: None, set_headers: BTreeMap::new(), body: None, to: None, times: 1 }
    }
}

/// A header field of a request that is sent again, in the form in which the inspector shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReplayField {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether the value is not the real one: then the field is left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub masked: bool,
}

/// The body of a request that is sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReplayBody {
    /// Text, in UTF-8.
    Text(String),
    /// Bytes, as standard base64.
    Base64(String),
}

/// Who is to get a request that is sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReplayTarget {
    /// A tunnel, under its own host.
    Tunnel(TunnelId),
    /// The backends with this tag, of the service that host and path lead to.
    Tag(Tag),
    /// One backend.
    Backend(BackendId),
}

/// What has come of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Replayed {
    /// The exchange that was sent again.
    pub replay_of: RequestId,
    /// The header fields that were not sent, because their values were masked when the request was recorded.
    pub left_out: Vec<String>,
    /// Each request that was sent, in order. Fewer than were asked for when they took too long together.
    pub exchanges: Vec<ReplayedExchange>,
}

/// One of the requests that were sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReplayedExchange {
    /// The id of the new exchange.
    pub id: RequestId,
    /// The status of the answer; `None`: none came in time.
    pub status: Option<u16>,
    /// What was recorded of it; `None`: nothing yet, or the recorder is in trouble.
    pub exchange: Option<ExchangeSummary>,
}
