//! Rows of `services`, and how they are changed.

use super::Pools;
use crate::{
    CoreError, Result, ServiceRef, Viewer,
    edit::{self, Counted, Edit, Object, Owner, scope},
    expected::later_than,
    store::{
        now, parse, read_json, read_word,
        rows::{backends, domains, routes, services},
        write_json,
    },
};
use domain::{
    BackendState, RevisionAction, RevisionKind, Service, ServiceId, ServiceName, ServiceSpec, Tag, TagCount, Tags,
    Timestamp, UserId,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, NullOrdering},
};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// The viewer's service.
pub(crate) async fn find(
    connection: &impl ConnectionTrait,
    viewer: &Viewer,
    which: &ServiceRef,
) -> Result<services::Model> {
    let mine = services::Entity::find().filter(scope(viewer, services::Column::OwnerId));
    let rows = match which {
        ServiceRef::Id(id) => mine.filter(services::Column::Id.eq(id.0)).all(connection).await?,
        ServiceRef::Name(name) => {
            mine.filter(services::Column::Name.eq(name.as_str()))
                // What lives first, then what was deleted last.
                .order_by_with_nulls(services::Column::DeletedAt, sea_orm::Order::Desc, NullOrdering::First)
                .limit(100)
                .all(connection)
                .await?
        }
    };
    edit::one_of(rows, viewer, "service", |row| (row.owner_id, row.deleted_at.is_some()))
}

pub(crate) fn spec_of(row: &services::Model) -> Result<ServiceSpec> {
    Ok(ServiceSpec {
        owner: None,
        name: parse(&row.name)?,
        balance: read_word(&row.balance)?,
        affinity: read_json(&row.affinity)?,
        health_check: read_json(&row.health_check)?,
        resilience: read_json(&row.resilience)?,
    })
}

fn write(row: services::Model, spec: &ServiceSpec) -> Result<services::Model> {
    Ok(services::Model {
        name: spec.name.to_string(),
        balance: spec.balance.as_str().into(),
        affinity: write_json(&spec.affinity)?,
        health_check: write_json(&spec.health_check)?,
        resilience: write_json(&spec.resilience)?,
        ..row
    })
}

fn object(row: &services::Model) -> Object {
    Object { kind: RevisionKind::Service, id: row.id, owner: row.owner_id, name: row.name.clone() }
}

fn exists(name: &str) -> impl FnOnce(sea_orm::DbErr) -> CoreError {
    edit::taken("service_exists", format!("there is a service {name} already"))
}

impl Edit<'_> {
    pub(crate) async fn insert_service(
        &mut self,
        owner: &Owner,
        mut spec: ServiceSpec,
        action: RevisionAction,
    ) -> Result<services::Model> {
        self.count_in(Counted::Services, owner, 1).await?;
        spec.owner = None;
        let moment = now();
        let empty = services::Model {
            id: Uuid::now_v7(),
            owner_id: owner.id.0,
            name: String::new(),
            balance: String::new(),
            affinity: String::new(),
            health_check: String::new(),
            resilience: String::new(),
            created_at: moment,
            updated_at: moment,
            deleted_at: None,
        };
        let row = write(empty, &spec)?;
        edit::insert::<services::Entity, _>(self.tx(), row.clone()).await.map_err(exists(&row.name))?;
        self.record(object(&row), action, None, Some(&spec)).await?;
        Ok(row)
    }

    /// The service that is used where none is named; made when there is none yet.
    pub(crate) async fn default_service(&mut self, owner: &Owner) -> Result<services::Model> {
        let name = ServiceName::default_service();
        let found = services::Entity::find()
            .filter(services::Column::OwnerId.eq(owner.id.0))
            .filter(services::Column::Name.eq(name.as_str()))
            .filter(services::Column::DeletedAt.is_null())
            .one(self.tx())
            .await?;
        match found {
            Some(row) => Ok(row),
            None => self.insert_service(owner, ServiceSpec::named(name), RevisionAction::Created).await,
        }
    }

    pub(crate) async fn change_service(
        &mut self,
        row: services::Model,
        mut spec: ServiceSpec,
        action: RevisionAction,
    ) -> Result<services::Model> {
        if row.deleted_at.is_some() {
            return Err(CoreError::conflict("service_deleted", "this service is deleted; restore it first"));
        }
        spec.owner = None;
        let before = spec_of(&row)?;
        if before == spec {
            return Ok(row);
        }
        let row = write(services::Model { updated_at: later_than(row.updated_at), ..row }, &spec)?;
        edit::update::<services::Entity, _>(self.tx(), row.clone()).await.map_err(exists(&row.name))?;
        self.names().forget_services();
        self.record(object(&row), action, Some(&before), Some(&spec)).await?;
        Ok(row)
    }

    pub(crate) async fn remove_service(&mut self, row: services::Model, action: RevisionAction) -> Result<()> {
        if row.deleted_at.is_some() {
            return Ok(());
        }
        self.check_unused(&row).await?;
        let moment = now();
        backends::Entity::update_many()
            .col_expr(backends::Column::DeletedAt, Expr::value(moment))
            .col_expr(backends::Column::DeletedWith, Expr::value(row.id))
            .filter(backends::Column::ServiceId.eq(row.id))
            .filter(backends::Column::DeletedAt.is_null())
            .exec(self.tx())
            .await?;
        let row = services::Model { deleted_at: Some(moment), updated_at: later_than(row.updated_at), ..row };
        edit::update::<services::Entity, _>(self.tx(), row.clone()).await?;
        self.count_again();
        self.record(object(&row), action, Some(&spec_of(&row)?), None).await
    }

    async fn check_unused(&self, row: &services::Model) -> Result<()> {
        let domains = domains::Entity::find()
            .filter(domains::Column::ServiceId.eq(row.id))
            .filter(domains::Column::DeletedAt.is_null())
            .count(self.tx())
            .await?;
        let routes = routes::Entity::find()
            .filter(routes::Column::ServiceId.eq(row.id))
            .filter(routes::Column::DeletedAt.is_null())
            .count(self.tx())
            .await?;
        if domains + routes == 0 {
            return Ok(());
        }
        let some = |n: u64, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
        let message = format!(
            "the service {} is in use by {} and {}; let them lead elsewhere first",
            row.name,
            some(domains, "domain"),
            some(routes, "route")
        );
        Err(CoreError::conflict("service_in_use", message))
    }

    pub(crate) async fn revive_service(&mut self, row: services::Model) -> Result<services::Model> {
        if row.deleted_at.is_none() {
            return Ok(row);
        }
        let owner = self.owner(row.owner_id).await?;
        self.count_in(Counted::Services, &owner, 1).await?;
        let row = services::Model { deleted_at: None, updated_at: later_than(row.updated_at), ..row };
        edit::update::<services::Entity, _>(self.tx(), row.clone()).await.map_err(exists(&row.name))?;
        let back = backends::Entity::update_many()
            .col_expr(backends::Column::DeletedAt, Expr::value(Option::<Timestamp>::None))
            .col_expr(backends::Column::DeletedWith, Expr::value(Option::<Uuid>::None))
            .filter(backends::Column::DeletedWith.eq(row.id))
            .exec(self.tx())
            .await
            .map_err(edit::taken(
                "backend_exists",
                format!("a backend of the service {} cannot come back: another has its id now", row.name),
            ))?;
        self.count_again();
        self.count_in(Counted::Backends, &owner, 0).await?;
        tracing::debug!(service = %row.id, backends = back.rows_affected, "a service was restored");
        self.record(object(&row), RevisionAction::Restored, None, Some(&spec_of(&row)?)).await?;
        Ok(row)
    }
}

impl Pools {
    pub(super) async fn shown_service(&self, id: Uuid) -> Result<Service> {
        let row = services::Entity::find_by_id(id).one(self.desk.read()).await?;
        let mut shown = self.shown_services(row.into_iter().collect()).await?;
        shown.pop().ok_or(CoreError::NotFound("service"))
    }

    pub(super) async fn shown_services(&self, rows: Vec<services::Model>) -> Result<Vec<Service>> {
        let mut tags = self.tags(rows.iter().map(|row| row.id).collect()).await?;
        rows.into_iter()
            .map(|row| {
                let spec = spec_of(&row)?;
                Ok(Service {
                    id: ServiceId(row.id),
                    owner_id: UserId(row.owner_id),
                    name: spec.name,
                    balance: spec.balance,
                    affinity: spec.affinity,
                    health_check: spec.health_check,
                    resilience: spec.resilience,
                    tags: tags.remove(&row.id).unwrap_or_default().into_values().collect(),
                    created_at: row.created_at,
                    updated_at: row.updated_at,
                    deleted_at: row.deleted_at,
                })
            })
            .collect()
    }

    /// The tags of services' backends. A page of services is few enough for one statement.
    async fn tags(&self, services: Vec<Uuid>) -> Result<HashMap<Uuid, BTreeMap<Tag, TagCount>>> {
        let rows: Vec<(Uuid, String, String)> = backends::Entity::find()
            .select_only()
            .columns([backends::Column::ServiceId, backends::Column::Tags, backends::Column::State])
            .filter(backends::Column::ServiceId.is_in(services))
            .filter(backends::Column::DeletedAt.is_null())
            .into_tuple()
            .all(self.desk.read())
            .await?;
        let mut counts: HashMap<Uuid, BTreeMap<Tag, TagCount>> = HashMap::new();
        for (service, tags, state) in rows {
            let running = read_word::<BackendState>(&state)? == BackendState::Running;
            let of_service = counts.entry(service).or_default();
            for tag in read_json::<Tags>(&tags)?.iter() {
                let empty = || TagCount { tag: tag.clone(), backends: 0, running: 0 };
                let count = of_service.entry(tag.clone()).or_insert_with(empty);
                count.backends += 1;
                count.running += u32::from(running);
            }
        }
        Ok(counts)
    }
}
