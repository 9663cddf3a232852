//! What was told, written down before it is sent.

use super::{
    Alerts,
    rows::{find, to_alert, to_event},
};
use crate::{
    CoreError, Listing, Page, Result, Viewer,
    edit::insert,
    page,
    store::{
        Newest, Store, now,
        rows::{alert_events, alerts},
    },
};
use chrono::TimeDelta;
use domain::{Alert, AlertDelivery, AlertEvent, AlertId, AlertState, AlertSubject, WebhookUrl};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use std::{collections::HashMap, time::Duration};
use uuid::Uuid;

/// How many notices of one alert are sent within an hour; more are only written down.
const MOST_PER_HOUR: u64 = 30;
/// How many test notices of one alert are sent within a minute.
const TESTS_PER_MINUTE: u64 = 5;
/// How long what was told is kept.
const KEPT: TimeDelta = TimeDelta::days(30);
/// How much of it is kept of one owner; the oldest goes.
const LATEST: Newest<alert_events::Entity> = {
    use alert_events::Column;
    Newest { id: Column::Id, list: Column::OwnerId, age: Column::Id, most: 10_000 }
};
/// How many notices of an alert are looked at for what was told last of each of its subjects.
const LOOKED_BACK: u64 = 2_000;

/// Which notices to list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AlertEventQuery {
    /// Only those of this alert.
    pub alert: Option<AlertId>,
}

/// What is to be told.
#[derive(Debug, Clone)]
pub(super) struct News {
    pub(super) state: AlertState,
    pub(super) subject: AlertSubject,
    pub(super) value: Option<f64>,
    pub(super) message: String,
}

impl Alerts {
    /// What the viewer's own alerts have told in the last 30 days, newest first.
    ///
    /// # Errors
    /// `Invalid` for `limit` and `cursor`.
    pub async fn events(&self, viewer: &Viewer, query: AlertEventQuery, page: Page) -> Result<Listing<AlertEvent>> {
        use alert_events::Column;
        let limit = page.limit()?;
        let mut found = alert_events::Entity::find().filter(Column::OwnerId.eq(viewer.id().0));
        if let Some(alert) = query.alert {
            found = found.filter(Column::AlertId.eq(alert.0));
        }
        if let Some(after) = page.after::<Uuid>()? {
            found = found.filter(Column::Id.lt(after));
        }
        let rows = found.order_by_desc(Column::Id).limit(limit as u64 + 1);
        let mut rows = rows.all(self.0.store.read()).await?;
        let next_cursor = page::cut(&mut rows, limit, |row| row.id)?;
        let names = names(self.0.store.read(), rows.iter().map(|row| row.alert_id)).await?;
        let items = rows.into_iter().map(|row| {
            let name = names.get(&row.alert_id).cloned().unwrap_or_default();
            to_event(row, name)
        });
        Ok(Listing { items: items.collect::<Result<_>>()?, next_cursor })
    }

    /// Sends a notice that says it is a test.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's; `Throttled` after five within a minute.
    pub async fn test(&self, viewer: &Viewer, id: AlertId) -> Result<AlertEvent> {
        let alert = to_alert(&find(self.0.store.read(), viewer, id).await?, self.0.store.vault())?;
        let news = News {
            state: AlertState::Test,
            subject: AlertSubject { kind: "all".into(), id: alert.owner_id.0, name: "a test".into() },
            value: None,
            message: format!("This is a test of the alert “{}”. Nothing has happened.", alert.name),
        };
        self.tell(&alert, news).await
    }

    /// Writes a notice down, from where it is sent.
    pub(super) async fn tell(&self, alert: &Alert, news: News) -> Result<AlertEvent> {
        use alert_events::Column;
        let write = self.0.store.write().await?;
        let moment = now();
        let is_test = news.state == AlertState::Test;
        let (span, most) =
            if is_test { (TimeDelta::minutes(1), TESTS_PER_MINUTE) } else { (TimeDelta::hours(1), MOST_PER_HOUR) };
        let of_its_kind = if is_test { Column::State.eq("test") } else { Column::State.ne("test") };
        let before = alert_events::Entity::find()
            .filter(Column::AlertId.eq(alert.id.0))
            .filter(Column::At.gt(moment - span))
            .filter(Column::Delivery.ne(AlertDelivery::Suppressed.as_str()))
            .filter(of_its_kind)
            .count(&write.tx)
            .await?;
        if is_test && before >= most {
            return Err(CoreError::Throttled { retry_after: Duration::from_secs(60) });
        }
        let is_sent = before < most;
        let delivery = if is_sent { AlertDelivery::Pending } else { AlertDelivery::Suppressed };
        let row = alert_events::Model {
            id: Uuid::now_v7(),
            alert_id: alert.id.0,
            owner_id: alert.owner_id.0,
            at: moment,
            state: news.state.as_str().into(),
            subject_kind: news.subject.kind,
            subject_id: news.subject.id,
            subject_name: news.subject.name,
            value: news.value,
            message: news.message,
            target: target(alert),
            delivery: delivery.as_str().into(),
            attempts: 0,
            next_attempt_at: is_sent.then_some(moment),
            delivered_at: None,
            last_error: None,
        };
        insert::<alert_events::Entity, _>(&write.tx, row.clone()).await?;
        write.commit().await?;
        self.0.waiting.notify_one();
        to_event(row, alert.name.to_string())
    }
}

/// Where notices go, without what may be a secret.
fn target(alert: &Alert) -> String {
    let email = alert.email.as_ref().map(ToString::to_string);
    email.or_else(|| alert.webhook.as_ref().map(WebhookUrl::origin).map(str::to_owned)).unwrap_or_default()
}

async fn names(connection: &impl ConnectionTrait, ids: impl Iterator<Item = Uuid>) -> Result<HashMap<Uuid, String>> {
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    let rows = alerts::Entity::find()
        .select_only()
        .column(alerts::Column::Id)
        .column(alerts::Column::Name)
        .filter(alerts::Column::Id.is_in(ids))
        .into_tuple::<(Uuid, String)>()
        .all(connection)
        .await?;
    Ok(rows.into_iter().collect())
}

/// The subjects of an alert of which it was told last that they are not as they should be.
pub(super) async fn firing(store: &Store, alert: AlertId) -> Result<Vec<Uuid>> {
    use alert_events::Column;
    let rows = alert_events::Entity::find()
        .select_only()
        .column(Column::SubjectId)
        .column(Column::State)
        .filter(Column::AlertId.eq(alert.0))
        .filter(Column::State.ne(AlertState::Test.as_str()))
        .order_by_desc(Column::Id)
        .limit(LOOKED_BACK)
        .into_tuple::<(Uuid, String)>()
        .all(store.read())
        .await?;
    let mut last: HashMap<Uuid, bool> = HashMap::new();
    for (subject, state) in rows {
        last.entry(subject).or_insert(state == AlertState::Firing.as_str());
    }
    Ok(last.into_iter().filter_map(|(subject, firing)| firing.then_some(subject)).collect())
}

/// Removes what was told long ago or is too much, and then alerts that were deleted; how many rows.
pub(crate) async fn purge(store: &Store) -> Result<u64> {
    let write = store.write().await?;
    let limit = now() - KEPT;
    let events = alert_events::Entity::delete_many().filter(alert_events::Column::At.lt(limit)).exec(&write.tx).await?;
    let deleted = alerts::Entity::delete_many().filter(alerts::Column::DeletedAt.lt(limit)).exec(&write.tx).await?;
    write.commit().await?;
    Ok(events.rows_affected + deleted.rows_affected + LATEST.keep_all(store, Condition::all()).await?)
}
