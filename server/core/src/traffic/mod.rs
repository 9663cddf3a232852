//! Measured traffic.

mod types;

use crate::{Result, Viewer};
use domain::{Range, RecentRequest, Series, TunnelId, UserId};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;
pub use types::{Overall, Subject};

/// Counts, charts and the latest requests.
#[derive(Debug)]
pub struct Traffic(());

impl Traffic {
    /// The meter of a tunnel. Never waits for the database.
    pub fn meter(&self, _tunnel: TunnelId, _owner: UserId) -> Arc<Meter> {
        todo!()
    }
    /// Shows a request among the latest ones.
    pub fn record_recent(&self, _owner: UserId, _request: RecentRequest) {
        todo!()
    }
    /// What was measured. The caller has made sure that the viewer may see the tunnel, with `tunnels().get`.
    pub async fn history(&self, _viewer: &Viewer, _of: Subject, _range: Range) -> Result<Series> {
        todo!()
    }
    /// The latest requests, newest first.
    pub fn recent(&self, _viewer: &Viewer, _of: Subject) -> Vec<RecentRequest> {
        todo!()
    }
    /// All of this process's traffic since it was started.
    pub fn overall(&self) -> Overall {
        todo!()
    }
    /// Samples each second and stores every ten, until it is stopped; then stores once more.
    pub async fn run(&self, _stop: CancellationToken) {
        todo!()
    }
}

/// Counts one tunnel's traffic with a few atomic operations.
#[derive(Debug)]
pub struct Meter(());

impl Meter {
    /// A request arrived.
    pub fn begin(self: &Arc<Self>) -> InFlight {
        todo!()
    }
    /// Bytes of request bodies arrived.
    pub fn add_bytes_in(&self, _n: u64) {
        todo!()
    }
    /// Bytes of response bodies were sent.
    pub fn add_bytes_out(&self, _n: u64) {
        todo!()
    }
}

/// A request under way; dropping it means that it is over.
#[derive(Debug)]
#[must_use = "the request is over when this is dropped"]
pub struct InFlight(());

impl InFlight {
    /// The response head was sent.
    pub fn answered(&self, _status: u16, _latency: Duration) {
        todo!()
    }
}
