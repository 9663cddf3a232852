//! What people call the services and tunnels that rows refer to.

use crate::{
    Result, TargetEntry,
    store::{
        parse,
        rows::{domains, services, tunnels},
    },
};
use domain::{HostPattern, ServiceId, ServiceName, Subdomain, Target, TunnelId};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Ids in one statement; both databases limit its parameters.
const CHUNK: usize = 500;

/// Names by id, of what was asked for; also of what is deleted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    services: HashMap<Uuid, (Uuid, ServiceName)>,
    tunnels: HashMap<Uuid, Subdomain>,
    domains: HashMap<Uuid, HostPattern>,
}

fn missing<V>(ids: impl IntoIterator<Item = Uuid>, known: &HashMap<Uuid, V>) -> Vec<Uuid> {
    let wanted: HashSet<Uuid> = ids.into_iter().filter(|id| !known.contains_key(id)).collect();
    wanted.into_iter().collect()
}

impl Names {
    pub(crate) async fn learn_services(
        &mut self,
        connection: &impl ConnectionTrait,
        ids: impl IntoIterator<Item = Uuid>,
    ) -> Result<()> {
        for chunk in missing(ids, &self.services).chunks(CHUNK) {
            let rows: Vec<(Uuid, Uuid, String)> = services::Entity::find()
                .select_only()
                .columns([services::Column::Id, services::Column::OwnerId, services::Column::Name])
                .filter(services::Column::Id.is_in(chunk.iter().copied()))
                .into_tuple()
                .all(connection)
                .await?;
            for (id, owner, name) in rows {
                self.services.insert(id, (owner, parse(&name)?));
            }
        }
        Ok(())
    }

    pub(crate) async fn learn_tunnels(
        &mut self,
        connection: &impl ConnectionTrait,
        ids: impl IntoIterator<Item = Uuid>,
    ) -> Result<()> {
        for chunk in missing(ids, &self.tunnels).chunks(CHUNK) {
            let rows: Vec<(Uuid, String)> = tunnels::Entity::find()
                .select_only()
                .columns([tunnels::Column::Id, tunnels::Column::Subdomain])
                .filter(tunnels::Column::Id.is_in(chunk.iter().copied()))
                .into_tuple()
                .all(connection)
                .await?;
            for (id, subdomain) in rows {
                self.tunnels.insert(id, parse(&subdomain)?);
            }
        }
        Ok(())
    }

    pub(crate) async fn learn_domains(
        &mut self,
        connection: &impl ConnectionTrait,
        ids: impl IntoIterator<Item = Uuid>,
    ) -> Result<()> {
        for chunk in missing(ids, &self.domains).chunks(CHUNK) {
            let rows: Vec<(Uuid, String)> = domains::Entity::find()
                .select_only()
                .columns([domains::Column::Id, domains::Column::Host])
                .filter(domains::Column::Id.is_in(chunk.iter().copied()))
                .into_tuple()
                .all(connection)
                .await?;
            for (id, host) in rows {
                self.domains.insert(id, parse(&host)?);
            }
        }
        Ok(())
    }

    pub(crate) async fn learn_targets<'t>(
        &mut self,
        connection: &impl ConnectionTrait,
        targets: impl Iterator<Item = &'t TargetEntry> + Clone,
    ) -> Result<()> {
        let services = targets.clone().filter_map(|target| match target {
            TargetEntry::Service { id, .. } => Some(id.0),
            _ => None,
        });
        let services: Vec<_> = services.collect();
        self.learn_services(connection, services).await?;
        let tunnels: Vec<_> = targets
            .filter_map(|target| match target {
                TargetEntry::Tunnel(id) => Some(id.0),
                _ => None,
            })
            .collect();
        self.learn_tunnels(connection, tunnels).await
    }

    pub(crate) fn service(&self, id: Uuid) -> Result<ServiceName> {
        self.services.get(&id).map(|(_, name)| name.clone()).ok_or_else(|| unknown("service", id))
    }

    /// Whose a service is.
    pub(crate) fn service_owner(&self, id: Uuid) -> Option<Uuid> {
        self.services.get(&id).map(|(owner, _)| *owner)
    }

    pub(crate) fn tunnel(&self, id: Uuid) -> Result<Subdomain> {
        self.tunnels.get(&id).cloned().ok_or_else(|| unknown("tunnel", id))
    }

    pub(crate) fn domain(&self, id: Uuid) -> Result<HostPattern> {
        self.domains.get(&id).cloned().ok_or_else(|| unknown("domain", id))
    }

    /// A target as it is shown; its names must have been learned.
    pub(crate) fn target(&self, target: &TargetEntry) -> Result<Target> {
        Ok(match target {
            TargetEntry::None => Target::None,
            TargetEntry::Service { id, tag } => {
                Target::Service { id: ServiceId(id.0), name: self.service(id.0)?, tag: tag.clone() }
            }
            TargetEntry::Tunnel(id) => Target::Tunnel { id: TunnelId(id.0), subdomain: self.tunnel(id.0)? },
            TargetEntry::Redirect(redirect) => Target::Redirect(redirect.clone()),
        })
    }

    /// A service may be called otherwise now.
    pub(crate) fn forget_services(&mut self) {
        self.services.clear();
    }
}

impl super::Edit<'_> {
    /// Learns the names that a target refers to.
    pub(crate) async fn learn_target(&mut self, target: &TargetEntry) -> Result<()> {
        let mut names = std::mem::take(self.names());
        let learned = names.learn_targets(self.tx(), std::iter::once(target)).await;
        *self.names() = names;
        learned
    }
}

fn unknown(what: &str, id: Uuid) -> crate::CoreError {
    crate::CoreError::Internal(format!("the database refers to {what} {id}, which is not there"))
}
