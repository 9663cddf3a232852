//! Exchanges as they were recorded: one request with its response.

use crate::{BackendId, BackendName, RequestId, RuleId, ServiceId, Tag, TelephoneSessionId, Timestamp, TunnelId};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// An exchange as a list shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ExchangeSummary {
    /// Its id: that of `X-Request-Id`, unless a trusted proxy gave that one.
    pub id: RequestId,
    /// When the request arrived.
    pub at: Timestamp,
    /// The tunnel that it was for, as its host or as what a rule leads to.
    pub tunnel: Option<TunnelId>,
    /// The domain or route that it came by.
    pub rule: Option<RuleId>,
    /// The service whose backend was to answer.
    pub service: Option<ServiceId>,
    /// The request's method.
    pub method: String,
    /// The host that was asked for, without port.
    pub host: String,
    /// Path and query as they were asked for, cut after 2 KiB, with what is masked masked.
    pub path: String,
    /// The final status; `None`: there was none before the client left, or there is none yet.
    pub status: Option<u16>,
    /// Our code of what went wrong, as in `X-Switchboard-Error`, when the answer was ours.
    pub error: Option<String>,
    /// Whether it is over, and how.
    pub end: ExchangeEnd,
    /// What was carried.
    pub kind: ExchangeKind,
    /// From arrival to the end of the response, milliseconds; so far, when it is not over.
    pub duration_ms: f64,
    /// Bytes of the request's body (or from the client, after a switch of protocols).
    pub bytes_in: u64,
    /// Bytes of the response's body (or to the client).
    pub bytes_out: u64,
    /// The media type of the response, without parameters.
    pub content_type: Option<String>,
    /// The client's address.
    pub client: IpAddr,
    /// Whether its owner wants to keep it whatever its age.
    pub pinned: bool,
    /// What its owner has written beside it.
    pub note: Option<String>,
    /// The exchange that it is a replay of.
    pub replay_of: Option<RequestId>,
}

/// A part of a list of exchanges.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ExchangePage {
    /// The exchanges, newest first.
    pub items: Vec<ExchangeSummary>,
    /// Where older ones begin; `None`: there are none.
    pub next_cursor: Option<String>,
    /// How far back was looked, when looking into contents took long.
    pub looked_until: Option<Timestamp>,
}

/// How an exchange has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExchangeEnd {
    /// It has not: a WebSocket or an event stream that is open.
    Open,
    /// The response was read to its end.
    Complete,
    /// The client left before, or took no more.
    ClientLeft,
    /// Whoever answered broke off within the response.
    BrokenOff,
}

impl ExchangeEnd {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Open, Self::Complete, Self::ClientLeft, Self::BrokenOff];

    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Complete => "complete",
            Self::ClientLeft => "client_left",
            Self::BrokenOff => "broken_off",
        }
    }
}

/// What an exchange carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExchangeKind {
    /// A request and a response.
    Http,
    /// A response of server-sent events (`text/event-stream`).
    EventStream,
    /// WebSocket messages (RFC 6455).
    WebSocket,
    /// Bytes of another protocol.
    Upgrade,
}

impl ExchangeKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Http, Self::EventStream, Self::WebSocket, Self::Upgrade];

    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::EventStream => "event_stream",
            Self::WebSocket => "web_socket",
            Self::Upgrade => "upgrade",
        }
    }
}

/// All that is known of an exchange but its bodies, which are asked for by themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Exchange {
    /// What the list shows.
    #[serde(flatten)]
    pub summary: ExchangeSummary,
    /// The value of `X-Request-Id`.
    pub request_id: RequestId,
    /// The version of HTTP that the client spoke, such as `HTTP/1.1`.
    pub protocol: String,
    /// Whether the client's own connection was encrypted.
    pub secure: bool,
    /// The times.
    pub timings: Timings,
    /// Who answered; `None`: nobody but us.
    pub answered_by: Option<AnsweredBy>,
    /// The request's head; `None` when it was not to be kept.
    pub request: Option<MessageHead>,
    /// The response's head, as it was received.
    pub response: Option<MessageHead>,
    /// The request's body.
    pub request_body: BodyInfo,
    /// The response's body.
    pub response_body: BodyInfo,
    /// The messages of a WebSocket or an event stream, in the order of time.
    pub messages: Vec<ExchangeMessage>,
    /// How many more there were than are kept.
    pub messages_left_out: u64,
    /// The replays of it that are still kept, oldest first.
    pub replays: Vec<RequestId>,
}

/// When what happened, microseconds after the request arrived. `None`: it did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Timings {
    /// How long it waited for a telephone to be there, microseconds.
    pub held_us: u64,
    /// The head was handed to the telephone or backend that answered.
    pub sent_us: Option<u64>,
    /// The head of the response was there.
    pub first_byte_us: Option<u64>,
    /// The response was over.
    pub done_us: Option<u64>,
}

/// Who answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AnsweredBy {
    /// The telephone.
    pub session: Option<TelephoneSessionId>,
    /// The backend.
    pub backend: Option<BackendId>,
    /// Its name.
    pub backend_name: Option<BackendName>,
    /// The tag of the pool that it was chosen from.
    pub tag: Option<Tag>,
    /// Whether a switchboard of another region has it.
    pub elsewhere: bool,
    /// How many were asked, this one included.
    pub attempts: u32,
}

/// The head of a request or a response.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MessageHead {
    /// Its first line; of HTTP/2 what it would be in HTTP/1.1.
    pub start_line: String,
    /// The fields in their order; repeated ones are there as often as they came.
    pub fields: Vec<HeadField>,
    /// The fields behind the body.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trailers: Vec<HeadField>,
}

/// A field of a head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct HeadField {
    /// Its name; as it was written, of HTTP/1.1.
    pub name: String,
    /// Its value; bytes that are no UTF-8 are replaced.
    pub value: String,
    /// Whether the value (or, of a query, a part of it) was masked before it was stored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub masked: bool,
}

/// What is known of a body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BodyInfo {
    /// Its full size as it passed, bytes.
    pub size: u64,
    /// How much of it is kept, bytes; 0 when nothing was to be.
    pub kept: u64,
    /// Whether all of it is kept, as it was.
    pub whole: bool,
    /// Whether parts of it were masked.
    pub masked: bool,
    /// Its `Content-Type`.
    pub content_type: Option<String>,
    /// Its `Content-Encoding`, which is undone for showing it where we know how.
    pub content_encoding: Option<String>,
}

/// A message of a WebSocket or an event stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ExchangeMessage {
    /// When it passed, microseconds after the request arrived.
    pub at_us: u64,
    /// From whom.
    pub from: Party,
    /// What it is.
    pub kind: MessageKind,
    /// Its payload, or the beginning of it: text, or base64 of [`binary`](MessageKind::Binary) ones.
    pub payload: String,
    /// The payload's full size, bytes.
    pub size: u64,
    /// Whether parts of it were masked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub masked: bool,
}

/// One of both ends of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// Who has asked.
    Client,
    /// Who answers.
    Server,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Text of a WebSocket.
    Text,
    /// Bytes of a WebSocket, or of a protocol that we do not know.
    Binary,
    /// A WebSocket's ping.
    Ping,
    /// A WebSocket's pong.
    Pong,
    /// A WebSocket's close, with its code and reason as text.
    Close,
    /// A server-sent event, as it was written.
    Event,
}

/// Whether all that was to be recorded is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RecorderHealth {
    /// Exchanges recorded since the server was started.
    pub recorded: u64,
    /// Exchanges that were not, because there were more than the server may record in a second.
    pub dropped_rate: u64,
    /// … because the recorder could not keep up, or memory was short.
    pub dropped_busy: u64,
    /// … because the database did not take them.
    pub dropped_database: u64,
    /// What the database said last, while it takes none.
    pub trouble: Option<String>,
}
