//! One alert.

use super::visit::{Visit, signed_in};
use crate::{
    components::{
        alert::{self, Present},
        command::copyable,
        confirm::{act, confirm},
        form::{FormState, version},
        layout::{Section, layout},
        pager::more,
        target::Offers,
    },
    destination::Destination,
};
use domain::{Alert, AlertId};
use leptos::prelude::*;
use server_core::{AlertEventQuery, CoreError, Page, ServiceRef, SigningSecret};

/// Notices on a page.
const EVENTS: u32 = 25;

/// Its settings, what it has told, and, once, its secret.
#[component]
pub fn AlertDetail() -> impl IntoView {
    signed_in(page)
}

async fn page(visit: Visit) -> Result<AnyView, CoreError> {
    let id = visit.params.get_str("id").and_then(|id| id.parse::<AlertId>().ok());
    let alert = visit.services.alerts().get(&visit.viewer, id.ok_or(CoreError::NotFound("alert"))?).await?;
    let page = Page { limit: EVENTS, cursor: visit.query.get("cursor") };
    let query = AlertEventQuery { alert: Some(alert.id) };
    let events = visit.services.alerts().events(&visit.viewer, query, page).await?;
    let wants_secret = visit.query.get_str("secret").is_some();
    let secret = wants_secret.then(|| visit.services.alerts().reveal(&visit.viewer, alert.id));
    let revealed = secret.map(|secret| secret.map_or_else(gone, |secret| reveal(&secret)));
    let history = if events.items.is_empty() {
        view! { <p class="empty">"It has told nothing in the last 30 days. Send a test to see whether notices arrive."</p> }
            .into_any()
    } else {
        alert::history(&events.items, false)
    };
    let here = Destination::page(format!("/web/alerts/{}", alert.id));
    let (name, settings) = (alert.name.to_string(), settings(&visit, &alert).await?);
    let content = view! {
        <p class="crumbs">
            <a href="/web/alerts">"Alerts"</a>
        </p>
        <header class="page-head">
            <h1>{name.clone()}</h1>
            {alert::state(&alert)}
        </header>
        <p class="lead">{alert::condition(&alert)} ", for " {alert.for_seconds} " s"</p>
        {revealed}
        {acts(&alert)}
        <section aria-labelledby="history-title">
            <h2 id="history-title">"History"</h2>
            {history}
            {more(&here, events.next_cursor)}
        </section>
        {settings}
    };
    Ok(layout(&visit, Section::Alerts, &name, content))
}

fn acts(alert: &Alert) -> AnyView {
    let (id, name) = (alert.id.to_string(), alert.name.to_string());
    let rotate = alert.webhook.is_some().then(|| {
        let consequence = "Notices are signed with a new secret, shown once. Receivers that know the old one refuse them until they have the new one.";
        confirm("rotate_alert", id.clone(), "New secret", name.clone(), consequence)
    });
    view! {
        <div class="actions">
            {act("test_alert", vec![("id", id.clone())], "Send a test", "")}
            {rotate}
            {confirm(
                "delete_alert",
                id,
                "Delete",
                name,
                "Nothing more is told by it. What it has told stays in the history. This cannot be undone.",
            )}
        </div>
    }
    .into_any()
}

fn reveal(secret: &SigningSecret) -> AnyView {
    view! {
        <section class="card card-accent" aria-labelledby="secret-title">
            <h2 id="secret-title">"The webhook's secret, shown this once"</h2>
            {copyable(secret.expose().to_owned(), "secret")}
            <p>
                "Each notice carries " <code>"X-Switchboard-Signature: t=…,v1=…"</code>
                ", where v1 is the HMAC-SHA-256 of t, a dot and the body, with this secret as the key."
            </p>
        </section>
    }
    .into_any()
}

fn gone() -> AnyView {
    view! {
        <p class="notice notice-warning">
            "The secret was shown once. If you did not copy it, give the alert a new one with “New secret”."
        </p>
    }
    .into_any()
}

async fn settings(visit: &Visit, alert: &Alert) -> Result<AnyView, CoreError> {
    let offers = Offers::of(&visit.services, &visit.viewer).await?;
    let form = FormState::of(&visit.query, Some("settings"));
    // What it was about may be gone.
    let tunnel = match alert.tunnel_id {
        Some(id) => {
            visit.services.tunnels().get(&visit.viewer, id).await.ok().map(|tunnel| tunnel.subdomain.to_string())
        }
        None => None,
    };
    let service = match alert.service_id {
        Some(id) => {
            let found = visit.services.pools().service(&visit.viewer, &ServiceRef::Id(id)).await;
            found.ok().map(|service| service.name.to_string())
        }
        None => None,
    };
    let present = Present {
        alert: Some(alert),
        tunnel: alert.tunnel_id.map(|_| tunnel.unwrap_or_default()),
        service: alert.service_id.map(|_| service.unwrap_or_default()),
        email: visit.viewer.user().email.to_string(),
        any_email: visit.viewer.is_admin(),
        can_mail: visit.services.alerts().can_mail(),
    };
    Ok(view! {
        <section class="card" aria-labelledby="settings-title">
            <h2 id="settings-title">"Settings"</h2>
            <form method="post" action="/web/action/update_alert" class="form">
                {form.summary(&alert::FIELDS)}
                <input type="hidden" name="id" value=alert.id.to_string() />
                {version(alert.updated_at)}
                {alert::fields("settings", &form, &present, &offers)}
                <button class="button button-primary">"Save"</button>
            </form>
        </section>
    }
    .into_any())
}
