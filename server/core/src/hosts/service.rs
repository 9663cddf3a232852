//! Domains, for those who have them.

use super::{
    DomainQuery, Hosts,
    rows::{check_kept, find, object},
};
use crate::{
    Administrator, CoreError, DomainRef, Listing, Page, Result, SwitchRequest, Viewer,
    accounts::to_user,
    audit::Entry,
    edit::{check_front, scope},
    page,
    store::{
        contains, now, read_front,
        rows::{
            domains::{self, Column, Entity},
            users,
        },
    },
};
use domain::{AuditKind, Domain, DomainId, DomainPatch, DomainSpec, Front, RevisionAction, RuleId, Switch, Timestamp};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, NullOrdering},
};
use uuid::Uuid;

/// The longest text that is kept of what was wrong with a check, characters.
const MAX_CHECK_ERROR: usize = 500;

impl Hosts {
    /// The viewer's domains, an administrator's view of all of them; newest first.
    ///
    /// # Errors
    /// `Invalid` for `limit`, `cursor` and `search`.
    pub async fn list(&self, viewer: &Viewer, query: DomainQuery, page: Page) -> Result<Listing<Domain>> {
        let limit = page.limit()?;
        let verified = |yes| if yes { Column::VerifiedAt.is_not_null() } else { Column::VerifiedAt.is_null() };
        let condition = scope(viewer, Column::OwnerId)
            .add(if query.deleted { Column::DeletedAt.is_not_null() } else { Column::DeletedAt.is_null() })
            .add_option(query.service.map(|service| Column::ServiceId.eq(service.0)))
            .add_option(query.verified.map(verified))
            .add_option(contains(query.search.as_deref())?.map(|like| Expr::col(Column::Host).like(like)))
            .add_option(page.after::<Uuid>()?.map(|after| Column::Id.lt(after)));
        let rows = Entity::find().filter(condition).order_by_desc(Column::Id).limit(limit as u64 + 1);
        let mut rows = rows.all(self.desk.read()).await?;
        let next_cursor = page::cut(&mut rows, limit, |row| row.id)?;
        Ok(Listing { items: self.shown(rows).await?, next_cursor })
    }

    /// One domain of the viewer, or any for an administrator; also a deleted one.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's.
    pub async fn get(&self, viewer: &Viewer, which: &DomainRef) -> Result<Domain> {
        let row = find(self.desk.read(), viewer, which).await?;
        self.shown_one(row.id).await
    }

    /// What stands in front of a domain.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's.
    pub async fn front(&self, viewer: &Viewer, which: &DomainRef) -> Result<Front> {
        read_front(find(self.desk.read(), viewer, which).await?.front.as_deref()).map(Front::masked)
    }

    /// Makes a domain. An administrator's counts as verified; a member's is routed once it is.
    ///
    /// # Errors
    /// `domain_taken`, `reserved_host`, `domain_limit`, `unknown_tag`, `NotFound` for a service or tunnel, `Invalid`.
    pub async fn create(&self, viewer: &Viewer, spec: DomainSpec) -> Result<Domain> {
        let mut edit = self.desk.open(viewer).await?;
        let id = edit.insert_domain(spec, RevisionAction::Created).await?.id;
        edit.commit().await?;
        self.shown_one(id).await
    }

    /// Changes what the patch names.
    ///
    /// # Errors
    /// As [`create`](Self::create); `domain_deleted` when it must be restored first.
    pub async fn update(&self, viewer: &Viewer, which: &DomainRef, patch: DomainPatch) -> Result<Domain> {
        patch.front.as_ref().map_or(Ok(()), check_front)?;
        let mut edit = self.desk.open(viewer).await?;
        let row = find(edit.tx(), viewer, which).await?;
        edit.require_unchanged(row.updated_at)?;
        let mut spec = edit.domain_spec(&row).await?;
        if patch.domain.as_ref().is_some_and(|domain| *domain != spec.domain) {
            let message = "a domain does not become another; add the other one and delete this";
            return Err(CoreError::invalid("domain", message));
        }
        patch.apply(&mut spec);
        let id = edit.change_domain(row, spec, RevisionAction::Changed).await?.id;
        edit.commit().await?;
        self.shown_one(id).await
    }

    /// Deletes a domain with its routes, so that it can be restored with them; its name is free for others. Doing it
    /// twice is doing it once.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete(&self, viewer: &Viewer, which: &DomainRef) -> Result<Domain> {
        let mut edit = self.desk.open(viewer).await?;
        let row = find(edit.tx(), viewer, which).await?;
        edit.require_unchanged(row.updated_at)?;
        let id = row.id;
        edit.remove_domain(row, None, RevisionAction::Deleted).await?;
        edit.commit().await?;
        self.shown_one(id).await
    }

    /// Brings back what was deleted.
    ///
    /// # Errors
    /// `NotFound`; `domain_taken` when its name was taken meanwhile; `domain_limit`, `route_limit`.
    pub async fn restore(&self, viewer: &Viewer, which: &DomainRef) -> Result<Domain> {
        let mut edit = self.desk.open(viewer).await?;
        let row = find(edit.tx(), viewer, which).await?;
        let id = row.id;
        edit.revive_domain(row).await?;
        edit.commit().await?;
        self.shown_one(id).await
    }

    /// At most `most` domains that wait to be verified and that their owners changed last after `since`; first those that
    /// were never checked, then those that were not for longest. For whoever checks them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn unverified(&self, since: Timestamp, most: u64) -> Result<Vec<Domain>> {
        let rows = Entity::find()
            .filter(Column::VerifiedAt.is_null())
            .filter(Column::DeletedAt.is_null())
            .filter(Column::UpdatedAt.gt(since))
            .order_by_with_nulls(Column::CheckedAt, Order::Asc, NullOrdering::First)
            .order_by_asc(Column::Id)
            .limit(most);
        self.shown(rows.all(self.desk.read()).await?).await
    }

    /// Notes what a look at the domain's record or file showed: `Ok` verifies it. What is verified stays so.
    ///
    /// # Errors
    /// `NotFound`, also when it was deleted meanwhile.
    pub async fn record_check(&self, id: DomainId, outcome: Result<(), String>) -> Result<Domain> {
        let mut edit = self.desk.open(&self.owner_of(id).await?).await?;
        // Nobody has decided anything.
        edit.name_actor(false);
        let row = kept(edit.tx(), id).await?;
        let moment = now();
        let newly = outcome.is_ok() && row.verified_at.is_none();
        let row = domains::Model {
            verified_at: row.verified_at.or(newly.then_some(moment)),
            checked_at: Some(moment),
            check_error: outcome.err().map(|text| text.chars().take(MAX_CHECK_ERROR).collect()),
            ..row
        };
        crate::edit::update::<Entity, _>(edit.tx(), row.clone()).await?;
        if newly {
            let spec = edit.domain_spec(&row).await?;
            edit.record(object(&row), RevisionAction::Verified, Some(&spec), Some(&spec)).await?;
        }
        edit.commit().await?;
        self.shown_one(id.0).await
    }

    async fn owner_of(&self, id: DomainId) -> Result<Viewer> {
        let row = kept(self.desk.read(), id).await?;
        let owner = users::Entity::find_by_id(row.owner_id).one(self.desk.read()).await?;
        owner.ok_or(CoreError::NotFound("user")).and_then(to_user).map(Viewer::new)
    }

    /// Counts a domain as verified without looking for its record or file. Of what is verified nothing changes.
    ///
    /// # Errors
    /// `NotFound`, `domain_deleted`.
    pub async fn trust(&self, admin: &Administrator, which: &DomainRef) -> Result<Domain> {
        let mut edit = self.desk.open(admin).await?;
        let row = find(edit.tx(), admin, which).await?;
        check_kept(&row)?;
        let id = row.id;
        if row.verified_at.is_none() {
            let trusted = domains::Model { verified_at: Some(now()), check_error: None, ..row.clone() };
            Entry::by(admin, AuditKind::DomainTrusted).with(row.host.as_str()).write(edit.tx()).await?;
            edit.write_domain(row, trusted, RevisionAction::Trusted).await?;
            edit.commit().await?;
        }
        self.shown_one(id).await
    }

    /// Lets other backends serve the domain's own target, all at once: those with another tag.
    ///
    /// # Errors
    /// `unknown_tag` when no backend carries it; `no_backends` when none of those runs and `unhealthy_target` when none
    /// of those is healthy, unless it is forced; `no_tag` when the target is no service; `NotFound`, `domain_deleted`.
    pub async fn switch(&self, viewer: &Viewer, which: &DomainRef, request: SwitchRequest<'_>) -> Result<Domain> {
        let mut edit = self.desk.open(viewer).await?;
        let row = find(edit.tx(), viewer, which).await?;
        let id = row.id;
        edit.switch_domain(row, request).await?;
        edit.commit().await?;
        self.shown_one(id).await
    }

    /// Tells what [`switch`](Self::switch) would be refused with, and changes nothing.
    ///
    /// # Errors
    /// As `switch`.
    pub async fn try_switch(&self, viewer: &Viewer, which: &DomainRef, request: SwitchRequest<'_>) -> Result<()> {
        let mut edit = self.desk.open(viewer).await?;
        let row = find(edit.tx(), viewer, which).await?;
        // Not committed: what was written is gone with the transaction.
        edit.switch_domain(row, request).await
    }

    /// Lets all backends of the service serve the domain's own target, whatever their tags; ends a switch that is under way.
    ///
    /// # Errors
    /// `NotFound`, `domain_deleted`.
    pub async fn untag(&self, viewer: &Viewer, which: &DomainRef) -> Result<Domain> {
        let mut edit = self.desk.open(viewer).await?;
        let row = find(edit.tx(), viewer, which).await?;
        let id = row.id;
        edit.untag_domain(row).await?;
        edit.commit().await?;
        self.shown_one(id).await
    }

    /// The switches of a domain, newest first.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's; `Invalid` for `limit` and `cursor`.
    pub async fn switches(&self, viewer: &Viewer, which: &DomainRef, page: Page) -> Result<Listing<Switch>> {
        let row = find(self.desk.read(), viewer, which).await?;
        crate::switching::list(self.desk.read(), RuleId::Domain(DomainId(row.id)), page).await
    }
}

/// A domain that is not deleted.
async fn kept(connection: &impl ConnectionTrait, id: DomainId) -> Result<domains::Model> {
    let row = Entity::find_by_id(id.0).filter(Column::DeletedAt.is_null()).one(connection).await?;
    row.ok_or(CoreError::NotFound("domain"))
}
