//! `/nodes`: the switchboard processes on this database, as each last told of itself.

use axum::{Router, extract::State, routing::get};
use domain::Node;
use server_core::{Listing, Services};

use super::list::List;
use crate::api::{bearer::Authenticated, error::ApiResult};

pub(super) fn routes() -> Router<Services> {
    Router::new().route("/nodes", get(list))
}

async fn list(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
) -> ApiResult<axum::Json<List<Node>>> {
    let items = services.regions().nodes(&viewer).await?;
    Ok(axum::Json(Listing { items, next_cursor: None }.into()))
}
