//! `/auth`: accounts and the tokens that the API is used with.

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use domain::User;
use serde::{Deserialize, Serialize};
use server_core::{ApiTokens, Challenge, Services, SignIn, Viewer};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    api::{error::ApiResult, extract::Json},
    ingress::Client,
    web::session::user_agent,
};

use super::second_factor::Enrolment;

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(login))
        .routes(routes!(second_factor))
        .routes(routes!(enrol))
        .routes(routes!(enrolled))
        .routes(routes!(refresh))
        .routes(routes!(logout))
        .routes(routes!(accept))
        .routes(routes!(reset))
}

// No `Debug`: these hold secrets.

/// Who wants an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Registration {
    /// The address to sign in with.
    email: String,
    /// 8 to 128 characters, not easily guessed.
    password: String,
    /// The one-time code of the server's log, for the first account of a server that others can reach.
    #[serde(default)]
    setup_code: Option<String>,
}

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    /// The account's address.
    email: String,
    /// Its password.
    password: String,
}

/// What a right password gives where something is to follow.
#[derive(Serialize, ToSchema)]
#[schema(as = Challenge)]
struct Challenged {
    /// Sent with what follows.
    challenge: String,
    /// Seconds until it ends.
    expires_in: u64,
    /// What is to follow.
    next: Step,
}

/// What follows a right password.
#[derive(Serialize, ToSchema)]
#[schema(as = SignInStep)]
#[serde(rename_all = "snake_case")]
enum Step {
    /// A code of the second factor: `/auth/second-factor`.
    Code,
    /// Setting a second factor up, which everybody needs here: `/auth/second-factor/enrolment`.
    Enrolment,
}

/// The second step of signing in.
#[derive(Deserialize, ToSchema)]
#[schema(as = SecondFactorCode)]
#[serde(deny_unknown_fields)]
struct Code {
    /// As `/auth/login` gave it.
    challenge: String,
    /// What the app shows, or a recovery code.
    code: String,
}

/// Who sets up the second factor that signing in needs.
#[derive(Deserialize, ToSchema)]
#[schema(as = SecondFactorWanted)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// As `/auth/login` gave it.
    challenge: String,
}

/// The first code of a second factor that signing in needs.
#[derive(Deserialize, ToSchema)]
#[schema(as = FirstCode)]
#[serde(deny_unknown_fields)]
struct FirstCode {
    /// As `/auth/login` gave it.
    challenge: String,
    /// As it was given with the seed.
    enrolment: String,
    /// What the app shows.
    code: String,
}

/// A session, by its refresh token.
#[derive(Deserialize, ToSchema)]
#[schema(as = RefreshToken)]
#[serde(deny_unknown_fields)]
struct Refresh {
    /// As it was given.
    refresh_token: String,
}

/// Who uses a link that an administrator has made.
#[derive(Deserialize, ToSchema)]
#[schema(as = LinkUse)]
#[serde(deny_unknown_fields)]
struct LinkUse {
    /// `token` of the link's address.
    token: String,
    /// 8 to 128 characters, not easily guessed.
    password: String,
}

/// What a program signs its requests with.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessTokens)]
struct Granted {
    /// Sent with each request, as `Authorization: Bearer`.
    access_token: String,
    /// How to send it (RFC 6749 section 7.1).
    token_type: &'static str,
    /// Seconds until the access token ends.
    expires_in: u64,
    /// Exchanged once for the next pair.
    refresh_token: String,
    /// Where a second factor was set up: ten codes to sign in with when the app is lost. They are in this answer and
    /// nowhere else; each works once.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_codes: Option<Vec<String>>,
}

/// Makes an account, if sign-up allows it. The first one is the administrator's.
#[utoipa::path(
    post, path = "/auth/register", request_body = Registration, security(()),
    responses(
        (status = 201, description = "Made; Location has its address.", body = User),
        (status = 403, description = "`signup_closed`, `setup_code_required`"),
        (status = 409, description = "`email_taken`, `already_set_up`"),
        (status = 429, description = "`throttled`"),
    )
)]
async fn register(
    State(services): State<Services>,
    Extension(client): Extension<Client>,
    Json(new): Json<Registration>,
) -> ApiResult<(StatusCode, axum::Json<User>)> {
    let accounts = services.accounts();
    let viewer = match new.setup_code.as_deref() {
        Some(code) => accounts.set_up(Some(code), &new.email, &new.password, client.address).await?,
        None => accounts.register(&new.email, &new.password, client.address).await?,
    };
    Ok((StatusCode::CREATED, axum::Json(viewer.user().clone())))
}

/// Signs in: gives an access token for 15 minutes and a refresh token.
///
/// Where a second factor is needed, it gives a challenge instead, which `/auth/second-factor` takes with a code, or
/// `/auth/second-factor/enrolment` where the account has none yet.
#[utoipa::path(
    post, path = "/auth/login", request_body = Credentials, security(()),
    responses(
        (status = 200, description = "Done.", body = Granted),
        (status = 202, description = "The password is right; `next` says what is to follow.", body = Challenged),
        (status = 401, description = "`unauthorized`"),
        (status = 429, description = "`throttled`"),
    )
)]
async fn login(
    State(services): State<Services>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    Json(credentials): Json<Credentials>,
) -> ApiResult<Response> {
    match services.accounts().sign_in(&credentials.email, &credentials.password, client.address).await? {
        SignIn::Done(viewer) => Ok(granted(&services, viewer.at(client.address), &headers).await?.into_response()),
        SignIn::Code(challenge) => Ok(challenged(&challenge, Step::Code)),
        SignIn::Enrol(challenge) => Ok(challenged(&challenge, Step::Enrolment)),
    }
}

fn challenged(challenge: &Challenge, next: Step) -> Response {
    let challenge = challenge.expose().to_owned();
    (StatusCode::ACCEPTED, axum::Json(Challenged { challenge, expires_in: Challenge::SECONDS, next })).into_response()
}

async fn granted(services: &Services, viewer: Viewer, headers: &HeaderMap) -> ApiResult<axum::Json<Granted>> {
    let agent = user_agent(headers);
    Ok(axum::Json(services.api_sessions().issue(&viewer, agent.as_deref()).await?.into()))
}

/// Ends a sign-in with a code: one that the app shows, or a recovery code. Each works once.
#[utoipa::path(
    post, path = "/auth/second-factor", request_body = Code, security(()),
    responses(
        (status = 200, description = "Done.", body = Granted),
        (status = 401, description = "`unauthorized`"),
        (status = 429, description = "`throttled`"),
    )
)]
async fn second_factor(
    State(services): State<Services>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    Json(Code { challenge, code }): Json<Code>,
) -> ApiResult<axum::Json<Granted>> {
    let viewer = services.accounts().sign_in_with_code(&challenge, &code, client.address).await?;
    granted(&services, viewer.at(client.address), &headers).await
}

/// Makes a seed for an app of somebody whose sign-in needs a second factor. Nothing changes until its first code is
/// confirmed.
#[utoipa::path(
    post, path = "/auth/second-factor/enrolment", request_body = Wanted, security(()),
    responses(
        (status = 201, description = "Made.", body = Enrolment),
        (status = 401, description = "`unauthorized`"),
        (status = 409, description = "`second_factor_on`"),
    )
)]
async fn enrol(
    State(services): State<Services>,
    Json(Wanted { challenge }): Json<Wanted>,
) -> ApiResult<(StatusCode, axum::Json<Enrolment>)> {
    let made = services.accounts().begin_with_challenge(&challenge, None).await?;
    Ok((StatusCode::CREATED, axum::Json(made.into())))
}

/// Turns that second factor on, and ends the sign-in. The answer has recovery codes, this once.
#[utoipa::path(
    post, path = "/auth/second-factor/enrolment/confirm", request_body = FirstCode, security(()),
    responses(
        (status = 200, description = "Done.", body = Granted),
        (status = 400, description = "`enrolment_ended`"),
        (status = 401, description = "`unauthorized`"),
        (status = 409, description = "`second_factor_on`"),
        (status = 429, description = "`throttled`"),
    )
)]
async fn enrolled(
    State(services): State<Services>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    Json(FirstCode { challenge, enrolment, code }): Json<FirstCode>,
) -> ApiResult<axum::Json<Granted>> {
    let accounts = services.accounts();
    let (viewer, codes) = accounts.sign_in_by_enrolling(&challenge, &enrolment, &code, client.address).await?;
    let axum::Json(granted) = granted(&services, viewer.at(client.address), &headers).await?;
    Ok(axum::Json(Granted { recovery_codes: Some(codes.expose().to_vec()), ..granted }))
}

/// Exchanges a refresh token for a new pair.
///
/// Each can be exchanged once: one that comes a second time is a copy, and ends the session.
#[utoipa::path(
    post, path = "/auth/refresh", request_body = Refresh, security(()),
    responses(
        (status = 200, description = "Done.", body = Granted),
        (status = 401, description = "`unauthorized`"),
    )
)]
async fn refresh(
    State(services): State<Services>,
    Extension(client): Extension<Client>,
    Json(body): Json<Refresh>,
) -> ApiResult<axum::Json<Granted>> {
    Ok(axum::Json(services.api_sessions().refresh(&body.refresh_token, Some(client.address)).await?.into()))
}

/// Ends the session of a refresh token.
#[utoipa::path(
    post, path = "/auth/logout", request_body = Refresh, security(()),
    responses(
        (status = 204, description = "Done."),
    )
)]
async fn logout(
    State(services): State<Services>,
    Extension(client): Extension<Client>,
    Json(body): Json<Refresh>,
) -> ApiResult<StatusCode> {
    services.api_sessions().revoke(&body.refresh_token, Some(client.address)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes the account that an invitation offers. `token` is the one in the link's address.
#[utoipa::path(
    post, path = "/auth/accept", request_body = LinkUse, security(()),
    responses(
        (status = 201, description = "Made.", body = User),
        (status = 400, description = "`link_ended`"),
        (status = 409, description = "`email_taken`"),
        (status = 429, description = "`throttled`"),
    )
)]
async fn accept(
    State(services): State<Services>,
    Extension(client): Extension<Client>,
    Json(used): Json<LinkUse>,
) -> ApiResult<(StatusCode, axum::Json<User>)> {
    let viewer = services.accounts().accept(&used.token, &used.password, client.address).await?;
    Ok((StatusCode::CREATED, axum::Json(viewer.user().clone())))
}

/// Sets a new password by a link that an administrator has made, and ends all sessions of the account.
#[utoipa::path(
    post, path = "/auth/reset", request_body = LinkUse, security(()),
    responses(
        (status = 204, description = "Done."),
        (status = 400, description = "`link_ended`"),
        (status = 429, description = "`throttled`"),
    )
)]
async fn reset(
    State(services): State<Services>,
    Extension(client): Extension<Client>,
    Json(used): Json<LinkUse>,
) -> ApiResult<StatusCode> {
    services.accounts().reset_password(&used.token, &used.password, client.address).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<ApiTokens> for Granted {
    fn from(tokens: ApiTokens) -> Self {
        Self {
            access_token: tokens.access_token,
            token_type: "Bearer",
            expires_in: tokens.expires_in,
            refresh_token: tokens.refresh_token,
            recovery_codes: None,
        }
    }
}
