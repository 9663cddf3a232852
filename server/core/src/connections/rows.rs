//! Rows of `tunnel_sessions` and what they mean.

use crate::{
    Result,
    presence::Ended,
    store::{parse, rows::tunnel_sessions::Model},
};
use domain::{LineQuality, LocalFailure, SessionRecord, TelephoneSession, TelephoneSessionId, TokenId, TunnelId};

pub(super) fn row(ended: &Ended) -> Model {
    let session = ended.session.clone();
    let failure = session.quality.last_local_failure;
    Model {
        id: session.id.0,
        tunnel_id: session.tunnel_id.0,
        token_id: session.token_id.0,
        address: session.address.to_string(),
        agent: session.agent,
        machine: session.machine,
        protocol: session.protocol,
        lines: i32::try_from(session.lines).unwrap_or(i32::MAX),
        round_trip_ms: session.round_trip_ms,
        local_failures: i64::try_from(session.quality.local_failures).unwrap_or(i64::MAX),
        last_local_failure: failure.as_ref().map(|failure| failure.code.clone()),
        last_local_failure_at: failure.map(|failure| failure.at),
        connected_at: session.connected_at,
        ended_at: ended.at,
        reason: ended.reason.clone(),
    }
}

pub(super) fn record(row: Model) -> Result<SessionRecord> {
    let last_local_failure =
        row.last_local_failure.zip(row.last_local_failure_at).map(|(code, at)| LocalFailure { code, at });
    let quality =
        LineQuality { local_failures: row.local_failures.unsigned_abs(), last_local_failure, ..LineQuality::default() };
    Ok(SessionRecord {
        session: TelephoneSession {
            id: TelephoneSessionId(row.id),
            tunnel_id: TunnelId(row.tunnel_id),
            token_id: TokenId(row.token_id),
            address: parse(&row.address)?,
            agent: row.agent,
            machine: row.machine,
            protocol: row.protocol,
            lines: row.lines.unsigned_abs(),
            round_trip_ms: row.round_trip_ms,
            connected_at: row.connected_at,
            quality,
        },
        ended_at: Some(row.ended_at),
        reason: Some(row.reason),
        round_trips: Vec::new(),
    })
}
