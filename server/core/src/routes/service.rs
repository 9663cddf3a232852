//! Routes, for those who have them.

use super::{RouteQuery, Routes, overlap::overlapping, rows::find};
use crate::{
    Listing, Page, Result, SwitchRequest, Viewer,
    edit::{check_front, scope},
    page,
    store::{
        contains, read_front,
        rows::{
            domains,
            routes::{Column, Entity},
        },
    },
};
use domain::{Front, RevisionAction, Route, RouteId, RoutePatch, RouteSpec, RuleId, Switch};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, Func},
};
use uuid::Uuid;

impl Routes {
    /// The viewer's routes, an administrator's view of all of them; newest first.
    ///
    /// # Errors
    /// `Invalid` for `limit`, `cursor` and `search`.
    pub async fn list(&self, viewer: &Viewer, query: RouteQuery, page: Page) -> Result<Listing<Route>> {
        let limit = page.limit()?;
        let on = |hosts: Condition| {
            let domains = domains::Entity::find().select_only().column(domains::Column::Id).filter(hosts);
            Column::DomainId.in_subquery(domains.into_query())
        };
        let on_domain = query.domain.map(|host| on(Condition::all().add(domains::Column::Host.eq(host.to_string()))));
        let like = contains(query.search.as_deref())?.map(|like| {
            let hosts = Condition::all().add(Expr::col(domains::Column::Host).like(like.clone()));
            Condition::any().add(Func::lower(Expr::col(Column::Mount)).like(like)).add(on(hosts))
        });
        let overlapping = query.overlapping.map(|mount| {
            let [above, under] = overlapping(&mount);
            Condition::any().add(above).add(under)
        });
        let condition = scope(viewer, Column::OwnerId)
            .add(if query.deleted { Column::DeletedAt.is_not_null() } else { Column::DeletedAt.is_null() })
            .add_option(on_domain)
            .add_option(query.any_host.then(|| Column::DomainId.is_null()))
            .add_option(query.service.map(|service| Column::ServiceId.eq(service.0)))
            .add_option(overlapping)
            .add_option(like)
            .add_option(page.after::<Uuid>()?.map(|after| Column::Id.lt(after)));
        let rows = Entity::find().filter(condition).order_by_desc(Column::Id).limit(limit as u64 + 1);
        let mut rows = rows.all(self.desk.read()).await?;
        let next_cursor = page::cut(&mut rows, limit, |row| row.id)?;
        Ok(Listing { items: self.shown(rows).await?, next_cursor })
    }

    /// One route of the viewer, or any for an administrator; also a deleted one.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's.
    pub async fn get(&self, viewer: &Viewer, id: RouteId) -> Result<Route> {
        find(self.desk.read(), viewer, id).await?;
        self.shown_one(id).await
    }

    /// What stands in front of a route.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's.
    pub async fn front(&self, viewer: &Viewer, id: RouteId) -> Result<Front> {
        read_front(find(self.desk.read(), viewer, id).await?.front.as_deref()).map(Front::masked)
    }

    /// Makes a route.
    ///
    /// # Errors
    /// `mount_overlaps`, naming the mount in the way; `reserved_mount`; `admin_only` for any host; `route_limit`;
    /// `unknown_tag`; `NotFound` for a domain, service or tunnel; `Invalid`.
    pub async fn create(&self, viewer: &Viewer, spec: RouteSpec) -> Result<Route> {
        let mut edit = self.desk.open(viewer).await?;
        let id = edit.insert_route(spec, RevisionAction::Created).await?.id;
        edit.commit().await?;
        self.shown_one(RouteId(id)).await
    }

    /// Changes what the patch names.
    ///
    /// # Errors
    /// As [`create`](Self::create); `route_deleted` when it must be restored first.
    pub async fn update(&self, viewer: &Viewer, id: RouteId, patch: RoutePatch) -> Result<Route> {
        patch.front.as_ref().map_or(Ok(()), check_front)?;
        let mut edit = self.desk.open(viewer).await?;
        let row = find(edit.tx(), viewer, id).await?;
        edit.require_unchanged(row.updated_at)?;
        let mut spec = edit.route_spec(&row).await?;
        patch.apply(&mut spec);
        edit.change_route(row, spec, RevisionAction::Changed).await?;
        edit.commit().await?;
        self.shown_one(id).await
    }

    /// Deletes a route so that it can be restored. Doing it twice is doing it once.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete(&self, viewer: &Viewer, id: RouteId) -> Result<Route> {
        let mut edit = self.desk.open(viewer).await?;
        let row = find(edit.tx(), viewer, id).await?;
        edit.require_unchanged(row.updated_at)?;
        edit.remove_route(row, RevisionAction::Deleted).await?;
        edit.commit().await?;
        self.shown_one(id).await
    }

    /// Brings back what was deleted.
    ///
    /// # Errors
    /// `NotFound`; `mount_overlaps` when another is in the way now; `domain_deleted`, `route_limit`.
    pub async fn restore(&self, viewer: &Viewer, id: RouteId) -> Result<Route> {
        let mut edit = self.desk.open(viewer).await?;
        let row = find(edit.tx(), viewer, id).await?;
        edit.revive_route(row).await?;
        edit.commit().await?;
        self.shown_one(id).await
    }

    /// Lets other backends serve the route, all at once: those with another tag.
    ///
    /// # Errors
    /// As [`Hosts::switch`](crate::Hosts::switch).
    pub async fn switch(&self, viewer: &Viewer, id: RouteId, request: SwitchRequest<'_>) -> Result<Route> {
        let mut edit = self.desk.open(viewer).await?;
        let row = find(edit.tx(), viewer, id).await?;
        edit.switch_route(row, request).await?;
        edit.commit().await?;
        self.shown_one(id).await
    }

    /// Tells what [`switch`](Self::switch) would be refused with, and changes nothing.
    ///
    /// # Errors
    /// As `switch`.
    pub async fn try_switch(&self, viewer: &Viewer, id: RouteId, request: SwitchRequest<'_>) -> Result<()> {
        let mut edit = self.desk.open(viewer).await?;
        let row = find(edit.tx(), viewer, id).await?;
        // Not committed: what was written is gone with the transaction.
        edit.switch_route(row, request).await
    }

    /// Lets all backends of the service serve the route, whatever their tags; ends a switch that is under way.
    ///
    /// # Errors
    /// `NotFound`, `route_deleted`.
    pub async fn untag(&self, viewer: &Viewer, id: RouteId) -> Result<Route> {
        let mut edit = self.desk.open(viewer).await?;
        let row = find(edit.tx(), viewer, id).await?;
        edit.untag_route(row).await?;
        edit.commit().await?;
        self.shown_one(id).await
    }

    /// The switches of a route, newest first.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's; `Invalid` for `limit` and `cursor`.
    pub async fn switches(&self, viewer: &Viewer, id: RouteId, page: Page) -> Result<Listing<Switch>> {
        find(self.desk.read(), viewer, id).await?;
        crate::switching::list(self.desk.read(), RuleId::Route(id), page).await
    }
}
