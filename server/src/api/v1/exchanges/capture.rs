//! What is to be recorded.

use axum::{Json as Answer, extract::State, http::StatusCode};
use domain::{CaptureLevel, CaptureSettings};
use serde::Deserialize;
use server_core::Services;

use super::place::Place;
use crate::api::{bearer::Authenticated, error::ApiResult, extract::Json};

/// What is named is changed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    level: Option<CaptureLevel>,
    body_limit: Option<u32>,
    sample_percent: Option<u8>,
    keep_hours: Option<u32>,
    keep_mib: Option<u32>,
    #[serde(default)]
    redact: RedactChange,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RedactChange {
    headers: Option<Vec<String>>,
    query: Option<Vec<String>>,
    json_paths: Option<Vec<String>>,
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

pub(super) async fn read(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    place: Place,
) -> ApiResult<Answer<CaptureSettings>> {
    let of = place.of(&services, &viewer).await?;
    Ok(Answer(services.inspector().settings(&viewer, of).await?))
}

pub(super) async fn update(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    place: Place,
    Json(change): Json<Change>,
) -> ApiResult<Answer<CaptureSettings>> {
    let of = place.of(&services, &viewer).await?;
    let mut settings = services.inspector().settings(&viewer, of).await?;
    change.apply(&mut settings);
    Ok(Answer(services.inspector().set_settings(&viewer, of, Some(settings)).await?))
}

/// As usual again.
pub(super) async fn delete(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    place: Place,
) -> ApiResult<StatusCode> {
    let of = place.of(&services, &viewer).await?;
    services.inspector().set_settings(&viewer, of, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
