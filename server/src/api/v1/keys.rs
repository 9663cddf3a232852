//! `/security/keys`: what access tokens are signed with.

use axum::extract::State;
use domain::SigningKey;
use serde::{Deserialize, Serialize};
use server_core::Services;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::list::{List, PageQuery};
use crate::api::{
    bearer::{Account, Administrates, Read},
    error::ApiResult,
    extract::{Json, Query},
};

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(rotate))
}

/// All keys that are good for something, the one that signs first.
#[derive(Serialize, ToSchema)]
struct SigningKeys {
    /// The keys.
    items: Vec<SigningKey>,
}

/// How a key is replaced.
#[derive(Deserialize, ToSchema)]
#[schema(as = KeyRotation)]
#[serde(deny_unknown_fields)]
struct Rotate {
    /// Whether what the old keys have signed ends now, rather than when it would have.
    #[serde(default)]
    at_once: bool,
}

/// Lists the keys that access tokens and short-lived tokens are signed with; nothing of the keys themselves.
/// Administrators only.
#[utoipa::path(
    get, path = "/security/keys", params(PageQuery),
    responses(
        (status = 200, description = "Done.", body = List<SigningKey>),
        (status = 403, description = "`admin_only`"),
    )
)]
async fn list(
    Administrates { admin, .. }: Administrates<Read>,
    State(services): State<Services>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<List<SigningKey>>> {
    let items = services.signing_keys().list(&admin).await?;
    Ok(axum::Json(query.page()?.of(items, |key| key.id.clone())?.into()))
}

/// Makes a new key, which signs from now on, on all nodes. What the old ones have signed is good as long as it would have
/// been. Administrators only.
///
/// With `at_once` it ends now, also the access token of this call: sessions go on with their refresh tokens.
#[utoipa::path(
    post, path = "/security/keys/rotate", request_body = Rotate,
    responses(
        (status = 200, description = "Done.", body = SigningKeys),
        (status = 403, description = "`admin_only`"),
    )
)]
async fn rotate(
    Administrates { admin, .. }: Administrates<Account>,
    State(services): State<Services>,
    Json(how): Json<Rotate>,
) -> ApiResult<axum::Json<SigningKeys>> {
    Ok(axum::Json(SigningKeys { items: services.signing_keys().rotate(&admin, how.at_once).await? }))
}
