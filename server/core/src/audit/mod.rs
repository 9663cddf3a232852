//! The log of what has to do with security. What changes something is written with the change, in one transaction; never a
//! secret, and never what a stranger entered as an address, since people enter passwords there.
//!
//! Strangers can fail to sign in as often as they want: what is alike counts as one event for ten minutes, in ten minutes
//! there are only so many different ones, and what is kept of them pushes nothing else out.

mod list;
mod purge;

use crate::{
    Result, Viewer,
    store::{Store, now, rows::audit_events},
};
use chrono::TimeDelta;
use domain::{AuditKind, User, UserId, source};
pub use list::AuditQuery;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait},
};
use std::{net::IpAddr, sync::Arc};
use tokio::sync::Mutex;
use uuid::Uuid;

/// How long failures that are alike count as one event.
const ALIKE: TimeDelta = TimeDelta::minutes(10);
/// How many different failures are told apart in that time.
const MOST_FAILURES: u64 = 200;
/// The longest detail that is kept, characters.
const MAX_DETAIL: usize = 300;

/// The log.
#[derive(Debug, Clone)]
pub struct Audit {
    store: Store,
    /// One at a time looks for what is alike, or two that come together would not find each other.
    alike: Arc<Mutex<()>>,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    kind: AuditKind,
    actor: Option<(UserId, String)>,
    account: (Option<UserId>, Option<String>),
    address: Option<IpAddr>,
    detail: Option<String>,
}

impl Entry {
    /// Something that a user does, to the own account where nothing else is said.
    pub(crate) fn by(viewer: &Viewer, kind: AuditKind) -> Self {
        let User { id, email, .. } = viewer.user();
        Self {
            kind,
            actor: Some((*id, email.to_string())),
            account: (Some(*id), Some(email.to_string())),
            address: viewer.address(),
            detail: None,
        }
    }

    /// Something that happens to an account without anybody being signed in.
    pub(crate) fn of(user: &User, kind: AuditKind, address: Option<IpAddr>) -> Self {
        Self { kind, actor: None, account: (Some(user.id), Some(user.email.to_string())), address, detail: None }
    }

    /// Something that a stranger does, to this account or to none that is known.
    pub(crate) fn by_stranger(kind: AuditKind, user: Option<&User>, client: IpAddr) -> Self {
        let account = (user.map(|user| user.id), user.map(|user| user.email.to_string()));
        Self { kind, actor: None, account, address: Some(client), detail: None }
    }

    /// Something that whoever runs the server does to all of it.
    pub(crate) fn by_command(kind: AuditKind) -> Self {
        Self { kind, actor: None, account: (None, None), address: None, detail: None }
    }

    /// Of which account it is.
    pub(crate) fn on(self, id: Option<UserId>, email: &str) -> Self {
        Self { account: (id, Some(email.to_owned())), ..self }
    }

    /// More of it; no secret.
    pub(crate) fn with(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// Writes it down.
    pub(crate) async fn write(self, connection: &impl ConnectionTrait) -> Result<()> {
        self.row(1).insert(connection).await?;
        Ok(())
    }

    fn row(self, times: i64) -> audit_events::ActiveModel {
        let moment = now();
        let (actor_id, actor_email) = self.actor.map_or((None, None), |(id, email)| (Some(id.0), Some(email)));
        audit_events::ActiveModel {
            id: Set(Uuid::now_v7()),
            kind: Set(self.kind.as_str().into()),
            at: Set(moment),
            last_at: Set(moment),
            times: Set(times),
            actor_id: Set(actor_id),
            actor_email: Set(actor_email),
            account_id: Set(self.account.0.map(|id| id.0)),
            account_email: Set(self.account.1),
            address: Set(self.address.map(|address| address.to_canonical().to_string())),
            detail: Set(self.detail.map(|detail| detail.chars().take(MAX_DETAIL).collect())),
        }
    }
}

impl Audit {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, alike: Arc::default() }
    }

    /// Writes down what changes nothing.
    pub(crate) async fn note(&self, entry: Entry) -> Result<()> {
        let write = self.store.write().await?;
        entry.write(&write.tx).await?;
        write.commit().await
    }

    /// Writes down that somebody did not get in, to this account or to none that exists. It is no reason to answer
    /// otherwise when that cannot be written.
    pub(crate) async fn note_failure(&self, kind: AuditKind, user: Option<&User>, client: IpAddr) {
        let entry = Entry::by_stranger(kind, user, source(client));
        if let Err(error) = self.try_note_often(entry).await {
            tracing::warn!(cause = error.cause(), "a failed sign-in was not written down: {error}");
        }
    }

    /// Writes down what may happen every minute and changes nothing: what is alike counts as one event, as failures do.
    pub(crate) async fn note_often(&self, entry: Entry) {
        let entry = Entry { address: entry.address.map(source), ..entry };
        if let Err(error) = self.try_note_often(entry).await {
            tracing::warn!(cause = error.cause(), "an event was not written down: {error}");
        }
    }

    async fn try_note_often(&self, mut entry: Entry) -> Result<()> {
        use audit_events::Column;
        let kind = entry.kind;
        let _alone = self.alike.lock().await;
        let write = self.store.write().await?;
        // Asked whether it matters or not: what is known already must not be answered sooner than what is new, or the time
        // would tell accounts that others try from those that do not exist.
        let others = audit_events::Entity::find()
            .filter(Column::Kind.eq(kind.as_str()))
            .filter(Column::At.gt(now() - ALIKE))
            .count(&write.tx)
            .await?;
        if !again(&write.tx, &entry).await? {
            if others >= MOST_FAILURES {
                entry.address = None;
                entry.account = (None, None);
                entry.detail = Some("many accounts or addresses, which are no longer told apart".into());
            }
            if others < MOST_FAILURES || !again(&write.tx, &entry).await? {
                entry.row(1).insert(&write.tx).await?;
            }
        }
        write.commit().await
    }
}

/// Counts it in with one that is alike; `false`: there is none.
async fn again(connection: &impl ConnectionTrait, entry: &Entry) -> Result<bool> {
    use audit_events::Column;
    let alike =
        |column: Column, value: Option<String>| value.map_or_else(|| column.is_null(), |value| column.eq(value));
    let account = entry.account.0.map_or_else(|| Column::AccountId.is_null(), |id| Column::AccountId.eq(id.0));
    let found = audit_events::Entity::find()
        .filter(Column::Kind.eq(entry.kind.as_str()))
        .filter(Column::At.gt(now() - ALIKE))
        .filter(account)
        .filter(alike(Column::Address, entry.address.map(|address| address.to_string())))
        .filter(alike(Column::Detail, entry.detail.clone()))
        .order_by_desc(Column::Id)
        .one(connection)
        .await?;
    let Some(found) = found else { return Ok(false) };
    audit_events::Entity::update_many()
        .col_expr(Column::Times, Expr::col(Column::Times).add(1))
        .col_expr(Column::LastAt, now().into())
        .filter(Column::Id.eq(found.id))
        .exec(connection)
        .await?;
    Ok(true)
}
