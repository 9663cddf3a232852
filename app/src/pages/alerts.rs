//! What the viewer wants to be told of, and what was told.

use super::visit::{Visit, signed_in};
use crate::{
    components::{
        alert::{self, Present},
        form::FormState,
        layout::{Section, layout},
        pager::more,
        target::Offers,
    },
    destination::Destination,
};
use domain::Alert;
use leptos::prelude::*;
use server_core::{AlertEventQuery, CoreError, Page};

/// Notices on a page.
const EVENTS: u32 = 25;

/// The alerts, the form that adds to them, and the history.
#[component]
pub fn Alerts() -> impl IntoView {
    signed_in(page)
}

async fn page(visit: Visit) -> Result<AnyView, CoreError> {
    let alerts = visit.services.alerts().list(&visit.viewer, Page { limit: 100, cursor: None }).await?.items;
    let page = Page { limit: EVENTS, cursor: visit.query.get("cursor") };
    let is_first = page.cursor.is_none();
    let events = visit.services.alerts().events(&visit.viewer, AlertEventQuery::default(), page).await?;
    let offers = Offers::of(&visit.services, &visit.viewer).await?;
    let form = FormState::of(&visit.query, Some("create"));
    let is_open = form.is_refused() || (alerts.is_empty() && is_first);
    let list = if alerts.is_empty() { nothing_yet() } else { table(&alerts) };
    let history = if events.items.is_empty() {
        view! { <p class="empty">"Nothing has been told in the last 30 days."</p> }.into_any()
    } else {
        alert::history(&events.items, true)
    };
    let create = is_first.then(|| create_form(&visit, &form, &offers, is_open));
    let content = view! {
        <h1>"Alerts"</h1>
        <p class="lead">"Be told when something is not as it should be, once, and once more when it is again."</p>
        {create}
        {is_first.then_some(list)}
        <section aria-labelledby="history-title">
            <h2 id="history-title">"History"</h2>
            {history}
            {more(&Destination::page("/web/alerts"), events.next_cursor)}
        </section>
    };
    Ok(layout(&visit, Section::Alerts, "Alerts", content))
}

fn create_form(visit: &Visit, form: &FormState, offers: &Offers, is_open: bool) -> AnyView {
    let present = Present {
        alert: None,
        tunnel: None,
        service: None,
        email: visit.viewer.user().email.to_string(),
        any_email: visit.viewer.is_admin(),
        can_mail: visit.services.alerts().can_mail(),
    };
    view! {
        <details class="card disclosure" open=is_open>
            <summary>
                <h2>"Make an alert"</h2>
            </summary>
            <form method="post" action="/web/action/create_alert" class="form">
                {form.summary(&alert::FIELDS)}
                {alert::fields("create", form, &present, offers)}
                <button class="button button-primary">"Make the alert"</button>
            </form>
        </details>
    }
    .into_any()
}

fn nothing_yet() -> AnyView {
    view! {
        <p class="empty">
            "There are no alerts yet. Make one above: for instance to be told when one of your "
            <a href="/web/tunnels">"tunnels"</a> " is offline for a minute."
        </p>
    }
    .into_any()
}

fn table(alerts: &[Alert]) -> AnyView {
    let rows = alerts.iter().map(row).collect_view();
    view! {
        <div class="card card-flush">
            <table class="table">
                <caption class="visually-hidden">"Your alerts, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Tells when"</th>
                        <th scope="col">"To"</th>
                        <th scope="col">"State"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(alert: &Alert) -> AnyView {
    let to = match (&alert.webhook, &alert.email) {
        (Some(url), _) => url.origin().to_owned(),
        (None, Some(email)) => email.to_string(),
        (None, None) => String::new(),
    };
    let only = match (alert.tunnel_id, alert.service_id) {
        (Some(_), _) => "one tunnel",
        (None, Some(_)) => "one service",
        (None, None) => "all that you have",
    };
    view! {
        <tr>
            <td data-label="Name" class="cell-title">
                <a class="strong" href=format!("/web/alerts/{}", alert.id)>
                    {alert.name.to_string()}
                </a>
            </td>
            <td data-label="Tells when">
                <span>
                    {alert::condition(alert)} <span class="muted">", for " {alert.for_seconds} " s; " {only}</span>
                </span>
            </td>
            <td data-label="To">{to}</td>
            <td data-label="State">{alert::state(alert)}</td>
        </tr>
    }
    .into_any()
}
