//! `/domains`: host names with an owner, and what serves them where no route does.

use axum::{
    Router,
    extract::State,
    http::{HeaderName, StatusCode, header},
    routing::{get, post},
};
use domain::{Domain, DomainPatch, DomainSpec, Switch};
use serde::Deserialize;
use server_core::{DomainQuery, DomainRef, Reference, Services, SwitchHow, SwitchRequest, Viewer};

use super::{
    backends::named_service,
    list::{List, PageQuery, page},
    switching::{NewSwitch, Outlook, Preview, PreviewQuery, refused},
};
use crate::api::{
    bearer::Authenticated,
    error::{ApiError, ApiResult},
    extract::{Id, Json, Query},
};

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/domains", get(list).post(create))
        .route("/domains/{domain}", get(read).put(update).patch(update).delete(delete))
        .route("/domains/{domain}/restore", post(restore))
        .route("/domains/{domain}/verify", post(verify))
        .route("/domains/{domain}/switch", get(preview).post(switch))
        .route("/domains/{domain}/switches", get(switches))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    /// Part of a host name.
    search: Option<String>,
    /// The name or id of a service that they lead to.
    service: Option<String>,
    verified: Option<bool>,
    /// Only deleted ones, which can be restored.
    #[serde(default)]
    deleted: bool,
}

/// The domain that is meant: by its id also a deleted one, by its host only what has that host now.
async fn find(services: &Services, viewer: &Viewer, which: &DomainRef) -> ApiResult<Domain> {
    let domain = services.hosts().get(viewer, which).await?;
    match which {
        Reference::Name(_) if domain.deleted_at.is_some() => Err(ApiError::not_found("domain")),
        _ => Ok(domain),
    }
}

async fn list(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Query(query): Query<ListQuery>,
) -> ApiResult<axum::Json<List<Domain>>> {
    let page = page(query.limit, query.cursor)?;
    let service = match query.service {
        Some(which) => Some(named_service(&services, &viewer, &which).await?),
        None => None,
    };
    let query = DomainQuery { search: query.search, service, verified: query.verified, deleted: query.deleted };
    Ok(axum::Json(services.hosts().list(&viewer, query, page).await?.into()))
}

async fn create(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Json(spec): Json<DomainSpec>,
) -> ApiResult<(StatusCode, [(HeaderName, String); 1], axum::Json<Domain>)> {
    let domain = services.hosts().create(&viewer, spec).await?;
    let location = [(header::LOCATION, format!("/api/v1/domains/{}", domain.domain))];
    Ok((StatusCode::CREATED, location, axum::Json(domain)))
}

async fn read(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(which): Id<DomainRef>,
) -> ApiResult<axum::Json<Domain>> {
    Ok(axum::Json(find(&services, &viewer, &which).await?))
}

async fn update(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(which): Id<DomainRef>,
    Json(patch): Json<DomainPatch>,
) -> ApiResult<axum::Json<Domain>> {
    let id = find(&services, &viewer, &which).await?.id;
    Ok(axum::Json(services.hosts().update(&viewer, &id.into(), patch).await?))
}

async fn delete(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(which): Id<DomainRef>,
) -> ApiResult<StatusCode> {
    let id = find(&services, &viewer, &which).await?.id;
    services.hosts().delete(&viewer, &id.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn restore(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(which): Id<DomainRef>,
) -> ApiResult<axum::Json<Domain>> {
    Ok(axum::Json(services.hosts().restore(&viewer, &which).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VerifyQuery {
    /// Counts the domain as verified without a look. Administrators only.
    #[serde(default)]
    skip_check: bool,
}

/// Takes up to five seconds. A domain that is not verified by it is the answer, too, with what was found instead.
async fn verify(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(which): Id<DomainRef>,
    Query(VerifyQuery { skip_check }): Query<VerifyQuery>,
) -> ApiResult<axum::Json<Domain>> {
    let id = find(&services, &viewer, &which).await?.id;
    Ok(axum::Json(match skip_check {
        true => services.hosts().trust(&viewer, &id.into()).await?,
        false => services.verify_domain(&viewer, &id.into()).await?,
    }))
}

async fn preview(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(which): Id<DomainRef>,
    Query(PreviewQuery { new_tag, force }): Query<PreviewQuery>,
) -> ApiResult<axum::Json<Preview>> {
    let Domain { id, target, .. } = find(&services, &viewer, &which).await?;
    let outlook = Outlook::of(&services, &viewer, &target, &new_tag).await?;
    let healthy = |id| outlook.is_healthy(id);
    let request = SwitchRequest { new_tag: new_tag.clone(), how: SwitchHow::AtOnce, force, healthy: &healthy };
    let tried = services.hosts().try_switch(&viewer, &id.into(), request).await;
    Ok(axum::Json(outlook.preview(&target, new_tag, tried)?))
}

async fn switch(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(which): Id<DomainRef>,
    Json(mut asked): Json<NewSwitch>,
) -> ApiResult<axum::Json<Domain>> {
    let Domain { id, target, .. } = find(&services, &viewer, &which).await?;
    let how = asked.how()?;
    let NewSwitch { new_tag, force, .. } = asked;
    let outlook = Outlook::of(&services, &viewer, &target, &new_tag).await?;
    let healthy = |id| outlook.is_healthy(id);
    let request = SwitchRequest { new_tag, how, force, healthy: &healthy };
    Ok(axum::Json(services.hosts().switch(&viewer, &id.into(), request).await.map_err(refused)?))
}

async fn switches(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(which): Id<DomainRef>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<List<Switch>>> {
    let page = query.page()?;
    let id = find(&services, &viewer, &which).await?.id;
    Ok(axum::Json(services.hosts().switches(&viewer, &id.into(), page).await?.into()))
}
