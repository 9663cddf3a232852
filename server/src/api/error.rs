//! What goes wrong, as a client is told.

use std::{fmt::Write as _, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::RequestId;
use serde::Serialize;
use serde_json::Value;
use server_core::CoreError;
use utoipa::ToSchema;

/// How long a client should wait when the database is away.
const RETRY_UNAVAILABLE: Duration = Duration::from_secs(2);

/// A refusal: `{"error":{"code","message","request_id","field"?}}`.
///
/// As a response it is an empty body that carries the error as an extension; [`respond::finish`](super::respond::finish)
/// writes the body, because only there the request's id is known.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(super) status: StatusCode,
    code: &'static str,
    message: String,
    field: Option<String>,
    retry_after: Option<Duration>,
    /// What was changed meanwhile, as it is now.
    pub(super) current: Option<Box<Value>>,
}

/// Why something was refused.
#[derive(Serialize, ToSchema)]
pub(super) struct Problem<'a> {
    /// What is wrong.
    error: ProblemDetail<'a>,
    /// What was changed meanwhile, as it is now; with 412 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    current: Option<&'a Value>,
}

/// What is wrong with a request, or on our side.
#[derive(Serialize, ToSchema)]
struct ProblemDetail<'a> {
    /// For programs; it does not change.
    code: &'a str,
    /// For people.
    message: &'a str,
    /// The request, as it is called in the server's log.
    request_id: RequestId,
    /// Where the request is wrong, such as `tags[0]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

pub(crate) type ApiResult<T> = Result<T, ApiError>;

// === impl ApiError ===

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), field: None, retry_after: None, current: None }
    }

    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    /// Also what is someone else's: that it exists is nobody else's business.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"))
    }

    /// A well-formed value that is refused.
    pub(crate) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message).at(field)
    }

    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong on our side; the server's log says what, under the request_id",
        )
    }

    /// Names the field that is at fault, as a path such as `scope.subdomains[0]`.
    pub(crate) fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into()).filter(|field| !field.is_empty() && field != ".");
        self
    }

    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Adds body and headers to a response made from this error.
    pub(super) fn write(&self, request_id: RequestId, response: &mut Response) {
        let error = ProblemDetail { code: self.code, message: &self.message, request_id, field: self.field.as_deref() };
        let body = serde_json::to_vec(&Problem { error, current: self.current.as_deref() }).unwrap_or_default();
        *response.body_mut() = Body::from(body);
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110 section 11.6.1: a 401 says which scheme would do.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.code == "insufficient_scope" {
            // RFC 6750 section 3.1.
            let challenge = HeaderValue::from_static(r#"Bearer error="insufficient_scope""#);
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, whole_seconds(wait).into());
        }
    }
}

impl From<CoreError> for ApiError {
    fn from(error: CoreError) -> Self {
        let code = error.code();
        let message = error.to_string();
        match error {
            CoreError::Invalid { field, message } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message).at(field)
            }
            CoreError::Unusable { code, field, message } => Self::bad_request(code, message).at(field),
            CoreError::Unauthorized(message) => Self::new(StatusCode::UNAUTHORIZED, code, message),
            CoreError::Forbidden { code, message } => Self::new(StatusCode::FORBIDDEN, code, message),
            CoreError::NotFound(what) => Self::not_found(what),
            CoreError::Conflict { code, message } => Self::new(StatusCode::CONFLICT, code, message),
            CoreError::Changed => Self::new(StatusCode::PRECONDITION_FAILED, code, message),
            CoreError::Throttled { retry_after } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, code, message).retry_after(retry_after)
            }
            CoreError::Unavailable(cause) => {
                tracing::warn!(cause, "a request was refused because the database is away");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message).retry_after(RETRY_UNAVAILABLE)
            }
            CoreError::Internal(cause) => {
                tracing::error!(cause, "a request failed");
                Self::internal()
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// `Retry-After` counts whole seconds; rounding down would invite a client too early.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// An error of the services with its cause, for the log.
pub(crate) fn describe(error: &CoreError) -> String {
    match error.cause() {
        Some(cause) => format!("{error} ({cause})"),
        None => error.to_string(),
    }
}

/// An error and what led to it, for the log.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a `String` does not fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
