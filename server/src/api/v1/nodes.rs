//! `/nodes`: the switchboard processes on this database, as each last told of itself.

use axum::extract::State;
use domain::Node;
use server_core::Services;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::list::{List, PageQuery};
use crate::api::{
    bearer::{Allowed, Read},
    error::ApiResult,
    extract::Query,
};

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Lists the switchboard processes on this database by name, as each last told of itself.
#[utoipa::path(get, path = "/nodes", params(PageQuery), responses((status = 200, description = "Done.", body = List<Node>)))]
async fn list(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<List<Node>>> {
    Ok(axum::Json(services.nodes().list(&viewer, query.page()?).await?.into()))
}
