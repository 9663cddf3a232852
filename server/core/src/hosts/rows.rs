//! Rows of `domains`, and how they are changed.

use super::Hosts;
use crate::{
    CoreError, DomainRef, Result, TargetEntry, Viewer,
    auth::random_base64,
    edit::{self, Counted, Edit, Names, Object, Owner, TargetColumns, scope, target_of},
    expected::later_than,
    store::{
        Vault, now, parse, read_front,
        rows::{domains, routes},
    },
};
use domain::{
    Domain, DomainId, DomainSpec, RevisionAction, RevisionKind, RuleId, TargetFields, Timestamp, UserId, Verification,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, NullOrdering},
};
use uuid::Uuid;

/// The viewer's domain.
pub(crate) async fn find(
    connection: &impl ConnectionTrait,
    viewer: &Viewer,
    which: &DomainRef,
) -> Result<domains::Model> {
    let mine = domains::Entity::find().filter(scope(viewer, domains::Column::OwnerId));
    let named = match which {
        DomainRef::Id(id) => mine.filter(domains::Column::Id.eq(id.0)),
        // What lives first, then what was deleted last.
        DomainRef::Name(host) => mine
            .filter(domains::Column::Host.eq(host.to_string()))
            .order_by_with_nulls(domains::Column::DeletedAt, sea_orm::Order::Desc, NullOrdering::First)
            .order_by_desc(domains::Column::Id),
    };
    named.limit(1).one(connection).await?.ok_or(CoreError::NotFound("domain"))
}

/// What its owner has decided; the names that it refers to must have been learned.
pub(crate) fn spec_of(row: &domains::Model, names: &Names, vault: &Vault) -> Result<DomainSpec> {
    let mut spec = DomainSpec::new(parse(&row.host)?);
    spec.set_target(TargetFields::from(names.target(&target_of!(row)?)?));
    spec.http_to_https = row.http_to_https;
    spec.headers = vault.headers(row.id, &row.header_rules)?.masked();
    spec.host_rewrite = row.host_rewrite.as_deref().map(parse).transpose()?;
    spec.front = read_front(row.front.as_deref())?.masked();
    Ok(spec)
}

/// The row with what the spec says, its target found.
fn filled(
    row: domains::Model,
    spec: &DomainSpec,
    target: &TargetEntry,
    front: Option<String>,
    vault: &Vault,
) -> Result<domains::Model> {
    let TargetColumns { kind, service_id, tag, tunnel_id, redirect } = TargetColumns::of(target)?;
    Ok(domains::Model {
        target_kind: kind,
        service_id,
        tag,
        tunnel_id,
        redirect,
        header_rules: vault.kept_headers(row.id, &spec.headers, &row.header_rules)?,
        host_rewrite: spec.host_rewrite.as_ref().map(ToString::to_string),
        front,
        http_to_https: spec.http_to_https,
        ..row
    })
}

pub(super) fn object(row: &domains::Model) -> Object {
    Object { kind: RevisionKind::Domain, id: row.id, owner: row.owner_id, name: row.host.clone() }
}

const TAKEN: &str = "domain_taken";

fn is_there(host: &str) -> String {
    format!("the domain {host} is there already")
}

/// The name is somebody's.
pub(super) fn taken(host: &str) -> CoreError {
    CoreError::conflict(TAKEN, is_there(host))
}

fn exists(host: &str) -> impl FnOnce(sea_orm::DbErr) -> CoreError {
    edit::taken(TAKEN, is_there(host))
}

impl Edit<'_> {
    pub(crate) async fn domain_spec(&mut self, row: &domains::Model) -> Result<DomainSpec> {
        let target = target_of!(row)?;
        self.learn_target(&target).await?;
        let vault = self.desk().store().vault();
        spec_of(row, self.names(), vault)
    }

    pub(crate) async fn insert_domain(&mut self, spec: DomainSpec, action: RevisionAction) -> Result<domains::Model> {
        let owner = self.owner_named(spec.owner.as_ref()).await?;
        self.insert_domain_of(&owner, spec, action).await
    }

    pub(crate) async fn insert_domain_of(
        &mut self,
        owner: &Owner,
        spec: DomainSpec,
        action: RevisionAction,
    ) -> Result<domains::Model> {
        self.desk().check_host(self.actor(), &spec.domain)?;
        let lapsed = self.look_for(&spec.domain.to_string(), owner.id.0).await?;
        let target = self.resolve(owner, &spec.target(), None, spec.domain.hostname().as_str()).await?;
        self.desk().check_target(&spec.domain, &target)?;
        self.count_in(Counted::Domains, owner, 1).await?;
        let moment = now();
        let empty = domains::Model {
            id: Uuid::now_v7(),
            owner_id: owner.id.0,
            host: spec.domain.to_string(),
            target_kind: String::new(),
            service_id: None,
            tag: None,
            tunnel_id: None,
            redirect: None,
            header_rules: String::new(),
            host_rewrite: None,
            front: None,
            http_to_https: false,
            verification_token: random_base64(),
            verified_at: self.actor().is_admin().then_some(moment),
            checked_at: None,
            check_error: None,
            created_at: moment,
            updated_at: moment,
            deleted_at: None,
            deleted_with: None,
        };
        let front = Box::pin(self.keep_front(&spec.domain, &spec.front, None)).await?;
        let row = filled(empty, &spec, &target, front, self.desk().store().vault())?;
        self.make_room(lapsed).await?;
        edit::insert::<domains::Entity, _>(self.tx(), row.clone()).await.map_err(exists(&row.host))?;
        let after = self.domain_spec(&row).await?;
        self.record(object(&row), action, None, Some(&after)).await?;
        Ok(row)
    }

    pub(crate) async fn change_domain(
        &mut self,
        row: domains::Model,
        spec: DomainSpec,
        action: RevisionAction,
    ) -> Result<domains::Model> {
        check_kept(&row)?;
        let old = target_of!(&row)?;
        let owner = self.owner(row.owner_id).await?;
        let target = self.resolve(&owner, &spec.target(), Some(&old), spec.domain.hostname().as_str()).await?;
        self.desk().check_target(&spec.domain, &target)?;
        let front = Box::pin(self.keep_front(&spec.domain, &spec.front, row.front.as_deref())).await?;
        let changed = filled(row.clone(), &spec, &target, front, self.desk().store().vault())?;
        if changed == row {
            return Ok(row);
        }
        if target != old {
            self.end_switches(row.id, "the domain was changed").await?;
            self.retagged(RuleId::Domain(DomainId(row.id)), &old, &target).await?;
        }
        self.write_domain(row, changed, action).await
    }

    pub(crate) async fn write_domain(
        &mut self,
        row: domains::Model,
        changed: domains::Model,
        action: RevisionAction,
    ) -> Result<domains::Model> {
        let before = self.domain_spec(&row).await?;
        let changed = domains::Model { updated_at: later_than(row.updated_at), ..changed };
        edit::update::<domains::Entity, _>(self.tx(), changed.clone()).await?;
        let after = self.domain_spec(&changed).await?;
        self.record(object(&changed), action, Some(&before), Some(&after)).await?;
        Ok(changed)
    }

    /// `with`: what it was deleted together with, and comes back with.
    pub(crate) async fn remove_domain(
        &mut self,
        row: domains::Model,
        with: Option<Uuid>,
        action: RevisionAction,
    ) -> Result<()> {
        if row.deleted_at.is_some() {
            return Ok(());
        }
        let before = self.domain_spec(&row).await?;
        let moment = now();
        routes::Entity::update_many()
            .col_expr(routes::Column::DeletedAt, Expr::value(moment))
            .col_expr(routes::Column::DeletedWith, Expr::value(row.id))
            .filter(routes::Column::DomainId.eq(row.id))
            .filter(routes::Column::DeletedAt.is_null())
            .exec(self.tx())
            .await?;
        self.end_switches(row.id, "the domain was deleted").await?;
        let row = domains::Model {
            deleted_at: Some(moment),
            updated_at: later_than(row.updated_at),
            deleted_with: with,
            ..row
        };
        edit::update::<domains::Entity, _>(self.tx(), row.clone()).await?;
        self.count_again();
        self.record(object(&row), action, Some(&before), None).await
    }

    pub(crate) async fn revive_domain(&mut self, row: domains::Model) -> Result<domains::Model> {
        if row.deleted_at.is_none() {
            return Ok(row);
        }
        let owner = self.owner(row.owner_id).await?;
        let host = parse(&row.host)?;
        self.desk().check_host(self.actor(), &host)?;
        let lapsed = self.look_for(&row.host, row.owner_id).await?;
        self.check_services(row.service_id, Some(row.id)).await?;
        self.count_in(Counted::Domains, &owner, 1).await?;
        self.make_room(lapsed).await?;
        let verified_at = self.still_verified(&row).await?;
        let row = domains::Model {
            verified_at,
            deleted_at: None,
            deleted_with: None,
            updated_at: later_than(row.updated_at),
            ..row
        };
        edit::update::<domains::Entity, _>(self.tx(), row.clone()).await.map_err(exists(&row.host))?;
        routes::Entity::update_many()
            .col_expr(routes::Column::DeletedAt, Expr::value(Option::<Timestamp>::None))
            .col_expr(routes::Column::DeletedWith, Expr::value(Option::<Uuid>::None))
            .filter(routes::Column::DeletedWith.eq(row.id))
            .exec(self.tx())
            .await?;
        self.count_again();
        self.count_in(Counted::Routes, &owner, 0).await?;
        let after = self.domain_spec(&row).await?;
        self.record(object(&row), RevisionAction::Restored, None, Some(&after)).await?;
        Ok(row)
    }
}

pub(crate) fn check_kept(row: &domains::Model) -> Result<()> {
    if row.deleted_at.is_some() {
        return Err(CoreError::conflict("domain_deleted", "this domain is deleted; restore it first"));
    }
    Ok(())
}

impl Hosts {
    pub(super) async fn shown_one(&self, id: Uuid) -> Result<Domain> {
        let row = domains::Entity::find_by_id(id).one(self.desk.read()).await?;
        let mut shown = self.shown(row.into_iter().collect()).await?;
        shown.pop().ok_or(CoreError::NotFound("domain"))
    }

    pub(super) async fn shown(&self, rows: Vec<domains::Model>) -> Result<Vec<Domain>> {
        let targets = rows.iter().map(|row| target_of!(row)).collect::<Result<Vec<_>>>()?;
        let mut names = Names::default();
        names.learn_targets(self.desk.read(), targets.iter()).await?;
        let vault = self.desk.store().vault();
        rows.into_iter().zip(&targets).map(|(row, target)| shown(row, names.target(target)?, vault)).collect()
    }
}

fn shown(row: domains::Model, target: domain::Target, vault: &Vault) -> Result<Domain> {
    let host = parse(&row.host)?;
    let verification = Verification::of(&host, &row.verification_token);
    Ok(Domain {
        id: DomainId(row.id),
        owner_id: UserId(row.owner_id),
        domain: host,
        target,
        http_to_https: row.http_to_https,
        headers: vault.headers(row.id, &row.header_rules)?.masked(),
        host_rewrite: row.host_rewrite.as_deref().map(parse).transpose()?,
        verified: row.verified_at.is_some(),
        verification: Verification { checked_at: row.checked_at, error: row.check_error, ..verification },
        created_at: row.created_at,
        updated_at: row.updated_at,
        deleted_at: row.deleted_at,
    })
}
