//! `/web/data/requests…`: what the inspector's list asks for, and archives and bodies to download; as the API's, for the
//! session's cookie.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    extract::{Path, State},
    response::Response,
    routing::get,
};
use domain::{ExchangeFilter, ExchangePage, Party, RequestId, RuleId};
use serde::Deserialize;
use server_core::{Found, Inspected, Page, Services};

use super::live::{Live, Who};
use crate::api::{
    error::{ApiError, ApiResult},
    extract::Query,
    v1::exchanges::{archive_of_all, archive_of_one, inert},
};

/// Exchanges in an answer.
const ROWS: u32 = 100;

pub(super) fn routes() -> Router<Live> {
    Router::new()
        .route("/web/data/requests", get(list))
        .route("/web/data/requests/har", get(har_of_all))
        .route("/web/data/requests/{id}/har", get(har))
        .route("/web/data/requests/{id}/body/{side}", get(body))
}

/// The tunnel, domain or route that an address names as `tunnel:`, `domain:` or `route:` and the id.
fn inspected(text: &str) -> ApiResult<Inspected> {
    let found = text.split_once(':').and_then(|(kind, id)| match kind {
        "tunnel" => id.parse().ok().map(Inspected::Tunnel),
        "domain" => id.parse().ok().map(|id| Inspected::Rule(RuleId::Domain(id))),
        "route" => id.parse().ok().map(|id| Inspected::Rule(RuleId::Route(id))),
        _ => None,
    });
    found.ok_or_else(|| ApiError::not_found("tunnel"))
}

/// `of`, `cursor`, and whatever the list is narrowed to.
async fn list(
    who: Who,
    State(services): State<Services>,
    Query(mut query): Query<BTreeMap<String, String>>,
) -> ApiResult<Json<ExchangePage>> {
    let of = inspected(query.remove("of").as_deref().unwrap_or_default())?;
    let page = Page { limit: ROWS, cursor: query.remove("cursor") };
    let filter = filter(query)?;
    let Found { items, next_cursor, looked_until } = services.inspector().list(&who.viewer, of, &filter, &page).await?;
    Ok(Json(ExchangePage { items, next_cursor, looked_until }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    of: String,
}

/// A body. Whatever it is, browsers save it and show nothing of it.
async fn body(
    who: Who,
    State(services): State<Services>,
    Path((id, side)): Path<(String, String)>,
    Query(whose): Query<Whose>,
) -> ApiResult<Response> {
    let id = request(&id)?;
    let party = match side.as_str() {
        "request" => Party::Client,
        "response" => Party::Server,
        _ => return Err(ApiError::not_found("body")),
    };
    let body = services.inspector().body(&who.viewer, inspected(&whose.of)?, id, party).await?;
    let body = body.ok_or_else(|| ApiError::not_found("body"))?;
    Ok(inert(&body, &format!("{id}-{side}")))
}

/// An archive of one exchange.
async fn har(
    who: Who,
    State(services): State<Services>,
    Path(id): Path<String>,
    Query(whose): Query<Whose>,
) -> ApiResult<Response> {
    Ok(archive_of_one(&services, &who.viewer, inspected(&whose.of)?, request(&id)?).await?)
}

/// An archive of all that the list is narrowed to.
async fn har_of_all(
    who: Who,
    State(services): State<Services>,
    Query(mut query): Query<BTreeMap<String, String>>,
) -> ApiResult<Response> {
    let of = inspected(query.remove("of").as_deref().unwrap_or_default())?;
    let filter = filter(query)?;
    Ok(archive_of_all(services, who.viewer, of, filter).await?)
}

fn request(id: &str) -> ApiResult<RequestId> {
    id.parse().map_err(|_| ApiError::not_found("request"))
}

fn filter(query: BTreeMap<String, String>) -> ApiResult<ExchangeFilter> {
    ExchangeFilter::try_from(query).map_err(|error| ApiError::invalid(error.field, error.message))
}
