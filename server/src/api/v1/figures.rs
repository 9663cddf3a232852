//! What was measured of a tunnel, of a service, and of all that the caller has.

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use domain::{BackendFigures, SessionFigures, TunnelId, Window};
use serde::Deserialize;
use server_core::{BackendQuery, Listing, ServiceRef, Services, Subject, Viewer};

use super::{
    list::{List, page},
    services::find,
};
use crate::api::{
    bearer::Authenticated,
    csv::{self, Chart, Format, Part},
    error::{ApiError, ApiResult},
    extract::{Id, Query},
};

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/traffic/metrics", get(all_metrics))
        .route("/traffic/breakdown", get(all_breakdown))
        .route("/tunnels/{id}/metrics", get(tunnel_metrics))
        .route("/tunnels/{id}/breakdown", get(tunnel_breakdown))
        .route("/tunnels/{id}/sessions", get(sessions))
        .route("/services/{id}/backends", get(backends))
        .route("/services/{id}/metrics", get(service_metrics))
        .route("/services/{id}/breakdown", get(service_breakdown))
}

/// Which stretch of time, and in what form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MetricsQuery {
    range: Option<String>,
    from: Option<String>,
    until: Option<String>,
    #[serde(default)]
    format: Format,
    /// Only what one chart shows; with CSV.
    chart: Option<Chart>,
}

/// The same for a breakdown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BreakdownQuery {
    range: Option<String>,
    from: Option<String>,
    until: Option<String>,
    #[serde(default)]
    format: Format,
    /// Which of its lists; with CSV.
    #[serde(default)]
    part: Part,
}

/// Which backends, and which stretch of time.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BackendsQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    range: Option<String>,
    from: Option<String>,
    until: Option<String>,
}

/// The stretch of time that parameters name.
pub(crate) fn window(range: Option<String>, from: Option<String>, until: Option<String>) -> ApiResult<Window> {
    let now = chrono::Utc::now().timestamp();
    Window::parse(range.as_deref(), from.as_deref(), until.as_deref(), now)
        .map_err(|error| ApiError::invalid(error.field, error.message))
}

/// The tunnel, if the viewer may see it; also a deleted one.
async fn tunnel(services: &Services, viewer: &Viewer, id: TunnelId) -> ApiResult<Subject> {
    Ok(Subject::Tunnel(services.tunnels().get(viewer, id).await?.id))
}

/// The service, if the viewer may see it.
async fn service(services: &Services, viewer: &Viewer, which: &ServiceRef) -> ApiResult<Subject> {
    Ok(Subject::Service(find(services, viewer, which).await?.id))
}

async fn metrics(services: &Services, viewer: &Viewer, of: Subject, query: MetricsQuery) -> ApiResult<Response> {
    let window = window(query.range, query.from, query.until)?;
    let series = services.traffic().history(viewer, of, window).await?;
    Ok(match query.format {
        Format::Json => axum::Json(series).into_response(),
        Format::Csv => csv::series(&series, query.chart).into_response(),
    })
}

async fn breakdown(services: &Services, viewer: &Viewer, of: Subject, query: BreakdownQuery) -> ApiResult<Response> {
    let window = window(query.range, query.from, query.until)?;
    let breakdown = services.traffic().breakdown(viewer, of, window).await?;
    Ok(match query.format {
        Format::Json => axum::Json(breakdown).into_response(),
        Format::Csv => csv::breakdown(&breakdown, query.part).into_response(),
    })
}

async fn all_metrics(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Query(query): Query<MetricsQuery>,
) -> ApiResult<Response> {
    metrics(&services, &viewer, Subject::All, query).await
}

async fn all_breakdown(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Query(query): Query<BreakdownQuery>,
) -> ApiResult<Response> {
    breakdown(&services, &viewer, Subject::All, query).await
}

async fn tunnel_metrics(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<TunnelId>,
    Query(query): Query<MetricsQuery>,
) -> ApiResult<Response> {
    let of = tunnel(&services, &viewer, id).await?;
    metrics(&services, &viewer, of, query).await
}

async fn tunnel_breakdown(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<TunnelId>,
    Query(query): Query<BreakdownQuery>,
) -> ApiResult<Response> {
    let of = tunnel(&services, &viewer, id).await?;
    breakdown(&services, &viewer, of, query).await
}

async fn service_metrics(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(which): Id<ServiceRef>,
    Query(query): Query<MetricsQuery>,
) -> ApiResult<Response> {
    let of = service(&services, &viewer, &which).await?;
    metrics(&services, &viewer, of, query).await
}

async fn service_breakdown(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(which): Id<ServiceRef>,
    Query(query): Query<BreakdownQuery>,
) -> ApiResult<Response> {
    let of = service(&services, &viewer, &which).await?;
    breakdown(&services, &viewer, of, query).await
}

async fn sessions(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<TunnelId>,
) -> ApiResult<axum::Json<List<SessionFigures>>> {
    let id = services.tunnels().get(&viewer, id).await?.id;
    Ok(axum::Json(Listing { items: services.traffic().sessions(id), next_cursor: None }.into()))
}

async fn backends(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(which): Id<ServiceRef>,
    Query(query): Query<BackendsQuery>,
) -> ApiResult<axum::Json<List<BackendFigures>>> {
    let (page, window) = (page(query.limit, query.cursor)?, window(query.range, query.from, query.until)?);
    let id = find(&services, &viewer, &which).await?.id;
    let all = BackendQuery { service: Some(id), ..BackendQuery::default() };
    let found = services.pools().backends(&viewer, all, page).await?;
    let items = services.traffic().backends(&found.items, window).await?;
    Ok(axum::Json(Listing { items, next_cursor: found.next_cursor }.into()))
}
