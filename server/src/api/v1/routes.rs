//! `/routes`: mounts on a domain, or on any host, and why a request goes where it goes.

use axum::{
    Extension, Router,
    extract::State,
    http::{HeaderName, StatusCode, header},
    routing::{get, post},
};
use domain::{ExplainRequest, Explanation, HostPattern, Route, RouteId, RoutePatch, RouteSpec, Switch};
use serde::Deserialize;
use server_core::{CoreError, RouteQuery, Services, SwitchHow, SwitchRequest};

use super::{
    backends::named_service,
    list::{List, PageQuery, page},
    switching::{NewSwitch, Outlook, Preview, PreviewQuery, refused},
};
use crate::{
    api::{
        bearer::Authenticated,
        error::ApiResult,
        extract::{Id, Json, Query},
    },
    ingress::Client,
};

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/routes", get(list).post(create))
        .route("/routes/explain", post(explain))
        .route("/routes/{id}", get(read).put(update).patch(update).delete(delete))
        .route("/routes/{id}/restore", post(restore))
        .route("/routes/{id}/switch", get(preview).post(switch))
        .route("/routes/{id}/switches", get(switches))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    /// Only those on this domain.
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

async fn list(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Query(query): Query<ListQuery>,
) -> ApiResult<axum::Json<List<Route>>> {
    let page = page(query.limit, query.cursor)?;
    let service = match query.service {
        Some(which) => Some(named_service(&services, &viewer, &which).await?),
        None => None,
    };
    let ListQuery { domain, any_host, search, deleted, .. } = query;
    let query = RouteQuery { domain, any_host, service, search, deleted };
    Ok(axum::Json(services.routes().list(&viewer, query, page).await?.into()))
}

async fn create(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Json(spec): Json<RouteSpec>,
) -> ApiResult<(StatusCode, [(HeaderName, String); 1], axum::Json<Route>)> {
    let route = services.routes().create(&viewer, spec).await?;
    let location = [(header::LOCATION, format!("/api/v1/routes/{}", route.id))];
    Ok((StatusCode::CREATED, location, axum::Json(route)))
}

async fn read(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<RouteId>,
) -> ApiResult<axum::Json<Route>> {
    Ok(axum::Json(services.routes().get(&viewer, id).await?))
}

async fn update(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<RouteId>,
    Json(patch): Json<RoutePatch>,
) -> ApiResult<axum::Json<Route>> {
    Ok(axum::Json(services.routes().update(&viewer, id, patch).await?))
}

async fn delete(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<RouteId>,
) -> ApiResult<StatusCode> {
    services.routes().delete(&viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn restore(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<RouteId>,
) -> ApiResult<axum::Json<Route>> {
    Ok(axum::Json(services.routes().restore(&viewer, id).await?))
}

async fn preview(
    Authenticated(viewer): Authenticated,
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

async fn switch(
    Authenticated(viewer): Authenticated,
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

async fn switches(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<RouteId>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<List<Switch>>> {
    Ok(axum::Json(services.routes().switches(&viewer, id, query.page()?).await?.into()))
}

async fn explain(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Extension(client): Extension<Client>,
    Json(mut request): Json<ExplainRequest>,
) -> ApiResult<axum::Json<Explanation>> {
    request.client.get_or_insert(client.address);
    let engine = services.engine().ok_or_else(|| CoreError::Unavailable("there is no engine".to_owned()))?;
    Ok(axum::Json(engine.explain(&viewer, &request)?))
}
