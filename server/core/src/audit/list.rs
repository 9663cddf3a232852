//! The log as a list.

use super::Audit;
use crate::{
    Listing, Page, Result, Viewer, page,
    store::{
        parse,
        rows::audit_events::{Column, Entity, Model},
    },
};
use domain::{AuditEvent, AuditEventId, AuditKind, Email, Timestamp, UserId};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::net::IpAddr;
use uuid::Uuid;

/// What the log is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// What happened.
    pub kind: Option<AuditKind>,
    /// Who did it or whom it is about, as they were called then.
    pub email: Option<Email>,
    /// From where.
    pub address: Option<IpAddr>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

impl Audit {
    /// What happened, newest first: all of it for administrators, for members what they did and what is about them.
    ///
    /// # Errors
    /// `Invalid` for `limit` and `cursor`.
    pub async fn list(&self, viewer: &Viewer, query: AuditQuery, page: Page) -> Result<Listing<AuditEvent>> {
        let limit = page.limit()?;
        let own = || {
            let id = viewer.id().0;
            Condition::any().add(Column::AccountId.eq(id)).add(Column::ActorId.eq(id))
        };
        let named = |email: Email| {
            Condition::any().add(Column::AccountEmail.eq(email.as_str())).add(Column::ActorEmail.eq(email.as_str()))
        };
        // A newer node on the same database may have noted what this one has no word for.
        let condition = Condition::all()
            .add(Column::Kind.is_in(AuditKind::ALL.iter().map(|kind| kind.as_str())))
            .add_option((!viewer.is_admin()).then(own))
            .add_option(query.kind.map(|kind| Column::Kind.eq(kind.as_str())))
            .add_option(query.email.map(named))
            .add_option(query.address.map(|address| Column::Address.eq(address.to_canonical().to_string())))
            .add_option(query.from.map(|from| Column::At.gte(from)))
            .add_option(query.until.map(|until| Column::At.lt(until)))
            .add_option(page.after::<Uuid>()?.map(|after| Column::Id.lt(after)));
        let rows = Entity::find().filter(condition).order_by_desc(Column::Id).limit(limit as u64 + 1);
        let mut rows = rows.all(self.store.read()).await?;
        let next_cursor = page::cut(&mut rows, limit, |row| row.id)?;
        Ok(Listing { items: rows.into_iter().map(shown).collect::<Result<_>>()?, next_cursor })
    }
}

fn shown(row: Model) -> Result<AuditEvent> {
    Ok(AuditEvent {
        id: AuditEventId(row.id),
        kind: parse(&row.kind)?,
        at: row.at,
        last_at: row.last_at,
        times: u64::try_from(row.times).unwrap_or_default(),
        actor_id: row.actor_id.map(UserId),
        actor_email: row.actor_email.as_deref().map(parse).transpose()?,
        account_id: row.account_id.map(UserId),
        account_email: row.account_email.as_deref().map(parse).transpose()?,
        address: row.address.as_deref().map(parse).transpose()?,
        detail: row.detail,
    })
}
