//! `/me`: the account that asks, where and by what it is signed in, and its personal tokens. The secret of one is in the answer that
//! makes it, and nowhere else.

use axum::{Json as Answer, extract::State, http::StatusCode};
use domain::{
    Identity, IdentityId, NewPersonalToken, PersonalToken, PersonalTokenId, ProgramSession, ProgramSessionId, User,
    WebSession, WebSessionId,
};
use serde::{Deserialize, Serialize};
use server_core::{Services, TokenSecret};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::list::{List, PageQuery};
use crate::api::{
    bearer::{Account, Allowed, Identify},
    error::ApiResult,
    extract::{Id, Json, Query},
};

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new()
        .routes(routes!(me))
        .routes(routes!(change_email))
        .routes(routes!(change_password))
        .routes(routes!(sessions, end_sessions))
        .routes(routes!(end_session))
        .routes(routes!(programs, end_programs))
        .routes(routes!(end_program))
        .routes(routes!(identities))
        .routes(routes!(unlink))
        .routes(routes!(tokens, create_token))
        .routes(routes!(revoke_token))
}

/// What the account is to be called.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EmailChange {
    /// The new address.
    email: String,
    /// The account's password, to make sure.
    password: String,
}

/// What the account is to be signed in to with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    /// The password until now. It does not matter where the account has none yet.
    #[serde(default)]
    current_password: String,
    /// The new one: 8 to 128 characters.
    password: String,
}

/// A personal token with its secret.
#[derive(Serialize, ToSchema)]
struct PersonalTokenWithSecret {
    #[serde(flatten)]
    described: PersonalToken,
    /// The secret.
    token: String,
}

impl PersonalTokenWithSecret {
    fn new((described, secret): (PersonalToken, TokenSecret)) -> Self {
        Self { described, token: secret.expose().to_owned() }
    }
}

/// The account that asks.
#[utoipa::path(get, path = "/me", responses((status = 200, description = "Done.", body = User)))]
async fn me(Allowed { viewer, .. }: Allowed<Identify>) -> Answer<User> {
    Answer(viewer.user().clone())
}

/// Changes the address that one signs in with.
#[utoipa::path(post, path = "/me/email", request_body = EmailChange, responses(
    (status = 200, description = "Done.", body = User),
    (status = 409, description = "`email_taken`"), (status = 429, description = "`throttled`")))]
async fn change_email(
    Allowed { viewer, .. }: Allowed<Account>,
    State(services): State<Services>,
    Json(change): Json<EmailChange>,
) -> ApiResult<Answer<User>> {
    Ok(Answer(services.accounts().change_email(&viewer, &change.password, &change.email).await?))
}

/// Changes the password, and ends all sessions, also the one that asks. Personal tokens stay.
#[utoipa::path(post, path = "/me/password", request_body = PasswordChange, responses(
    (status = 204, description = "Done."), (status = 429, description = "`throttled`")))]
async fn change_password(
    Allowed { viewer, .. }: Allowed<Account>,
    State(services): State<Services>,
    Json(change): Json<PasswordChange>,
) -> ApiResult<StatusCode> {
    services.accounts().change_password(&viewer, &change.current_password, &change.password, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the browsers that are signed in, at most 50, last used first.
#[utoipa::path(get, path = "/me/sessions", params(PageQuery), responses(
    (status = 200, description = "Done.", body = List<WebSession>)))]
async fn sessions(
    Allowed { viewer, .. }: Allowed<Account>,
    State(services): State<Services>,
    Query(query): Query<PageQuery>,
) -> ApiResult<Answer<List<WebSession>>> {
    let items = services.web_sessions().list(&viewer, None).await?;
    Ok(Answer(query.page()?.of(items, |session| session.id)?.into()))
}

/// Signs all browsers out.
#[utoipa::path(delete, path = "/me/sessions", responses((status = 204, description = "Done.")))]
async fn end_sessions(
    Allowed { viewer, .. }: Allowed<Account>,
    State(services): State<Services>,
) -> ApiResult<StatusCode> {
    services.web_sessions().end_others(&viewer, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Signs a browser out.
#[utoipa::path(delete, path = "/me/sessions/{id}", responses((status = 204, description = "Done.")))]
async fn end_session(
    Allowed { viewer, .. }: Allowed<Account>,
    State(services): State<Services>,
    Id(id): Id<WebSessionId>,
) -> ApiResult<StatusCode> {
    services.web_sessions().end(&viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the programs that are signed in, newest first: what began at `/auth/login`.
#[utoipa::path(get, path = "/me/programs", params(PageQuery), responses(
    (status = 200, description = "Done.", body = List<ProgramSession>)))]
async fn programs(
    Allowed { viewer, .. }: Allowed<Account>,
    State(services): State<Services>,
    Query(query): Query<PageQuery>,
) -> ApiResult<Answer<List<ProgramSession>>> {
    Ok(Answer(services.api_sessions().list(&viewer, query.page()?).await?.into()))
}

/// Signs all programs out but the one that asks.
#[utoipa::path(delete, path = "/me/programs", responses((status = 204, description = "Done.")))]
async fn end_programs(
    Allowed { viewer, .. }: Allowed<Account>,
    State(services): State<Services>,
) -> ApiResult<StatusCode> {
    services.api_sessions().end_others(&viewer).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Signs a program out: its access tokens are good for nothing from then on.
#[utoipa::path(delete, path = "/me/programs/{id}", responses((status = 204, description = "Done.")))]
async fn end_program(
    Allowed { viewer, .. }: Allowed<Account>,
    State(services): State<Services>,
    Id(id): Id<ProgramSessionId>,
) -> ApiResult<StatusCode> {
    services.api_sessions().end(&viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the accounts at OpenID Connect providers that get into this one. They are linked in a browser, on the settings
/// page.
#[utoipa::path(get, path = "/me/identities", params(PageQuery), responses(
    (status = 200, description = "Done.", body = List<Identity>)))]
async fn identities(
    Allowed { viewer, .. }: Allowed<Account>,
    State(services): State<Services>,
    Query(query): Query<PageQuery>,
) -> ApiResult<Answer<List<Identity>>> {
    let items = services.accounts().identities(&viewer).await?;
    Ok(Answer(query.page()?.of(items, |identity| identity.id)?.into()))
}

/// Takes one of them away.
#[utoipa::path(delete, path = "/me/identities/{id}", responses(
    (status = 204, description = "Done."), (status = 409, description = "`only_way_in`")))]
async fn unlink(
    Allowed { viewer, .. }: Allowed<Account>,
    State(services): State<Services>,
    Id(id): Id<IdentityId>,
) -> ApiResult<StatusCode> {
    services.accounts().unlink(&viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists one's own personal tokens, without their secrets.
#[utoipa::path(get, path = "/me/tokens", params(PageQuery), responses(
    (status = 200, description = "Done.", body = List<PersonalToken>)))]
async fn tokens(
    Allowed { viewer, .. }: Allowed<Account>,
    State(services): State<Services>,
    Query(query): Query<PageQuery>,
) -> ApiResult<Answer<List<PersonalToken>>> {
    Ok(Answer(services.personal_tokens().list(&viewer, query.page()?).await?.into()))
}

/// Makes a personal token. Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/me/tokens", request_body = NewPersonalToken, responses(
    (status = 201, description = "Made.", body = PersonalTokenWithSecret),
    (status = 409, description = "`token_limit`")))]
async fn create_token(
    Allowed { viewer, .. }: Allowed<Account>,
    State(services): State<Services>,
    Json(new): Json<NewPersonalToken>,
) -> ApiResult<(StatusCode, Answer<PersonalTokenWithSecret>)> {
    let created = services.personal_tokens().create(&viewer, new).await?;
    Ok((StatusCode::CREATED, Answer(PersonalTokenWithSecret::new(created))))
}

/// Revokes a personal token at once.
#[utoipa::path(delete, path = "/me/tokens/{id}", responses((status = 204, description = "Done.")))]
async fn revoke_token(
    Allowed { viewer, .. }: Allowed<Account>,
    State(services): State<Services>,
    Id(id): Id<PersonalTokenId>,
) -> ApiResult<StatusCode> {
    services.personal_tokens().revoke(&viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
