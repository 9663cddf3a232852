//! Forms are read whole before anything looks at them: within 64 KiB and 15 seconds.

use axum::{
    body::Body,
    extract::Request,
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};

use crate::{
    api::extract::{Unread, read},
    web::plain,
};

/// Gives the handler a body that is already there.
pub(crate) async fn limit_body(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    match read(body).await {
        Ok(body) => next.run(Request::from_parts(head, Body::from(body))).await,
        Err(Unread::TooLarge) => {
            plain::page(StatusCode::PAYLOAD_TOO_LARGE, "The form holds more than 64 KiB. Shorten what it contains.")
        }
        Err(Unread::TooSlow) => {
            plain::page(StatusCode::REQUEST_TIMEOUT, "The form did not arrive within 15 seconds. Send it again.")
        }
        Err(Unread::Broken) => plain::page(StatusCode::BAD_REQUEST, "The form arrived incomplete. Send it again."),
    }
}
