//! `/users/{id}/sessions` and `/users/{id}/programs`: where somebody is signed in, for administrators.

use axum::{extract::State, http::StatusCode};
use domain::{ProgramSession, ProgramSessionId, UserId, WebSession, WebSessionId};
use server_core::Services;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::list::{List, PageQuery};
use crate::api::{
    bearer::{Account, Administrates, Read},
    error::ApiResult,
    extract::{Id, Ids, Query},
};

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new()
        .routes(routes!(browsers))
        .routes(routes!(end_browser))
        .routes(routes!(programs))
        .routes(routes!(end_program))
}

/// Lists the browsers that an account is signed in with, at most 50, last used first. Administrators only.
#[utoipa::path(
    get, path = "/users/{id}/sessions", params(PageQuery),
    responses(
        (status = 200, description = "Done.", body = List<WebSession>),
        (status = 403, description = "`admin_only`"),
    )
)]
async fn browsers(
    Administrates { admin, .. }: Administrates<Read>,
    State(services): State<Services>,
    Id(id): Id<UserId>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<List<WebSession>>> {
    let items = services.web_sessions().list_of(&admin, id, None).await?;
    Ok(axum::Json(query.page()?.of(items, |session| session.id)?.into()))
}

/// Signs a browser of an account out. Administrators only.
#[utoipa::path(
    delete, path = "/users/{id}/sessions/{session}",
    responses(
        (status = 204, description = "Done."),
        (status = 403, description = "`admin_only`"),
    )
)]
async fn end_browser(
    Administrates { admin, .. }: Administrates<Account>,
    State(services): State<Services>,
    Ids(id, session): Ids<UserId, WebSessionId>,
) -> ApiResult<StatusCode> {
    services.web_sessions().end_of(&admin, id, session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the programs that an account is signed in with, newest first. Administrators only.
#[utoipa::path(
    get, path = "/users/{id}/programs", params(PageQuery),
    responses(
        (status = 200, description = "Done.", body = List<ProgramSession>),
        (status = 403, description = "`admin_only`"),
    )
)]
async fn programs(
    Administrates { admin, .. }: Administrates<Read>,
    State(services): State<Services>,
    Id(id): Id<UserId>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<List<ProgramSession>>> {
    Ok(axum::Json(services.api_sessions().list_of(&admin, id, query.page()?).await?.into()))
}

/// Signs a program of an account out: its access tokens are good for nothing from then on. Administrators only.
#[utoipa::path(
    delete, path = "/users/{id}/programs/{program}",
    responses(
        (status = 204, description = "Done."),
        (status = 403, description = "`admin_only`"),
    )
)]
async fn end_program(
    Administrates { admin, .. }: Administrates<Account>,
    State(services): State<Services>,
    Ids(id, program): Ids<UserId, ProgramSessionId>,
) -> ApiResult<StatusCode> {
    services.api_sessions().end_of(&admin, id, program).await?;
    Ok(StatusCode::NO_CONTENT)
}
