//! Tunnels.

mod types;

use crate::{Listing, Page, Result, TokenHolder, Viewer};
use domain::{Tunnel, TunnelId, TunnelStats};
pub use types::{
    AttachRefused, AttachRequest, Attached, NewTunnel, RoutingEntry, TunnelPatch, TunnelQuery, TunnelSort,
};

/// Tunnels.
#[derive(Debug)]
pub struct Tunnels(());

impl Tunnels {
    /// The viewer's tunnels, an administrator's view of all of them.
    pub async fn list(&self, _viewer: &Viewer, _query: TunnelQuery, _page: Page) -> Result<Listing<Tunnel>> {
        todo!()
    }
    /// One tunnel.
    pub async fn get(&self, _viewer: &Viewer, _id: TunnelId) -> Result<Tunnel> {
        todo!()
    }
    /// Makes a tunnel.
    pub async fn create(&self, _viewer: &Viewer, _new: NewTunnel) -> Result<Tunnel> {
        todo!()
    }
    /// Changes what the patch names.
    pub async fn update(&self, _viewer: &Viewer, _id: TunnelId, _patch: TunnelPatch) -> Result<Tunnel> {
        todo!()
    }
    /// Lets no request pass until it is resumed.
    pub async fn pause(&self, _viewer: &Viewer, _id: TunnelId) -> Result<Tunnel> {
        todo!()
    }
    /// Ends a pause.
    pub async fn resume(&self, _viewer: &Viewer, _id: TunnelId) -> Result<Tunnel> {
        todo!()
    }
    /// Deletes it so that it can be restored.
    pub async fn delete(&self, _viewer: &Viewer, _id: TunnelId) -> Result<Tunnel> {
        todo!()
    }
    /// Brings back what was deleted.
    pub async fn restore(&self, _viewer: &Viewer, _id: TunnelId) -> Result<Tunnel> {
        todo!()
    }
    /// Its figures.
    pub async fn stats(&self, _viewer: &Viewer, _id: TunnelId) -> Result<TunnelStats> {
        todo!()
    }
    /// Finds or makes the tunnel that a telephone wants to serve.
    pub async fn attach(&self, _holder: &TokenHolder, _request: AttachRequest) -> Result<Attached, AttachRefused> {
        todo!()
    }
    /// All tunnels that are not deleted, for the routing table.
    pub async fn routing_entries(&self) -> Result<Vec<RoutingEntry>> {
        todo!()
    }
}
