//! Who asks, and what for: `Authorization: Bearer` with an access token or a personal token. No cookie is read, so no other
//! site can act for a user.
//!
//! A handler names the permission that it needs as the type of an argument, and gets the user from nowhere else.

use std::{collections::BTreeSet, marker::PhantomData};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, request::Parts},
};
use domain::ApiScope;
use server_core::{Administrator, PersonalTokens, Services, Viewer};

use super::error::{ApiError, ApiResult};
use crate::ingress::Client;

/// The user whose token the request carries, if that token is good for what `P` stands for. Whoever has signed in may do
/// everything; a personal token what it was made for.
pub(crate) struct Allowed<P> {
    pub(crate) viewer: Viewer,
    /// Keeps others from making one.
    permission: PhantomData<P>,
}

/// The same for what only administrators may do.
pub(crate) struct Administrates<P> {
    pub(crate) admin: Administrator,
    permission: PhantomData<P>,
}

/// What a handler does.
pub(crate) trait Permission {
    /// The scopes of personal tokens that are good for it, each by itself.
    const SCOPES: &'static [ApiScope];
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident: [$($scope:ident),*];)*) => {$(
        $(#[$doc])*
        pub(crate) enum $name {}

        impl Permission for $name {
            const SCOPES: &'static [ApiScope] = &[$(ApiScope::$scope),*];
        }
    )*};
}

permissions! {
    /// It tells who asks.
    Identify: [Read, Write, Tunnels];
    /// It looks at something.
    Read: [Read, Write];
    /// It changes something.
    Write: [Write];
    /// It looks at tunnels or at the tokens of telephones.
    ReadTunnels: [Read, Write, Tunnels];
    /// It changes these.
    WriteTunnels: [Write, Tunnels];
    /// It is about the account and what gives access to it: only for who has signed in.
    Account: [];
}

impl<P: Permission> FromRequestParts<Services> for Allowed<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, services: &Services) -> ApiResult<Self> {
        let token = access_token(&parts.headers)?.ok_or_else(|| {
            ApiError::unauthorized(
                "sign in first: POST /api/v1/auth/login gives an access token; send it as Authorization: Bearer <token>",
            )
        })?;
        let viewer = viewer(services, token, P::SCOPES).await?;
        let client = parts.extensions.get::<Client>().map(|client| client.address);
        let viewer = match client {
            Some(address) => viewer.at(address),
            None => viewer,
        };
        Ok(Self { viewer, permission: PhantomData })
    }
}

impl<P: Permission> FromRequestParts<Services> for Administrates<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, services: &Services) -> ApiResult<Self> {
        let Allowed { viewer, permission } = Allowed::<P>::from_request_parts(parts, services).await?;
        Ok(Self { admin: viewer.as_admin()?, permission })
    }
}

/// The user that a token stands for; `Some`: it is a personal one, for these scopes only.
pub(crate) async fn caller(services: &Services, token: &str) -> ApiResult<(Viewer, Option<BTreeSet<ApiScope>>)> {
    if PersonalTokens::is_one(token) {
        let (viewer, granted) = services.personal_tokens().authenticate(token).await?;
        return Ok((viewer, Some(granted)));
    }
    Ok((services.api_sessions().authenticate(token).await?, None))
}

/// The user that a token stands for, where it is an access token, or a personal one for one of these scopes.
pub(crate) async fn viewer(services: &Services, token: &str, scopes: &[ApiScope]) -> ApiResult<Viewer> {
    let (viewer, granted) = caller(services, token).await?;
    if granted.is_none_or(|granted| scopes.iter().any(|scope| granted.contains(scope))) {
        return Ok(viewer);
    }
    let names: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
    let message = match names.as_slice() {
        [] => "a personal token is not good for this; sign in with POST /api/v1/auth/login".to_owned(),
        names => format!("this personal token is not good for this; one with the scope {} is", names.join(" or ")),
    };
    Err(ApiError::new(StatusCode::FORBIDDEN, "insufficient_scope", message))
}

/// The secret of a tunnel token that a request carries in place of an access token; whether it is one is not known yet.
pub(crate) struct TunnelToken(pub(crate) String);

impl FromRequestParts<Services> for TunnelToken {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Services) -> ApiResult<Self> {
        let token = bearer(&parts.headers)?.filter(|token| token.starts_with("sbt_")).map(str::to_owned);
        token.map(Self).ok_or_else(|| {
            ApiError::unauthorized("send the token's secret, which begins with sbt_, as Authorization: Bearer <token>")
        })
    }
}

/// The access token of a request; `None` when there is no `Authorization`.
pub(crate) fn access_token(headers: &HeaderMap) -> ApiResult<Option<&str>> {
    match bearer(headers)? {
        Some(token) if token.starts_with("sbt_") => Err(ApiError::unauthorized(
            "this is a tunnel token, for telephones; the API takes the access token that POST /api/v1/auth/login gives, \
             or a personal token",
        )),
        token => Ok(token),
    }
}

fn bearer(headers: &HeaderMap) -> ApiResult<Option<&str>> {
    server_heads::bearer(headers).map_err(|error| ApiError::unauthorized(error.to_string()))
}
