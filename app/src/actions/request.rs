//! What was captured of requests, and what is to be.

use super::{entered::Entered, finish, invalid, refuse, signed_in};
use crate::{
    destination::Destination,
    pages::{Place, page_of},
};
use domain::{CaptureLevel, CaptureSettings, CaptureSettingsError, ExchangeFilter, Redaction, RequestId};
use leptos::prelude::*;
use server_core::{CoreError, Expected, Inspected};
use std::collections::BTreeMap;

/// Whose requests a form is about, and where it came from.
fn place(of: &str, back: &str) -> Result<(Inspected, Destination), ()> {
    let Some(of) = Place::named(of) else {
        refuse(Destination::page("/web"), &CoreError::NotFound("request"));
        return Err(());
    };
    Ok((of, Destination::named(back).unwrap_or_else(|| page_of(of))))
}

/// The same with the exchange that it is about.
pub(super) fn exchange(of: &str, id: &str, back: &str) -> Result<(Inspected, RequestId, Destination), ()> {
    let (of, back) = place(of, back)?;
    match id.parse() {
        Ok(id) => Ok((of, id, back)),
        Err(_) => {
            refuse(page_of(of), &CoreError::NotFound("request"));
            Err(())
        }
    }
}

/// Keeps an exchange whatever its age, or does so no longer.
#[server(name = PinRequest, prefix = "/web/action", endpoint = "pin_request")]
pub async fn pin_request(
    #[server(default)] of: String,
    #[server(default)] id: String,
    #[server(default)] pinned: String,
    #[server(default)] back: String,
) -> Result<(), ServerFnError> {
    let Ok((of, id, back)) = exchange(&of, &id, &back) else { return Ok(()) };
    let Some((services, _, viewer)) = signed_in(&back) else { return Ok(()) };
    let result = services.inspector().pin(&viewer, of, id, pinned == "true").await;
    finish(result, |_| back.clone(), back.clone());
    Ok(())
}

/// Writes a note beside an exchange; an empty one takes it away.
#[server(name = NoteRequest, prefix = "/web/action", endpoint = "note_request")]
pub async fn note_request(
    #[server(default)] of: String,
    #[server(default)] id: String,
    #[server(default)] note: String,
    #[server(default)] back: String,
) -> Result<(), ServerFnError> {
    let Ok((of, id, back)) = exchange(&of, &id, &back) else { return Ok(()) };
    let Some((services, _, viewer)) = signed_in(&back) else { return Ok(()) };
    let result = services.inspector().note(&viewer, of, id, &note).await;
    finish(result, |_| back.clone(), back.clone());
    Ok(())
}

/// Removes what was kept of an exchange.
#[server(name = DeleteRequest, prefix = "/web/action", endpoint = "delete_request")]
pub async fn delete_request(
    #[server(default)] of: String,
    #[server(default)] id: String,
    #[server(default)] back: String,
) -> Result<(), ServerFnError> {
    let Ok((of, id, back)) = exchange(&of, &id, &back) else { return Ok(()) };
    let Some((services, _, viewer)) = signed_in(&back) else { return Ok(()) };
    let result = services.inspector().delete(&viewer, of, id).await;
    finish(result, |_| back.clone().with("done", "request_deleted"), back.clone());
    Ok(())
}

/// Removes what was kept of all exchanges that a filter admits.
#[server(name = DeleteRequests, prefix = "/web/action", endpoint = "delete_requests")]
pub async fn delete_requests(
    #[server(default)] of: String,
    #[server(default)] filter: String,
    #[server(default)] back: String,
) -> Result<(), ServerFnError> {
    let Ok((of, back)) = place(&of, &back) else { return Ok(()) };
    let Some((services, _, viewer)) = signed_in(&back) else { return Ok(()) };
    let pairs: BTreeMap<_, _> = url::form_urlencoded::parse(filter.as_bytes()).into_owned().collect();
    let result = match ExchangeFilter::try_from(pairs) {
        Ok(filter) => services.inspector().delete_all(&viewer, of, &filter).await,
        Err(error) => Err(invalid("filter", error)),
    };
    finish(result, |_| back.clone().with("done", "requests_deleted"), back.clone());
    Ok(())
}

/// The page of the settings.
fn settings_page(of: Inspected) -> Destination {
    page_of(of)
}

/// Switches capture on or off, and leaves the rest as it is.
#[server(name = SetCaptureLevel, prefix = "/web/action", endpoint = "set_capture_level")]
pub async fn set_capture_level(
    #[server(default)] of: String,
    #[server(default)] level: String,
) -> Result<(), ServerFnError> {
    let Ok((of, back)) = place(&of, "") else { return Ok(()) };
    let Some((services, _, viewer)) = signed_in(&back) else { return Ok(()) };
    let result = async {
        let level: CaptureLevel = level.parse().map_err(|error| invalid("level", error))?;
        let settings = services.inspector().settings(&viewer, of).await?;
        services
            .inspector()
            .set_settings(&viewer, of, Some(CaptureSettings { level, ..settings }), &Expected::Anything)
            .await
    };
    finish(result.await, |_| back.clone().with("done", "capture_set"), back.clone());
    Ok(())
}

/// What is kept from now on.
#[server(name = SetCapture, prefix = "/web/action", endpoint = "set_capture")]
pub async fn set_capture(#[server(default)] of: String, #[server(flatten)] form: Entered) -> Result<(), ServerFnError> {
    let Ok((of, back)) = place(&of, "") else { return Ok(()) };
    let Some((services, _, viewer)) = signed_in(&back) else { return Ok(()) };
    let result = match settings(&form) {
        Ok(settings) => services.inspector().set_settings(&viewer, of, Some(settings), &form.expected()).await,
        Err(error) => Err(error),
    };
    let refused = form.back(settings_page(of), "capture", &result).await;
    finish(result, |_| back.clone().with("done", "capture_set"), refused);
    Ok(())
}

/// Keeps what is kept where nobody has said anything.
#[server(name = ResetCapture, prefix = "/web/action", endpoint = "reset_capture")]
pub async fn reset_capture(#[server(default)] of: String) -> Result<(), ServerFnError> {
    let Ok((of, back)) = place(&of, "") else { return Ok(()) };
    let Some((services, _, viewer)) = signed_in(&back) else { return Ok(()) };
    let result = services.inspector().set_settings(&viewer, of, None, &Expected::Anything).await;
    finish(result, |_| back.clone().with("done", "capture_set"), back.clone());
    Ok(())
}

/// The settings that were entered, checked as those of the API are.
fn settings(form: &Entered) -> Result<CaptureSettings, CoreError> {
    let names = |name: &str| {
        form.text(name).lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    let settings = CaptureSettings {
        level: form.value("level")?,
        body_limit: form.value("body_limit")?,
        sample_percent: form.value("sample_percent")?,
        keep_hours: form.value("keep_hours")?,
        keep_mib: form.value("keep_mib")?,
        redact: Redaction {
            headers: names("redact_headers"),
            query: names("redact_query"),
            json_paths: names("redact_json_paths"),
        },
    };
    settings.checked().map_err(|error| {
        let field = match &error {
            CaptureSettingsError::OutOfRange(error) => error.field,
            CaptureSettingsError::TooMany(list) | CaptureSettingsError::Name(list, _) => match *list {
                "headers" => "redact_headers",
                "query" => "redact_query",
                _ => "redact_json_paths",
            },
        };
        invalid(field, error)
    })
}
