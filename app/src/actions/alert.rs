//! Alerts.

use super::{entered::Entered, finish, invalid, refuse, signed_in};
use crate::destination::Destination;
use domain::{Alert, AlertId, AlertKind, AlertPatch, AlertSpec, ServiceId, TunnelId};
use leptos::prelude::*;
use server_core::{CoreError, Expected, Page, ServiceQuery, Services, SigningSecret, TunnelQuery, Viewer};

/// The longest time that a state may have to last, seconds.
pub const LONGEST_SECONDS: u32 = 86_400;

fn list() -> Destination {
    Destination::page("/web/alerts")
}

fn page(id: AlertId) -> Destination {
    Destination::page(format!("/web/alerts/{id}"))
}

async fn wanted(services: &Services, viewer: &Viewer, form: &Entered, kind: AlertKind) -> Result<AlertSpec, CoreError> {
    let (tunnel_id, service_id) = subject(services, viewer, form, kind).await?;
    let by_email = form.text("delivery") == "email";
    let email = match (by_email, viewer.is_admin()) {
        (false, _) => None,
        (true, true) => Some(form.value("email")?),
        (true, false) => Some(viewer.user().email.clone()),
    };
    let seconds = form.value::<u32>("for_seconds")?;
    if seconds > LONGEST_SECONDS {
        return Err(invalid("for_seconds", "too long"));
    }
    Ok(AlertSpec {
        name: form.value("alert_name")?,
        kind,
        tunnel_id,
        service_id,
        limit: limit(form, kind)?,
        for_seconds: seconds,
        webhook: if by_email { None } else { Some(form.value("webhook")?) },
        email,
        enabled: form.ticked("enabled"),
    })
}

fn limit(form: &Entered, kind: AlertKind) -> Result<Option<f64>, CoreError> {
    let within = |name: &'static str, least: f64, most: f64| {
        let value = form.text(name).replace(',', ".").parse::<f64>().map_err(|error| invalid(name, error))?;
        if (least..=most).contains(&value) { Ok(value) } else { Err(invalid(name, "out of range")) }
    };
    Ok(match kind {
        AlertKind::ErrorShare => Some(within("error_percent", 0.0, 99.999)? / 100.0),
        AlertKind::Latency => Some(within("latency_ms", 1.0, 3_600_000.0)?),
        AlertKind::TunnelOffline | AlertKind::BackendUnhealthy => None,
    })
}

/// What the form names, by the names that people know.
async fn subject(
    services: &Services,
    viewer: &Viewer,
    form: &Entered,
    kind: AlertKind,
) -> Result<(Option<TunnelId>, Option<ServiceId>), CoreError> {
    let page = || Page { limit: 100, cursor: None };
    match form.text("about") {
        "tunnel" if kind.is_of_tunnels() => {
            let name = form.text("tunnel");
            let query = TunnelQuery { search: form.filled("tunnel").map(str::to_owned), ..TunnelQuery::default() };
            let found = services.tunnels().list(viewer, query, page()).await?.items;
            let tunnel = found.iter().find(|tunnel| tunnel.subdomain.as_str() == name);
            let unknown = || CoreError::Unusable { code: "unknown_tunnel", field: "tunnel", message: String::new() };
            Ok((Some(tunnel.ok_or_else(unknown)?.id), None))
        }
        "service" if kind.is_of_services() => {
            let name = form.text("service");
            let query = ServiceQuery { search: form.filled("service").map(str::to_owned), ..ServiceQuery::default() };
            let found = services.pools().services(viewer, query, page()).await?.items;
            let service = found.iter().find(|service| service.name.as_str() == name);
            let unknown = || CoreError::Unusable { code: "unknown_service", field: "service", message: String::new() };
            Ok((None, Some(service.ok_or_else(unknown)?.id)))
        }
        "all" => Ok((None, None)),
        _ => Err(invalid("about", "not of this kind")),
    }
}

fn keep(services: &Services, viewer: &Viewer, (alert, secret): (Alert, Option<SigningSecret>)) -> (AlertId, bool) {
    let is_new = secret.is_some();
    if let Some(secret) = secret {
        services.alerts().keep_for_reveal(viewer, alert.id, secret);
    }
    (alert.id, is_new)
}

/// The page of an alert, which shows a new secret once.
fn shown((id, is_new): (AlertId, bool), done: &str) -> Destination {
    let page = page(id).with("done", done);
    if is_new { page.with("secret", "new") } else { page }
}

/// Makes an alert; the page it leads to shows the secret once.
#[server(name = CreateAlert, prefix = "/web/action", endpoint = "create_alert")]
pub async fn create_alert(#[server(flatten)] form: Entered) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&list()) else { return Ok(()) };
    let result = async {
        let spec = wanted(&services, &viewer, &form, form.value("kind")?).await?;
        Ok(keep(&services, &viewer, services.create_alert(&viewer, spec).await?))
    };
    let result = result.await;
    let back = form.back(list(), "create", &result).await;
    finish(result, |made| shown(made, "alert_created"), back);
    Ok(())
}

/// Changes an alert's settings.
#[server(name = UpdateAlert, prefix = "/web/action", endpoint = "update_alert")]
pub async fn update_alert(
    #[server(default)] id: String,
    #[server(flatten)] form: Entered,
) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&list()) else { return Ok(()) };
    let Ok(id) = id.parse::<AlertId>() else {
        refuse(list(), &CoreError::NotFound("alert"));
        return Ok(());
    };
    let result = async {
        let kind = services.alerts().get(&viewer, id).await?.kind;
        let spec = wanted(&services, &viewer, &form, kind).await?;
        let patch = AlertPatch {
            name: Some(spec.name),
            tunnel_id: Some(spec.tunnel_id),
            service_id: Some(spec.service_id),
            limit: Some(spec.limit),
            for_seconds: Some(spec.for_seconds),
            webhook: Some(spec.webhook),
            email: Some(spec.email),
            enabled: Some(spec.enabled),
        };
        Ok(keep(&services, &viewer, services.update_alert(&viewer, id, patch, &form.expected()).await?))
    };
    let result = result.await;
    let back = form.back(page(id), "settings", &result).await;
    finish(result, |changed| shown(changed, "alert_updated"), back);
    Ok(())
}

/// Deletes an alert.
#[server(name = DeleteAlert, prefix = "/web/action", endpoint = "delete_alert")]
pub async fn delete_alert(#[server(default)] id: String) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&list()) else { return Ok(()) };
    let result = match id.parse::<AlertId>() {
        Ok(id) => services.alerts().delete(&viewer, id, &Expected::Anything).await,
        Err(error) => Err(invalid("id", error)),
    };
    finish(result, |()| list().with("done", "alert_deleted"), list());
    Ok(())
}

/// Sends a test notice.
#[server(name = TestAlert, prefix = "/web/action", endpoint = "test_alert")]
pub async fn test_alert(#[server(default)] id: String) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&list()) else { return Ok(()) };
    let Ok(id) = id.parse::<AlertId>() else {
        refuse(list(), &CoreError::NotFound("alert"));
        return Ok(());
    };
    let result = services.alerts().test(&viewer, id).await;
    finish(result, |_| page(id).with("done", "alert_tested"), page(id));
    Ok(())
}

/// Gives a webhook's alert a new secret, shown once.
#[server(name = RotateAlert, prefix = "/web/action", endpoint = "rotate_alert")]
pub async fn rotate_alert(#[server(default)] id: String) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&list()) else { return Ok(()) };
    let Ok(id) = id.parse::<AlertId>() else {
        refuse(list(), &CoreError::NotFound("alert"));
        return Ok(());
    };
    let result = services.alerts().rotate(&viewer, id).await;
    let result = result.map(|(alert, secret)| keep(&services, &viewer, (alert, Some(secret))));
    finish(result, |changed| shown(changed, "alert_rotated"), page(id));
    Ok(())
}
