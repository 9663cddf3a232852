//! Forms that no page of ours sent.

use axum::{extract::Request, http::StatusCode, middleware::Next, response::Response};
use leptos::server_fn::error::SERVER_FN_ERROR_HEADER;

use crate::web::plain;

/// An action that was begun answers with a redirect, whatever came of it. One that could not even read its fields is
/// answered by Leptos: with 500, or with a redirect to wherever `Referer` says. It is the form that is wrong.
pub(crate) async fn refuse_misshapen(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if response.headers().contains_key(SERVER_FN_ERROR_HEADER) {
        return plain::page(
            StatusCode::BAD_REQUEST,
            "The form could not be read, and nothing was changed. Reload the page it is on and send it again.",
        );
    }
    response
}
