//! Who looks on: a signed-in browser, or a program with a token of the API.

use axum::{extract::FromRequestParts, http::request::Parts};
use chrono::Utc;
use domain::ApiScope;
use server_core::{CoreError, PersonalTokens, Services, Viewer};
use std::time::Duration;

use crate::{
    api::{
        bearer::{self, access_token},
        error::{ApiError, ApiResult},
    },
    web::session::Visitor,
};

/// How often it is asked whether the viewer may still look on.
const LOOK_AGAIN_EVERY: Duration = Duration::from_secs(60);

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
    /// Whether the proof still holds, for the same rights, and after how long that is to be asked again. While the database is
    /// away nobody is sent away.
    pub(super) async fn still_stands(&self, services: &Services) -> Option<Duration> {
        let (viewer, wait) = match self.look_again(services).await {
            Ok(found) => found?,
            Err(error) => return error.is_retryable().then_some(LOOK_AGAIN_EVERY),
        };
        (viewer.is_admin() == self.viewer.is_admin()).then_some(wait)
    }

    async fn look_again(&self, services: &Services) -> Result<Option<(Viewer, Duration)>, CoreError> {
        let viewer = match &self.proof {
            Proof::AccessToken(token) if PersonalTokens::is_one(token) => {
                services.personal_tokens().authenticate(token).await?.0
            }
            Proof::AccessToken(token) => services.api_sessions().authenticate(token).await?,
            Proof::Session(key) => return self.by_session(services, *key).await,
        };
        Ok(Some((viewer, LOOK_AGAIN_EVERY)))
    }

    /// A session that is to end before it is looked at again is looked at when it does; pages may have put that off.
    async fn by_session(&self, services: &Services, key: [u8; 32]) -> Result<Option<(Viewer, Duration)>, CoreError> {
        let Some(record) = services.web_sessions().load(key).await? else { return Ok(None) };
        let Some(id) = record.user_id.filter(|id| *id == self.viewer.id()) else { return Ok(None) };
        let left = (record.expires_at - Utc::now()).to_std().unwrap_or_default();
        let viewer = services.accounts().viewer(id).await?;
        Ok(viewer.map(|viewer| (viewer, left.min(LOOK_AGAIN_EVERY))))
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
