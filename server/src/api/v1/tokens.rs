//! `/tokens`: what telephones sign in with. The secret is in the answers to create and rotate, and nowhere else.

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    routing::{delete, get, post},
};
use domain::{NewToken, Token, TokenId};
use serde::{Deserialize, Serialize};
use server_core::{Services, TokenSecret};

use super::list::{List, page};
use crate::api::{
    bearer::Authenticated,
    error::ApiResult,
    extract::{Id, Json, Query},
};

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/tokens", get(list).post(create))
        .route("/tokens/{id}", delete(revoke))
        .route("/tokens/{id}/rotate", post(rotate))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    limit: Option<u32>,
    cursor: Option<String>,
}

/// A token with its secret. No `Debug`.
#[derive(Serialize)]
struct WithSecret {
    #[serde(flatten)]
    described: Token,
    token: String,
}

impl WithSecret {
    fn new((described, secret): (Token, TokenSecret)) -> Self {
        Self { described, token: secret.expose().to_owned() }
    }
}

async fn list(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Query(query): Query<ListQuery>,
) -> ApiResult<axum::Json<List<Token>>> {
    let page = page(query.limit, query.cursor)?;
    Ok(axum::Json(services.tokens().list(&viewer, page).await?.into()))
}

async fn create(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Json(new): Json<NewToken>,
) -> ApiResult<(StatusCode, axum::Json<WithSecret>)> {
    let created = services.tokens().create(&viewer, new).await?;
    Ok((StatusCode::CREATED, axum::Json(WithSecret::new(created))))
}

async fn revoke(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<TokenId>,
) -> ApiResult<StatusCode> {
    services.tokens().revoke(&viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn rotate(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<TokenId>,
) -> ApiResult<axum::Json<WithSecret>> {
    Ok(axum::Json(WithSecret::new(services.tokens().rotate(&viewer, id).await?)))
}
