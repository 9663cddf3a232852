//! Targets: from what an owner asks for to what is stored.

use super::{Edit, Owner};
use crate::{
    CoreError, Result, TargetEntry,
    store::{
        parse, read_json,
        rows::{backends, routes, services, tunnels},
        write_json,
    },
};
use domain::{
    BackendAddress, BackendSpec, HealthCheck, RevisionAction, ServiceId, ServiceName, ServiceSpec, Subdomain, Tag,
    Tags, TargetError, TargetFields, TunnelId,
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, QueryTrait};
use uuid::Uuid;

/// The longest start of the name of a service that is named after what leads to it, characters; a number may follow.
const MAX_NAME_START: usize = 56;

/// A target as both tables of rules store it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetColumns {
    pub(crate) kind: String,
    pub(crate) service_id: Option<Uuid>,
    pub(crate) tag: Option<String>,
    pub(crate) tunnel_id: Option<Uuid>,
    pub(crate) redirect: Option<String>,
}

impl TargetColumns {
    pub(crate) fn of(target: &TargetEntry) -> Result<Self> {
        let none = Self { kind: "none".into(), service_id: None, tag: None, tunnel_id: None, redirect: None };
        Ok(match target {
            TargetEntry::None => none,
            TargetEntry::Service { id, tag } => Self {
                kind: "service".into(),
                service_id: Some(id.0),
                tag: tag.as_ref().map(ToString::to_string),
                ..none
            },
            TargetEntry::Tunnel(id) => Self { kind: "tunnel".into(), tunnel_id: Some(id.0), ..none },
            TargetEntry::Redirect(redirect) => {
                Self { kind: "redirect".into(), redirect: Some(write_json(redirect)?), ..none }
            }
        })
    }

    /// What the columns mean.
    pub(crate) fn entry(&self) -> Result<TargetEntry> {
        match (self.kind.as_str(), self.service_id, self.tunnel_id, &self.redirect) {
            ("none", ..) => Ok(TargetEntry::None),
            ("service", Some(id), ..) => {
                Ok(TargetEntry::Service { id: ServiceId(id), tag: self.tag.as_deref().map(parse).transpose()? })
            }
            ("tunnel", _, Some(id), _) => Ok(TargetEntry::Tunnel(TunnelId(id))),
            ("redirect", .., Some(redirect)) => Ok(TargetEntry::Redirect(read_json(redirect)?)),
            _ => Err(CoreError::Internal(format!("the database holds half a target: {self:?}"))),
        }
    }
}

/// The target of a row of `domains` or `routes`.
macro_rules! target_of {
    ($row:expr) => {{
        let row = $row;
        $crate::edit::TargetColumns {
            kind: row.target_kind.clone(),
            service_id: row.service_id,
            tag: row.tag.clone(),
            tunnel_id: row.tunnel_id,
            redirect: row.redirect.clone(),
        }
        .entry()
    }};
}
pub(crate) use target_of;

impl Edit<'_> {
    /// Finds what an owner's target names. A tag is looked for among the backends, unless it is `old`'s already. A
    /// service that is made for an address is named after `rule`, the host and mount that lead to it.
    pub(crate) async fn resolve(
        &mut self,
        owner: &Owner,
        fields: &TargetFields,
        old: Option<&TargetEntry>,
        rule: &str,
    ) -> Result<TargetEntry> {
        fields.check().map_err(|error| match error {
            TargetError::Tag => CoreError::invalid("enabled_backends_tag", error),
            TargetError::Several | TargetError::Incomplete => CoreError::invalid("service", error),
        })?;
        if let Some(address) = &fields.address {
            // The same call twice has the effect of one.
            if let Some(TargetEntry::Service { id, tag: None }) = old
                && self.has_only(*id, address).await?
            {
                return Ok(TargetEntry::Service { id: *id, tag: None });
            }
            let id = Box::pin(self.service_at(owner, address, rule)).await?;
            return Ok(TargetEntry::Service { id, tag: None });
        }
        if let Some(redirect) = &fields.redirect {
            return Ok(TargetEntry::Redirect(redirect.clone()));
        }
        // What it leads to already may since have been deleted, or an administrator may have chosen it: it stays.
        match (old, fields.tunnel_id) {
            (Some(old @ TargetEntry::Tunnel(id)), Some(same)) if *id == same => return Ok(old.clone()),
            _ => {}
        }
        if fields.tunnel.is_some() || fields.tunnel_id.is_some() {
            return self.find_tunnel(owner, fields.tunnel_id, fields.tunnel.as_ref()).await.map(TargetEntry::Tunnel);
        }
        if fields.is_none() {
            return Ok(TargetEntry::None);
        }
        let tag = fields.enabled_backends_tag.clone();
        let id = match (old, fields.service_id) {
            (Some(TargetEntry::Service { id, .. }), Some(same)) if *id == same => same,
            _ => self.service_named(owner, fields).await?,
        };
        let target = TargetEntry::Service { id, tag };
        if let TargetEntry::Service { tag: Some(tag), .. } = &target
            && old != Some(&target)
            && !self.expects(id, tag)
            && self.carriers(id.0, tag).await?.is_empty()
        {
            return Err(unknown_tag(tag));
        }
        Ok(target)
    }

    /// Makes a service of one backend. What is known of the machine there is its address alone, so its health is whether
    /// it answers `/` with anything but a fault of its own: a page may be elsewhere, or want a password.
    async fn service_at(&mut self, owner: &Owner, address: &BackendAddress, rule: &str) -> Result<ServiceId> {
        if self.is_applying() {
            let message = "a document names a service with a backend of this address, so that it can be applied again";
            return Err(CoreError::invalid("address", message));
        }
        let name = self.free_name(owner, rule).await?;
        let health_check = HealthCheck { path: parse("/")?, statuses: parse("200-499")?, ..HealthCheck::default() };
        let spec = ServiceSpec { health_check, ..ServiceSpec::named(name) };
        let service = self.insert_service(owner, spec, RevisionAction::Created).await?;
        let id = ServiceId(service.id);
        let backend = BackendSpec { service_id: Some(id), address: Some(address.clone()), ..BackendSpec::default() };
        self.insert_backend(backend, RevisionAction::Created).await?;
        Ok(id)
    }

    /// Whether this address is the service's one backend.
    async fn has_only(&self, service: ServiceId, address: &BackendAddress) -> Result<bool> {
        let addresses: Vec<Option<String>> = backends::Entity::find()
            .select_only()
            .column(backends::Column::Address)
            .filter(backends::Column::ServiceId.eq(service.0))
            .filter(backends::Column::DeletedAt.is_null())
            .limit(2)
            .into_tuple()
            .all(self.tx())
            .await?;
        Ok(addresses == [Some(address.to_string())])
    }

    /// A name that none of the owner's services has: `rule` as far as names may be like it, with a number if need be.
    async fn free_name(&self, owner: &Owner, rule: &str) -> Result<ServiceName> {
        let words: Vec<_> = rule
            .split(|c: char| !c.is_ascii_alphanumeric() && !".-".contains(c))
            .filter(|word| !word.is_empty())
            .collect();
        let start: String = words.join("-").chars().take(MAX_NAME_START).collect();
        let start = start.parse::<ServiceName>().unwrap_or_else(|_| ServiceName::default_service());
        let names: Vec<String> = services::Entity::find()
            .select_only()
            .column(services::Column::Name)
            .filter(services::Column::OwnerId.eq(owner.id.0))
            .filter(services::Column::DeletedAt.is_null())
            .filter(services::Column::Name.starts_with(start.as_str()))
            .into_tuple()
            .all(self.tx())
            .await?;
        let numbered = (2..).map(|n| format!("{start}-{n}"));
        // One more name than there are taken ones: one of them is free.
        let free =
            std::iter::once(start.to_string()).chain(numbered).take(names.len() + 1).find(|name| !names.contains(name));
        free.map_or(Ok(start), |name| parse(&name))
    }

    async fn service_named(&self, owner: &Owner, fields: &TargetFields) -> Result<ServiceId> {
        let found = match (&fields.service, fields.service_id, &fields.enabled_backends_tag) {
            (None, None, Some(tag)) => {
                let default = self.find_service(owner, None, Some(&ServiceName::default_service())).await;
                // Without a default service there is no backend, hence none with this tag.
                default.map_err(|error| match error {
                    CoreError::NotFound(_) => unknown_tag(tag),
                    error => error,
                })
            }
            (name, id, _) => self.find_service(owner, id, name.as_ref()).await,
        };
        Ok(ServiceId(found?.id))
    }

    /// A service that is not deleted and that the owner's things may use: by its id, else by its name.
    pub(crate) async fn find_service(
        &self,
        owner: &Owner,
        id: Option<ServiceId>,
        name: Option<&ServiceName>,
    ) -> Result<services::Model> {
        let live = || services::Entity::find().filter(services::Column::DeletedAt.is_null());
        if let Some(id) = id {
            let row = live().filter(services::Column::Id.eq(id.0)).one(self.tx()).await?;
            if let Some(row) = row.filter(|row| self.may_use(owner, row.owner_id)) {
                return Ok(row);
            }
        }
        let Some(name) = name else { return Err(CoreError::NotFound("service")) };
        let rows = live()
            .filter(services::Column::Name.eq(name.as_str()))
            .filter(services::Column::OwnerId.is_in([owner.id.0, self.actor().id().0]))
            .all(self.tx())
            .await?;
        let own = rows.iter().position(|row| row.owner_id == owner.id.0).unwrap_or(0);
        let row = rows.into_iter().nth(own).filter(|row| self.may_use(owner, row.owner_id));
        row.ok_or(CoreError::NotFound("service"))
    }

    /// Makes sure that what is brought back leads to a service that is there, and so do the routes that come back with
    /// a domain.
    pub(crate) async fn check_services(&self, service: Option<Uuid>, domain: Option<Uuid>) -> Result<()> {
        let of_routes = |domain: Uuid| {
            let routes = routes::Entity::find()
                .select_only()
                .column(routes::Column::ServiceId)
                .filter(routes::Column::DeletedWith.eq(domain))
                .filter(routes::Column::ServiceId.is_not_null());
            services::Column::Id.in_subquery(routes.into_query())
        };
        let led_to = Condition::any()
            .add_option(service.map(|id| services::Column::Id.eq(id)))
            .add_option(domain.map(of_routes));
        if led_to.is_empty() {
            return Ok(());
        }
        let deleted = services::Entity::find()
            .filter(led_to)
            .filter(services::Column::DeletedAt.is_not_null())
            .one(self.tx())
            .await?;
        match deleted {
            None => Ok(()),
            Some(service) => {
                let message = format!("its service {} is deleted; restore that first", service.name);
                Err(CoreError::conflict("service_deleted", message))
            }
        }
    }

    /// A tunnel that is not deleted and that the owner's things may use: by its id, else by its subdomain.
    pub(crate) async fn find_tunnel(
        &self,
        owner: &Owner,
        id: Option<TunnelId>,
        subdomain: Option<&Subdomain>,
    ) -> Result<TunnelId> {
        let live = || tunnels::Entity::find().filter(tunnels::Column::DeletedAt.is_null());
        let usable = |row: &tunnels::Model| self.may_use(owner, row.owner_id);
        if let Some(id) = id {
            let row = live().filter(tunnels::Column::Id.eq(id.0)).one(self.tx()).await?;
            if row.as_ref().is_some_and(usable) {
                return Ok(id);
            }
        }
        let Some(subdomain) = subdomain else { return Err(CoreError::NotFound("tunnel")) };
        let row = live().filter(tunnels::Column::Subdomain.eq(subdomain.as_str())).one(self.tx()).await?;
        row.filter(usable).map(|row| TunnelId(row.id)).ok_or(CoreError::NotFound("tunnel"))
    }

    /// The backends of a service that carry a tag, each with its state.
    pub(crate) async fn carriers(&self, service: Uuid, tag: &Tag) -> Result<Vec<backends::Model>> {
        // Tags have no character that JSON would escape; the underscore matches more than it should.
        let rows = backends::Entity::find()
            .filter(backends::Column::ServiceId.eq(service))
            .filter(backends::Column::DeletedAt.is_null())
            .filter(backends::Column::Tags.contains(format!("\"{tag}\"")))
            .all(self.tx())
            .await?;
        let mut carriers = Vec::new();
        for row in rows {
            if read_json::<Tags>(&row.tags)?.contains(tag) {
                carriers.push(row);
            }
        }
        Ok(carriers)
    }
}

pub(crate) fn unknown_tag(tag: &Tag) -> CoreError {
    let message = format!("no backend of this service carries the tag {tag}; give it to one first");
    CoreError::unusable("unknown_tag", "enabled_backends_tag", message)
}
