//! `/tokens`: what telephones sign in with. The secret is in the answers to create and rotate, and nowhere else.

use axum::{Extension, extract::State, http::StatusCode};
use domain::{NewShortToken, NewToken, Rotation, Timestamp, Token, TokenId, TokenScope};
use serde::{Deserialize, Serialize};
use server_core::{Services, ShortToken, TokenSecret};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::list::{List, page};
use crate::{
    api::{
        bearer::{Allowed, ReadTunnels, TunnelToken, WriteTunnels},
        error::ApiResult,
        extract::{Id, Json, Query},
    },
    ingress::Client,
};

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(exchange_secret))
        .routes(routes!(revoke))
        .routes(routes!(rotate))
        .routes(routes!(exchange))
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
}

/// A token with its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = TokenWithSecret)]
struct WithSecret {
    #[serde(flatten)]
    described: Token,
    /// The secret.
    token: String,
}

impl WithSecret {
    fn new((described, secret): (Token, TokenSecret)) -> Self {
        Self { described, token: secret.expose().to_owned() }
    }
}

/// Lists the tokens that telephones sign in with, without their secrets.
#[utoipa::path(
    get, path = "/tokens", params(ListQuery),
    responses(
        (status = 200, description = "Done.", body = List<Token>),
    )
)]
async fn list(
    Allowed { viewer, .. }: Allowed<ReadTunnels>,
    State(services): State<Services>,
    Query(query): Query<ListQuery>,
) -> ApiResult<axum::Json<List<Token>>> {
    let page = page(query.limit, query.cursor)?;
    Ok(axum::Json(services.tokens().list(&viewer, page).await?.into()))
}

/// Makes a token. Its secret is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/tokens", request_body = NewToken,
    responses(
        (status = 201, description = "Made; Location has its address.", body = WithSecret),
        (status = 409, description = "`token_limit`"),
    )
)]
async fn create(
    Allowed { viewer, .. }: Allowed<WriteTunnels>,
    State(services): State<Services>,
    Json(new): Json<NewToken>,
) -> ApiResult<(StatusCode, axum::Json<WithSecret>)> {
    let created = services.tokens().create(&viewer, new).await?;
    Ok((StatusCode::CREATED, axum::Json(WithSecret::new(created))))
}

/// Revokes a token. Telephones that use it are disconnected.
#[utoipa::path(delete, path = "/tokens/{id}", responses((status = 204, description = "Done.")))]
async fn revoke(
    Allowed { viewer, .. }: Allowed<WriteTunnels>,
    State(services): State<Services>,
    Id(id): Id<TokenId>,
) -> ApiResult<StatusCode> {
    services.tokens().revoke(&viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct RotateQuery {
    /// How long the old secret stays good, seconds; when nothing is said, it ends at once.
    #[param(maximum = 2_592_000)]
    overlap_seconds: Option<u32>,
}

/// Gives a token another secret. The old one ends at once, or when `overlap_seconds` are over.
#[utoipa::path(
    post, path = "/tokens/{id}/rotate", params(RotateQuery),
    responses(
        (status = 200, description = "Done.", body = WithSecret),
    )
)]
async fn rotate(
    Allowed { viewer, .. }: Allowed<WriteTunnels>,
    State(services): State<Services>,
    Id(id): Id<TokenId>,
    Query(query): Query<RotateQuery>,
) -> ApiResult<axum::Json<WithSecret>> {
    let how = Rotation { overlap_seconds: query.overlap_seconds.unwrap_or_default() };
    Ok(axum::Json(WithSecret::new(services.tokens().rotate(&viewer, id, how).await?)))
}

/// A short-lived token.
#[derive(Serialize, ToSchema)]
#[schema(as = ShortToken)]
struct Short {
    /// What a telephone signs in with, in place of the token.
    token: String,
    /// When it ends.
    expires_at: Timestamp,
    /// What it allows.
    scope: TokenScope,
}

impl From<ShortToken> for Short {
    fn from(short: ShortToken) -> Self {
        Self { token: short.secret.expose().to_owned(), expires_at: short.expires_at, scope: short.scope }
    }
}

/// Gives a short-lived token in place of one of the caller's.
///
/// Telephones sign in with it as with the token; it ends by itself, with the token, and with the secret that the token has
/// now.
#[utoipa::path(
    post, path = "/tokens/{id}/exchange", request_body = NewShortToken,
    responses(
        (status = 201, description = "Made.", body = Short),
        (status = 409, description = "`token_expired`"),
    )
)]
async fn exchange(
    Allowed { viewer, .. }: Allowed<WriteTunnels>,
    State(services): State<Services>,
    Id(id): Id<TokenId>,
    Json(new): Json<NewShortToken>,
) -> ApiResult<(StatusCode, axum::Json<Short>)> {
    let short = services.tokens().exchange(&viewer, id, new).await?;
    Ok((StatusCode::CREATED, axum::Json(short.into())))
}

/// Gives a short-lived token in place of the one whose secret is the bearer.
///
/// For machines that have a token's secret and start telephones that should not have it. The call has to come from where the
/// token may be used.
#[utoipa::path(
    post, path = "/tokens/exchange", request_body = NewShortToken, security(("tunnel_token" = [])),
    responses(
        (status = 201, description = "Made.", body = Short),
        (status = 401, description = "`unauthorized`"),
        (status = 403, description = "`token_scope`"),
    )
)]
async fn exchange_secret(
    TunnelToken(secret): TunnelToken,
    State(services): State<Services>,
    Extension(client): Extension<Client>,
    Json(new): Json<NewShortToken>,
) -> ApiResult<(StatusCode, axum::Json<Short>)> {
    let short = services.tokens().exchange_secret(&secret, client.address, new).await?;
    Ok((StatusCode::CREATED, axum::Json(short.into())))
}
