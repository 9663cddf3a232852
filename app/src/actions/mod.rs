//! What forms are sent to. Each action authorises, calls one service and answers with a redirect to a page, so that
//! it works without scripts and a reload repeats nothing. Nothing in the browser's program calls them.

mod account;
mod alert;
mod backend;
mod browser;
mod domain;
mod entered;
mod front;
mod headers;
mod identity;
mod limit;
mod personal_token;
mod region;
mod replay;
mod request;
mod revision;
mod route;
mod second_factor;
mod service;
mod sign_in;
mod switch;
mod target;
mod theme;
mod token;
mod tunnel;
mod user;

pub use alert::LONGEST_SECONDS;
pub use front::{LINK_LIVES, page_field, page_of_field};
pub use headers::{in_lines, rules};
pub use sign_in::let_in;
pub use token::{EXPIRY_DAYS, OVERLAPS, SHORT_LIVES};
pub use user::INVITATION_HOURS;

use crate::{
    destination::Destination,
    ssr::{self, RequestContext},
};
use ::domain::Timestamp;
use server_core::{CoreError, Expected, Services, Viewer};

/// Who sent the form, and what it acts on. Without a signed-in user the browser is sent to the sign-in page, from where
/// it comes `back`.
fn signed_in(back: &Destination) -> Option<(Services, RequestContext, Viewer)> {
    let (services, request) = (ssr::services()?, ssr::request()?);
    let Some(viewer) = request.viewer.clone() else {
        let page = Destination::page("/web/login").with("error", "not_signed_in").with("next", back.as_str());
        ssr::see_other(&page);
        return None;
    };
    Some((services, request, viewer))
}

/// Ends an action: on to `done`, or back to `form` with what was wrong.
fn finish<T>(result: Result<T, CoreError>, done: impl FnOnce(T) -> Destination, form: Destination) {
    match result {
        Ok(value) => ssr::see_other(&done(value)),
        Err(error) => refuse(form, &error),
    }
}

/// The same where a form has its own words for some errors: a code for the message, and the field it belongs to.
fn finish_as<T>(
    result: Result<T, CoreError>,
    done: impl FnOnce(T) -> Destination,
    form: Destination,
    words: fn(&CoreError) -> Option<(&'static str, &'static str)>,
) {
    match result {
        Ok(value) => ssr::see_other(&done(value)),
        Err(error) => match words(&error) {
            Some((code, field)) => ssr::see_other(&form.with("error", code).with("field", field)),
            None => refuse(form, &error),
        },
    }
}

/// Back to `form`, with a code for what was wrong.
fn refuse(form: Destination, error: &CoreError) {
    ssr::see_other(&refusal(form, error));
}

/// The form's page with a code for what was wrong.
pub fn refusal(form: Destination, error: &CoreError) -> Destination {
    if let Some(cause) = error.cause() {
        tracing::error!(code = error.code(), cause, "an action failed");
    }
    let mut form = form.with("error", error.code());
    if let Some(field) = field(error) {
        form = form.with("field", field);
    }
    if let CoreError::Throttled { retry_after } = error {
        form = form.with("wait", &retry_after.as_secs().max(1).to_string());
    }
    form
}

/// The field that an error is about.
fn field(error: &CoreError) -> Option<&'static str> {
    match error {
        CoreError::Invalid { field, .. } | CoreError::Unusable { field, .. } => Some(field),
        CoreError::Conflict { code: "email_taken", .. } => Some("email"),
        CoreError::Conflict { code: "subdomain_taken", .. } => Some("subdomain"),
        CoreError::Conflict { code: "domain_taken", .. } => Some("custom_domains"),
        CoreError::Conflict { code: "reserved_host", .. } => Some("domain"),
        CoreError::Conflict { code: "mount_overlaps" | "reserved_mount", .. } => Some("mount"),
        CoreError::Conflict { code: "service_exists", .. } => Some("service_name"),
        CoreError::Conflict { code: "backend_exists", .. } => Some("backend_id"),
        CoreError::Conflict { code: "region_exists", .. } => Some("region_name"),
        CoreError::Forbidden { code: "setup_code_required", .. } => Some("code"),
        _ => None,
    }
}

/// What a form was made of, see [`version`](crate::components::form::version); a form that does not say changes whatever
/// is there.
fn expected(version: &str) -> Expected {
    let updated_at = version.parse().ok().and_then(Timestamp::from_timestamp_millis);
    updated_at.map_or(Expected::Anything, |updated_at| Expected::OneOf(vec![updated_at]))
}

/// An error in a field that was found before a service was asked.
fn invalid(field: &'static str, error: impl ToString) -> CoreError {
    CoreError::Invalid { field, message: error.to_string() }
}
