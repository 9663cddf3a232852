//! `/auth`: accounts and the tokens that the API is used with.

use axum::{Extension, Router, extract::State, http::StatusCode, routing::post};
use domain::User;
use serde::{Deserialize, Serialize};
use server_core::{ApiTokens, Services};

use crate::{
    api::{error::ApiResult, extract::Json},
    ingress::Client,
};

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/auth/register", post(register))
        .route("/auth/login", post(login))
        .route("/auth/refresh", post(refresh))
        .route("/auth/logout", post(logout))
}

// No `Debug`: these hold secrets.

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Registration {
    email: String,
    password: String,
    /// The one-time code of the server's log, for the first account of a server that others can reach.
    #[serde(default)]
    setup_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    email: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refresh {
    refresh_token: String,
}

#[derive(Serialize)]
struct Granted {
    access_token: String,
    /// How to send it (RFC 6749 section 7.1).
    token_type: &'static str,
    /// Seconds until the access token ends.
    expires_in: u64,
    refresh_token: String,
}

async fn register(
    State(services): State<Services>,
    Extension(client): Extension<Client>,
    Json(new): Json<Registration>,
) -> ApiResult<(StatusCode, axum::Json<User>)> {
    let accounts = services.accounts();
    let viewer = match new.setup_code.as_deref() {
        Some(code) => accounts.set_up(Some(code), &new.email, &new.password).await?,
        None => accounts.register(&new.email, &new.password, client.address).await?,
    };
    Ok((StatusCode::CREATED, axum::Json(viewer.user().clone())))
}

async fn login(
    State(services): State<Services>,
    Extension(client): Extension<Client>,
    Json(credentials): Json<Credentials>,
) -> ApiResult<axum::Json<Granted>> {
    let viewer = services.accounts().sign_in(&credentials.email, &credentials.password, client.address).await?;
    Ok(axum::Json(services.api_sessions().issue(&viewer).await?.into()))
}

async fn refresh(State(services): State<Services>, Json(body): Json<Refresh>) -> ApiResult<axum::Json<Granted>> {
    Ok(axum::Json(services.api_sessions().refresh(&body.refresh_token).await?.into()))
}

async fn logout(State(services): State<Services>, Json(body): Json<Refresh>) -> ApiResult<StatusCode> {
    services.api_sessions().revoke(&body.refresh_token).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<ApiTokens> for Granted {
    fn from(tokens: ApiTokens) -> Self {
        Self {
            access_token: tokens.access_token,
            token_type: "Bearer",
            expires_in: tokens.expires_in,
            refresh_token: tokens.refresh_token,
        }
    }
}
