//! Who asks: `Authorization: Bearer` with an access token. No cookie is read, so no other site can act for a user.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use server_core::{Services, Viewer};

use super::error::{ApiError, ApiResult};

/// The user whose access token the request carries.
pub(crate) struct Authenticated(pub(crate) Viewer);

impl FromRequestParts<Services> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, services: &Services) -> ApiResult<Self> {
        let token = access_token(&parts.headers)?.ok_or_else(|| {
            ApiError::unauthorized(
                "sign in first: POST /api/v1/auth/login gives an access token; send it as Authorization: Bearer <token>",
            )
        })?;
        Ok(Self(services.api_sessions().authenticate(token).await?))
    }
}

/// The bearer token of a request (RFC 6750 section 2.1); `None` when there is no `Authorization`.
pub(crate) fn access_token(headers: &HeaderMap) -> ApiResult<Option<&str>> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(ApiError::unauthorized("send one Authorization header, not several"));
    }
    let credentials = line.to_str().ok().and_then(|line| line.split_once(' '));
    let token = credentials.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    match token {
        Some(token) if token.starts_with("sbt_") => Err(ApiError::unauthorized(
            "this is a tunnel token, for telephones; the API takes the access token that POST /api/v1/auth/login gives",
        )),
        Some(token) if !token.is_empty() => Ok(Some(token)),
        _ => Err(ApiError::unauthorized("the Authorization header should read: Bearer <access token>")),
    }
}
