//! `/users` and `/invitations`: everybody's accounts, for administrators.

use axum::{extract::State, http::StatusCode};
use domain::{Account, Email, Holdings, Identity, Invitation, InvitationId, RequestRate, Role, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use server_core::{AccountPatch, AccountQuery, HandedLink, Services};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::list::{List, PageQuery, page};
use crate::api::{
    bearer::{Account as SignedIn, Allowed, Read},
    conditional::{IfMatch, Tagged},
    error::ApiResult,
    extract::{Id, Json, Query},
};

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read, update, delete))
        .routes(routes!(deactivate))
        .routes(routes!(reactivate))
        .routes(routes!(reset))
        .routes(routes!(identities))
        .routes(routes!(invitations, invite))
        .routes(routes!(withdraw))
}

/// What the list of accounts is narrowed to.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct UserQuery {
    /// How many at most; 50 when nothing is said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Part of the address.
    #[param(max_length = 100)]
    search: Option<String>,
    /// Those of this role.
    role: Option<Role>,
    /// Those that are active, or those that are deactivated.
    active: Option<bool>,
}

/// An account with how much it has.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountWithHoldings)]
struct WithHoldings {
    #[serde(flatten)]
    account: Account,
    /// How much of each it has.
    holdings: Holdings,
}

/// What of an account an administrator changes.
#[derive(Deserialize, ToSchema)]
#[schema(as = AccountPatch)]
#[serde(deny_unknown_fields)]
struct Patch {
    /// What it may do.
    role: Option<Role>,
    /// How many requests a node carries to all that it has; null: as many as come.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<RequestRate>)]
    rate_limit: Option<Option<RequestRate>>,
}

/// Tells a field that is missing from one that is null.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<RequestRate>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// Who is invited.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewInvitation)]
#[serde(deny_unknown_fields)]
struct New {
    /// The address the account will sign in with.
    email: Email,
    /// What the account may do; `member` when nothing is said.
    #[serde(default = "member")]
    role: Role,
    /// How long the link works; a week when nothing is said.
    #[serde(default = "week")]
    #[schema(minimum = 1, maximum = 720)]
    expires_in_hours: u32,
}

fn member() -> Role {
    Role::Member
}

fn week() -> u32 {
    168
}

/// A link for somebody, in this answer and nowhere else.
#[derive(Serialize, ToSchema)]
struct Link {
    /// To be opened in a browser; it works once.
    link: String,
    /// Until when it works.
    expires_at: Timestamp,
    /// Whether it was mailed, too.
    mailed: bool,
}

/// An invitation with its link.
#[derive(Serialize, ToSchema)]
#[schema(as = InvitationWithLink)]
struct WithLink {
    #[serde(flatten)]
    invitation: Invitation,
    /// To be opened in a browser; it works once. It is in this answer and nowhere else.
    link: String,
    /// Whether it was mailed, too.
    mailed: bool,
}

impl From<HandedLink> for Link {
    fn from(link: HandedLink) -> Self {
        Self { link: link.expose(), expires_at: link.expires_at, mailed: matches!(link.mailed, Some(Ok(()))) }
    }
}

/// Lists accounts. Administrators only.
#[utoipa::path(
    get, path = "/users", params(UserQuery),
    responses(
        (status = 200, description = "Done.", body = List<Account>),
        (status = 403, description = "`admin_only`"),
    )
)]
async fn list(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Query(query): Query<UserQuery>,
) -> ApiResult<axum::Json<List<Account>>> {
    let page = page(query.limit, query.cursor)?;
    let query = AccountQuery { search: query.search, role: query.role, active: query.active };
    Ok(axum::Json(services.accounts().list(&viewer, query, page).await?.into()))
}

/// One account. Administrators only.
#[utoipa::path(
    get, path = "/users/{id}",
    responses(
        (status = 200, description = "Done.", body = WithHoldings),
        (status = 403, description = "`admin_only`"),
    )
)]
async fn read(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Id(id): Id<UserId>,
) -> ApiResult<Tagged<WithHoldings>> {
    let account = services.accounts().get(&viewer, id).await?;
    let holdings = services.accounts().holdings(&viewer, id).await?;
    Ok(Tagged::new(account.updated_at, WithHoldings { account, holdings }))
}

/// Changes the role of an account, or how many requests may come to what it has. Administrators only.
#[utoipa::path(
    method(put, patch), path = "/users/{id}", request_body = Patch,
    responses(
        (status = 200, description = "Done.", body = Account),
        (status = 403, description = "`admin_only`"),
        (status = 409, description = "`last_administrator`"),
    )
)]
async fn update(
    Allowed { viewer, .. }: Allowed<SignedIn>,
    State(services): State<Services>,
    Id(id): Id<UserId>,
    IfMatch(expected): IfMatch,
    Json(Patch { role, rate_limit }): Json<Patch>,
) -> ApiResult<Tagged<Account>> {
    let patch = AccountPatch { role, rate_limit };
    Ok(services.accounts().update(&viewer, id, patch, &expected).await?.into())
}

/// Deletes an account that is deactivated and has no tunnels, services, domains and routes. Administrators only.
#[utoipa::path(
    delete, path = "/users/{id}",
    responses(
        (status = 204, description = "Done."),
        (status = 403, description = "`admin_only`"),
        (status = 409, description = "`still_active`, `owns_things`"),
    )
)]
async fn delete(
    Allowed { viewer, .. }: Allowed<SignedIn>,
    State(services): State<Services>,
    Id(id): Id<UserId>,
    IfMatch(expected): IfMatch,
) -> ApiResult<StatusCode> {
    services.accounts().delete(&viewer, id, &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets nobody in with an account: its sessions end and its telephones are disconnected at once. Administrators only.
#[utoipa::path(
    post, path = "/users/{id}/deactivate",
    responses(
        (status = 200, description = "Done.", body = Account),
        (status = 403, description = "`admin_only`"),
        (status = 409, description = "`last_administrator`"),
    )
)]
async fn deactivate(
    Allowed { viewer, .. }: Allowed<SignedIn>,
    State(services): State<Services>,
    Id(id): Id<UserId>,
) -> ApiResult<axum::Json<Account>> {
    Ok(axum::Json(services.accounts().deactivate(&viewer, id).await?))
}

/// Takes a deactivation back. Administrators only.
#[utoipa::path(
    post, path = "/users/{id}/reactivate",
    responses(
        (status = 200, description = "Done.", body = Account),
        (status = 403, description = "`admin_only`"),
    )
)]
async fn reactivate(
    Allowed { viewer, .. }: Allowed<SignedIn>,
    State(services): State<Services>,
    Id(id): Id<UserId>,
) -> ApiResult<axum::Json<Account>> {
    Ok(axum::Json(services.accounts().reactivate(&viewer, id).await?))
}

/// Lists the accounts at OpenID Connect providers that get into an account. Administrators only.
#[utoipa::path(
    get, path = "/users/{id}/identities", params(PageQuery),
    responses(
        (status = 200, description = "Done.", body = List<Identity>),
        (status = 403, description = "`admin_only`"),
    )
)]
async fn identities(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Id(id): Id<UserId>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<List<Identity>>> {
    let items = services.accounts().identities_of(&viewer, id).await?;
    Ok(axum::Json(query.page()?.of(items, |identity| identity.id)?.into()))
}

/// Makes a link by which the account's owner chooses a new password within a day. Administrators only.
#[utoipa::path(
    post, path = "/users/{id}/reset",
    responses(
        (status = 201, description = "Made.", body = Link),
        (status = 403, description = "`admin_only`"),
        (status = 409, description = "`account_deactivated`, `link_limit`"),
    )
)]
async fn reset(
    Allowed { viewer, .. }: Allowed<SignedIn>,
    State(services): State<Services>,
    Id(id): Id<UserId>,
) -> ApiResult<(StatusCode, axum::Json<Link>)> {
    let link = services.accounts().offer_reset(&viewer, id).await?;
    Ok((StatusCode::CREATED, axum::Json(link.into())))
}

/// Lists invitations that wait to be used. Administrators only.
#[utoipa::path(
    get, path = "/invitations", params(PageQuery),
    responses(
        (status = 200, description = "Done.", body = List<Invitation>),
        (status = 403, description = "`admin_only`"),
    )
)]
async fn invitations(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<List<Invitation>>> {
    Ok(axum::Json(services.accounts().invitations(&viewer, query.page()?).await?.into()))
}

/// Invites somebody. Its link is in this answer and nowhere else. An earlier one to the same address ends. Administrators
/// only.
#[utoipa::path(
    post, path = "/invitations", request_body = New,
    responses(
        (status = 201, description = "Made.", body = WithLink),
        (status = 403, description = "`admin_only`"),
        (status = 409, description = "`email_taken`, `link_limit`"),
    )
)]
async fn invite(
    Allowed { viewer, .. }: Allowed<SignedIn>,
    State(services): State<Services>,
    Json(new): Json<New>,
) -> ApiResult<(StatusCode, axum::Json<WithLink>)> {
    let accounts = services.accounts();
    let (invitation, link) = accounts.invite(&viewer, new.email.as_str(), new.role, new.expires_in_hours).await?;
    let Link { link, mailed, .. } = link.into();
    Ok((StatusCode::CREATED, axum::Json(WithLink { invitation, link, mailed })))
}

/// Takes an invitation back. Administrators only.
#[utoipa::path(
    delete, path = "/invitations/{id}",
    responses(
        (status = 204, description = "Done."),
        (status = 403, description = "`admin_only`"),
    )
)]
async fn withdraw(
    Allowed { viewer, .. }: Allowed<SignedIn>,
    State(services): State<Services>,
    Id(id): Id<InvitationId>,
) -> ApiResult<StatusCode> {
    services.accounts().withdraw(&viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
