//! What the engine has seen of an exchange, as it saw it: nothing is masked yet.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use domain::{
    AnsweredBy, CaptureSettings, ExchangeEnd, ExchangeKind, MessageKind, Party, RequestId, RuleId, ServiceId,
    Timestamp, Timings, TunnelId, UserId,
};

use super::Room;

/// What a field takes besides its name and its value, bytes.
const FIELD: usize = size_of::<(String, Bytes)>();

/// What the engine hands over.
#[derive(Debug)]
pub enum Record {
    /// A WebSocket, another upgrade or an event stream is open; [`Ended`](Self::Ended) follows with the same id.
    Begun(Box<Captured>),
    /// Messages of one that is open, in the order of time.
    Messages(RequestId, Vec<CapturedMessage>),
    /// An exchange is over.
    Ended(Box<Captured>),
}

/// An exchange, or as much of it as there has been yet.
#[derive(Debug)]
pub struct Captured {
    /// Its id.
    pub id: RequestId,
    /// The value of `X-Request-Id`.
    pub request_id: RequestId,
    /// Whose it is.
    pub owner: UserId,
    /// What is to be kept of it, and what masked.
    pub settings: Arc<CaptureSettings>,
    /// The tunnel that it was for.
    pub tunnel: Option<TunnelId>,
    /// The domain or route that it came by.
    pub rule: Option<RuleId>,
    /// The service whose backend was to answer.
    pub service: Option<ServiceId>,
    /// When the request arrived.
    pub at: Timestamp,
    /// The client's address.
    pub client: IpAddr,
    /// Whether the client's own connection was encrypted.
    pub secure: bool,
    /// The version of HTTP that the client spoke, such as `HTTP/1.1`.
    pub protocol: &'static str,
    /// The method.
    pub method: String,
    /// The host that was asked for, without port.
    pub host: String,
    /// Path and query, as they were asked for.
    pub target: String,
    /// The final status.
    pub status: Option<u16>,
    /// Our code of what went wrong.
    pub error: Option<String>,
    /// Whether it is over, and how.
    pub end: ExchangeEnd,
    /// What was carried.
    pub kind: ExchangeKind,
    /// The times.
    pub timings: Timings,
    /// Who answered.
    pub answered_by: Option<AnsweredBy>,
    /// The request's head, when it is to be kept.
    pub request_head: Option<CapturedHead>,
    /// The response's.
    pub response_head: Option<CapturedHead>,
    /// The value of the response's `Content-Type`.
    pub content_type: Option<String>,
    /// The request's body.
    pub request_body: CapturedBody,
    /// The response's.
    pub response_body: CapturedBody,
    /// How many messages were left out, because they were too many or too large together.
    pub messages_left_out: u64,
    /// The exchange that it is a replay of.
    pub replay_of: Option<RequestId>,
    /// The memory that all this takes.
    pub room: Option<Room>,
}

impl Captured {
    /// The same for a record of its beginning, as far as there is room for another one.
    pub fn begun(&self) -> Self {
        Self {
            settings: self.settings.clone(),
            protocol: self.protocol,
            method: self.method.clone(),
            host: self.host.clone(),
            target: self.target.clone(),
            error: self.error.clone(),
            end: ExchangeEnd::Open,
            answered_by: self.answered_by.clone(),
            request_head: self.request_head.clone(),
            response_head: self.response_head.clone(),
            content_type: self.content_type.clone(),
            request_body: self.request_body.clone(),
            response_body: self.response_body.clone(),
            room: self.room.as_ref().and_then(Room::twin),
            ..*self
        }
    }
}

/// A head as it was received.
#[derive(Debug, Clone)]
pub enum CapturedHead {
    /// Of HTTP/1.1: all of it byte by byte, its empty line included.
    Raw(Bytes),
    /// Of anything else: what would be its first line, and its fields in order.
    Fields(String, Vec<(String, Bytes)>),
}

impl CapturedHead {
    /// What it takes of memory, bytes.
    pub fn size(&self) -> usize {
        match self {
            Self::Raw(bytes) => bytes.len(),
            Self::Fields(start, fields) => start.len() + Self::size_of_fields(fields),
        }
    }

    /// What fields take of memory, bytes.
    pub fn size_of_fields(fields: &[(String, Bytes)]) -> usize {
        let size = |(name, value): &(String, Bytes)| FIELD + name.len() + value.len();
        fields.iter().map(size).sum()
    }
}

/// What was seen of a body.
#[derive(Debug, Clone, Default)]
pub struct CapturedBody {
    /// Its beginning, as far as it is to be kept.
    pub bytes: Vec<u8>,
    /// Its full size as it passed.
    pub size: u64,
    /// The fields behind it.
    pub trailers: Vec<(String, Bytes)>,
}

/// A message of a WebSocket or an event stream.
#[derive(Debug)]
pub struct CapturedMessage {
    /// When it passed, microseconds after the request arrived.
    pub at_us: u64,
    /// From whom.
    pub from: Party,
    /// What it is.
    pub kind: MessageKind,
    /// Its payload, or the beginning of it.
    pub payload: Bytes,
    /// The payload's full size.
    pub size: u64,
    /// The memory that it takes.
    pub room: Option<Room>,
}
