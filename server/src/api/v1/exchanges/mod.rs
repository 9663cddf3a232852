//! `/tunnels/:id/requests`, and the same below `/domains/:domain` and `/routes/:id`: recorded exchanges, and what is to
//! be recorded.

mod body;
mod capture;
mod har;
mod place;

use std::collections::BTreeMap;

use axum::{Json as Answer, extract::State, http::StatusCode, response::Response};
use domain::{Exchange, ExchangeFilter, ExchangePage, ExchangeSummary};
use serde::{Deserialize, Serialize};
use server_core::{CoreError, Page, Services};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::list::{PageQuery, page};
use crate::api::{
    bearer::{Allowed, Read, Write},
    error::{ApiError, ApiResult},
    extract::{Json, Query},
};
pub(super) use place::Place;

pub(crate) use body::inert;
pub(crate) use har::{of_all as archive_of_all, of_one as archive_of_one};

pub(super) fn routes() -> OpenApiRouter<Services> {
    let below = || {
        OpenApiRouter::new()
            .routes(routes!(list, delete_all))
            .routes(routes!(har_of_all))
            .routes(routes!(read, update, delete))
            .routes(routes!(har_of_one))
            .merge(body::routes())
            .merge(capture::routes())
    };
    OpenApiRouter::new().nest("/tunnels/{id}", below()).nest("/domains/{domain}", below()).nest("/routes/{id}", below())
}

/// A filter of recorded requests, as [`ExchangeFilter`] reads it. All that are given must hold.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what ExchangeFilter reads")]
struct FilterParameters {
    /// The method.
    method: Option<String>,
    /// `404`, or a class such as `5xx`.
    status: Option<String>,
    /// `http`, `event_stream`, `web_socket` or `upgrade`.
    kind: Option<String>,
    /// Part of path, query or host.
    q: Option<String>,
    /// Part of a header's name, or `name: part of its value`. Not to choose what to delete.
    header: Option<String>,
    /// Part of a body or message. Not to choose what to delete.
    body: Option<String>,
    /// At least this long, milliseconds.
    min_ms: Option<String>,
    /// At most this long, milliseconds.
    max_ms: Option<String>,
    /// At least so many bytes of both bodies.
    min_bytes: Option<String>,
    /// At most so many bytes of both bodies.
    max_bytes: Option<String>,
    /// Not before this moment, RFC 3339.
    from: Option<String>,
    /// Not after this moment, RFC 3339.
    to: Option<String>,
    /// `true`: only pinned ones.
    pinned: Option<String>,
    /// `true`: only those that failed.
    errors: Option<String>,
    /// Only replays of this one, by its id.
    replay_of: Option<String>,
}

/// How many were deleted.
#[derive(Serialize, ToSchema)]
struct Deleted {
    /// The number.
    deleted: u64,
}

/// What is to be changed of a recorded request.
#[derive(Deserialize, ToSchema)]
#[schema(as = ExchangeChange)]
#[serde(deny_unknown_fields)]
struct Change {
    /// Whether it is kept whatever its age.
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

/// Lists recorded requests, newest first.
#[utoipa::path(
    get, path = "/requests", params(FilterParameters, PageQuery),
    responses(
        (status = 200, description = "Done.", body = ExchangePage),
    )
)]
async fn list(
    Allowed { viewer, .. }: Allowed<Read>,
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

/// All that is known of a recorded request but its bodies.
#[utoipa::path(get, path = "/requests/{rid}", responses((status = 200, description = "Done.", body = Exchange)))]
async fn read(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    place: Place,
) -> ApiResult<Answer<Exchange>> {
    let of = place.of(&services, &viewer).await?;
    Ok(Answer(services.inspector().get(&viewer, of, place.request()?).await?))
}

/// Pins a recorded request, or writes something beside it.
#[utoipa::path(
    patch, path = "/requests/{rid}", request_body = Change,
    responses(
        (status = 200, description = "Done.", body = ExchangeSummary),
        (status = 409, description = "`pin_limit`"),
    )
)]
async fn update(
    Allowed { viewer, .. }: Allowed<Write>,
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

/// Deletes a recorded request.
#[utoipa::path(delete, path = "/requests/{rid}", responses((status = 204, description = "Done.")))]
async fn delete(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    place: Place,
) -> ApiResult<StatusCode> {
    let of = place.of(&services, &viewer).await?;
    services.inspector().delete(&viewer, of, place.request()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes the recorded requests that a filter finds, pinned ones too.
#[utoipa::path(
    delete, path = "/requests", params(FilterParameters),
    responses(
        (status = 200, description = "Done.", body = Deleted),
    )
)]
async fn delete_all(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    place: Place,
    Query(query): Query<BTreeMap<String, String>>,
) -> ApiResult<Answer<Deleted>> {
    let filter = Asked::read(query)?.filter()?;
    let of = place.of(&services, &viewer).await?;
    Ok(Answer(Deleted { deleted: services.inspector().delete_all(&viewer, of, &filter).await? }))
}

/// The first 1,000 that a filter finds, as HTTP Archive 1.2.
#[utoipa::path(
    get, path = "/requests/har", params(FilterParameters),
    responses(
        (status = 200, description = "An archive.", body = serde_json::Value),
    )
)]
async fn har_of_all(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    place: Place,
    Query(query): Query<BTreeMap<String, String>>,
) -> ApiResult<Response> {
    let filter = Asked::read(query)?.filter()?;
    let of = place.of(&services, &viewer).await?;
    Ok(har::of_all(services, viewer, of, filter).await?)
}

/// A recorded request as HTTP Archive 1.2.
#[utoipa::path(
    get, path = "/requests/{rid}/har",
    responses(
        (status = 200, description = "An archive.", body = serde_json::Value),
    )
)]
async fn har_of_one(
    Allowed { viewer, .. }: Allowed<Read>,
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
