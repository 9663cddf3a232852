//! `/web/data/history`: what charts of the dashboard ask for.

use axum::{Json, Router, extract::State, routing::get};
use domain::{Range, Series, ServiceId, TunnelId};
use serde::Deserialize;
use server_core::{ServiceRef, Services, Subject};

use super::live::{Live, Who};
use crate::api::{
    error::{ApiError, ApiResult},
    extract::Query,
};

pub(super) fn routes() -> Router<Live> {
    Router::new().route("/web/data/history", get(history))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HistoryQuery {
    /// `all`, a tunnel's id, or `service:` and a service's id.
    subject: String,
    range: String,
}

async fn history(
    who: Who,
    State(services): State<Services>,
    Query(query): Query<HistoryQuery>,
) -> ApiResult<Json<Series>> {
    let range: Range =
        query.range.parse().map_err(|error: domain::UnknownRange| ApiError::invalid("range", error.to_string()))?;
    let subject = match (query.subject.as_str(), query.subject.strip_prefix("service:")) {
        ("all", _) => Subject::All,
        (_, Some(id)) => {
            let id: ServiceId = id.parse().map_err(|_| ApiError::not_found("service"))?;
            services.pools().service(&who.viewer, &ServiceRef::Id(id)).await?;
            Subject::Service(id)
        }
        (id, None) => {
            let id: TunnelId = id.parse().map_err(|_| ApiError::not_found("tunnel"))?;
            services.tunnels().get(&who.viewer, id).await?;
            Subject::Tunnel(id)
        }
    };
    Ok(Json(services.traffic().history(&who.viewer, subject, range).await?))
}
