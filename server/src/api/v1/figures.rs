//! What was measured of a tunnel, of a service, and of all that the caller has.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{BackendFigures, Breakdown, Series, SessionFigures, TunnelId, Window};
use serde::Deserialize;
use server_core::{BackendQuery, Listing, ServiceRef, Services, Subject, Viewer};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    list::{List, PageQuery, page},
    services::find,
};
use crate::api::{
    bearer::{Allowed, Read, ReadTunnels},
    csv::{self, Chart, Format, Part},
    error::{ApiError, ApiResult},
    extract::{Id, Query},
};

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new()
        .routes(routes!(all_metrics))
        .routes(routes!(all_breakdown))
        .routes(routes!(tunnel_metrics))
        .routes(routes!(tunnel_breakdown))
        .routes(routes!(sessions))
        .routes(routes!(backends))
        .routes(routes!(service_metrics))
        .routes(routes!(service_breakdown))
}

/// Which stretch of time, and in what form.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct MetricsQuery {
    /// Up to now: `live` (five minutes), `1h`, `24h`, `7d` or `30d`; `live` when nothing is said.
    range: Option<String>,
    /// The beginning, as RFC 3339 or, in UTC, as `2026-11-21T18:30`; at most 62 days ago.
    from: Option<String>,
    /// The end; now when it is missing.
    until: Option<String>,
    /// In what form.
    #[serde(default)]
    #[param(inline)]
    format: Format,
    /// Only what one chart shows; with CSV.
    #[param(inline)]
    chart: Option<Chart>,
}

/// The same for a breakdown.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct BreakdownQuery {
    /// Up to now: `live` (five minutes), `1h`, `24h`, `7d` or `30d`; `live` when nothing is said.
    range: Option<String>,
    /// The beginning, as RFC 3339 or, in UTC, as `2026-11-21T18:30`; at most 62 days ago.
    from: Option<String>,
    /// The end; now when it is missing.
    until: Option<String>,
    /// In what form.
    #[serde(default)]
    #[param(inline)]
    format: Format,
    /// Which of its lists; with CSV.
    #[serde(default)]
    #[param(inline)]
    part: Part,
}

/// Which backends, and which stretch of time.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct BackendsQuery {
    /// How many at most; 50 when nothing is said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Up to now: `live` (five minutes), `1h`, `24h`, `7d` or `30d`; `live` when nothing is said.
    range: Option<String>,
    /// The beginning, as RFC 3339 or, in UTC, as `2026-11-21T18:30`; at most 62 days ago.
    from: Option<String>,
    /// The end; now when it is missing.
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

/// What was measured of all that the caller has, step by step.
#[utoipa::path(
    get, path = "/traffic/metrics", params(MetricsQuery),
    responses(
        (status = 200, description = "As JSON, or with format=csv as CSV.", content(
        (Series = "application/json"), (String = "text/csv"))),
    )
)]
async fn all_metrics(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Query(query): Query<MetricsQuery>,
) -> ApiResult<Response> {
    metrics(&services, &viewer, Subject::All, query).await
}

/// Codes, paths, clients and slowest requests of all that the caller has.
#[utoipa::path(
    get, path = "/traffic/breakdown", params(BreakdownQuery),
    responses(
        (status = 200, description = "As JSON, or with format=csv as CSV.", content(
        (Breakdown = "application/json"), (String = "text/csv"))),
    )
)]
async fn all_breakdown(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Query(query): Query<BreakdownQuery>,
) -> ApiResult<Response> {
    breakdown(&services, &viewer, Subject::All, query).await
}

/// What was measured of a tunnel, step by step.
#[utoipa::path(
    get, path = "/tunnels/{id}/metrics", params(MetricsQuery),
    responses(
        (status = 200, description = "As JSON, or with format=csv as CSV.", content(
        (Series = "application/json"), (String = "text/csv"))),
    )
)]
async fn tunnel_metrics(
    Allowed { viewer, .. }: Allowed<ReadTunnels>,
    State(services): State<Services>,
    Id(id): Id<TunnelId>,
    Query(query): Query<MetricsQuery>,
) -> ApiResult<Response> {
    let of = tunnel(&services, &viewer, id).await?;
    metrics(&services, &viewer, of, query).await
}

/// Codes, paths, clients and slowest requests of a tunnel.
#[utoipa::path(
    get, path = "/tunnels/{id}/breakdown", params(BreakdownQuery),
    responses(
        (status = 200, description = "As JSON, or with format=csv as CSV.", content(
        (Breakdown = "application/json"), (String = "text/csv"))),
    )
)]
async fn tunnel_breakdown(
    Allowed { viewer, .. }: Allowed<ReadTunnels>,
    State(services): State<Services>,
    Id(id): Id<TunnelId>,
    Query(query): Query<BreakdownQuery>,
) -> ApiResult<Response> {
    let of = tunnel(&services, &viewer, id).await?;
    breakdown(&services, &viewer, of, query).await
}

/// What was measured of a service, step by step.
#[utoipa::path(
    get, path = "/services/{id}/metrics", params(MetricsQuery),
    responses(
        (status = 200, description = "As JSON, or with format=csv as CSV.", content(
        (Series = "application/json"), (String = "text/csv"))),
    )
)]
async fn service_metrics(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Id(which): Id<ServiceRef>,
    Query(query): Query<MetricsQuery>,
) -> ApiResult<Response> {
    let of = service(&services, &viewer, &which).await?;
    metrics(&services, &viewer, of, query).await
}

/// Codes, paths, clients and slowest requests of a service.
#[utoipa::path(
    get, path = "/services/{id}/breakdown", params(BreakdownQuery),
    responses(
        (status = 200, description = "As JSON, or with format=csv as CSV.", content(
        (Breakdown = "application/json"), (String = "text/csv"))),
    )
)]
async fn service_breakdown(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Id(which): Id<ServiceRef>,
    Query(query): Query<BreakdownQuery>,
) -> ApiResult<Response> {
    let of = service(&services, &viewer, &which).await?;
    breakdown(&services, &viewer, of, query).await
}

/// What each telephone was given since it connected; those that left within the last hour, too.
#[utoipa::path(
    get, path = "/tunnels/{id}/sessions", params(PageQuery),
    responses(
        (status = 200, description = "Done.", body = List<SessionFigures>),
    )
)]
async fn sessions(
    Allowed { viewer, .. }: Allowed<ReadTunnels>,
    State(services): State<Services>,
    Id(id): Id<TunnelId>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<List<SessionFigures>>> {
    let id = services.tunnels().get(&viewer, id).await?.id;
    Ok(axum::Json(query.page()?.of(services.traffic().sessions(id), |session| session.id)?.into()))
}

/// What each backend of a service was given.
#[utoipa::path(
    get, path = "/services/{id}/backends", params(BackendsQuery),
    responses(
        (status = 200, description = "Done.", body = List<BackendFigures>),
    )
)]
async fn backends(
    Allowed { viewer, .. }: Allowed<Read>,
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
