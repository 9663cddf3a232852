//! `/domains`: host names with an owner, and what serves them where no route does.

use axum::{
    extract::State,
    http::{HeaderName, StatusCode, header},
};
use domain::{Domain, DomainPatch, DomainSpec, Switch};
use serde::Deserialize;
use server_core::{DomainQuery, DomainRef, Reference, Services, SwitchHow, SwitchRequest, Viewer};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    backends::named_service,
    list::{List, PageQuery, page},
    switching::{NewSwitch, Outlook, Preview, PreviewQuery, refused},
};
use crate::api::{
    bearer::{Allowed, Read, Write},
    conditional::{IfMatch, Tagged},
    error::{ApiError, ApiResult},
    extract::{Id, Json, Query},
};

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, update, delete))
        .routes(routes!(restore))
        .routes(routes!(verify))
        .routes(routes!(preview, switch))
        .routes(routes!(switches))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// How many at most; 50 when nothing is said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Part of a host name.
    search: Option<String>,
    /// The name or id of a service that they lead to.
    service: Option<String>,
    /// Only those that are, or are not.
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

/// Lists domains.
#[utoipa::path(
    get, path = "/domains", params(ListQuery),
    responses(
        (status = 200, description = "Done.", body = List<Domain>),
        (status = 404, description = "`not_found`"),
    )
)]
async fn list(
    Allowed { viewer, .. }: Allowed<Read>,
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

/// Makes a domain. A member's is routed once it is verified.
#[utoipa::path(
    post, path = "/domains", request_body = DomainSpec,
    responses(
        (status = 201, description = "Made; Location has its address.", body = Domain),
        (status = 400, description = "`unknown_tag`"),
        (status = 409, description = "`domain_taken`, `reserved_host`, `domain_limit`, `service_limit`, \
            `service_deleted`"),
    )
)]
async fn create(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    Json(spec): Json<DomainSpec>,
) -> ApiResult<(StatusCode, [(HeaderName, String); 1], Tagged<Domain>)> {
    let domain = services.hosts().create(&viewer, spec).await?;
    let location = [(header::LOCATION, format!("/api/v1/domains/{}", domain.domain))];
    Ok((StatusCode::CREATED, location, domain.into()))
}

/// One domain.
#[utoipa::path(get, path = "/domains/{domain}", responses((status = 200, description = "Done.", body = Domain)))]
async fn read(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Id(which): Id<DomainRef>,
) -> ApiResult<Tagged<Domain>> {
    Ok(find(&services, &viewer, &which).await?.into())
}

/// Changes what is named of a domain.
#[utoipa::path(
    method(put, patch), path = "/domains/{domain}", request_body = DomainPatch,
    responses(
        (status = 200, description = "Done.", body = Domain),
        (status = 400, description = "`unknown_tag`"),
        (status = 409, description = "`domain_taken`, `reserved_host`, `domain_deleted`, `service_deleted`, \
            `service_limit`"),
    )
)]
async fn update(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    IfMatch(expected): IfMatch,
    Id(which): Id<DomainRef>,
    Json(patch): Json<DomainPatch>,
) -> ApiResult<Tagged<Domain>> {
    let id = find(&services, &viewer, &which).await?.id;
    Ok(services.hosts().if_unchanged(expected).update(&viewer, &id.into(), patch).await?.into())
}

/// Deletes a domain with its routes.
#[utoipa::path(delete, path = "/domains/{domain}", responses((status = 204, description = "Done.")))]
async fn delete(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    IfMatch(expected): IfMatch,
    Id(which): Id<DomainRef>,
) -> ApiResult<StatusCode> {
    let id = find(&services, &viewer, &which).await?.id;
    services.hosts().if_unchanged(expected).delete(&viewer, &id.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Brings a deleted domain back with its routes.
#[utoipa::path(
    post, path = "/domains/{domain}/restore",
    responses(
        (status = 200, description = "Done.", body = Domain),
        (status = 409, description = "`domain_taken`, `reserved_host`, `domain_limit`, `route_limit`, \
            `service_deleted`, `mount_overlaps`"),
    )
)]
async fn restore(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    Id(which): Id<DomainRef>,
) -> ApiResult<axum::Json<Domain>> {
    Ok(axum::Json(services.hosts().restore(&viewer, &which).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct VerifyQuery {
    /// Counts the domain as verified without a look. Administrators only.
    #[serde(default)]
    skip_check: bool,
}

/// Looks now whether a domain is its owner's.
///
/// Takes up to five seconds. A domain that is not verified by it is the answer, too, with what was found instead.
#[utoipa::path(
    post, path = "/domains/{domain}/verify", params(VerifyQuery),
    responses(
        (status = 200, description = "Done.", body = Domain),
        (status = 403, description = "`admin_only`"),
        (status = 409, description = "`domain_deleted`"),
        (status = 429, description = "`throttled`"),
    )
)]
async fn verify(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    Id(which): Id<DomainRef>,
    Query(VerifyQuery { skip_check }): Query<VerifyQuery>,
) -> ApiResult<axum::Json<Domain>> {
    let id = find(&services, &viewer, &which).await?.id;
    Ok(axum::Json(match skip_check {
        true => services.hosts().trust(&viewer.as_admin()?, &id.into()).await?,
        false => services.verify_domain(&viewer, &id.into()).await?,
    }))
}

/// What a switch of a domain would do. Nothing is changed.
#[utoipa::path(
    get, path = "/domains/{domain}/switch", params(PreviewQuery),
    responses(
        (status = 200, description = "Done.", body = Preview),
    )
)]
async fn preview(
    Allowed { viewer, .. }: Allowed<Read>,
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

/// Gives a domain another tag.
#[utoipa::path(
    post, path = "/domains/{domain}/switch", request_body = NewSwitch,
    responses(
        (status = 200, description = "Done.", body = Domain),
        (status = 400, description = "`unknown_tag`"),
        (status = 409, description = "`no_tag`, `no_backends`, `unhealthy_target`, `domain_deleted`"),
    )
)]
async fn switch(
    Allowed { viewer, .. }: Allowed<Write>,
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

/// The newest 200 switches of a domain.
#[utoipa::path(
    get, path = "/domains/{domain}/switches", params(PageQuery),
    responses(
        (status = 200, description = "Done.", body = List<Switch>),
    )
)]
async fn switches(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Id(which): Id<DomainRef>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<List<Switch>>> {
    let page = query.page()?;
    let id = find(&services, &viewer, &which).await?.id;
    Ok(axum::Json(services.hosts().switches(&viewer, &id.into(), page).await?.into()))
}
