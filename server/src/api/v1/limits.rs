//! `/limits`: what the whole switchboard carries. For administrators.

use axum::extract::State;
use domain::RequestRate;
use serde::{Deserialize, Serialize};
use server_core::Services;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::api::{
    bearer::{Administrates, Read, Write},
    conditional::{IfMatch, Tagged},
    error::ApiResult,
    extract::Json,
};

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new().routes(routes!(read, set))
}

/// What the whole switchboard carries.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ServerLimits {
    /// How many requests to tunnels, domains and routes each node carries, all together; null: as many as come.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    rate_limit: Option<RequestRate>,
}

/// What the whole switchboard carries. Administrators only.
#[utoipa::path(
    get, path = "/limits",
    responses(
        (status = 200, description = "Done.", body = ServerLimits),
        (status = 403, description = "`admin_only`"),
    )
)]
async fn read(
    Administrates { admin, .. }: Administrates<Read>,
    State(services): State<Services>,
) -> ApiResult<Tagged<ServerLimits>> {
    let (rate_limit, updated_at) = services.server_limits().rate(&admin).await?;
    Ok(Tagged::new(updated_at, ServerLimits { rate_limit }))
}

/// Says what the whole switchboard carries. Each node counts anew from then on. Administrators only.
#[utoipa::path(
    put, path = "/limits", request_body = ServerLimits,
    responses(
        (status = 200, description = "Done.", body = ServerLimits),
        (status = 403, description = "`admin_only`"),
    )
)]
async fn set(
    Administrates { admin, .. }: Administrates<Write>,
    State(services): State<Services>,
    IfMatch(expected): IfMatch,
    Json(limits): Json<ServerLimits>,
) -> ApiResult<Tagged<ServerLimits>> {
    services.server_limits().set_rate(&admin, limits.rate_limit, &expected).await?;
    let (rate_limit, updated_at) = services.server_limits().rate(&admin).await?;
    Ok(Tagged::new(updated_at, ServerLimits { rate_limit }))
}
