//! `/tunnels/:id/requests`, and the same below `/domains/:domain` and `/routes/:id`: recorded exchanges, and what is to
//! be recorded.

mod body;
mod capture;
mod har;
mod place;

use std::collections::BTreeMap;

use axum::{
    Json as Answer, Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{get, put},
};
use domain::{Exchange, ExchangeFilter, ExchangePage, ExchangeSummary};
use serde::{Deserialize, Serialize};
use server_core::{CoreError, Page, Services};

use super::list::page;
use crate::api::{
    bearer::Authenticated,
    error::{ApiError, ApiResult},
    extract::{Json, Query},
};
use place::Place;

pub(crate) use body::inert;
pub(crate) use har::{of_all as archive_of_all, of_one as archive_of_one};

pub(super) fn routes() -> Router<Services> {
    let below = |of: &str| {
        Router::new()
            .route(&format!("{of}/requests"), get(list).delete(delete_all))
            .route(&format!("{of}/requests/har"), get(har_of_all))
            .route(&format!("{of}/requests/{{rid}}"), get(read).patch(update).delete(delete))
            .route(&format!("{of}/requests/{{rid}}/har"), get(har_of_one))
            .route(&format!("{of}/requests/{{rid}}/body/{{side}}"), get(body::download))
            .route(&format!("{of}/capture"), put(capture::update).patch(capture::update))
            .route(&format!("{of}/capture"), get(capture::read).delete(capture::delete))
    };
    below("/tunnels/{id}").merge(below("/domains/{domain}")).merge(below("/routes/{id}"))
}

#[derive(Serialize)]
struct Deleted {
    deleted: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    pinned: Option<bool>,
    /// `null` takes the note away.
    #[serde(default, deserialize_with = "given")]
    note: Option<Option<String>>,
}

/// Tells what is `null` from what is missing.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// A query string that has a filter, a page, both or nothing.
struct Asked {
    filter: ExchangeFilter,
    limit: Option<u32>,
    cursor: Option<String>,
}

impl Asked {
    fn read(query: BTreeMap<String, String>) -> ApiResult<Self> {
        let mut asked = Self { filter: ExchangeFilter::default(), limit: None, cursor: None };
        for (name, value) in query {
            match name.as_str() {
                "limit" => {
                    let limit = value.parse();
                    asked.limit = Some(limit.map_err(|_| ApiError::invalid("limit", "limit is a number"))?);
                }
                "cursor" => asked.cursor = Some(value),
                _ => {
                    let known = asked.filter.set(&name, &value);
                    if !known.map_err(|error| ApiError::invalid(error.field, error.message))? {
                        return Err(ApiError::bad_request("invalid_query", format!("there is no parameter {name:?}")));
                    }
                }
            }
        }
        Ok(asked)
    }

    /// The filter, where there are no pages.
    fn filter(self) -> ApiResult<ExchangeFilter> {
        if self.limit.is_some() || self.cursor.is_some() {
            let message = "limit and cursor have no meaning here; choose with from and to, or another part of a filter";
            return Err(ApiError::bad_request("invalid_query", message));
        }
        Ok(self.filter)
    }
}

async fn list(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    place: Place,
    Query(query): Query<BTreeMap<String, String>>,
) -> ApiResult<Answer<ExchangePage>> {
    let asked = Asked::read(query)?;
    let page = page(asked.limit, asked.cursor)?;
    let of = place.of(&services, &viewer).await?;
    let found = services.inspector().list(&viewer, of, &asked.filter, &page).await?;
    Ok(Answer(ExchangePage { items: found.items, next_cursor: found.next_cursor, looked_until: found.looked_until }))
}

async fn read(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    place: Place,
) -> ApiResult<Answer<Exchange>> {
    let of = place.of(&services, &viewer).await?;
    Ok(Answer(services.inspector().get(&viewer, of, place.request()?).await?))
}

async fn update(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    place: Place,
    Json(change): Json<Change>,
) -> ApiResult<Answer<ExchangeSummary>> {
    let (of, id) = (place.of(&services, &viewer).await?, place.request()?);
    let inspector = services.inspector();
    let mut changed = None;
    if let Some(note) = change.note {
        changed = Some(inspector.note(&viewer, of, id, note.as_deref().unwrap_or_default()).await?);
    }
    if let Some(pinned) = change.pinned {
        changed = Some(inspector.pin(&viewer, of, id, pinned).await?);
    }
    match changed {
        Some(changed) => Ok(Answer(changed)),
        None => Ok(Answer(inspector.get(&viewer, of, id).await?.summary)),
    }
}

async fn delete(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    place: Place,
) -> ApiResult<StatusCode> {
    let of = place.of(&services, &viewer).await?;
    services.inspector().delete(&viewer, of, place.request()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete_all(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    place: Place,
    Query(query): Query<BTreeMap<String, String>>,
) -> ApiResult<Answer<Deleted>> {
    let filter = Asked::read(query)?.filter()?;
    let of = place.of(&services, &viewer).await?;
    Ok(Answer(Deleted { deleted: services.inspector().delete_all(&viewer, of, &filter).await? }))
}

async fn har_of_all(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    place: Place,
    Query(query): Query<BTreeMap<String, String>>,
) -> ApiResult<Response> {
    let filter = Asked::read(query)?.filter()?;
    let of = place.of(&services, &viewer).await?;
    Ok(har::of_all(services, viewer, of, filter).await?)
}

async fn har_of_one(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    place: Place,
) -> ApiResult<Response> {
    let of = place.of(&services, &viewer).await?;
    Ok(har::of_one(&services, &viewer, of, place.request()?).await?)
}

/// The first page of everything, for what goes through all pages.
fn first_page() -> Page {
    Page { limit: 100, cursor: None }
}

/// What cannot be written as JSON is our fault.
fn unwritten(error: &serde_json::Error) -> CoreError {
    CoreError::Internal(format!("writing an exchange: {error}"))
}
