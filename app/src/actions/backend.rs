//! Backends.

use super::{entered::Entered, finish, finish_as, invalid, refuse, signed_in, target};
use crate::destination::Destination;
use domain::{
    Backend, BackendId, BackendName, BackendPatch, BackendSpec, BackendState, ServiceId, Subdomain, Tag, Tags, Weight,
};
use leptos::prelude::*;
use server_core::{CoreError, Services, Viewer};
use std::collections::BTreeSet;

/// The page of the service, whose pool the backend is in.
fn pool(id: ServiceId) -> Destination {
    Destination::page(format!("/web/services/{id}"))
}

/// The page of a backend.
fn page(service: ServiceId, id: BackendId) -> Destination {
    Destination::page(format!("/web/services/{service}/backends/{id}"))
}

fn tags(form: &Entered) -> Result<Tags, CoreError> {
    let tags = form.text("tags").split([',', ' ', '\n', '\r']).filter(|tag| !tag.is_empty()).map(str::parse::<Tag>);
    let tags = tags.collect::<Result<BTreeSet<_>, _>>().map_err(|error| invalid("tags", error))?;
    Tags::try_from(tags).map_err(|error| invalid("tags", error))
}

fn weight(form: &Entered) -> Result<Option<Weight>, CoreError> {
    let number = form.optional::<u16>("weight")?;
    number.map(Weight::try_from).transpose().map_err(|error| invalid("weight", error))
}

/// What the form says; what it leaves empty is as by default.
fn wanted(form: &Entered, service: ServiceId) -> Result<BackendSpec, CoreError> {
    let is_tunnel = form.text("origin") == "tunnel";
    Ok(BackendSpec {
        id: form.optional("backend_id")?,
        service_id: Some(service),
        address: if is_tunnel { None } else { Some(form.value("address")?) },
        tls_verify: !form.ticked("tls_unverified"),
        tunnel: if is_tunnel { Some(form.value("tunnel")?) } else { None },
        tags: tags(form)?,
        weight: weight(form)?.unwrap_or_default(),
        region: form.optional("region")?,
        ..BackendSpec::default()
    })
}

/// What a backend is called that its owner gives no id: as what it is reached at, which tells more than an id that is made.
fn called(spec: &BackendSpec) -> Option<BackendName> {
    let address = spec.address.as_ref().map(ToString::to_string);
    let host = address.as_deref().map(|address| address.split_once("://").map_or(address, |(_, host)| host));
    host.or(spec.tunnel.as_ref().map(Subdomain::as_str))?.parse().ok()
}

/// Creates it. Where another one is called so already, the server makes an id.
async fn create(services: &Services, viewer: &Viewer, spec: BackendSpec) -> Result<Backend, CoreError> {
    let Some(name) = called(&spec).filter(|_| spec.id.is_none()) else {
        return services.pools().create_backend(viewer, spec).await;
    };
    let named = BackendSpec { id: Some(name), ..spec.clone() };
    match services.pools().create_backend(viewer, named).await {
        Err(CoreError::Conflict { code: "backend_exists", .. }) => services.pools().create_backend(viewer, spec).await,
        result => result,
    }
}

/// Adds a backend to a service.
#[server(name = CreateBackend, prefix = "/web/action", endpoint = "create_backend")]
pub async fn create_backend(
    #[server(default)] service_id: String,
    #[server(flatten)] form: Entered,
) -> Result<(), ServerFnError> {
    let Ok(service) = service_id.parse::<ServiceId>() else {
        refuse(Destination::page("/web/services"), &CoreError::NotFound("service"));
        return Ok(());
    };
    let Some((services, _, viewer)) = signed_in(&pool(service)) else { return Ok(()) };
    let result = match wanted(&form, service) {
        Ok(spec) => create(&services, &viewer, spec).await,
        Err(error) => Err(error),
    };
    let back = form.back(pool(service), "backend", &result).await;
    finish_as(result, |_| pool(service).with("done", "backend_created"), back, target::words);
    Ok(())
}

/// A backend as forms name it, and the service on whose page they are.
fn named(id: &str, service_id: &str) -> Option<(BackendId, ServiceId)> {
    let ids = id.parse().ok().zip(service_id.parse().ok());
    if ids.is_none() {
        refuse(Destination::page("/web/services"), &CoreError::NotFound("backend"));
    }
    ids
}

/// Changes a backend's settings.
#[server(name = UpdateBackend, prefix = "/web/action", endpoint = "update_backend")]
pub async fn update_backend(
    #[server(default)] id: String,
    #[server(default)] service_id: String,
    #[server(flatten)] form: Entered,
) -> Result<(), ServerFnError> {
    let Some((id, service)) = named(&id, &service_id) else { return Ok(()) };
    let Some((services, _, viewer)) = signed_in(&page(service, id)) else { return Ok(()) };
    let result = match wanted(&form, service) {
        Ok(BackendSpec { id: name, address, tls_verify, tunnel, tags, weight, region, .. }) => {
            let patch = BackendPatch {
                id: name,
                address,
                tls_verify: Some(tls_verify),
                tunnel,
                tags: Some(tags),
                weight: Some(weight),
                region: Some(region),
                ..BackendPatch::default()
            };
            services.pools().if_unchanged(form.expected()).update_backend(&viewer, &BackendName::from(id), patch).await
        }
        Err(error) => Err(error),
    };
    let back = form.back(page(service, id), "settings", &result).await;
    finish_as(result, |_| page(service, id).with("done", "backend_updated"), back, target::words);
    Ok(())
}

/// Lets a backend run, finish what it has, or stop.
#[server(name = SetBackendState, prefix = "/web/action", endpoint = "set_backend_state")]
pub async fn set_backend_state(
    #[server(default)] id: String,
    #[server(default)] service_id: String,
    #[server(default)] state: String,
) -> Result<(), ServerFnError> {
    let Some((id, service)) = named(&id, &service_id) else { return Ok(()) };
    let Some((services, _, viewer)) = signed_in(&pool(service)) else { return Ok(()) };
    let result = match state.parse::<BackendState>() {
        Ok(state) => {
            let patch = BackendPatch { state: Some(state), ..BackendPatch::default() };
            services.pools().update_backend(&viewer, &BackendName::from(id), patch).await
        }
        Err(error) => Err(invalid("state", error)),
    };
    let done = |state: BackendState| match state {
        BackendState::Running => "backend_running",
        BackendState::Draining => "backend_draining",
        BackendState::Stopped => "backend_stopped",
    };
    finish(result, |backend| pool(service).with("done", done(backend.state)), pool(service));
    Ok(())
}

/// Deletes a backend; it can be restored.
#[server(name = DeleteBackend, prefix = "/web/action", endpoint = "delete_backend")]
pub async fn delete_backend(
    #[server(default)] id: String,
    #[server(default)] service_id: String,
) -> Result<(), ServerFnError> {
    let Some((id, service)) = named(&id, &service_id) else { return Ok(()) };
    let Some((services, _, viewer)) = signed_in(&pool(service)) else { return Ok(()) };
    let result = services.pools().delete_backend(&viewer, &BackendName::from(id)).await;
    let done = pool(service).with("done", "backend_deleted").with("undo", &id.to_string());
    finish(result, |_| done, pool(service));
    Ok(())
}

/// Brings a deleted backend back.
#[server(name = RestoreBackend, prefix = "/web/action", endpoint = "restore_backend")]
pub async fn restore_backend(
    #[server(default)] id: String,
    #[server(default)] service_id: String,
) -> Result<(), ServerFnError> {
    let Some((id, service)) = named(&id, &service_id) else { return Ok(()) };
    let Some((services, _, viewer)) = signed_in(&pool(service)) else { return Ok(()) };
    let result = services.pools().restore_backend(&viewer, &BackendName::from(id)).await;
    finish(result, |_| pool(service).with("done", "backend_restored"), pool(service));
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_backend_without_an_id_is_called_as_it_is_reached() {
        let name = |spec: BackendSpec| called(&spec).map(String::from);
        for (address, expected) in [
            ("10.0.0.5:3000", Some("10.0.0.5:3000")),
            ("https://node-1.example.com:8443", Some("node-1.example.com:8443")),
            ("unix:/run/shop.sock", None),
            ("[::1]:3000", None),
        ] {
            let spec = BackendSpec { address: Some(address.parse().unwrap()), ..BackendSpec::default() };
            assert_eq!(name(spec).as_deref(), expected, "{address}");
        }
        let spec = BackendSpec { tunnel: Some("my-app".parse().unwrap()), ..BackendSpec::default() };
        assert_eq!(name(spec).as_deref(), Some("my-app"));
    }
}
