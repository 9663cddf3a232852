//! Services.

use super::{entered::Entered, finish, invalid, refuse, signed_in};
use crate::destination::Destination;
use domain::{Affinity, HealthCheckPatch, ResiliencePatch, ServiceId, ServicePatch, ServiceSpec};
use leptos::prelude::*;
use server_core::{CoreError, ServiceRef};

fn list() -> Destination {
    Destination::page("/web/services")
}

/// The page of a service.
fn page(id: ServiceId) -> Destination {
    Destination::page(format!("/web/services/{id}"))
}

fn affinity(form: &Entered) -> Result<Affinity, CoreError> {
    Ok(match form.text("affinity") {
        "cookie" => Affinity::Cookie { name: form.optional("affinity_name")? },
        "client_address" => Affinity::ClientAddress,
        "header" => Affinity::Header { name: form.value("affinity_name")? },
        "" | "none" => Affinity::None,
        _ => return Err(invalid("affinity", "not one of those offered")),
    })
}

/// All that the form says.
fn changes(form: &Entered) -> Result<ServicePatch, CoreError> {
    Ok(ServicePatch {
        name: Some(form.value("service_name")?),
        balance: Some(form.value("balance")?),
        affinity: Some(affinity(form)?),
        health_check: Some(HealthCheckPatch {
            enabled: Some(form.ticked("check")),
            path: form.optional("check_path")?,
            interval_seconds: Some(form.optional("interval_seconds")?),
            timeout_ms: Some(form.optional("timeout_ms")?),
            healthy_after: form.optional("healthy_after")?,
            unhealthy_after: form.optional("unhealthy_after")?,
            statuses: form.optional("statuses")?,
        }),
        resilience: Some(ResiliencePatch {
            retries: form.optional("retries")?,
            slow_start_seconds: form.optional("slow_start_seconds")?,
            eject_after: form.optional("eject_after")?,
            eject_seconds: form.optional("eject_seconds")?,
            max_in_flight: form.optional("max_in_flight")?,
        }),
    })
}

/// Makes a service.
#[server(name = CreateService, prefix = "/web/action", endpoint = "create_service")]
pub async fn create_service(#[server(flatten)] form: Entered) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&list()) else { return Ok(()) };
    let result = match form.value("service_name") {
        Ok(name) => services.pools().create_service(&viewer, ServiceSpec::named(name)).await,
        Err(error) => Err(error),
    };
    let back = form.back(list(), "create", &result).await;
    finish(result, |service| page(service.id).with("done", "service_created"), back);
    Ok(())
}

/// Changes a service's settings.
#[server(name = UpdateService, prefix = "/web/action", endpoint = "update_service")]
pub async fn update_service(
    #[server(default)] id: String,
    #[server(flatten)] form: Entered,
) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&list()) else { return Ok(()) };
    let Ok(id) = id.parse::<ServiceId>() else {
        refuse(list(), &CoreError::NotFound("service"));
        return Ok(());
    };
    let result = match changes(&form) {
        Ok(patch) => {
            services.pools().if_unchanged(form.expected()).update_service(&viewer, &ServiceRef::Id(id), patch).await
        }
        Err(error) => Err(error),
    };
    let back = form.back(page(id), "settings", &result).await;
    finish(result, |service| page(service.id).with("done", "service_updated"), back);
    Ok(())
}

/// What the actions below have in common: a service by its id, one service method, back to its page.
macro_rules! change {
    ($id:expr, $method:ident, $done:expr) => {{
        let Ok(id) = $id.parse::<ServiceId>() else {
            refuse(list(), &CoreError::NotFound("service"));
            return Ok(());
        };
        let Some((services, _, viewer)) = signed_in(&page(id)) else { return Ok(()) };
        let result = services.pools().$method(&viewer, &ServiceRef::Id(id)).await;
        finish(result, $done, page(id));
        Ok(())
    }};
}

/// Deletes a service with its backends; it can be restored.
#[server(name = DeleteService, prefix = "/web/action", endpoint = "delete_service")]
pub async fn delete_service(#[server(default)] id: String) -> Result<(), ServerFnError> {
    change!(id, delete_service, |service| list().with("done", "service_deleted").with("undo", &service.id.to_string()))
}

/// Brings a deleted service back, with its backends.
#[server(name = RestoreService, prefix = "/web/action", endpoint = "restore_service")]
pub async fn restore_service(#[server(default)] id: String) -> Result<(), ServerFnError> {
    change!(id, restore_service, |service| page(service.id).with("done", "service_restored"))
}
