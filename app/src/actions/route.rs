//! Routes.

use super::{entered::Entered, finish, finish_as, headers, refuse, signed_in, target};
use crate::destination::Destination;
use domain::{RouteId, RoutePatch, RouteSpec};
use leptos::prelude::*;
use server_core::CoreError;

fn list() -> Destination {
    Destination::page("/web/routes")
}

/// The page of a route.
fn page(id: RouteId) -> Destination {
    Destination::page(format!("/web/routes/{id}"))
}

fn words(error: &CoreError) -> Option<(&'static str, &'static str)> {
    match error {
        CoreError::NotFound("domain") => Some(("unknown_domain", "domain")),
        CoreError::Forbidden { code: "admin_only", .. } => Some(("admin_only_any_host", "domain")),
        CoreError::Invalid { field: "redirect", .. } => None,
        // A route without a target is refused at the service, which is the first of what could be given.
        CoreError::Invalid { field: "service", .. } => Some(("no_target", "target")),
        other => target::words(other),
    }
}

fn wanted(form: &Entered) -> Result<RouteSpec, CoreError> {
    let mut spec = RouteSpec::new(form.optional("domain")?, form.value("mount")?);
    spec.set_target(target::entered(form)?);
    spec.strip_prefix = form.ticked("strip_prefix");
    spec.headers = headers::entered(form)?;
    spec.host_rewrite = form.optional("host_rewrite")?;
    Ok(spec)
}

/// All that the form says; what it leaves empty is taken away.
fn changes(form: &Entered) -> Result<RoutePatch, CoreError> {
    let target = target::entered(form)?;
    Ok(RoutePatch {
        mount: Some(form.value("mount")?),
        service: Some(target.service),
        enabled_backends_tag: Some(target.enabled_backends_tag),
        tunnel: Some(target.tunnel),
        redirect: Some(target.redirect),
        address: target.address,
        strip_prefix: Some(form.ticked("strip_prefix")),
        headers: Some(headers::entered(form)?),
        host_rewrite: Some(form.optional("host_rewrite")?),
        ..RoutePatch::default()
    })
}

/// Adds a route.
#[server(name = CreateRoute, prefix = "/web/action", endpoint = "create_route")]
pub async fn create_route(#[server(flatten)] form: Entered) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&list()) else { return Ok(()) };
    let result = match wanted(&form) {
        Ok(spec) => services.routes().create(&viewer, spec).await,
        Err(error) => Err(error),
    };
    let back = form.back(list(), "create", &result).await;
    finish_as(result, |route| page(route.id).with("done", "route_created"), back, words);
    Ok(())
}

/// Changes a route's settings.
#[server(name = UpdateRoute, prefix = "/web/action", endpoint = "update_route")]
pub async fn update_route(
    #[server(default)] id: String,
    #[server(flatten)] form: Entered,
) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&list()) else { return Ok(()) };
    let Ok(id) = id.parse::<RouteId>() else {
        refuse(list(), &CoreError::NotFound("route"));
        return Ok(());
    };
    let result = match changes(&form) {
        Ok(patch) => services.routes().if_unchanged(form.expected()).update(&viewer, id, patch).await,
        Err(error) => Err(error),
    };
    let back = form.back(page(id), "settings", &result).await;
    finish_as(result, |route| page(route.id).with("done", "route_updated"), back, words);
    Ok(())
}

/// What the actions below have in common: a route by its id, one service method, back to the route's page.
macro_rules! change {
    ($id:expr, $method:ident($($more:expr),*), $done:expr) => {{
        let Ok(id) = $id.parse::<RouteId>() else {
            refuse(list(), &CoreError::NotFound("route"));
            return Ok(());
        };
        let Some((services, _, viewer)) = signed_in(&page(id)) else { return Ok(()) };
        let result = services.routes().$method(&viewer, id $(, $more)*).await;
        finish(result, $done, page(id));
        Ok(())
    }};
}

fn enabled(enabled: bool) -> RoutePatch {
    RoutePatch { enabled: Some(enabled), ..RoutePatch::default() }
}

/// Lets a route serve again.
#[server(name = EnableRoute, prefix = "/web/action", endpoint = "enable_route")]
pub async fn enable_route(#[server(default)] id: String) -> Result<(), ServerFnError> {
    change!(id, update(enabled(true)), |route| page(route.id).with("done", "route_enabled"))
}

/// Keeps a route but does not let it serve.
#[server(name = DisableRoute, prefix = "/web/action", endpoint = "disable_route")]
pub async fn disable_route(#[server(default)] id: String) -> Result<(), ServerFnError> {
    change!(id, update(enabled(false)), |route| page(route.id).with("done", "route_disabled"))
}

/// Deletes a route; it can be restored.
#[server(name = DeleteRoute, prefix = "/web/action", endpoint = "delete_route")]
pub async fn delete_route(#[server(default)] id: String) -> Result<(), ServerFnError> {
    change!(id, delete(), |route| list().with("done", "route_deleted").with("undo", &route.id.to_string()))
}

/// Brings a deleted route back.
#[server(name = RestoreRoute, prefix = "/web/action", endpoint = "restore_route")]
pub async fn restore_route(#[server(default)] id: String) -> Result<(), ServerFnError> {
    change!(id, restore(), |route| page(route.id).with("done", "route_restored"))
}
