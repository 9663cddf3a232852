//! `/tunnels`: named public entries, and how they are now.

use axum::{
    extract::State,
    http::{HeaderName, StatusCode, header},
};
use domain::{SessionRecord, Tunnel, TunnelId, TunnelStats, TunnelStatus};
use serde::Deserialize;
use server_core::{NewTunnel, Services, TunnelPatch, TunnelQuery, TunnelSort};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::list::{List, PageQuery, page};
use crate::api::{
    bearer::{Allowed, ReadTunnels, WriteTunnels},
    conditional::{IfMatch, Tagged},
    error::ApiResult,
    extract::{Id, Json, Query},
};

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, update, delete))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(restore))
        .routes(routes!(connections))
        .routes(routes!(stats))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// How many at most; 50 when nothing is said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Part of a name or subdomain.
    search: Option<String>,
    /// Only those that are doing this.
    #[param(inline)]
    status: Option<TunnelStatus>,
    /// In which order.
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
    /// Only deleted ones, which can be restored.
    #[serde(default)]
    deleted: bool,
}

#[derive(Deserialize, Default, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Sort {
    #[default]
    Created,
    Name,
    LastActive,
}

/// Telephones that are connected, and then those that were.
#[utoipa::path(
    get, path = "/tunnels/{id}/connections", params(PageQuery),
    responses(
        (status = 200, description = "Done.", body = List<SessionRecord>),
    )
)]
async fn connections(
    Allowed { viewer, .. }: Allowed<ReadTunnels>,
    State(services): State<Services>,
    Id(id): Id<TunnelId>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<List<SessionRecord>>> {
    Ok(axum::Json(services.sessions_of(&viewer, id, query.page()?).await?.into()))
}

/// Lists tunnels.
#[utoipa::path(
    get, path = "/tunnels", params(ListQuery),
    responses(
        (status = 200, description = "Done.", body = List<Tunnel>),
    )
)]
async fn list(
    Allowed { viewer, .. }: Allowed<ReadTunnels>,
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

/// Makes a tunnel.
#[utoipa::path(
    post, path = "/tunnels", request_body = NewTunnel,
    responses(
        (status = 201, description = "Made; Location has its address.", body = Tunnel),
        (status = 409, description = "`subdomain_taken`, `domain_taken`, `reserved_host`, `tunnel_limit`"),
    )
)]
async fn create(
    Allowed { viewer, .. }: Allowed<WriteTunnels>,
    State(services): State<Services>,
    Json(new): Json<NewTunnel>,
) -> ApiResult<(StatusCode, [(HeaderName, String); 1], Tagged<Tunnel>)> {
    let tunnel = services.tunnels().create(&viewer, new).await?;
    let location = [(header::LOCATION, format!("/api/v1/tunnels/{}", tunnel.id))];
    Ok((StatusCode::CREATED, location, tunnel.into()))
}

/// One tunnel.
#[utoipa::path(get, path = "/tunnels/{id}", responses((status = 200, description = "Done.", body = Tunnel)))]
async fn read(
    Allowed { viewer, .. }: Allowed<ReadTunnels>,
    State(services): State<Services>,
    Id(id): Id<TunnelId>,
) -> ApiResult<Tagged<Tunnel>> {
    Ok(services.tunnels().get(&viewer, id).await?.into())
}

/// Changes what is named of a tunnel.
#[utoipa::path(
    patch, path = "/tunnels/{id}", request_body = TunnelPatch,
    responses(
        (status = 200, description = "Done.", body = Tunnel),
        (status = 409, description = "`subdomain_taken`, `domain_taken`, `reserved_host`, `tunnel_deleted`"),
    )
)]
async fn update(
    Allowed { viewer, .. }: Allowed<WriteTunnels>,
    State(services): State<Services>,
    IfMatch(expected): IfMatch,
    Id(id): Id<TunnelId>,
    Json(patch): Json<TunnelPatch>,
) -> ApiResult<Tagged<Tunnel>> {
    Ok(services.tunnels().if_unchanged(expected).update(&viewer, id, patch).await?.into())
}

/// Deletes a tunnel. Its telephones are disconnected.
#[utoipa::path(delete, path = "/tunnels/{id}", responses((status = 204, description = "Done.")))]
async fn delete(
    Allowed { viewer, .. }: Allowed<WriteTunnels>,
    State(services): State<Services>,
    IfMatch(expected): IfMatch,
    Id(id): Id<TunnelId>,
) -> ApiResult<StatusCode> {
    services.tunnels().if_unchanged(expected).delete(&viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets no request and no telephone in until it is resumed.
#[utoipa::path(
    post, path = "/tunnels/{id}/pause",
    responses(
        (status = 200, description = "Done.", body = Tunnel),
        (status = 409, description = "`tunnel_deleted`"),
    )
)]
async fn pause(
    Allowed { viewer, .. }: Allowed<WriteTunnels>,
    State(services): State<Services>,
    Id(id): Id<TunnelId>,
) -> ApiResult<axum::Json<Tunnel>> {
    Ok(axum::Json(services.tunnels().pause(&viewer, id).await?))
}

/// Ends a pause.
#[utoipa::path(
    post, path = "/tunnels/{id}/resume",
    responses(
        (status = 200, description = "Done.", body = Tunnel),
        (status = 409, description = "`tunnel_deleted`"),
    )
)]
async fn resume(
    Allowed { viewer, .. }: Allowed<WriteTunnels>,
    State(services): State<Services>,
    Id(id): Id<TunnelId>,
) -> ApiResult<axum::Json<Tunnel>> {
    Ok(axum::Json(services.tunnels().resume(&viewer, id).await?))
}

/// Brings a deleted tunnel back.
#[utoipa::path(
    post, path = "/tunnels/{id}/restore",
    responses(
        (status = 200, description = "Done.", body = Tunnel),
        (status = 409, description = "`subdomain_taken`, `domain_taken`, `reserved_host`, `tunnel_limit`"),
    )
)]
async fn restore(
    Allowed { viewer, .. }: Allowed<WriteTunnels>,
    State(services): State<Services>,
    Id(id): Id<TunnelId>,
) -> ApiResult<axum::Json<Tunnel>> {
    Ok(axum::Json(services.tunnels().restore(&viewer, id).await?))
}

/// How a tunnel is doing now, on the node that answers.
#[utoipa::path(
    get, path = "/tunnels/{id}/stats",
    responses(
        (status = 200, description = "Done.", body = TunnelStats),
    )
)]
async fn stats(
    Allowed { viewer, .. }: Allowed<ReadTunnels>,
    State(services): State<Services>,
    Id(id): Id<TunnelId>,
) -> ApiResult<axum::Json<TunnelStats>> {
    Ok(axum::Json(services.tunnels().stats(&viewer, id).await?))
}
