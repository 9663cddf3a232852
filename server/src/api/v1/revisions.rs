//! `/revisions`: who changed what, how it was before and after, and putting it back.

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use domain::{Revision, RevisionId, RevisionKind};
use serde::Deserialize;
use server_core::{RevisionQuery, RevisionSide, Services};
use uuid::Uuid;

use super::list::{List, page};
use crate::api::{
    bearer::Authenticated,
    error::ApiResult,
    extract::{Id, Query},
};

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/revisions", get(list))
        .route("/revisions/{id}", get(read))
        .route("/revisions/{id}/restore", post(restore))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    kind: Option<RevisionKind>,
    /// The id of what was changed; a backend's `key`.
    object: Option<Uuid>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RestoreQuery {
    #[serde(default)]
    to: Side,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum Side {
    #[default]
    Before,
    After,
}

async fn list(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Query(query): Query<ListQuery>,
) -> ApiResult<axum::Json<List<Revision>>> {
    let page = page(query.limit, query.cursor)?;
    let query = RevisionQuery { kind: query.kind, object: query.object };
    Ok(axum::Json(services.revisions().list(&viewer, query, page).await?.into()))
}

async fn read(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<RevisionId>,
) -> ApiResult<axum::Json<Revision>> {
    Ok(axum::Json(services.revisions().get(&viewer, id).await?))
}

async fn restore(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<RevisionId>,
    Query(query): Query<RestoreQuery>,
) -> ApiResult<StatusCode> {
    let side = match query.to {
        Side::Before => RevisionSide::Before,
        Side::After => RevisionSide::After,
    };
    services.revisions().restore(&viewer, id, side).await?;
    Ok(StatusCode::NO_CONTENT)
}
