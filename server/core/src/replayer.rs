//! What pages and API ask of whoever sends recorded requests again. The services only make the request ready.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{CaptureSettings, ReplayTarget, RequestId, ServiceId, UserId};

use crate::{Result, Services};

/// Sends requests again.
#[async_trait]
pub trait Replayer: fmt::Debug + Send + Sync {
    /// Sends a request through the engine as if its client had sent it, so often as it says, and reads each answer to its
    /// end. What takes too long is broken off, so that there may be fewer.
    ///
    /// # Errors
    /// `Invalid` when it is no request that could be sent; `NotFound` when where it is to go is not its owner's;
    /// `replay_nowhere` when that leads to nobody; `Throttled` when too many are under way.
    async fn replay(&self, order: ReplayOrder) -> Result<Vec<Sent>>;
}

/// A request to be sent again.
#[derive(Debug, Clone)]
pub struct ReplayOrder {
    /// The exchange that it is a replay of.
    pub of: RequestId,
    /// Whose that is. Nobody else's tunnels and backends get it.
    pub owner: UserId,
    /// What is recorded of it.
    pub settings: Arc<CaptureSettings>,
    /// The address of the client that sent it first.
    pub client: IpAddr,
    /// Whether that one's connection was encrypted.
    pub secure: bool,
    /// The service that was to answer it.
    pub service: Option<ServiceId>,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The header fields, `Host` among them.
    pub fields: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Who is to get it; `None`: whoever host and path lead to.
    pub to: Option<ReplayTarget>,
    /// How often.
    pub times: u8,
}

/// A request that was sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The id of the exchange.
    pub id: RequestId,
    /// The status of the answer, if one came in time.
    pub status: Option<u16>,
}

impl Services {
    /// Has this one send requests again from now on. The first one stays.
    pub fn set_replayer(&self, replayer: Arc<dyn Replayer>) {
        self.replayer_place().set(replayer).ok();
    }
}
