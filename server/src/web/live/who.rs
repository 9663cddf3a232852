//! Who looks on: a signed-in browser, or a program with a token of the API.

use axum::{extract::FromRequestParts, http::request::Parts};
use domain::ApiScope;
use server_core::{CoreError, PersonalTokens, Services, Viewer};

use crate::{
    api::{
        bearer::{self, access_token},
        error::{ApiError, ApiResult},
    },
    web::session::Visitor,
};

/// A user and what proves it.
pub(crate) struct Who {
    pub(crate) viewer: Viewer,
    proof: Proof,
}

enum Proof {
    Session([u8; 32]),
    AccessToken(String),
}

impl Who {
    /// Whether the proof still holds, for the same rights. While the database is away nobody is sent away.
    pub(super) async fn still_stands(&self, services: &Services) -> bool {
        let viewer = match self.look_again(services).await {
            Ok(viewer) => viewer,
            Err(error) => return error.is_retryable(),
        };
        viewer.is_some_and(|viewer| viewer.is_admin() == self.viewer.is_admin())
    }

    async fn look_again(&self, services: &Services) -> Result<Option<Viewer>, CoreError> {
        match &self.proof {
            Proof::AccessToken(token) if PersonalTokens::is_one(token) => {
                services.personal_tokens().authenticate(token).await.map(|(viewer, _)| Some(viewer))
            }
            Proof::AccessToken(token) => services.api_sessions().authenticate(token).await.map(Some),
            Proof::Session(key) => {
                let record = services.web_sessions().load(*key).await?;
                match record.and_then(|record| record.user_id).filter(|id| *id == self.viewer.id()) {
                    Some(id) => services.accounts().viewer(id).await,
                    None => Ok(None),
                }
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Who
where
    Services: axum::extract::FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let services = <Services as axum::extract::FromRef<S>>::from_ref(state);
        if let Some(token) = access_token(&parts.headers)? {
            let viewer = bearer::viewer(&services, token, &[ApiScope::Read, ApiScope::Write]).await?;
            return Ok(Self { viewer, proof: Proof::AccessToken(token.to_owned()) });
        }
        let visitor = parts.extensions.get::<Visitor>().cloned();
        match visitor.map(|visitor| (visitor.viewer, visitor.session_key)) {
            Some((Some(viewer), Some(key))) => Ok(Self { viewer, proof: Proof::Session(key) }),
            _ => Err(ApiError::unauthorized("sign in at /web/login first, or send an access token of the API")),
        }
    }
}
