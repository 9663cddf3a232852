//! Sends what is written down until it has arrived. What is on its way is in the database, so that a restart loses
//! nothing; what several nodes see is sent by the one that takes it first.

use super::{
    Alerts, Courier, Notice,
    rows::{to_alert, to_event},
};
use crate::{
    Result, SigningSecret,
    accounts::{find_by_id, to_user},
    store::{
        Vault, now,
        rows::alert_events::{Column, Entity, Model},
        rows::alerts,
    },
};
use chrono::TimeDelta;
use domain::{AlertDelivery, Role, Timestamp, UserId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long after each attempt that has failed the next one is made, seconds; after the last one, nearly four hours after
/// the first, it is given up.
const AGAIN: [i64; 8] = [1, 5, 30, 120, 600, 1_800, 3_600, 7_200];
/// For how long whoever takes a notice has it alone. Then it counts as not sent: whoever had it is gone.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// How long notices that are on their way have when the server stops.
const FAREWELL: Duration = Duration::from_secs(3);
/// How many notices are on their way at once.
const AT_ONCE: usize = 32;
/// How many of one user's are.
const AT_ONCE_OF_ONE: usize = 4;
/// How often it is looked for notices that another node has written down, at least.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The longest text of what went wrong that is kept, characters.
const MAX_ERROR: usize = 300;

impl Alerts {
    /// Delivers until it is stopped. Without a courier nothing is sent.
    pub(crate) async fn deliver(&self, stop: CancellationToken) {
        let Some(courier) = self.0.courier.get() else { return };
        let mut under_way: JoinSet<(Uuid, Uuid)> = JoinSet::new();
        let mut taken: HashSet<(Uuid, Uuid)> = HashSet::new();
        loop {
            let pause = match self.take(&taken).await {
                Ok((rows, pause)) => {
                    for row in rows {
                        let key = (row.owner_id, row.id);
                        taken.insert(key);
                        let (alerts, courier) = (self.clone(), courier.clone());
                        under_way.spawn(async move {
                            alerts.send(row, courier).await;
                            key
                        });
                    }
                    pause
                }
                Err(error) => {
                    tracing::warn!(cause = error.cause(), "notices of alerts cannot be read: {error}");
                    LOOK_EVERY
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.0.waiting.notified() => {}
                () = sleep(pause) => {}
                Some(done) = under_way.join_next() => match done {
                    Ok(key) => { taken.remove(&key); }
                    // It panicked: its lease ends, and what it held is forgotten with all others.
                    Err(error) => { tracing::error!(%error, "a notice was not sent"); taken.clear(); }
                },
            }
        }
        // What is just being answered is noted, so that it is tried again soon and not sent twice.
        let done = async { while under_way.join_next().await.is_some() {} };
        if timeout(FAREWELL, done).await.is_err() {
            tracing::info!("notices of alerts were on their way; they are sent again after the next start");
        }
    }

    /// Takes what is due, and says how long to wait for more.
    async fn take(&self, taken: &HashSet<(Uuid, Uuid)>) -> Result<(Vec<Model>, Duration)> {
        let room = AT_ONCE.saturating_sub(taken.len());
        if room == 0 {
            return Ok((Vec::new(), LOOK_EVERY));
        }
        let moment = now();
        let waiting = Entity::find()
            .filter(Column::Delivery.eq(AlertDelivery::Pending.as_str()))
            .order_by_asc(Column::NextAttemptAt)
            .limit(4 * AT_ONCE as u64)
            .all(self.0.store.read())
            .await?;
        let mut rows: Vec<Model> = Vec::new();
        let mut pause = LOOK_EVERY;
        for row in waiting {
            let due = row.next_attempt_at.unwrap_or(moment);
            if due > moment {
                pause = pause.min((due - moment).to_std().unwrap_or_default());
                break;
            }
            let of_owner = taken.iter().filter(|(owner, _)| *owner == row.owner_id).count()
                + rows.iter().filter(|other| other.owner_id == row.owner_id).count();
            if rows.len() < room && of_owner < AT_ONCE_OF_ONE && self.lease(&row, moment).await? {
                rows.push(row);
            }
        }
        Ok((rows, pause))
    }

    /// Whether this notice is ours to send.
    async fn lease(&self, row: &Model, moment: Timestamp) -> Result<bool> {
        let write = self.0.store.write().await?;
        let leased = Entity::update_many()
            .col_expr(Column::NextAttemptAt, (moment + LEASE).into())
            .col_expr(Column::Attempts, (row.attempts + 1).into())
            .filter(Column::Id.eq(row.id))
            .filter(Column::Delivery.eq(AlertDelivery::Pending.as_str()))
            .filter(Column::Attempts.eq(row.attempts))
            .exec(&write.tx)
            .await?;
        write.commit().await?;
        Ok(leased.rows_affected == 1)
    }

    async fn send(&self, row: Model, courier: Arc<dyn Courier>) {
        let (id, attempts) = (row.id, row.attempts + 1);
        let sent = match self.notice(row).await {
            Ok(Some(notice)) => courier.deliver(&notice).await.map_err(|error| (error, false)),
            Ok(None) => Err(("the alert was deleted".to_owned(), true)),
            Err(error) => {
                // Its lease ends, and it is tried again.
                tracing::warn!(cause = error.cause(), "a notice cannot be read: {error}");
                return;
            }
        };
        if let Err((error, _)) = &sent {
            tracing::info!(notice = %id, attempts, %error, "a notice of an alert did not arrive");
        }
        if let Err(error) = self.note(id, attempts, sent).await {
            tracing::warn!(cause = error.cause(), "whether a notice has arrived was not noted: {error}");
        }
    }

    /// The notice with where it goes; `None` when nobody wants it any more.
    async fn notice(&self, row: Model) -> Result<Option<Notice>> {
        let read = self.0.store.read();
        let alert = alerts::Entity::find_by_id(row.alert_id).one(read).await?;
        let Some(alert) = alert.filter(|alert| alert.deleted_at.is_none()) else { return Ok(None) };
        let Some(owner) = find_by_id(read, UserId(row.owner_id)).await? else { return Ok(None) };
        let owner = to_user(owner)?;
        let vault = self.0.store.vault();
        let secret = alert.secret.as_deref().map(|sealed| vault.open(&Vault::key_of(alert.id), sealed)).transpose()?;
        let secret = secret.map(SigningSecret::new);
        let mut shown = to_alert(&alert, vault)?;
        let of_administrator = owner.role == Role::Admin;
        if shown.email.is_some() && !of_administrator {
            // A member's go to the member, whatever the address was when the alert was made.
            shown.email = Some(owner.email);
        }
        let mut event = to_event(row, alert.name)?;
        event.attempts += 1;
        Ok(Some(Notice { event, alert: shown, secret, of_administrator }))
    }

    async fn note(&self, id: Uuid, attempts: i32, sent: Result<(), (String, bool)>) -> Result<()> {
        let moment = now();
        let again = usize::try_from(attempts - 1).ok().and_then(|failed| AGAIN.get(failed)).copied();
        let (delivery, next, delivered, error) = match sent {
            Ok(()) => (AlertDelivery::Delivered, None, Some(moment), None),
            Err((error, is_final)) => {
                let next = again.filter(|_| !is_final).map(|seconds| moment + TimeDelta::seconds(seconds));
                let delivery = if next.is_some() { AlertDelivery::Pending } else { AlertDelivery::Failed };
                (delivery, next, None, Some(error.chars().take(MAX_ERROR).collect::<String>()))
            }
        };
        let write = self.0.store.write().await?;
        Entity::update_many()
            .col_expr(Column::Delivery, delivery.as_str().into())
            .col_expr(Column::NextAttemptAt, next.into())
            .col_expr(Column::DeliveredAt, delivered.into())
            .col_expr(Column::LastError, error.into())
            .filter(Column::Id.eq(id))
            .exec(&write.tx)
            .await?;
        write.commit().await
    }
}
