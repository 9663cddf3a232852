//! What the whole switchboard carries, whoever it is for.

use crate::{
    Administrator, Change, Changes, Result, Touched,
    audit::Entry,
    news,
    store::{Store, read_json, rows::security_settings, write_json},
};
use domain::{AuditKind, RequestRate};
use sea_orm::ConnectionTrait;

/// Under what the limit of requests is kept.
const RATE: &str = "rate_limit";

/// What the whole switchboard carries; administrators say how much.
#[derive(Debug)]
pub struct ServerLimits {
    pub(crate) store: Store,
    pub(crate) changes: Changes,
}

impl ServerLimits {
    /// How many requests to tunnels, domains and routes each node carries, all together; `None`: as many as come.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn rate(&self, _: &Administrator) -> Result<Option<RequestRate>> {
        rate(self.store.read()).await
    }

    /// Says how many. Each node counts anew from then on.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn set_rate(&self, admin: &Administrator, limit: Option<RequestRate>) -> Result<()> {
        let write = self.store.write_rules().await?;
        if rate(&write.tx).await? == limit {
            return Ok(());
        }
        match &limit {
            Some(limit) => security_settings::say(&write.tx, RATE, write_json(limit)?).await?,
            None => security_settings::unsay(&write.tx, RATE).await?,
        }
        let detail = limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
        let entry = Entry::by(admin, AuditKind::RateLimitChanged).on(None, "the whole switchboard");
        entry.with(detail).write(&write.tx).await?;
        news::tell(&write.tx, &self.changes, &Touched::everything()).await?;
        write.commit().await?;
        self.changes.publish(Change::Routing);
        Ok(())
    }
}

/// How many requests each node carries.
pub(crate) async fn rate(connection: &impl ConnectionTrait) -> Result<Option<RequestRate>> {
    security_settings::said(connection, RATE).await?.as_deref().map(read_json).transpose()
}
