//! What is there, as a document would say it.

use super::{AnnouncedTags, Declaration, Reach};
use crate::{
    CoreError, Result, Viewer,
    edit::{Names, scope, target_of},
    hosts, pools, routes as route_rows,
    store::{
        Vault, parse, read_json,
        rows::{backends, domains, routes, services, users},
    },
};
use domain::{BackendSpec, DomainSpec, Email, RouteSpec, ServiceSpec, Tag, Tags, TargetFields};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// All rows within reach that are not deleted, and the names that they refer to.
pub(super) struct Current {
    pub(super) services: Vec<services::Model>,
    pub(super) backends: Vec<backends::Model>,
    pub(super) domains: Vec<domains::Model>,
    pub(super) routes: Vec<routes::Model>,
    names: Names,
    vault: Vault,
    /// The owners' addresses, when more than one owner is within reach.
    owners: Option<HashMap<Uuid, Email>>,
}

macro_rules! rows {
    ($connection:expr, $whose:expr, $table:ident, $order:ident) => {
        $table::Entity::find()
            .filter($whose($table::Column::OwnerId))
            .filter($table::Column::DeletedAt.is_null())
            .order_by_asc($table::Column::$order)
            .order_by_asc($table::Column::Id)
            .all($connection)
            .await?
    };
}

impl Current {
    pub(super) async fn read(
        connection: &impl ConnectionTrait,
        vault: &Vault,
        viewer: &Viewer,
        reach: Reach,
    ) -> Result<Self> {
        fn whose(viewer: &Viewer, reach: Reach, owner: impl ColumnTrait) -> Condition {
            match reach {
                Reach::Own => Condition::all().add(owner.eq(viewer.id().0)),
                Reach::All => scope(viewer, owner),
            }
        }
        let services = rows!(connection, |owner| whose(viewer, reach, owner), services, Name);
        let mut backends = rows!(connection, |owner| whose(viewer, reach, owner), backends, Name);
        // Those are their telephones' to make and to take back.
        backends.retain(|row| !row.announced);
        let domains = rows!(connection, |owner| whose(viewer, reach, owner), domains, Host);
        let routes = rows!(connection, |owner| whose(viewer, reach, owner), routes, Mount);
        let targets = domains.iter().map(|row| target_of!(row)).chain(routes.iter().map(|row| target_of!(row)));
        let targets = targets.collect::<Result<Vec<_>>>()?;
        let mut names = Names::default();
        names.learn_services(connection, backends.iter().map(|row| row.service_id)).await?;
        names.learn_tunnels(connection, backends.iter().filter_map(|row| row.tunnel_id)).await?;
        names.learn_targets(connection, targets.iter()).await?;
        names.learn_domains(connection, routes.iter().filter_map(|row| row.domain_id)).await?;
        let owners = match reach {
            Reach::Own => None,
            Reach::All => Some(owners(connection).await?),
        };
        Ok(Self { services, backends, domains, routes, names, vault: vault.clone(), owners })
    }

    pub(super) fn declaration(&self) -> Result<Declaration> {
        let mut routes = self.routes.iter().map(|row| self.route(row)).collect::<Result<Vec<_>>>()?;
        routes.sort_by(|a, b| (&a.domain, &a.mount).cmp(&(&b.domain, &b.mount)));
        Ok(Declaration {
            services: self.services.iter().map(|row| self.service(row)).collect::<Result<_>>()?,
            backends: self.backends.iter().map(|row| self.backend(row)).collect::<Result<_>>()?,
            announced: self.announced()?,
            domains: self.domains.iter().map(|row| self.domain(row)).collect::<Result<_>>()?,
            routes,
        })
    }

    /// The tags that are enabled and that no backend of the document carries.
    fn announced(&self) -> Result<Vec<AnnouncedTags>> {
        let domains = self.domains.iter().map(|row| (row.service_id, &row.tag));
        let routes = self.routes.iter().map(|row| (row.service_id, &row.tag));
        let mut enabled: HashMap<Uuid, BTreeSet<Tag>> = HashMap::new();
        for (service, tag) in domains.chain(routes) {
            if let (Some(service), Some(tag)) = (service, tag) {
                enabled.entry(service).or_default().insert(parse(tag)?);
            }
        }
        for row in &self.backends {
            if let Some(enabled) = enabled.get_mut(&row.service_id) {
                let carried: Tags = read_json(&row.tags)?;
                enabled.retain(|tag| !carried.contains(tag));
            }
        }
        let mut announced = Vec::new();
        for row in &self.services {
            if let Some(tags) = enabled.remove(&row.id).filter(|tags| !tags.is_empty()) {
                let (owner, service) = (self.owner(row.owner_id)?, parse(&row.name)?);
                announced.push(AnnouncedTags { owner, service, tags });
            }
        }
        Ok(announced)
    }

    pub(super) fn service(&self, row: &services::Model) -> Result<ServiceSpec> {
        Ok(ServiceSpec { owner: self.owner(row.owner_id)?, ..pools::service_spec(row)? })
    }

    pub(super) fn backend(&self, row: &backends::Model) -> Result<BackendSpec> {
        let spec = pools::backend_spec(row, &self.names)?;
        Ok(BackendSpec { owner: self.owner(row.owner_id)?, service_id: None, tunnel_id: None, ..spec })
    }

    pub(super) fn domain(&self, row: &domains::Model) -> Result<DomainSpec> {
        let mut spec = hosts::spec_of(row, &self.names, &self.vault)?;
        spec.owner = self.owner(row.owner_id)?;
        spec.set_target(self.portable(spec.target(), row.owner_id));
        Ok(spec)
    }

    pub(super) fn route(&self, row: &routes::Model) -> Result<RouteSpec> {
        let mut spec = route_rows::spec_of(row, &self.names, &self.vault)?;
        spec.owner = self.owner(row.owner_id)?;
        spec.set_target(self.portable(spec.target(), row.owner_id));
        Ok(spec)
    }

    /// A service by its name, unless it is another's: then by its id.
    fn portable(&self, target: TargetFields, owner: Uuid) -> TargetFields {
        let own = target.service_id.is_none_or(|id| self.names.service_owner(id.0) == Some(owner));
        TargetFields {
            service: target.service.filter(|_| own),
            service_id: target.service_id.filter(|_| !own),
            tunnel_id: None,
            ..target
        }
    }

    fn owner(&self, id: Uuid) -> Result<Option<Email>> {
        let Some(owners) = &self.owners else { return Ok(None) };
        let missing = || CoreError::Internal(format!("the database refers to user {id}, who is not there"));
        owners.get(&id).cloned().map(Some).ok_or_else(missing)
    }
}

async fn owners(connection: &impl ConnectionTrait) -> Result<HashMap<Uuid, Email>> {
    let rows: Vec<(Uuid, String)> = users::Entity::find()
        .select_only()
        .columns([users::Column::Id, users::Column::Email])
        .into_tuple()
        .all(connection)
        .await?;
    rows.into_iter().map(|(id, email)| Ok((id, parse(&email)?))).collect()
}
