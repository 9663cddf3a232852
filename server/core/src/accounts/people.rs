//! Everybody's accounts, for administrators: who there is, roles, deactivation, deletion.

use super::{Accounts, find_by_id, identities, links};
use crate::{
    Change, CoreError, Expected, Listing, Page, Result, Viewer,
    audit::Entry,
    expected::later_than,
    news, page, sessions,
    store::{
        Write, contains, now, parse, read_json,
        rows::{alerts, domains, routes, services, tokens, tunnels, users},
    },
};
use domain::{Account, AuditKind, Holdings, Role, Timestamp, UserId};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use std::collections::HashMap;
use uuid::Uuid;

/// Which accounts a list is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountQuery {
    /// Part of the address.
    pub search: Option<String>,
    /// Those of this role.
    pub role: Option<Role>,
    /// Those that are active, or those that are not.
    pub active: Option<bool>,
}

pub(super) fn admins_only(viewer: &Viewer) -> Result<()> {
    if viewer.is_admin() { Ok(()) } else { Err(not_admin()) }
}

fn not_admin() -> CoreError {
    CoreError::forbidden("admin_only", "only an administrator manages accounts")
}

pub(super) fn deactivated() -> CoreError {
    CoreError::conflict("account_deactivated", "this account is deactivated; reactivate it first")
}

/// An account that is not deleted.
pub(super) async fn find(connection: &impl ConnectionTrait, id: UserId) -> Result<users::Model> {
    let query = users::Entity::find_by_id(id.0).filter(users::Column::DeletedAt.is_null());
    query.one(connection).await?.ok_or(CoreError::NotFound("account"))
}

pub(super) fn is_admin(row: &users::Model) -> bool {
    row.role == Role::Admin.as_str()
}

impl Accounts {
    /// Everybody, newest first.
    ///
    /// # Errors
    /// `admin_only`; `Invalid` for `limit`, `cursor` and `search`.
    pub async fn list(&self, viewer: &Viewer, query: AccountQuery, page: Page) -> Result<Listing<Account>> {
        use users::Column;
        admins_only(viewer)?;
        let limit = page.limit()?;
        let mut rows = users::Entity::find().filter(Column::DeletedAt.is_null());
        if let Some(like) = contains(query.search.as_deref())? {
            rows = rows.filter(Expr::col((users::Entity, Column::Email)).like(like));
        }
        if let Some(role) = query.role {
            rows = rows.filter(Column::Role.eq(role.as_str()));
        }
        rows = match query.active {
            Some(true) => rows.filter(Column::DeactivatedAt.is_null()),
            Some(false) => rows.filter(Column::DeactivatedAt.is_not_null()),
            None => rows,
        };
        if let Some(after) = page.after::<Uuid>()? {
            rows = rows.filter(Column::Id.lt(after));
        }
        let mut rows = rows.order_by_desc(Column::Id).limit(limit as u64 + 1).all(self.store.read()).await?;
        let next_cursor = page::cut(&mut rows, limit, |row| row.id)?;
        Ok(Listing { items: self.shown(rows).await?, next_cursor })
    }

    /// One account.
    ///
    /// # Errors
    /// `admin_only`, `NotFound`.
    pub async fn get(&self, viewer: &Viewer, id: UserId) -> Result<Account> {
        admins_only(viewer)?;
        let row = find(self.store.read(), id).await?;
        self.shown_one(row).await
    }

    /// How much an account has.
    ///
    /// # Errors
    /// `admin_only`.
    pub async fn holdings(&self, viewer: &Viewer, id: UserId) -> Result<Holdings> {
        admins_only(viewer)?;
        holdings(self.store.read(), id).await
    }

    /// Lets nobody in with this account any more: its sessions of browsers and programs end, its telephones are
    /// disconnected, its links are withdrawn. What it has stays and serves on, as far as it needs no telephone.
    ///
    /// # Errors
    /// `admin_only`, `NotFound`, `last_administrator`.
    pub async fn deactivate(&self, viewer: &Viewer, id: UserId) -> Result<Account> {
        let write = self.administrate(viewer).await?;
        let row = find(&write.tx, id).await?;
        if row.deactivated_at.is_some() {
            return self.shown_one(row).await;
        }
        keep_one(&write.tx, &row).await?;
        let later = later_than(row.updated_at);
        let mut row: users::ActiveModel = row.into();
        row.deactivated_at = Set(Some(now()));
        row.updated_at = Set(later);
        let row = row.update(&write.tx).await?;
        let entry = Entry::by(viewer, AuditKind::AccountDeactivated).on(Some(id), &row.email);
        entry.write(&write.tx).await?;
        self.end_everything(write, id).await?;
        self.shown_one(row).await
    }

    /// Takes a deactivation back.
    ///
    /// # Errors
    /// `admin_only`, `NotFound`.
    pub async fn reactivate(&self, viewer: &Viewer, id: UserId) -> Result<Account> {
        let write = self.administrate(viewer).await?;
        let row = find(&write.tx, id).await?;
        if row.deactivated_at.is_none() {
            return self.shown_one(row).await;
        }
        let entry = Entry::by(viewer, AuditKind::AccountReactivated).on(Some(id), &row.email);
        entry.write(&write.tx).await?;
        let later = later_than(row.updated_at);
        let mut row: users::ActiveModel = row.into();
        row.deactivated_at = Set(None);
        row.updated_at = Set(later);
        let row = row.update(&write.tx).await?;
        write.commit().await?;
        self.shown_one(row).await
    }

    /// Deletes an account that is deactivated and has nothing that would be left without an owner. Its tokens and alerts
    /// end with it, its address can be used for another account.
    ///
    /// # Errors
    /// `admin_only`, `NotFound`, `still_active`, `owns_things`; `Changed` when it is not as expected.
    pub async fn delete(&self, viewer: &Viewer, id: UserId, expected: &Expected) -> Result<()> {
        let write = self.administrate(viewer).await?;
        let row = find(&write.tx, id).await?;
        expected.check(row.updated_at)?;
        if row.deactivated_at.is_none() {
            let message = "this account is active; deactivate it first, so that nobody uses it meanwhile";
            return Err(CoreError::conflict("still_active", message));
        }
        let has = holdings(&write.tx, id).await?;
        if !has.is_empty() {
            let Holdings { tunnels, services, domains, routes, .. } = has;
            let message = format!(
                "this account has {tunnels} tunnels, {services} services, {domains} domains and {routes} routes; delete them first"
            );
            return Err(CoreError::conflict("owns_things", message));
        }
        let moment = now();
        macro_rules! end {
            ($table:ident) => {
                $table::Entity::update_many()
                    .col_expr($table::Column::DeletedAt, moment.into())
                    .filter($table::Column::OwnerId.eq(id.0))
                    .filter($table::Column::DeletedAt.is_null())
                    .exec(&write.tx)
                    .await?
            };
        }
        end!(tokens);
        end!(alerts);
        let entry = Entry::by(viewer, AuditKind::AccountDeleted).on(Some(id), &row.email);
        entry.write(&write.tx).await?;
        identities::forget(&write.tx, id).await?;
        let mut row: users::ActiveModel = row.into();
        row.deleted_at = Set(Some(moment));
        row.updated_at = Set(moment);
        row.update(&write.tx).await?;
        self.end_everything(write, id).await
    }

    /// A change of accounts by an administrator: one such change at a time, and only by whom still is one.
    pub(super) async fn administrate(&self, viewer: &Viewer) -> Result<Write<'_>> {
        admins_only(viewer)?;
        let write = self.store.write_accounts().await?;
        let actor = find_by_id(&write.tx, viewer.id()).await?;
        if actor.as_ref().is_some_and(is_admin) { Ok(write) } else { Err(not_admin()) }
    }

    async fn end_everything(&self, write: Write<'_>, id: UserId) -> Result<()> {
        sessions::end_all(&write.tx, id, None).await?;
        links::withdraw_all(&write.tx, id).await?;
        let changes = [Change::UserSessionsEnded(id), Change::AccountDeactivated(id)];
        for change in changes {
            news::tell_of(&write.tx, &self.changes, change).await?;
        }
        write.commit().await?;
        changes.into_iter().for_each(|change| self.changes.publish(change));
        Ok(())
    }

    pub(super) async fn shown_one(&self, row: users::Model) -> Result<Account> {
        self.shown(vec![row]).await?.pop().ok_or(CoreError::NotFound("account"))
    }

    async fn shown(&self, rows: Vec<users::Model>) -> Result<Vec<Account>> {
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let seen = sessions::last_seen(self.store.read(), &ids).await?;
        rows.into_iter().map(|row| account(row, &seen)).collect()
    }
}

fn account(row: users::Model, seen: &HashMap<Uuid, Timestamp>) -> Result<Account> {
    Ok(Account {
        id: UserId(row.id),
        email: parse(&row.email)?,
        role: parse(&row.role)?,
        created_at: row.created_at,
        updated_at: row.updated_at,
        deactivated_at: row.deactivated_at,
        last_seen_at: seen.get(&row.id).copied(),
        second_factor: row.totp_seed.is_some(),
        rate_limit: row.rate_limit.as_deref().map(read_json).transpose()?,
    })
}

/// Refuses to take away the last administrator who can sign in.
pub(super) async fn keep_one(connection: &impl ConnectionTrait, row: &users::Model) -> Result<()> {
    if !is_admin(row) || row.deactivated_at.is_some() {
        return Ok(());
    }
    let others = users::Entity::find()
        .filter(users::Column::Role.eq(Role::Admin.as_str()))
        .filter(users::Column::DeletedAt.is_null())
        .filter(users::Column::DeactivatedAt.is_null())
        .filter(users::Column::Id.ne(row.id))
        .count(connection)
        .await?;
    if others > 0 {
        return Ok(());
    }
    let message = "this is the last administrator; make somebody else one first";
    Err(CoreError::conflict("last_administrator", message))
}

async fn holdings(connection: &impl ConnectionTrait, id: UserId) -> Result<Holdings> {
    macro_rules! count {
        ($table:ident) => {
            $table::Entity::find()
                .filter($table::Column::OwnerId.eq(id.0))
                .filter($table::Column::DeletedAt.is_null())
                .count(connection)
                .await?
        };
    }
    Ok(Holdings {
        tunnels: count!(tunnels),
        services: count!(services),
        domains: count!(domains),
        routes: count!(routes),
        tokens: count!(tokens),
    })
}
