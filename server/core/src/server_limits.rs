//! What the whole switchboard carries, whoever it is for.

use crate::{
    Administrator, Change, Changes, Expected, Result, Touched,
    audit::Entry,
    news,
    store::{Store, read_json, rows::security_settings, write_json},
};
use domain::{AuditKind, RequestRate, Timestamp};
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
    /// How many requests to tunnels, domains and routes each node carries, all together; `None`: as many as come. And when that
    /// was last said.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn rate(&self, _: &Administrator) -> Result<(Option<RequestRate>, Timestamp)> {
        said(self.store.read()).await
    }

    /// Says how many. Each node counts anew from then on.
    ///
    /// # Errors
    /// `Changed` when it is not as expected.
    pub async fn set_rate(&self, admin: &Administrator, limit: Option<RequestRate>, expected: &Expected) -> Result<()> {
        let write = self.store.write_rules().await?;
        let (is, before) = said(&write.tx).await?;
        expected.check(before)?;
        if is == limit {
            return Ok(());
        }
        security_settings::say(&write.tx, RATE, write_json(&limit)?, before).await?;
        let detail = limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
        Entry::by(admin, AuditKind::ServerLimitChanged).with(detail).write(&write.tx).await?;
        news::tell(&write.tx, &self.changes, &Touched::everything()).await?;
        write.commit().await?;
        self.changes.publish(Change::Routing);
        Ok(())
    }
}

/// How many requests each node carries.
pub(crate) async fn rate(connection: &impl ConnectionTrait) -> Result<Option<RequestRate>> {
    Ok(said(connection).await?.0)
}

async fn said(connection: &impl ConnectionTrait) -> Result<(Option<RequestRate>, Timestamp)> {
    let (said, updated_at) = security_settings::said(connection, RATE).await?;
    Ok((said.as_deref().map_or(Ok(None), read_json)?, updated_at))
}
