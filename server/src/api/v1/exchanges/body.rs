//! Bodies to download. Whatever they hold, no browser takes them for a page.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use domain::Party;
use server_core::{Services, StoredBody};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::place::Place;
use crate::api::{
    bearer::{Allowed, Read},
    error::{ApiError, ApiResult},
};

/// The most of a body that was encoded, bytes.
const MOST: usize = 32 * 1024 * 1024;

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new().routes(routes!(download))
}

/// A body with its content encoding undone.
#[utoipa::path(
    get, path = "/requests/{rid}/body/{side}",
    responses(
        (status = 200, description = "The body.", content(
        (String = "text/plain"), (String = "application/octet-stream"))),
    )
)]
async fn download(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    place: Place,
) -> ApiResult<Response> {
    let (of, id, party) = (place.of(&services, &viewer).await?, place.request()?, place.party()?);
    let body = services.inspector().body(&viewer, of, id, party).await?;
    let body = body.ok_or_else(|| ApiError::not_found("body: nothing of it is kept"))?;
    let side = match party {
        Party::Client => "request",
        Party::Server => "response",
    };
    Ok(inert(&body, &format!("{id}-{side}")))
}

/// The body as an attachment: text, or bytes, and nothing else.
pub(crate) fn inert(body: &StoredBody, name: &str) -> Response {
    let (bytes, _) = body.decoded(MOST);
    let text = is_text(body.info.content_type.as_deref()) && std::str::from_utf8(&bytes).is_ok();
    let (media_type, ending) =
        if text { ("text/plain; charset=utf-8", "txt") } else { ("application/octet-stream", "bin") };
    let mut response = bytes.into_owned().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    // Made of an id and two words.
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}.{ending}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

fn is_text(content_type: Option<&str>) -> bool {
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let subtypes = ["json", "xml", "javascript", "x-www-form-urlencoded", "graphql", "yaml"];
    essence.starts_with("text/") || subtypes.iter().any(|subtype| essence.ends_with(subtype))
}
