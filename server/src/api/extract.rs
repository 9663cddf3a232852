//! Bodies, query strings and ids from outside, each with an error that says what is wrong and where.

use std::{str::FromStr, time::Duration};

use axum::{
    body::Body,
    extract::{self, FromRequest, FromRequestParts, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::{
    error::{ApiError, ApiResult},
    objects::Objects,
};

/// The largest body that is read, bytes.
pub(crate) const BODY_LIMIT: usize = 64 * 1024;
/// The largest body that may hold another one, as base64, bytes.
const LARGE_BODY_LIMIT: usize = 12 * 1024 * 1024;
/// How long a body may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(15);

/// A JSON body. Malformed or misshapen: 400; a value that is refused: 422; both name the place.
pub(crate) struct Json<T>(pub(crate) T);

/// The same of at most 12 MiB.
pub(crate) struct LargeJson<T>(pub(crate) T);

/// A query string; unknown parameters and misshapen values: 400.
pub(crate) struct Query<T>(pub(crate) T);

/// The `{id}` of a path. What is no id is the id of nothing: 404.
pub(crate) struct Id<T>(pub(crate) T);

/// The two ids of a path. The same.
pub(crate) struct Ids<T, U>(pub(crate) T, pub(crate) U);

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    TooLarge,
    TooSlow,
    Broken,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> ApiResult<Self> {
        check_is_json(request.headers())?;
        let body = read(request.into_body()).await?;
        parse(&body).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for LargeJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> ApiResult<Self> {
        check_is_json(request.headers())?;
        let body = read_most(request.into_body(), LARGE_BODY_LIMIT).await.map_err(|unread| match unread {
            Unread::TooLarge => {
                ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is larger than 12 MiB")
            }
            Unread::TooSlow | Unread::Broken => unread.into(),
        })?;
        parse(&body).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        match extract::Query::from_request_parts(parts, state).await {
            Ok(extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(ApiError::bad_request("invalid_query", rejection.body_text())),
        }
    }
}

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let path = extract::Path::<String>::from_request_parts(parts, state).await.ok();
        let id = path.and_then(|extract::Path(text)| text.parse().ok());
        id.map(Self).ok_or_else(|| ApiError::not_found("id"))
    }
}

impl<S: Send + Sync, T: FromStr, U: FromStr> FromRequestParts<S> for Ids<T, U> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let path = extract::Path::<(String, String)>::from_request_parts(parts, state).await.ok();
        let ids = path.and_then(|extract::Path((one, other))| Some(Self(one.parse().ok()?, other.parse().ok()?)));
        ids.ok_or_else(|| ApiError::not_found("id"))
    }
}

impl From<Unread> for ApiError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLarge => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is larger than 64 KiB"),
            Unread::TooSlow => {
                Self::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body did not arrive within 15 seconds")
            }
            Unread::Broken => Self::bad_request("incomplete_body", "the body ended early"),
        }
    }
}

/// Reads a body within limits of size and time.
pub(crate) async fn read(body: Body) -> Result<Bytes, Unread> {
    read_most(body, BODY_LIMIT).await
}

async fn read_most(body: Body, limit: usize) -> Result<Bytes, Unread> {
    let collected = tokio::time::timeout(BODY_DEADLINE, Limited::new(body, limit).collect()).await;
    match collected {
        Err(_) => Err(Unread::TooSlow),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Ok(Err(_)) => Err(Unread::Broken),
    }
}

fn check_is_json(headers: &HeaderMap) -> ApiResult<()> {
    if is_json(headers) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "send the body as JSON, with Content-Type: application/json",
    ))
}

/// `application/json` or `application/<anything>+json`, with or without parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.strip_prefix("application/").is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> ApiResult<T> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(ApiError::bad_request("malformed_json", "the body is empty; send a JSON object"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(Objects(&mut deserializer)).map_err(|error| {
        let path = error.path().to_string();
        refused(&path, error.inner())
    })?;
    deserializer.end().map_err(|error| refused("", &error))?;
    Ok(value)
}

/// What a value stands for that was put together here from a body.
pub(crate) fn from_value<T: DeserializeOwned>(value: &serde_json::Value) -> ApiResult<T> {
    parse(value.to_string().as_bytes())
}

fn refused(path: &str, error: &serde_json::Error) -> ApiError {
    if !error.is_data() {
        return ApiError::bad_request("malformed_json", format!("the body is not JSON: {error}"));
    }
    let text = error.to_string();
    if is_misshapen(&text) {
        let code = if text.starts_with("unknown field") { "unknown_field" } else { "wrong_shape" };
        return ApiError::bad_request(code, text).at(path);
    }
    // The value's own type refused it; where it stands is in `field`, so that the text can be shown to people.
    let place = format!(" at line {} column {}", error.line(), error.column());
    ApiError::invalid(path, text.strip_suffix(&place).unwrap_or(&text))
}

/// Whether serde found the wrong kind of thing, rather than a type of ours refusing a value. serde tells the two apart
/// by its texts only (the provided methods of `serde::de::Error`).
fn is_misshapen(text: &str) -> bool {
    ["invalid type:", "invalid length", "unknown field", "unknown variant", "missing field", "duplicate field"]
        .iter()
        .any(|beginning| text.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use axum::http::HeaderValue;
    use domain::NewToken;

    fn status_of(body: &str) -> StatusCode {
        parse::<NewToken>(body.as_bytes()).map_or_else(|error| error.status, |_| StatusCode::OK)
    }

    #[test]
    fn a_body_is_malformed_misshapen_refused_or_right() {
        for (body, status) in [
            (r#"{"name":"laptop"}"#, 200),
            (r#"{"name":"laptop"} "#, 200),
            (r#"{"name":"laptop"} x"#, 400),
            (r#"{"name":"laptop""#, 400),
            ("", 400),
            (" ", 400),
            ("[]", 400),
            (r#"["laptop",null]"#, 400),
            ("null", 400),
            (r#"{"name":5}"#, 400),
            ("{}", 400),
            (r#"{"name":"a","name":"b"}"#, 400),
            (r#"{"name":"a","colour":"red"}"#, 400),
            (r#"{"name":"a","scope":{"type":"everything"}}"#, 400),
            (r#"{"name":"a","scope":{"type":"all_tunnels","rate_limit":[100,60,100]}}"#, 400),
            (
                r#"{"name":"a","scope":{"type":"all_tunnels","rate_limit":{"requests":100,"seconds":60,"burst":100}}}"#,
                200,
            ),
            (r#"{"name":""}"#, 422),
            (r#"{"name":"a","expires_at":"tomorrow"}"#, 422),
            (r#"{"name":"a","scope":{"type":"subdomains","subdomains":["www"]}}"#, 422),
        ] {
            assert_eq!(status_of(body).as_u16(), status, "{body}");
        }
        let deep = format!(r#"{{"name":{}1{}}}"#, "[".repeat(9_000), "]".repeat(9_000));
        assert_eq!(status_of(&deep), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn only_json_is_json() {
        let mut headers = HeaderMap::new();
        assert!(!is_json(&headers));
        for (value, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/merge-patch+json", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("text/json", false),
        ] {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
            assert_eq!(is_json(&headers), expected, "{value}");
        }
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_not_read() {
        assert_eq!(read(Body::from(vec![b' '; BODY_LIMIT])).await.unwrap().len(), BODY_LIMIT);
        assert_eq!(read(Body::from(vec![b' '; BODY_LIMIT + 1])).await, Err(Unread::TooLarge));
    }
}
