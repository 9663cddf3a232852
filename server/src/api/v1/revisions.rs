//! `/revisions`: who changed what, how it was before and after, and putting it back.

use axum::{extract::State, http::StatusCode};
use domain::{Revision, RevisionId, RevisionKind};
use serde::Deserialize;
use server_core::{RevisionQuery, RevisionSide, Services};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::list::{List, page};
use crate::api::{
    bearer::{Allowed, Read, Write},
    error::ApiResult,
    extract::{Id, Query},
};

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read)).routes(routes!(restore))
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
    /// Only changes of this kind of thing.
    #[param(inline)]
    kind: Option<RevisionKind>,
    /// The id of what was changed; a backend's `key`.
    object: Option<Uuid>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct RestoreQuery {
    /// How it was before the change, or after it.
    #[serde(default)]
    #[param(inline)]
    to: Side,
}

#[derive(Deserialize, Default, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Side {
    #[default]
    Before,
    After,
}

/// Lists changes, newest first.
#[utoipa::path(
    get, path = "/revisions", params(ListQuery),
    responses(
        (status = 200, description = "Done.", body = List<Revision>),
    )
)]
async fn list(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Query(query): Query<ListQuery>,
) -> ApiResult<axum::Json<List<Revision>>> {
    let page = page(query.limit, query.cursor)?;
    let query = RevisionQuery { kind: query.kind, object: query.object };
    Ok(axum::Json(services.revisions().list(&viewer, query, page).await?.into()))
}

/// One change.
#[utoipa::path(get, path = "/revisions/{id}", responses((status = 200, description = "Done.", body = Revision)))]
async fn read(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Id(id): Id<RevisionId>,
) -> ApiResult<axum::Json<Revision>> {
    Ok(axum::Json(services.revisions().get(&viewer, id).await?))
}

/// Puts a thing back to how it was before a change, or after it.
///
/// It is a change like any other: it is checked, may be refused, and leaves a revision.
#[utoipa::path(
    post, path = "/revisions/{id}/restore", params(RestoreQuery),
    responses(
        (status = 204, description = "Done."),
        (status = 400, description = "`unknown_tag`, `not_found`"),
        (status = 403, description = "`admin_only`"),
        (status = 409, description = "`not_restorable`, `service_exists`, `service_in_use`, `service_deleted`, \
            `backend_exists`, `domain_taken`, `domain_deleted`, `mount_overlaps`, `region_exists`, \
            `reserved_host`, `reserved_mount`, `service_limit`, `backend_limit`, `domain_limit`, `route_limit`"),
    )
)]
async fn restore(
    Allowed { viewer, .. }: Allowed<Write>,
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
