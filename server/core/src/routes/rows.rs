//! Rows of `routes`, and how they are changed.

use super::Routes;
use crate::{
    CoreError, DomainRef, Result, TargetEntry, Viewer,
    edit::{self, Counted, Edit, Names, Object, TargetColumns, scope, target_of},
    expected::later_than,
    hosts,
    store::{
        Vault, now, parse, read_front,
        rows::{domains, routes},
    },
};
use domain::{
    DomainId, HostPattern, Redirect, RevisionAction, RevisionKind, Route, RouteId, RouteSpec, RuleId, TargetFields,
    UserId,
};
use sea_orm::{ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

/// The viewer's route.
pub(crate) async fn find(connection: &impl ConnectionTrait, viewer: &Viewer, id: RouteId) -> Result<routes::Model> {
    let row = routes::Entity::find_by_id(id.0).filter(scope(viewer, routes::Column::OwnerId)).one(connection).await?;
    row.ok_or(CoreError::NotFound("route"))
}

/// What its owner has decided; the names that it refers to must have been learned.
pub(crate) fn spec_of(row: &routes::Model, names: &Names, vault: &Vault) -> Result<RouteSpec> {
    let domain = row.domain_id.map(|id| names.domain(id)).transpose()?;
    let mut spec = RouteSpec::new(domain, parse(&row.mount)?);
    spec.set_target(TargetFields::from(names.target(&target_of!(row)?)?));
    spec.strip_prefix = row.strip_prefix;
    spec.enabled = row.enabled;
    spec.headers = vault.headers(row.id, &row.header_rules)?.masked();
    spec.host_rewrite = row.host_rewrite.as_deref().map(parse).transpose()?;
    spec.front = read_front(row.front.as_deref())?.masked();
    Ok(spec)
}

fn filled(
    row: routes::Model,
    spec: &RouteSpec,
    target: &TargetEntry,
    front: Option<String>,
    vault: &Vault,
) -> Result<routes::Model> {
    let TargetColumns { kind, service_id, tag, tunnel_id, redirect } = TargetColumns::of(target)?;
    Ok(routes::Model {
        mount: spec.mount.to_string(),
        strip_prefix: spec.strip_prefix,
        enabled: spec.enabled,
        target_kind: kind,
        service_id,
        tag,
        tunnel_id,
        redirect,
        header_rules: vault.kept_headers(row.id, &spec.headers, &row.header_rules)?,
        host_rewrite: spec.host_rewrite.as_ref().map(ToString::to_string),
        front,
        ..row
    })
}

/// What a route is called.
fn place_of(spec: &RouteSpec) -> String {
    let host = spec.domain.as_ref().map_or_else(|| "any host".to_owned(), HostPattern::to_string);
    format!("{host} {}", spec.mount)
}

fn object(row: &routes::Model, spec: &RouteSpec) -> Object {
    Object { kind: RevisionKind::Route, id: row.id, owner: row.owner_id, name: place_of(spec) }
}

fn exists(mount: &str) -> impl FnOnce(sea_orm::DbErr) -> CoreError {
    edit::taken("mount_overlaps", format!("{mount} is mounted there already"))
}

/// A redirect into its own mount would go round for ever.
fn check_redirect(spec: &RouteSpec, target: &TargetEntry) -> Result<()> {
    match target {
        TargetEntry::Redirect(Redirect { to, .. }) if spec.mount.covers(path_of(to.as_str())) => {
            Err(CoreError::invalid("redirect", format!("{to} is under {} itself; a client would go round", spec.mount)))
        }
        TargetEntry::None => Err(CoreError::invalid(
            "service",
            "a route leads somewhere: give a service, a tunnel, an address or a redirect",
        )),
        _ => Ok(()),
    }
}

/// The path of a redirect within the same host; of another host's, none.
fn path_of(to: &str) -> &str {
    if to.starts_with('/') { to.split('?').next().unwrap_or(to) } else { "" }
}

/// Where a route is: its domain, when it has one, and whose it is.
struct Place {
    domain: Option<(Uuid, HostPattern)>,
    owner: edit::Owner,
}

impl Edit<'_> {
    pub(crate) async fn route_spec(&mut self, row: &routes::Model) -> Result<RouteSpec> {
        let target = target_of!(row)?;
        self.learn_target(&target).await?;
        let mut names = std::mem::take(self.names());
        let learned = names.learn_domains(self.tx(), row.domain_id).await;
        *self.names() = names;
        learned?;
        let vault = self.desk().store().vault();
        spec_of(row, self.names(), vault)
    }

    /// A domain of who asks, or of anybody for an administrator; any host for administrators.
    async fn place(&self, spec: &RouteSpec) -> Result<Place> {
        let Some(host) = &spec.domain else {
            if !self.actor().is_admin() {
                let message = "only an administrator makes a route for any host; name one of your domains";
                return Err(CoreError::forbidden("admin_only", message));
            }
            return Ok(Place { domain: None, owner: self.owner_named(spec.owner.as_ref()).await? });
        };
        let row = hosts::find(self.tx(), self.actor(), &DomainRef::Name(host.clone())).await?;
        if row.deleted_at.is_some() {
            return Err(CoreError::NotFound("domain"));
        }
        let owner = match &spec.owner {
            Some(_) => self.owner_named(spec.owner.as_ref()).await?,
            None => self.owner(row.owner_id).await?,
        };
        Ok(Place { domain: Some((row.id, host.clone())), owner })
    }

    pub(crate) async fn insert_route(&mut self, spec: RouteSpec, action: RevisionAction) -> Result<routes::Model> {
        let Place { domain, owner } = self.place(&spec).await?;
        // Before all else: those who want the same mount at once wait for each other.
        self.check_place(domain.as_ref(), &spec, None).await?;
        let target = self.resolve(&owner, &spec.target(), None, &place_of(&spec)).await?;
        check_redirect(&spec, &target)?;
        self.count_in(Counted::Routes, &owner, 1).await?;
        let moment = now();
        let empty = routes::Model {
            id: Uuid::now_v7(),
            owner_id: owner.id.0,
            domain_id: domain.map(|(id, _)| id),
            mount: String::new(),
            strip_prefix: false,
            enabled: true,
            target_kind: String::new(),
            service_id: None,
            tag: None,
            tunnel_id: None,
            redirect: None,
            header_rules: String::new(),
            host_rewrite: None,
            front: None,
            created_at: moment,
            updated_at: moment,
            deleted_at: None,
            deleted_with: None,
        };
        let front = Box::pin(self.keep_front(place_of(&spec), &spec.front, None)).await?;
        let row = filled(empty, &spec, &target, front, self.desk().store().vault())?;
        edit::insert::<routes::Entity, _>(self.tx(), row.clone()).await.map_err(exists(&row.mount))?;
        let after = self.route_spec(&row).await?;
        self.record(object(&row, &after), action, None, Some(&after)).await?;
        Ok(row)
    }

    async fn check_place(
        &self,
        domain: Option<&(Uuid, HostPattern)>,
        spec: &RouteSpec,
        but: Option<Uuid>,
    ) -> Result<()> {
        self.desk().check_mount(spec.domain.as_ref(), &spec.mount)?;
        self.check_free(domain.map(|(id, host)| (*id, host)), &spec.mount, but).await
    }

    pub(crate) async fn change_route(
        &mut self,
        row: routes::Model,
        spec: RouteSpec,
        action: RevisionAction,
    ) -> Result<routes::Model> {
        check_kept(&row)?;
        let before = self.route_spec(&row).await?;
        let old = target_of!(&row)?;
        let owner = self.owner(row.owner_id).await?;
        let target = self.resolve(&owner, &spec.target(), Some(&old), &place_of(&spec)).await?;
        let front = Box::pin(self.keep_front(place_of(&spec), &spec.front, row.front.as_deref())).await?;
        let mut changed = filled(row.clone(), &spec, &target, front, self.desk().store().vault())?;
        if spec.domain != before.domain {
            changed.domain_id = self.place(&RouteSpec { owner: None, ..spec.clone() }).await?.domain.map(|(id, _)| id);
        }
        if changed == row {
            return Ok(row);
        }
        check_redirect(&spec, &target)?;
        if (&spec.domain, &spec.mount) != (&before.domain, &before.mount) {
            let domain = changed.domain_id.zip(spec.domain.clone());
            self.check_place(domain.as_ref(), &spec, Some(row.id)).await?;
        }
        if target != old {
            self.end_switches(row.id, "the route was changed").await?;
            self.retagged(RuleId::Route(RouteId(row.id)), &old, &target).await?;
        }
        self.write_route(row, changed, action).await
    }

    pub(crate) async fn write_route(
        &mut self,
        row: routes::Model,
        changed: routes::Model,
        action: RevisionAction,
    ) -> Result<routes::Model> {
        let before = self.route_spec(&row).await?;
        let changed = routes::Model { updated_at: later_than(row.updated_at), ..changed };
        edit::update::<routes::Entity, _>(self.tx(), changed.clone()).await.map_err(exists(&changed.mount))?;
        let after = self.route_spec(&changed).await?;
        self.record(object(&changed, &after), action, Some(&before), Some(&after)).await?;
        Ok(changed)
    }

    pub(crate) async fn remove_route(&mut self, row: routes::Model, action: RevisionAction) -> Result<()> {
        if row.deleted_at.is_some() {
            return Ok(());
        }
        let before = self.route_spec(&row).await?;
        let moment = now();
        self.end_switches(row.id, "the route was deleted").await?;
        let row = routes::Model { deleted_at: Some(moment), updated_at: later_than(row.updated_at), ..row };
        edit::update::<routes::Entity, _>(self.tx(), row.clone()).await?;
        self.count_again();
        self.record(object(&row, &before), action, Some(&before), None).await
    }

    pub(crate) async fn revive_route(&mut self, row: routes::Model) -> Result<routes::Model> {
        if row.deleted_at.is_none() {
            return Ok(row);
        }
        let spec = self.route_spec(&row).await?;
        if let Some(id) = row.domain_id {
            let domain = domains::Entity::find_by_id(id).one(self.tx()).await?;
            hosts::check_kept(&domain.ok_or(CoreError::NotFound("domain"))?)?;
        }
        let domain = row.domain_id.zip(spec.domain.clone());
        self.check_place(domain.as_ref(), &spec, None).await?;
        self.check_services(row.service_id, None).await?;
        check_redirect(&spec, &target_of!(&row)?)?;
        let owner = self.owner(row.owner_id).await?;
        self.count_in(Counted::Routes, &owner, 1).await?;
        let row = routes::Model { deleted_at: None, deleted_with: None, updated_at: later_than(row.updated_at), ..row };
        edit::update::<routes::Entity, _>(self.tx(), row.clone()).await.map_err(exists(&row.mount))?;
        self.record(object(&row, &spec), RevisionAction::Restored, None, Some(&spec)).await?;
        Ok(row)
    }
}

pub(crate) fn check_kept(row: &routes::Model) -> Result<()> {
    if row.deleted_at.is_some() {
        return Err(CoreError::conflict("route_deleted", "this route is deleted; restore it first"));
    }
    Ok(())
}

impl Routes {
    pub(super) async fn shown_one(&self, id: RouteId) -> Result<Route> {
        let row = routes::Entity::find_by_id(id.0).one(self.desk.read()).await?;
        let mut shown = self.shown(row.into_iter().collect()).await?;
        shown.pop().ok_or(CoreError::NotFound("route"))
    }

    pub(super) async fn shown(&self, rows: Vec<routes::Model>) -> Result<Vec<Route>> {
        let targets = rows.iter().map(|row| target_of!(row)).collect::<Result<Vec<_>>>()?;
        let mut names = Names::default();
        names.learn_targets(self.desk.read(), targets.iter()).await?;
        names.learn_domains(self.desk.read(), rows.iter().filter_map(|row| row.domain_id)).await?;
        let vault = self.desk.store().vault();
        rows.into_iter().zip(&targets).map(|(row, target)| shown(row, target, &names, vault)).collect()
    }
}

fn shown(row: routes::Model, target: &TargetEntry, names: &Names, vault: &Vault) -> Result<Route> {
    Ok(Route {
        id: RouteId(row.id),
        owner_id: UserId(row.owner_id),
        domain: row.domain_id.map(|id| names.domain(id)).transpose()?,
        domain_id: row.domain_id.map(DomainId),
        mount: parse(&row.mount)?,
        strip_prefix: row.strip_prefix,
        enabled: row.enabled,
        target: names.target(target)?,
        headers: vault.headers(row.id, &row.header_rules)?.masked(),
        host_rewrite: row.host_rewrite.as_deref().map(parse).transpose()?,
        created_at: row.created_at,
        updated_at: row.updated_at,
        deleted_at: row.deleted_at,
    })
}
