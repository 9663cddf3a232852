//! Exchanges as the database holds them.

use domain::{
    AnsweredBy, BodyInfo, DomainId, Exchange, ExchangeMessage, ExchangeSummary, MessageHead, RequestId, RouteId,
    RuleId, ServiceId, Timestamp, Timings, TunnelId,
};
use serde::{Deserialize, Serialize};

use super::pack::unpack;
use crate::store::read_word;
use crate::store::rows::{request_contents, tunnel_requests::Model};
use crate::{CoreError, Result};

/// What is known of an exchange beyond its summary; JSON in the database.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Detail {
    pub(super) request_id: RequestId,
    pub(super) protocol: String,
    pub(super) secure: bool,
    pub(super) timings: Timings,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) answered_by: Option<AnsweredBy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) request: Option<MessageHead>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) response: Option<MessageHead>,
    pub(super) request_body: BodyInfo,
    pub(super) response_body: BodyInfo,
    #[serde(default)]
    pub(super) messages_left_out: u64,
}

impl Detail {
    pub(super) fn read(row: &request_contents::Model) -> Result<Self> {
        read(&row.detail)
    }

    pub(super) fn with(
        self,
        summary: ExchangeSummary,
        messages: Vec<ExchangeMessage>,
        replays: Vec<RequestId>,
    ) -> Exchange {
        let Self { request_id, protocol, secure, timings, answered_by, request, response, .. } = self;
        let Self { request_body, response_body, messages_left_out, .. } = self;
        Exchange {
            summary,
            request_id,
            protocol,
            secure,
            timings,
            answered_by,
            request,
            response,
            request_body,
            response_body,
            messages,
            messages_left_out,
            replays,
        }
    }
}

/// Packed JSON.
pub(super) fn read<T: serde::de::DeserializeOwned>(packed: &[u8]) -> Result<T> {
    serde_json::from_slice(&unpack(packed)?)
        .map_err(|error| CoreError::Internal(format!("the database holds an exchange that cannot be read: {error}")))
}

/// What a list shows.
pub(super) fn summary(row: Model) -> Result<ExchangeSummary> {
    let wrong = |what: &str| CoreError::Internal(format!("the database holds an exchange with an impossible {what}"));
    let rule = match (row.rule_kind.as_deref(), row.rule_id) {
        (Some("domain"), Some(id)) => Some(RuleId::Domain(DomainId(id))),
        (Some("route"), Some(id)) => Some(RuleId::Route(RouteId(id))),
        _ => None,
    };
    let status = row.status.map(u16::try_from).transpose().map_err(|_| wrong("status"))?;
    Ok(ExchangeSummary {
        id: RequestId(row.id),
        at: Timestamp::from_timestamp_millis(row.at).ok_or_else(|| wrong("time"))?,
        tunnel: row.tunnel_id.map(TunnelId),
        rule,
        service: row.service_id.map(ServiceId),
        method: row.method,
        host: row.host,
        path: row.path,
        status,
        error: row.error,
        end: read_word(&row.ended)?,
        kind: read_word(&row.kind)?,
        duration_ms: to_ms(row.duration_us),
        bytes_in: u64::try_from(row.bytes_in).unwrap_or_default(),
        bytes_out: u64::try_from(row.bytes_out).unwrap_or_default(),
        content_type: row.content_type,
        client: row.client.parse().map_err(|_| wrong("address"))?,
        pinned: row.pinned,
        note: row.note,
        replay_of: row.replay_of.map(RequestId),
    })
}

/// The words and the id that a rule is stored as.
pub(super) fn rule_columns(rule: Option<RuleId>) -> (Option<String>, Option<uuid::Uuid>) {
    match rule {
        None => (None, None),
        Some(RuleId::Domain(id)) => (Some("domain".to_owned()), Some(id.0)),
        Some(RuleId::Route(id)) => (Some("route".to_owned()), Some(id.0)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "nothing takes so long that it matters")]
pub(super) fn to_ms(us: i64) -> f64 {
    us as f64 / 1_000.0
}
