//! `/tunnels`: named public entries, and how they are now.

use axum::{
    Router,
    extract::State,
    http::{HeaderName, StatusCode, header},
    routing::{get, post},
};
use domain::{SessionRecord, Tunnel, TunnelId, TunnelStats, TunnelStatus};
use serde::Deserialize;
use server_core::{NewTunnel, Services, TunnelPatch, TunnelQuery, TunnelSort};

use super::list::{List, PageQuery, page};
use crate::api::{
    bearer::Authenticated,
    error::ApiResult,
    extract::{Id, Json, Query},
};

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/tunnels", get(list).post(create))
        .route("/tunnels/{id}", get(read).patch(update).delete(delete))
        .route("/tunnels/{id}/pause", post(pause))
        .route("/tunnels/{id}/resume", post(resume))
        .route("/tunnels/{id}/restore", post(restore))
        .route("/tunnels/{id}/connections", get(connections))
        .route("/tunnels/{id}/stats", get(stats))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    /// Part of a name or subdomain.
    search: Option<String>,
    status: Option<TunnelStatus>,
    #[serde(default)]
    sort: Sort,
    /// Only deleted ones, which can be restored.
    #[serde(default)]
    deleted: bool,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum Sort {
    #[default]
    Created,
    Name,
    LastActive,
}

/// Telephones that are connected, and then those that were.
async fn connections(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<TunnelId>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<List<SessionRecord>>> {
    Ok(axum::Json(services.sessions_of(&viewer, id, query.page()?).await?.into()))
}

async fn list(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Query(query): Query<ListQuery>,
) -> ApiResult<axum::Json<List<Tunnel>>> {
    let page = page(query.limit, query.cursor)?;
    let sort = match query.sort {
        Sort::Created => TunnelSort::Created,
        Sort::Name => TunnelSort::Name,
        Sort::LastActive => TunnelSort::LastActive,
    };
    let query = TunnelQuery { search: query.search, status: query.status, sort, deleted: query.deleted };
    Ok(axum::Json(services.tunnels().list(&viewer, query, page).await?.into()))
}

async fn create(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Json(new): Json<NewTunnel>,
) -> ApiResult<(StatusCode, [(HeaderName, String); 1], axum::Json<Tunnel>)> {
    let tunnel = services.tunnels().create(&viewer, new).await?;
    let location = [(header::LOCATION, format!("/api/v1/tunnels/{}", tunnel.id))];
    Ok((StatusCode::CREATED, location, axum::Json(tunnel)))
}

async fn read(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<TunnelId>,
) -> ApiResult<axum::Json<Tunnel>> {
    Ok(axum::Json(services.tunnels().get(&viewer, id).await?))
}

async fn update(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<TunnelId>,
    Json(patch): Json<TunnelPatch>,
) -> ApiResult<axum::Json<Tunnel>> {
    Ok(axum::Json(services.tunnels().update(&viewer, id, patch).await?))
}

async fn delete(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<TunnelId>,
) -> ApiResult<StatusCode> {
    services.tunnels().delete(&viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn pause(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<TunnelId>,
) -> ApiResult<axum::Json<Tunnel>> {
    Ok(axum::Json(services.tunnels().pause(&viewer, id).await?))
}

async fn resume(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<TunnelId>,
) -> ApiResult<axum::Json<Tunnel>> {
    Ok(axum::Json(services.tunnels().resume(&viewer, id).await?))
}

async fn restore(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<TunnelId>,
) -> ApiResult<axum::Json<Tunnel>> {
    Ok(axum::Json(services.tunnels().restore(&viewer, id).await?))
}

async fn stats(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<TunnelId>,
) -> ApiResult<axum::Json<TunnelStats>> {
    Ok(axum::Json(services.tunnels().stats(&viewer, id).await?))
}
