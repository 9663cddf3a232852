//! `/me/second-factor` and `/security`: one's own second factor, and whether everybody needs one.

use axum::{extract::State, http::StatusCode};
use domain::{SecondFactor, UserId};
use serde::{Deserialize, Serialize};
use server_core::{RecoveryCodes, Services};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::api::{
    bearer::{Account as SignedIn, Allowed, Read},
    conditional::{IfMatch, Tagged},
    error::ApiResult,
    extract::{Id, Json},
};

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new()
        .routes(routes!(state, begin))
        .routes(routes!(confirm))
        .routes(routes!(renew))
        .routes(routes!(end))
        .routes(routes!(reset))
        .routes(routes!(policy, set_policy))
}

// No `Debug`: these hold secrets.

/// A new seed on its way into an app.
#[derive(Serialize, ToSchema)]
pub(super) struct Enrolment {
    /// The seed: base32.
    seed: String,
    /// The seed as an address that apps understand (`otpauth`), to be shown as a QR code.
    url: String,
    /// To be brought back with the first code, within 15 minutes.
    enrolment: String,
}

impl From<server_core::Enrolment> for Enrolment {
    fn from(made: server_core::Enrolment) -> Self {
        Self { seed: made.seed, url: made.url, enrolment: made.ticket }
    }
}

/// The first code of a new seed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    /// As it was given with the seed.
    enrolment: String,
    /// What the app shows.
    code: String,
    /// To make sure that it is the account's owner.
    current_password: String,
}

/// Shows that it is the account's owner.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Password {
    /// The account's password.
    current_password: String,
}

/// Codes to sign in with when the app is lost. They are in this answer and nowhere else; each works once.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryCodes)]
struct Codes {
    /// Ten of them.
    recovery_codes: Vec<String>,
}

impl From<RecoveryCodes> for Codes {
    fn from(codes: RecoveryCodes) -> Self {
        Self { recovery_codes: codes.expose().to_vec() }
    }
}

/// What administrators say about everybody's security.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SecuritySettings {
    /// Whether everybody needs a second factor.
    require_second_factor: bool,
}

/// How it stands with one's own second factor.
#[utoipa::path(get, path = "/me/second-factor", responses((status = 200, description = "Done.", body = SecondFactor)))]
async fn state(
    Allowed { viewer, .. }: Allowed<SignedIn>,
    State(services): State<Services>,
) -> ApiResult<axum::Json<SecondFactor>> {
    Ok(axum::Json(services.accounts().second_factor(&viewer).await?))
}

/// Makes a seed for an app. Nothing changes until its first code is confirmed.
#[utoipa::path(
    post, path = "/me/second-factor",
    responses(
        (status = 201, description = "Made.", body = Enrolment),
        (status = 409, description = "`second_factor_on`"),
    )
)]
async fn begin(
    Allowed { viewer, .. }: Allowed<SignedIn>,
    State(services): State<Services>,
) -> ApiResult<(StatusCode, axum::Json<Enrolment>)> {
    let made = services.accounts().begin_second_factor(&viewer, None).await?;
    Ok((StatusCode::CREATED, axum::Json(made.into())))
}

/// Turns the second factor on. The answer has recovery codes, this once.
#[utoipa::path(
    post, path = "/me/second-factor/confirm", request_body = Confirmation,
    responses(
        (status = 200, description = "Done.", body = Codes),
        (status = 400, description = "`enrolment_ended`"),
        (status = 409, description = "`second_factor_on`"),
        (status = 429, description = "`throttled`"),
    )
)]
async fn confirm(
    Allowed { viewer, .. }: Allowed<SignedIn>,
    State(services): State<Services>,
    Json(given): Json<Confirmation>,
) -> ApiResult<axum::Json<Codes>> {
    let Confirmation { enrolment, code, current_password } = given;
    let codes = services.accounts().finish_second_factor(&viewer, &current_password, &enrolment, &code).await?;
    Ok(axum::Json(codes.into()))
}

/// Gives new recovery codes; the old ones end.
#[utoipa::path(
    post, path = "/me/second-factor/recovery-codes", request_body = Password,
    responses(
        (status = 200, description = "Done.", body = Codes),
        (status = 409, description = "`no_second_factor`"),
        (status = 429, description = "`throttled`"),
    )
)]
async fn renew(
    Allowed { viewer, .. }: Allowed<SignedIn>,
    State(services): State<Services>,
    Json(given): Json<Password>,
) -> ApiResult<axum::Json<Codes>> {
    Ok(axum::Json(services.accounts().renew_recovery_codes(&viewer, &given.current_password).await?.into()))
}

/// Turns the second factor off.
#[utoipa::path(
    post, path = "/me/second-factor/end", request_body = Password,
    responses(
        (status = 204, description = "Done."),
        (status = 409, description = "`no_second_factor`, `second_factor_required`"),
        (status = 429, description = "`throttled`"),
    )
)]
async fn end(
    Allowed { viewer, .. }: Allowed<SignedIn>,
    State(services): State<Services>,
    Json(given): Json<Password>,
) -> ApiResult<StatusCode> {
    services.accounts().end_second_factor(&viewer, &given.current_password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Turns somebody's second factor off, who has lost it. Administrators only.
#[utoipa::path(
    delete, path = "/users/{id}/second-factor",
    responses(
        (status = 204, description = "Done."),
        (status = 403, description = "`admin_only`"),
        (status = 409, description = "`no_second_factor`"),
    )
)]
async fn reset(
    Allowed { viewer, .. }: Allowed<SignedIn>,
    State(services): State<Services>,
    Id(id): Id<UserId>,
) -> ApiResult<StatusCode> {
    services.accounts().reset_second_factor(&viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What holds for everybody's security.
#[utoipa::path(get, path = "/security", responses((status = 200, description = "Done.", body = SecuritySettings)))]
async fn policy(_: Allowed<Read>, State(services): State<Services>) -> ApiResult<Tagged<SecuritySettings>> {
    let (require_second_factor, updated_at) = services.accounts().second_factor_policy().await?;
    Ok(Tagged::new(updated_at, SecuritySettings { require_second_factor }))
}

/// Says whether everybody needs a second factor: who has none is signed out, and sets one up when signing in.
/// Administrators only.
#[utoipa::path(
    put, path = "/security", request_body = SecuritySettings,
    responses(
        (status = 200, description = "Done.", body = SecuritySettings),
        (status = 403, description = "`admin_only`"),
        (status = 409, description = "`second_factor_first`"),
    )
)]
async fn set_policy(
    Allowed { viewer, .. }: Allowed<SignedIn>,
    State(services): State<Services>,
    IfMatch(expected): IfMatch,
    Json(settings): Json<SecuritySettings>,
) -> ApiResult<Tagged<SecuritySettings>> {
    services.accounts().require_second_factor(&viewer, settings.require_second_factor, &expected).await?;
    let (require_second_factor, updated_at) = services.accounts().second_factor_policy().await?;
    Ok(Tagged::new(updated_at, SecuritySettings { require_second_factor }))
}
