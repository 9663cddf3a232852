//! `/routes`: mounts on a domain, or on any host, and why a request goes where it goes.

use axum::{
    Extension,
    extract::State,
    http::{HeaderName, StatusCode, header},
};
use domain::{ExplainRequest, Explanation, HostPattern, Route, RouteId, RoutePatch, RouteSpec, Switch};
use serde::Deserialize;
use server_core::{CoreError, RouteQuery, Services, SwitchHow, SwitchRequest};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    backends::named_service,
    list::{List, PageQuery, page},
    switching::{NewSwitch, Outlook, Preview, PreviewQuery, refused},
};
use crate::{
    api::{
        bearer::{Allowed, Read, Write},
        conditional::{IfMatch, Tagged},
        error::ApiResult,
        extract::{Id, Json, Query},
    },
    ingress::Client,
};

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(explain))
        .routes(routes!(read, update, delete))
        .routes(routes!(restore))
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
    /// Only those on this domain.
    #[param(value_type = Option<String>)]
    domain: Option<HostPattern>,
    /// Only those for any host.
    #[serde(default)]
    any_host: bool,
    /// Part of a mount or host name.
    search: Option<String>,
    /// The name or id of a service that they lead to.
    service: Option<String>,
    /// Only deleted ones, which can be restored.
    #[serde(default)]
    deleted: bool,
}

/// Lists routes.
#[utoipa::path(
    get, path = "/routes", params(ListQuery),
    responses(
        (status = 200, description = "Done.", body = List<Route>),
        (status = 404, description = "`not_found`"),
    )
)]
async fn list(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Query(query): Query<ListQuery>,
) -> ApiResult<axum::Json<List<Route>>> {
    let page = page(query.limit, query.cursor)?;
    let service = match query.service {
        Some(which) => Some(named_service(&services, &viewer, &which).await?),
        None => None,
    };
    let ListQuery { domain, any_host, search, deleted, .. } = query;
    let query = RouteQuery { domain, any_host, service, search, deleted, overlapping: None };
    Ok(axum::Json(services.routes().list(&viewer, query, page).await?.into()))
}

/// Makes a route.
#[utoipa::path(
    post, path = "/routes", request_body = RouteSpec,
    responses(
        (status = 201, description = "Made; Location has its address.", body = Route),
        (status = 400, description = "`unknown_tag`"),
        (status = 403, description = "`admin_only`"),
        (status = 409, description = "`mount_overlaps`, `reserved_mount`, `route_limit`, `service_limit`, \
            `service_deleted`, `domain_deleted`"),
    )
)]
async fn create(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    Json(spec): Json<RouteSpec>,
) -> ApiResult<(StatusCode, [(HeaderName, String); 1], Tagged<Route>)> {
    let route = services.routes().create(&viewer, spec).await?;
    let location = [(header::LOCATION, format!("/api/v1/routes/{}", route.id))];
    Ok((StatusCode::CREATED, location, route.into()))
}

/// One route.
#[utoipa::path(get, path = "/routes/{id}", responses((status = 200, description = "Done.", body = Route)))]
async fn read(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Id(id): Id<RouteId>,
) -> ApiResult<Tagged<Route>> {
    Ok(services.routes().get(&viewer, id).await?.into())
}

/// Changes what is named of a route.
#[utoipa::path(
    method(put, patch), path = "/routes/{id}", request_body = RoutePatch,
    responses(
        (status = 200, description = "Done.", body = Route),
        (status = 400, description = "`unknown_tag`"),
        (status = 403, description = "`admin_only`"),
        (status = 409, description = "`mount_overlaps`, `reserved_mount`, `route_deleted`, `service_deleted`, \
            `domain_deleted`, `service_limit`"),
    )
)]
async fn update(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    IfMatch(expected): IfMatch,
    Id(id): Id<RouteId>,
    Json(patch): Json<RoutePatch>,
) -> ApiResult<Tagged<Route>> {
    Ok(services.routes().if_unchanged(expected).update(&viewer, id, patch).await?.into())
}

/// Deletes a route.
#[utoipa::path(delete, path = "/routes/{id}", responses((status = 204, description = "Done.")))]
async fn delete(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    IfMatch(expected): IfMatch,
    Id(id): Id<RouteId>,
) -> ApiResult<StatusCode> {
    services.routes().if_unchanged(expected).delete(&viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Brings a deleted route back.
#[utoipa::path(
    post, path = "/routes/{id}/restore",
    responses(
        (status = 200, description = "Done.", body = Route),
        (status = 403, description = "`admin_only`"),
        (status = 409, description = "`mount_overlaps`, `reserved_mount`, `route_limit`, `service_deleted`, \
            `domain_deleted`"),
    )
)]
async fn restore(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    Id(id): Id<RouteId>,
) -> ApiResult<axum::Json<Route>> {
    Ok(axum::Json(services.routes().restore(&viewer, id).await?))
}

/// What a switch of a route would do. Nothing is changed.
#[utoipa::path(
    get, path = "/routes/{id}/switch", params(PreviewQuery),
    responses(
        (status = 200, description = "Done.", body = Preview),
    )
)]
async fn preview(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Id(id): Id<RouteId>,
    Query(PreviewQuery { new_tag, force }): Query<PreviewQuery>,
) -> ApiResult<axum::Json<Preview>> {
    let target = services.routes().get(&viewer, id).await?.target;
    let outlook = Outlook::of(&services, &viewer, &target, &new_tag).await?;
    let healthy = |id| outlook.is_healthy(id);
    let request = SwitchRequest { new_tag: new_tag.clone(), how: SwitchHow::AtOnce, force, healthy: &healthy };
    let tried = services.routes().try_switch(&viewer, id, request).await;
    Ok(axum::Json(outlook.preview(&target, new_tag, tried)?))
}

/// Gives a route another tag.
#[utoipa::path(
    post, path = "/routes/{id}/switch", request_body = NewSwitch,
    responses(
        (status = 200, description = "Done.", body = Route),
        (status = 400, description = "`unknown_tag`"),
        (status = 409, description = "`no_tag`, `no_backends`, `unhealthy_target`, `route_deleted`"),
    )
)]
async fn switch(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    Id(id): Id<RouteId>,
    Json(mut asked): Json<NewSwitch>,
) -> ApiResult<axum::Json<Route>> {
    let target = services.routes().get(&viewer, id).await?.target;
    let how = asked.how()?;
    let NewSwitch { new_tag, force, .. } = asked;
    let outlook = Outlook::of(&services, &viewer, &target, &new_tag).await?;
    let healthy = |id| outlook.is_healthy(id);
    let request = SwitchRequest { new_tag, how, force, healthy: &healthy };
    Ok(axum::Json(services.routes().switch(&viewer, id, request).await.map_err(refused)?))
}

/// The newest 200 switches of a route.
#[utoipa::path(
    get, path = "/routes/{id}/switches", params(PageQuery),
    responses(
        (status = 200, description = "Done.", body = List<Switch>),
    )
)]
async fn switches(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Id(id): Id<RouteId>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<List<Switch>>> {
    Ok(axum::Json(services.routes().switches(&viewer, id, query.page()?).await?.into()))
}

/// Tells what would become of a request, and why. Nothing is sent.
#[utoipa::path(
    post, path = "/routes/explain", request_body = ExplainRequest,
    responses(
        (status = 200, description = "Done.", body = Explanation),
    )
)]
async fn explain(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Extension(client): Extension<Client>,
    Json(mut request): Json<ExplainRequest>,
) -> ApiResult<axum::Json<Explanation>> {
    request.client.get_or_insert(client.address);
    let engine = services.engine().ok_or_else(|| CoreError::Unavailable("there is no engine".to_owned()))?;
    Ok(axum::Json(engine.explain(&viewer, &request)?))
}
