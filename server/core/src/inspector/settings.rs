//! Reading and writing what owners want to be kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::{AuditKind, CaptureSettings, Timestamp, UserId};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait};
use tokio::sync::broadcast::error::RecvError;

use super::Inspector;
use super::access::Inspected;
use crate::audit::Entry;
use crate::expected::later_than;
use crate::store::rows::capture_settings::{ActiveModel, Column, Entity, Model};
use crate::store::rows::users;
use crate::store::{read_json, write_json};
use crate::{Change, CoreError, Expected, Result, Touched, Viewer, news};

/// Other nodes' news come in bursts; all is read anew once in this time at most.
const PAUSE: Duration = Duration::from_secs(1);
/// However little is heard, what owners want is read anew as often as this.
const AT_LEAST: Duration = Duration::from_secs(30);

impl Inspector {
    /// What is kept of the exchanges.
    ///
    /// # Errors
    /// `NotFound` when it is not the viewer's.
    pub async fn settings(&self, viewer: &Viewer, of: Inspected) -> Result<CaptureSettings> {
        self.owner(viewer, of).await?;
        let row = Entity::find_by_id(of.id()).one(self.store.read()).await?;
        row.map_or_else(|| Ok(self.wishes.usual().clone()), |row| read_json(&row.settings))
    }

    /// When that was last changed; the beginning of time when it is as usual.
    ///
    /// # Errors
    /// `NotFound` when it is not the viewer's.
    pub async fn settings_updated_at(&self, viewer: &Viewer, of: Inspected) -> Result<Timestamp> {
        self.owner(viewer, of).await?;
        Ok(updated_at(Entity::find_by_id(of.id()).one(self.store.read()).await?.as_ref()))
    }

    /// Changes what is kept of exchanges from now on; `None`: as usual again. Bounds on age and size hold for those that
    /// are there, too.
    ///
    /// # Errors
    /// `Invalid` when they are out of range; `NotFound` when it is not the viewer's; `Changed` when it is not as expected.
    pub async fn set_settings(
        &self,
        viewer: &Viewer,
        of: Inspected,
        settings: Option<CaptureSettings>,
        expected: &Expected,
    ) -> Result<CaptureSettings> {
        settings.as_ref().map_or(Ok(()), check)?;
        let owner = self.owner(viewer, of).await?;
        let _turn = self.settings_turn.lock().await;
        let write = self.store.write().await?;
        let is = Entity::find_by_id(of.id()).one(&write.tx).await?;
        let before = updated_at(is.as_ref());
        expected.check(before)?;
        let written = settings.as_ref().map(write_json).transpose()?;
        if is.map(|row| row.settings) == written {
            return Ok(settings.unwrap_or_else(|| self.wishes.usual().clone()));
        }
        match written {
            Some(written) => {
                let row = ActiveModel {
                    subject_id: Set(of.id()),
                    settings: Set(written),
                    updated_at: Set(later_than(before).timestamp_millis()),
                };
                let update = OnConflict::column(Column::SubjectId)
                    .update_columns([Column::Settings, Column::UpdatedAt])
                    .to_owned();
                Entity::insert(row).on_conflict(update).exec_without_returning(&write.tx).await?;
            }
            None => {
                Entity::delete_by_id(of.id()).exec(&write.tx).await?;
            }
        }
        let level = settings.as_ref().map_or("as usual", |settings| settings.level.as_str());
        let account = users::Entity::find_by_id(owner).one(&write.tx).await?.ok_or(CoreError::NotFound("account"))?;
        let entry = Entry::by(viewer, AuditKind::CaptureChanged).on(Some(UserId(owner)), &account.email);
        entry.with(format!("{}: {level}", of.word())).write(&write.tx).await?;
        // To others this is a change of what is routed by, of which nothing is read anew.
        let mut touched = Touched::default();
        match of {
            Inspected::Tunnel(id) => touched.add(Touched::tunnel(id)),
            Inspected::Rule(id) => touched.rule(id),
        }
        news::tell(&write.tx, &self.changes, &touched).await?;
        write.commit().await?;
        self.wishes.set(of.id(), settings.clone());
        Ok(settings.unwrap_or_else(|| self.wishes.usual().clone()))
    }

    /// Keeps what owners want in memory.
    pub(super) async fn follow_settings(&self) {
        let mut changes = self.changes.subscribe();
        loop {
            if let Err(error) = self.read_settings().await {
                tracing::debug!(cause = error.cause(), "what is to be recorded could not be read: {error}");
            }
            tokio::time::sleep(PAUSE).await;
            let heard = async {
                loop {
                    match changes.recv().await {
                        Ok(Change::Elsewhere) | Err(RecvError::Lagged(_)) => return,
                        Ok(_) => {}
                        Err(RecvError::Closed) => std::future::pending().await,
                    }
                }
            };
            tokio::time::timeout(AT_LEAST, heard).await.ok();
        }
    }

    async fn read_settings(&self) -> Result<()> {
        let _turn = self.settings_turn.lock().await;
        let rows = Entity::find().all(self.store.read()).await?;
        let mut said = HashMap::with_capacity(rows.len());
        for row in rows {
            match read_json::<CaptureSettings>(&row.settings) {
                Ok(settings) => {
                    said.insert(row.subject_id, Arc::new(settings));
                }
                Err(error) => {
                    let cause = error.cause();
                    tracing::warn!(subject = %row.subject_id, cause, "what is to be recorded of it is not understood");
                }
            }
        }
        self.wishes.replace(said);
        Ok(())
    }
}

fn updated_at(row: Option<&Model>) -> Timestamp {
    row.and_then(|row| Timestamp::from_timestamp_millis(row.updated_at)).unwrap_or_default()
}

/// Settings that were put together by hand may be none; reading them finds out.
fn check(settings: &CaptureSettings) -> Result<()> {
    let json = write_json(settings)?;
    serde_json::from_str::<CaptureSettings>(&json).map(drop).map_err(|error| {
        let text = error.to_string();
        CoreError::invalid("capture", text.split(" at line ").next().unwrap_or(&text))
    })
}
