//! What is to be recorded.

use axum::{extract::State, http::StatusCode};
use domain::{CaptureLevel, CaptureSettings};
use serde::Deserialize;
use server_core::{Inspected, Services, Viewer};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::place::Place;
use crate::api::{
    bearer::{Allowed, Read, Write},
    conditional::{IfMatch, Tagged},
    error::ApiResult,
    extract::Json,
};

/// What is named is changed.
#[derive(Deserialize, ToSchema)]
#[schema(as = CaptureChange)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// How much is kept of each.
    level: Option<CaptureLevel>,
    /// The most of a body, bytes.
    body_limit: Option<u32>,
    /// How many of a hundred are recorded.
    sample_percent: Option<u8>,
    /// How long they are kept, hours.
    keep_hours: Option<u32>,
    /// The most of all together, MiB.
    keep_mib: Option<u32>,
    /// What is masked.
    #[serde(default)]
    redact: RedactChange,
}

/// What is masked before it is stored, besides what always is.
#[derive(Deserialize, Default, ToSchema)]
#[schema(as = RedactionChange)]
#[serde(deny_unknown_fields)]
struct RedactChange {
    /// Names of header fields.
    headers: Option<Vec<String>>,
    /// Names of parameters of queries and forms.
    query: Option<Vec<String>>,
    /// Places in JSON, such as `items.*.card`.
    json_paths: Option<Vec<String>>,
}

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new().routes(routes!(read, update, delete))
}

impl Change {
    fn apply(self, settings: &mut CaptureSettings) {
        fn set<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        set(&mut settings.level, self.level);
        set(&mut settings.body_limit, self.body_limit);
        set(&mut settings.sample_percent, self.sample_percent);
        set(&mut settings.keep_hours, self.keep_hours);
        set(&mut settings.keep_mib, self.keep_mib);
        set(&mut settings.redact.headers, self.redact.headers);
        set(&mut settings.redact.query, self.redact.query);
        set(&mut settings.redact.json_paths, self.redact.json_paths);
    }
}

/// What is recorded.
#[utoipa::path(get, path = "/capture", responses((status = 200, description = "Done.", body = CaptureSettings)))]
pub(super) async fn read(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    place: Place,
) -> ApiResult<Tagged<CaptureSettings>> {
    let of = place.of(&services, &viewer).await?;
    shown(&services, &viewer, of).await
}

/// Changes what is recorded.
#[utoipa::path(
    method(put, patch), path = "/capture", request_body = Change,
    responses(
        (status = 200, description = "Done.", body = CaptureSettings),
    )
)]
pub(super) async fn update(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    IfMatch(expected): IfMatch,
    place: Place,
    Json(change): Json<Change>,
) -> ApiResult<Tagged<CaptureSettings>> {
    let of = place.of(&services, &viewer).await?;
    let mut settings = services.inspector().settings(&viewer, of).await?;
    change.apply(&mut settings);
    services.inspector().set_settings(&viewer, of, Some(settings), &expected).await?;
    shown(&services, &viewer, of).await
}

/// As usual again.
#[utoipa::path(delete, path = "/capture", responses((status = 204, description = "Done.")))]
pub(super) async fn delete(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    IfMatch(expected): IfMatch,
    place: Place,
) -> ApiResult<StatusCode> {
    let of = place.of(&services, &viewer).await?;
    services.inspector().set_settings(&viewer, of, None, &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn shown(services: &Services, viewer: &Viewer, of: Inspected) -> ApiResult<Tagged<CaptureSettings>> {
    // Asked for first: when it is changed in between, the tag is too old, and never too new.
    let updated_at = services.inspector().settings_updated_at(viewer, of).await?;
    Ok(Tagged::new(updated_at, services.inspector().settings(viewer, of).await?))
}
