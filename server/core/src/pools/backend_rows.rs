//! Rows of `backends`, and how they are changed.

use super::Pools;
use crate::{
    CoreError, Result, Viewer,
    edit::{self, Counted, Edit, Names, Object, Owner, scope},
    expected::later_than,
    store::{
        now, parse, read_json, read_word,
        rows::{backends, services},
        write_json,
    },
};
use domain::{
    Backend, BackendId, BackendName, BackendSpec, RevisionAction, RevisionKind, ServiceId, TunnelId, UserId, Weight,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::NullOrdering,
};
use uuid::Uuid;

/// The viewer's backend, by the name that its owner gave it or by its id.
pub(crate) async fn find(
    connection: &impl ConnectionTrait,
    viewer: &Viewer,
    which: &BackendName,
) -> Result<backends::Model> {
    let mut named = Condition::any().add(backends::Column::Name.eq(which.as_str()));
    let id = which.as_str().parse::<BackendId>().ok();
    named = named.add_option(id.map(|id| backends::Column::Id.eq(id.0)));
    let rows = backends::Entity::find()
        .filter(scope(viewer, backends::Column::OwnerId))
        .filter(named)
        .order_by_with_nulls(backends::Column::DeletedAt, sea_orm::Order::Desc, NullOrdering::First)
        .limit(100)
        .all(connection)
        .await?;
    if let Some(row) = rows.iter().find(|row| id.is_some_and(|id| id.0 == row.id)) {
        return Ok(row.clone());
    }
    edit::one_of(rows, viewer, "backend", |row| (row.owner_id, row.deleted_at.is_some()))
}

pub(crate) fn weight_of(row: &backends::Model) -> Result<Weight> {
    let weight = u16::try_from(row.weight).ok().and_then(|weight| Weight::try_from(weight).ok());
    weight.ok_or_else(|| CoreError::Internal(format!("backend {} has the weight {}", row.id, row.weight)))
}

/// What its owner has decided; the names that it refers to must have been learned.
pub(crate) fn spec_of(row: &backends::Model, names: &Names) -> Result<BackendSpec> {
    Ok(BackendSpec {
        owner: None,
        id: Some(parse(&row.name)?),
        service: Some(names.service(row.service_id)?),
        service_id: Some(ServiceId(row.service_id)),
        address: row.address.as_deref().map(parse).transpose()?,
        tls_verify: row.tls_verify,
        tunnel: row.tunnel_id.map(|id| names.tunnel(id)).transpose()?,
        tunnel_id: row.tunnel_id.map(TunnelId),
        tags: read_json(&row.tags)?,
        weight: weight_of(row)?,
        region: row.region.as_deref().map(parse).transpose()?,
        state: read_word(&row.state)?,
    })
}

pub(crate) async fn learn(
    names: &mut Names,
    connection: &impl ConnectionTrait,
    rows: &[backends::Model],
) -> Result<()> {
    names.learn_services(connection, rows.iter().map(|row| row.service_id)).await?;
    names.learn_tunnels(connection, rows.iter().filter_map(|row| row.tunnel_id)).await
}

fn object(row: &backends::Model) -> Object {
    Object { kind: RevisionKind::Backend, id: row.id, owner: row.owner_id, name: row.name.clone() }
}

fn exists(name: &str) -> impl FnOnce(sea_orm::DbErr) -> CoreError {
    edit::taken("backend_exists", format!("there is a backend {name} already"))
}

impl Edit<'_> {
    pub(crate) async fn backend_spec(&mut self, row: &backends::Model) -> Result<BackendSpec> {
        let mut names = std::mem::take(self.names());
        let learned = learn(&mut names, self.tx(), std::slice::from_ref(row)).await;
        *self.names() = names;
        learned?;
        spec_of(row, self.names())
    }

    pub(crate) async fn insert_backend(
        &mut self,
        spec: BackendSpec,
        action: RevisionAction,
    ) -> Result<backends::Model> {
        self.insert_backend_of(spec, action, false).await
    }

    /// `announced`: by the telephones of the tunnel that it is.
    pub(crate) async fn insert_backend_of(
        &mut self,
        spec: BackendSpec,
        action: RevisionAction,
        announced: bool,
    ) -> Result<backends::Model> {
        let owner = self.owner_named(spec.owner.as_ref()).await?;
        let service = self.service_of(&owner, &spec).await?;
        // A backend is its pool's owner's, also when an administrator puts it there.
        let owner = self.owner(service.owner_id).await?;
        self.count_in(Counted::Backends, &owner, 1).await?;
        let moment = now();
        let id = Uuid::now_v7();
        let empty = backends::Model {
            id,
            owner_id: owner.id.0,
            service_id: service.id,
            name: BackendName::from(BackendId(id)).into(),
            address: None,
            tunnel_id: None,
            announced,
            tls_verify: true,
            tags: String::new(),
            weight: 0,
            region: None,
            state: String::new(),
            created_at: moment,
            updated_at: moment,
            deleted_at: None,
            deleted_with: None,
        };
        let row = self.filled(&owner, empty, &spec).await?;
        edit::insert::<backends::Entity, _>(self.tx(), row.clone()).await.map_err(exists(&row.name))?;
        let spec = self.backend_spec(&row).await?;
        self.record(object(&row), action, None, Some(&spec)).await?;
        Ok(row)
    }

    async fn service_of(&mut self, owner: &Owner, spec: &BackendSpec) -> Result<services::Model> {
        if spec.service.is_none() && spec.service_id.is_none() {
            return self.default_service(owner).await;
        }
        self.find_service(owner, spec.service_id, spec.service.as_ref()).await
    }

    /// The row with what the spec says, but for its service.
    async fn filled(&self, owner: &Owner, row: backends::Model, spec: &BackendSpec) -> Result<backends::Model> {
        let tunnel = spec.tunnel.is_some() || spec.tunnel_id.is_some();
        if tunnel == spec.address.is_some() {
            return Err(CoreError::invalid("address", "a backend is either an address or a tunnel; give one of them"));
        }
        let address = spec.address.as_ref().map(ToString::to_string);
        let new_address = row.address != address;
        if let Some(address) = &spec.address
            && new_address
        {
            let policy = self.desk().policy(owner.is_admin);
            policy.check_written(address).map_err(|refused| CoreError::invalid("address", refused))?;
        }
        let tunnel_id = match spec.tunnel_id {
            // Its tunnel may be deleted, or somebody else's that an administrator chose: it stays.
            Some(TunnelId(id)) if row.tunnel_id == Some(id) => Some(id),
            id if tunnel => Some(self.find_tunnel(owner, id, spec.tunnel.as_ref()).await?.0),
            _ => None,
        };
        Ok(backends::Model {
            name: spec.id.as_ref().map_or(row.name, ToString::to_string),
            address,
            tunnel_id,
            tls_verify: spec.tls_verify,
            tags: write_json(&spec.tags)?,
            weight: spec.weight.get().into(),
            region: spec.region.as_ref().map(ToString::to_string),
            state: spec.state.as_str().into(),
            ..row
        })
    }

    pub(crate) async fn change_backend(
        &mut self,
        row: backends::Model,
        spec: BackendSpec,
        action: RevisionAction,
    ) -> Result<backends::Model> {
        if row.deleted_at.is_some() {
            return Err(CoreError::conflict("backend_deleted", "this backend is deleted; restore it first"));
        }
        let owner = self.owner(row.owner_id).await?;
        let mut changed = row.clone();
        if spec.service_id != Some(ServiceId(row.service_id)) {
            let service = self.service_of(&owner, &spec).await?;
            if service.owner_id != row.owner_id {
                let message = "a backend stays with its owner; make another for this service";
                return Err(CoreError::invalid("service", message));
            }
            changed.service_id = service.id;
        }
        let mut changed = self.filled(&owner, changed, &spec).await?;
        if changed == row {
            return Ok(row);
        }
        // Whoever changes what its telephones have said takes it over: they leave it alone from now on.
        let said = |row: &backends::Model| (row.service_id, row.tunnel_id, row.tags.clone());
        changed.announced &= said(&changed) == said(&row);
        self.write_backend(row, changed, action).await
    }

    pub(crate) async fn write_backend(
        &mut self,
        row: backends::Model,
        changed: backends::Model,
        action: RevisionAction,
    ) -> Result<backends::Model> {
        let before = self.backend_spec(&row).await?;
        let changed = backends::Model { updated_at: later_than(row.updated_at), ..changed };
        edit::update::<backends::Entity, _>(self.tx(), changed.clone()).await.map_err(exists(&changed.name))?;
        let after = self.backend_spec(&changed).await?;
        self.record(object(&changed), action, Some(&before), Some(&after)).await?;
        Ok(changed)
    }

    pub(crate) async fn remove_backend(&mut self, row: backends::Model, action: RevisionAction) -> Result<()> {
        if row.deleted_at.is_some() {
            return Ok(());
        }
        let before = self.backend_spec(&row).await?;
        let moment = now();
        let row = backends::Model { deleted_at: Some(moment), updated_at: later_than(row.updated_at), ..row };
        edit::update::<backends::Entity, _>(self.tx(), row.clone()).await?;
        self.count_again();
        self.record(object(&row), action, Some(&before), None).await
    }

    pub(crate) async fn revive_backend(&mut self, row: backends::Model) -> Result<backends::Model> {
        if row.deleted_at.is_none() {
            return Ok(row);
        }
        let service = services::Entity::find_by_id(row.service_id).one(self.tx()).await?;
        if service.is_none_or(|service| service.deleted_at.is_some()) {
            return Err(CoreError::conflict("service_deleted", "its service is deleted; restore that first"));
        }
        let owner = self.owner(row.owner_id).await?;
        self.count_in(Counted::Backends, &owner, 1).await?;
        let row =
            backends::Model { deleted_at: None, deleted_with: None, updated_at: later_than(row.updated_at), ..row };
        edit::update::<backends::Entity, _>(self.tx(), row.clone()).await.map_err(exists(&row.name))?;
        let after = self.backend_spec(&row).await?;
        self.record(object(&row), RevisionAction::Restored, None, Some(&after)).await?;
        Ok(row)
    }
}

impl Pools {
    pub(super) async fn shown_backend(&self, id: BackendId) -> Result<Backend> {
        let row = backends::Entity::find_by_id(id.0).one(self.desk.read()).await?;
        let mut shown = self.shown_backends(row.into_iter().collect()).await?;
        shown.pop().ok_or(CoreError::NotFound("backend"))
    }

    pub(crate) async fn shown_backends(&self, rows: Vec<backends::Model>) -> Result<Vec<Backend>> {
        let mut names = Names::default();
        learn(&mut names, self.desk.read(), &rows).await?;
        rows.iter().map(|row| shown(row, &names)).collect()
    }
}

pub(crate) fn shown(row: &backends::Model, names: &Names) -> Result<Backend> {
    let spec = spec_of(row, names)?;
    Ok(Backend {
        id: parse(&row.name)?,
        key: BackendId(row.id),
        owner_id: UserId(row.owner_id),
        service_id: ServiceId(row.service_id),
        service: names.service(row.service_id)?,
        address: spec.address,
        tls_verify: spec.tls_verify,
        tunnel_id: spec.tunnel_id,
        tunnel: spec.tunnel,
        announced: row.announced,
        tags: spec.tags,
        weight: spec.weight,
        region: spec.region,
        state: spec.state,
        created_at: row.created_at,
        updated_at: row.updated_at,
        deleted_at: row.deleted_at,
    })
}
