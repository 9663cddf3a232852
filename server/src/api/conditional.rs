//! Conditional requests (RFC 9110 section 13): who changes something says what it was when they looked, and is refused
//! when it is something else by now; who looks again says what they have.
//!
//! An entity tag has two parts. The first says when the thing's owner last changed it, and is what `If-Match` is about: that
//! a request was counted meanwhile keeps nobody from changing a tunnel. The second is a digest of all that is shown, for
//! `If-None-Match`.

use std::{convert::Infallible, fmt::Write as _};

use axum::{
    body::{Body, to_bytes},
    extract::{FromRequestParts, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::{Account, Alert, Domain, Region, Route, Service, Timestamp, Tunnel};
use serde::Serialize;
use server_core::Expected;
use sha2::{Digest, Sha256};

use super::error::{ApiError, ApiResult};

/// The most that is shown of a thing that was changed meanwhile.
const MOST_SHOWN: usize = 1024 * 1024;

/// What its owner can change.
pub(crate) trait Versioned {
    /// When that was last done; later each time.
    fn updated_at(&self) -> Timestamp;
}

macro_rules! versioned {
    ($($kind:ty),*) => {$(
        impl Versioned for $kind {
            fn updated_at(&self) -> Timestamp {
                self.updated_at
            }
        }
    )*};
}

versioned!(Account, Alert, Domain, Region, Route, Service, Tunnel);

/// JSON with an entity tag.
pub(crate) struct Tagged<T> {
    updated_at: Timestamp,
    shown: T,
}

impl<T: Versioned> From<T> for Tagged<T> {
    fn from(shown: T) -> Self {
        Self { updated_at: shown.updated_at(), shown }
    }
}

impl<T> Tagged<T> {
    /// Of what does not say itself when it was changed.
    pub(crate) fn new(updated_at: Timestamp, shown: T) -> Self {
        Self { updated_at, shown }
    }
}

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let Ok(body) = serde_json::to_vec(&self.shown) else { return ApiError::internal().into_response() };
        let mut tag = format!("\"{:x}-", self.updated_at.timestamp_millis());
        for byte in &Sha256::digest(&body)[..8] {
            // Writing to a `String` does not fail.
            let _ = write!(tag, "{byte:02x}");
        }
        tag.push('"');
        let mut response = Response::new(Body::from(body));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Ok(tag) = HeaderValue::try_from(tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }
}

/// `If-Match` (section 13.1.1): of which states of a thing a change is meant. `*` and none at all: of any.
pub(crate) struct IfMatch(pub(crate) Expected);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let mut tags = tags(&parts.headers, &header::IF_MATCH).peekable();
        if tags.peek().is_none() {
            return Ok(Self(Expected::Anything));
        }
        let mut states = Vec::new();
        for tag in tags {
            if tag == "*" {
                return Ok(Self(Expected::Anything));
            }
            // What is no tag of ours, and a weak one, is of no state.
            states.extend(state(tag));
        }
        Ok(Self(Expected::OneOf(states)))
    }
}

/// The state that a tag is of.
fn state(tag: &str) -> Option<Timestamp> {
    let (changed, _) = tag.strip_prefix('"')?.strip_suffix('"')?.split_once('-')?;
    Timestamp::from_timestamp_millis(i64::from_str_radix(changed, 16).ok()?)
}

/// The tags that a field lists. None of ours has a comma in it.
fn tags<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> + use<'a> {
    let values = headers.get_all(name).into_iter().map(|value| value.to_str().unwrap_or("?"));
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|tag| !tag.is_empty())
}

/// Answers 304 where a client has what would be sent, and shows what it is now to whom `If-Match` kept from changing it.
pub(super) async fn conditional(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        let known: Vec<_> = tags(request.headers(), &header::IF_NONE_MATCH).map(str::to_owned).collect();
        let response = next.run(request).await;
        return if is_known(&response, &known) { not_modified(&response) } else { response };
    }
    if !request.headers().contains_key(header::IF_MATCH) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let look = look(&parts);
    let response = next.clone().run(Request::from_parts(parts, body)).await;
    if response.status() != StatusCode::PRECONDITION_FAILED {
        return response;
    }
    let now = next.run(look).await;
    with_current(response, now).await.unwrap_or_else(IntoResponse::into_response)
}

/// Weakly, as section 13.1.2 asks for.
fn is_known(response: &Response, known: &[String]) -> bool {
    let tag = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok());
    let weak = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    response.status() == StatusCode::OK
        && tag.is_some_and(|tag| known.iter().any(|known| known == "*" || weak(known) == tag))
}

fn not_modified(response: &Response) -> Response {
    let mut unchanged = StatusCode::NOT_MODIFIED.into_response();
    if let Some(tag) = response.headers().get(header::ETAG) {
        unchanged.headers_mut().insert(header::ETAG, tag.clone());
    }
    unchanged
}

/// A look at what the request would have changed, by the same caller.
fn look(parts: &Parts) -> Request {
    let mut parts = parts.clone();
    parts.method = Method::GET;
    for name in [header::IF_MATCH, header::CONTENT_LENGTH, header::CONTENT_TYPE, header::TRANSFER_ENCODING] {
        parts.headers.remove(name);
    }
    Request::from_parts(parts, Body::empty())
}

async fn with_current(mut refused: Response, now: Response) -> ApiResult<Response> {
    let Some(error) = refused.extensions_mut().get_mut::<ApiError>().filter(|_| now.status() == StatusCode::OK) else {
        return Ok(refused);
    };
    let tag = now.headers().get(header::ETAG).cloned();
    let body = to_bytes(now.into_body(), MOST_SHOWN).await.map_err(|_| ApiError::internal())?;
    error.current = serde_json::from_slice(&body).ok().map(Box::new);
    if let Some(tag) = tag {
        refused.headers_mut().insert(header::ETAG, tag);
    }
    Ok(refused)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    async fn expected(values: &[&str]) -> Expected {
        let mut request = Request::new(Body::empty());
        for value in values {
            request.headers_mut().append(header::IF_MATCH, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let (mut parts, _) = request.into_parts();
        IfMatch::from_request_parts(&mut parts, &()).await.unwrap().0
    }

    fn states(millis: &[i64]) -> Expected {
        Expected::OneOf(millis.iter().map(|millis| Timestamp::from_timestamp_millis(*millis).unwrap()).collect())
    }

    #[tokio::test]
    async fn if_match_names_states() {
        assert_eq!(expected(&[]).await, Expected::Anything);
        assert_eq!(expected(&["*"]).await, Expected::Anything);
        assert_eq!(expected(&["\"ff-00\""]).await, states(&[255]));
        assert_eq!(expected(&["\"ff-00\" , \"1-a\"", "\"2-b\""]).await, states(&[255, 1, 2]));
        for none in ["\"ff\"", "ff-00", "W/\"ff-00\"", "\"x-00\"", "\"7fffffffffffffff-00\"", "é", "\"ff-00"] {
            assert_eq!(expected(&[none]).await, states(&[]), "{none}");
        }
    }
}
