//! Domains.

use super::{entered::Entered, finish, finish_as, headers, refuse, signed_in, target};
use crate::destination::Destination;
use domain::{Domain, DomainId, DomainPatch, DomainSpec};
use leptos::prelude::*;
use server_core::{CoreError, DomainRef, Viewer};

fn list() -> Destination {
    Destination::page("/web/domains")
}

/// The page of a domain.
fn page(id: DomainId) -> Destination {
    Destination::page(format!("/web/domains/{id}"))
}

fn words(error: &CoreError) -> Option<(&'static str, &'static str)> {
    match error {
        CoreError::Conflict { code: "domain_taken", .. } => Some(("domain_taken", "domain")),
        other => target::words(other),
    }
}

fn wanted(form: &Entered) -> Result<DomainSpec, CoreError> {
    let mut spec = DomainSpec::new(form.value("domain")?);
    spec.set_target(target::entered(form)?);
    spec.http_to_https = form.ticked("http_to_https");
    spec.headers = headers::entered(form)?;
    spec.host_rewrite = form.optional("host_rewrite")?;
    Ok(spec)
}

/// All that the form says; what it leaves empty is taken away.
fn changes(form: &Entered) -> Result<DomainPatch, CoreError> {
    let target = target::entered(form)?;
    Ok(DomainPatch {
        service: Some(target.service),
        enabled_backends_tag: Some(target.enabled_backends_tag),
        tunnel: Some(target.tunnel),
        redirect: Some(target.redirect),
        address: target.address,
        http_to_https: Some(form.ticked("http_to_https")),
        headers: Some(headers::entered(form)?),
        host_rewrite: Some(form.optional("host_rewrite")?),
        ..DomainPatch::default()
    })
}

/// Adds a domain.
#[server(name = CreateDomain, prefix = "/web/action", endpoint = "create_domain")]
pub async fn create_domain(#[server(flatten)] form: Entered) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&list()) else { return Ok(()) };
    let result = match wanted(&form) {
        Ok(spec) => services.hosts().create(&viewer, spec).await,
        Err(error) => Err(error),
    };
    let back = form.back(list(), "create", &result).await;
    finish_as(result, |domain| page(domain.id).with("done", "domain_created"), back, words);
    Ok(())
}

/// Changes a domain's settings.
#[server(name = UpdateDomain, prefix = "/web/action", endpoint = "update_domain")]
pub async fn update_domain(
    #[server(default)] id: String,
    #[server(flatten)] form: Entered,
) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&list()) else { return Ok(()) };
    let Ok(id) = id.parse::<DomainId>() else {
        refuse(list(), &CoreError::NotFound("domain"));
        return Ok(());
    };
    let result = match changes(&form) {
        Ok(patch) => services.hosts().if_unchanged(form.expected()).update(&viewer, &DomainRef::Id(id), patch).await,
        Err(error) => Err(error),
    };
    let back = form.back(page(id), "settings", &result).await;
    finish_as(result, |domain| page(domain.id).with("done", "domain_updated"), back, words);
    Ok(())
}

/// What the actions below have in common: a domain by its id, one service method, back to the domain's page.
macro_rules! change {
    ($id:expr, $method:ident, $done:expr) => {
        change!($id, $method, $done, |viewer| Ok(viewer))
    };
    ($id:expr, $method:ident, $done:expr, $who:expr) => {{
        let Ok(id) = $id.parse::<DomainId>() else {
            refuse(list(), &CoreError::NotFound("domain"));
            return Ok(());
        };
        let Some((services, _, viewer)) = signed_in(&page(id)) else { return Ok(()) };
        let result = match $who(viewer) {
            Ok(who) => services.hosts().$method(&who, &DomainRef::Id(id)).await,
            Err(error) => Err(error),
        };
        finish(result, $done, page(id));
        Ok(())
    }};
}

/// Deletes a domain with its routes; it can be restored.
#[server(name = DeleteDomain, prefix = "/web/action", endpoint = "delete_domain")]
pub async fn delete_domain(#[server(default)] id: String) -> Result<(), ServerFnError> {
    change!(id, delete, |domain| list().with("done", "domain_deleted").with("undo", &domain.id.to_string()))
}

/// Brings a deleted domain back, with its routes.
#[server(name = RestoreDomain, prefix = "/web/action", endpoint = "restore_domain")]
pub async fn restore_domain(#[server(default)] id: String) -> Result<(), ServerFnError> {
    change!(id, restore, |domain| page(domain.id).with("done", "domain_restored"))
}

/// Counts a domain as verified without a check, for an administrator.
#[server(name = TrustDomain, prefix = "/web/action", endpoint = "trust_domain")]
pub async fn trust_domain(#[server(default)] id: String) -> Result<(), ServerFnError> {
    change!(id, trust, |domain| page(domain.id).with("done", "domain_verified"), |viewer: Viewer| viewer.as_admin())
}

/// Looks at once whether a domain is its owner's.
#[server(name = CheckDomain, prefix = "/web/action", endpoint = "check_domain")]
pub async fn check_domain(#[server(default)] id: String) -> Result<(), ServerFnError> {
    let Ok(id) = id.parse::<DomainId>() else {
        refuse(list(), &CoreError::NotFound("domain"));
        return Ok(());
    };
    let Some((services, _, viewer)) = signed_in(&page(id)) else { return Ok(()) };
    let result = services.verify_domain(&viewer, &DomainRef::Id(id)).await;
    let done = |domain: Domain| {
        let code = if domain.verified { "domain_verified" } else { "domain_waiting" };
        page(domain.id).with("done", code)
    };
    finish(result, done, page(id));
    Ok(())
}
