//! A tunnel's custom domains: domains like all others, that lead to the tunnel.

use crate::{
    Result,
    edit::Edit,
    store::{
        parse,
        rows::{domains, tunnels},
    },
};
use domain::{DomainSpec, HostPattern, Hostname, RevisionAction, TunnelId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

impl Edit<'_> {
    /// Makes these hosts the ones that lead to the tunnel. Wildcards are beside the point: they stay.
    pub(crate) async fn replace_domains_of(&mut self, tunnel: &tunnels::Model, hosts: &[Hostname]) -> Result<()> {
        let mut there = Vec::new();
        for row in self.live_domains_of(tunnel).await? {
            if let HostPattern::Exact(host) = parse(&row.host)? {
                if hosts.contains(&host) {
                    there.push(host);
                } else {
                    self.remove_domain(row, None, RevisionAction::Deleted).await?;
                }
            }
        }
        let owner = self.owner(tunnel.owner_id).await?;
        for host in hosts.iter().filter(|host| !there.contains(host)) {
            let spec = DomainSpec { tunnel_id: Some(TunnelId(tunnel.id)), ..DomainSpec::new(host.clone().into()) };
            self.insert_domain_of(&owner, spec, RevisionAction::Created).await?;
        }
        Ok(())
    }

    /// They go with the tunnel.
    pub(crate) async fn remove_domains_of(&mut self, tunnel: &tunnels::Model) -> Result<()> {
        for row in self.live_domains_of(tunnel).await? {
            self.remove_domain(row, Some(tunnel.id), RevisionAction::Deleted).await?;
        }
        Ok(())
    }

    /// They come back with the tunnel.
    pub(crate) async fn revive_domains_of(&mut self, tunnel: &tunnels::Model) -> Result<()> {
        let rows = domains::Entity::find()
            .filter(domains::Column::DeletedWith.eq(tunnel.id))
            .order_by_asc(domains::Column::Id)
            .all(self.tx())
            .await?;
        for row in rows {
            self.revive_domain(row).await?;
        }
        Ok(())
    }

    pub(super) async fn live_domains_of(&self, tunnel: &tunnels::Model) -> Result<Vec<domains::Model>> {
        Ok(domains::Entity::find()
            .filter(domains::Column::TunnelId.eq(tunnel.id))
            .filter(domains::Column::DeletedAt.is_null())
            .order_by_asc(domains::Column::Id)
            .all(self.tx())
            .await?)
    }
}
