//! Rows of `alerts` and `alert_events` and what they mean.

use crate::{
    CoreError, Result, Viewer,
    store::{
        Vault, parse,
        rows::{alert_events, alerts},
    },
};
use domain::{
    Alert, AlertEvent, AlertEventId, AlertId, AlertSpec, AlertSubject, ServiceId, TunnelId, UserId, WebhookUrl,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

/// The viewer's own alert; also an administrator sees no others, since notices go where their owner wants.
pub(super) async fn find(connection: &impl ConnectionTrait, viewer: &Viewer, id: AlertId) -> Result<alerts::Model> {
    alerts::Entity::find_by_id(id.0)
        .filter(alerts::Column::OwnerId.eq(viewer.id().0))
        .filter(alerts::Column::DeletedAt.is_null())
        .one(connection)
        .await?
        .ok_or(CoreError::NotFound("alert"))
}

/// The address, which may be a secret itself, is sealed.
pub(super) fn to_alert(row: &alerts::Model, vault: &Vault) -> Result<Alert> {
    let webhook = row.webhook.as_deref().map(|text| vault.open(&Vault::address_of(row.id), text)).transpose()?;
    Ok(Alert {
        id: AlertId(row.id),
        owner_id: UserId(row.owner_id),
        name: parse(&row.name)?,
        kind: parse(&row.kind)?,
        tunnel_id: row.tunnel_id.map(TunnelId),
        service_id: row.service_id.map(ServiceId),
        limit: row.limit_value,
        for_seconds: row.for_seconds.unsigned_abs(),
        webhook: webhook.map(|text| parse_secret(&text)).transpose()?,
        email: row.email.as_deref().map(parse).transpose()?,
        enabled: row.enabled,
        firing: 0,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// As [`parse`], whose error has the text in it.
fn parse_secret(text: &str) -> Result<WebhookUrl> {
    text.parse().map_err(|error| CoreError::Internal(format!("the database holds an address of a webhook: {error}")))
}

pub(super) fn spec_of(alert: Alert) -> AlertSpec {
    AlertSpec {
        name: alert.name,
        kind: alert.kind,
        tunnel_id: alert.tunnel_id,
        service_id: alert.service_id,
        limit: alert.limit,
        for_seconds: alert.for_seconds,
        webhook: alert.webhook,
        email: alert.email,
        enabled: alert.enabled,
    }
}

pub(super) fn to_event(row: alert_events::Model, alert_name: String) -> Result<AlertEvent> {
    Ok(AlertEvent {
        id: AlertEventId(row.id),
        alert_id: AlertId(row.alert_id),
        alert_name,
        at: row.at,
        state: parse(&row.state)?,
        subject: AlertSubject { kind: row.subject_kind, id: row.subject_id, name: row.subject_name },
        value: row.value,
        message: row.message,
        target: row.target,
        delivery: parse(&row.delivery)?,
        attempts: row.attempts.unsigned_abs(),
        next_attempt_at: row.next_attempt_at,
        delivered_at: row.delivered_at,
        last_error: row.last_error,
    })
}
