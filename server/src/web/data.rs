//! `/web/data/…`: what charts of the dashboard ask for, and figures to be saved.

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use domain::{ServiceId, TunnelId};
use serde::Deserialize;
use server_core::{ServiceRef, Services, Subject};

use super::live::{Live, Who};
use crate::api::{
    csv::{self, Chart, Format, Part},
    error::{ApiError, ApiResult},
    extract::Query,
    v1::figures::window,
};

pub(super) fn routes() -> Router<Live> {
    Router::new().route("/web/data/history", get(history)).route("/web/data/breakdown", get(breakdown))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HistoryQuery {
    /// `all`, a tunnel's id, or `service:` and a service's id.
    subject: String,
    range: Option<String>,
    from: Option<String>,
    until: Option<String>,
    #[serde(default)]
    format: Format,
    chart: Option<Chart>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BreakdownQuery {
    subject: String,
    range: Option<String>,
    from: Option<String>,
    until: Option<String>,
    #[serde(default)]
    part: Part,
}

async fn history(who: Who, State(services): State<Services>, Query(query): Query<HistoryQuery>) -> ApiResult<Response> {
    let window = window(query.range, query.from, query.until)?;
    let subject = subject(&who, &services, &query.subject).await?;
    let series = services.traffic().history(&who.viewer, subject, window).await?;
    Ok(match query.format {
        Format::Json => Json(series).into_response(),
        Format::Csv => csv::series(&series, query.chart).into_response(),
    })
}

async fn breakdown(
    who: Who,
    State(services): State<Services>,
    Query(query): Query<BreakdownQuery>,
) -> ApiResult<Response> {
    let window = window(query.range, query.from, query.until)?;
    let subject = subject(&who, &services, &query.subject).await?;
    let breakdown = services.traffic().breakdown(&who.viewer, subject, window).await?;
    Ok(csv::breakdown(&breakdown, query.part).into_response())
}

async fn subject(who: &Who, services: &Services, named: &str) -> ApiResult<Subject> {
    Ok(match (named, named.strip_prefix("service:")) {
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
    })
}
