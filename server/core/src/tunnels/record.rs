//! What the revisions of a tunnel say.

use super::rows::read_metadata;
use crate::{
    Result,
    edit::{Edit, Object},
    store::{read_front, rows::tunnels},
};
use domain::{Front, RevisionAction, RevisionKind};
use serde::Serialize;
use std::collections::BTreeMap;

/// What its owner has decided about a tunnel.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct TunnelSpec {
    name: String,
    subdomain: String,
    custom_domains: Vec<String>,
    local_url: Option<String>,
    region: Option<String>,
    metadata: BTreeMap<String, String>,
    paused: bool,
    #[serde(skip_serializing_if = "Front::is_open")]
    front: Front,
}

impl Edit<'_> {
    pub(super) async fn tunnel_spec(&self, row: &tunnels::Model) -> Result<TunnelSpec> {
        Ok(TunnelSpec {
            name: row.name.clone(),
            subdomain: row.subdomain.clone(),
            custom_domains: self.live_domains_of(row).await?.into_iter().map(|row| row.host).collect(),
            local_url: row.local_url.clone(),
            region: row.region.clone(),
            metadata: read_metadata(row)?,
            paused: row.paused,
            front: read_front(row.front.as_deref())?.masked(),
        })
    }

    /// Leaves a revision, unless nothing is different.
    pub(super) async fn record_tunnel(
        &mut self,
        row: &tunnels::Model,
        action: RevisionAction,
        before: Option<TunnelSpec>,
    ) -> Result<()> {
        let after = if row.deleted_at.is_some() { None } else { Some(self.tunnel_spec(row).await?) };
        if before == after {
            return Ok(());
        }
        let object =
            Object { kind: RevisionKind::Tunnel, id: row.id, owner: row.owner_id, name: row.subdomain.clone() };
        self.record(object, action, before.as_ref(), after.as_ref()).await
    }
}
