//! Pages for when the dashboard itself cannot answer. They need nothing but themselves.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

/// A page of one sentence. `text` is ours: nothing of the request may be in it.
pub(crate) fn page(status: StatusCode, text: &'static str) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title} – Switchboard</title></head>\n\
         <body><main><h1>{title}</h1><p>{text}</p><p><a href=\"/web\">Back to the dashboard</a></p></main></body>\n\
         </html>\n"
    );
    (status, Html(html)).into_response()
}

/// A fault of ours.
pub(crate) fn failed() -> Response {
    page(StatusCode::INTERNAL_SERVER_ERROR, "Something failed on our side. The server's log says what.")
}

/// The database does not answer. Traffic flows on without it.
pub(crate) fn database_away() -> Response {
    let text =
        "The database does not answer, so this page cannot be shown. Tunnels keep working. Try again in a moment.";
    let mut response = page(StatusCode::SERVICE_UNAVAILABLE, text);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    response
}
