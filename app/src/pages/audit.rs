//! What has to do with security.

use super::visit::{Visit, signed_in};
use crate::{
    components::{
        layout::{Section, layout},
        pager::more,
    },
    destination::Destination,
    islands::TimeAgo,
};
use domain::{AuditEvent, AuditKind};
use leptos::prelude::*;
use server_core::{AuditQuery, CoreError, Page};

/// Who came in, who did not, who changed what: all of it for administrators, their own for others.
#[component]
pub fn AuditLog() -> impl IntoView {
    signed_in(page)
}

async fn page(visit: Visit) -> Result<AnyView, CoreError> {
    let [email, address] = ["email", "address"]
        .map(|name| visit.query.get_str(name).unwrap_or_default().trim().chars().take(254).collect::<String>());
    let kind: Option<AuditKind> = visit.query.get_str("kind").and_then(|kind| kind.parse().ok());
    let here = Destination::page("/web/audit")
        .with_some("kind", kind.map(AuditKind::as_str))
        .with_some("email", Some(&email))
        .with_some("address", Some(&address));
    let (wanted_email, wanted_address) = (email.parse().ok(), address.parse().ok());
    // What is no address is nobody's.
    let is_nobody = (!email.is_empty() && wanted_email.is_none()) || (!address.is_empty() && wanted_address.is_none());
    let page = Page { limit: 50, cursor: visit.query.get("cursor") };
    let query = AuditQuery { kind, email: wanted_email, address: wanted_address, ..AuditQuery::default() };
    let events = visit.services.audit().list(&visit.viewer, query, page).await?;
    let list = if is_nobody || events.items.is_empty() {
        view! { <p class="empty">"Nothing of the kind has happened."</p> }.into_any()
    } else {
        table(&events.items)
    };
    let lead = if visit.viewer.is_admin() {
        "Who came in and who did not, and what was changed about accounts and tokens, of everybody."
    } else {
        "What you did and what is about your account: sign-ins, also those that failed, passwords, tokens."
    };
    let content = view! {
        <h1>"Security log"</h1>
        <p class="lead">{lead}</p>
        {narrow(kind, email, address)}
        {list}
        {more(&here, events.next_cursor.filter(|_| !is_nobody))}
    };
    Ok(layout(&visit, Section::Audit, "Security log", content))
}

fn narrow(kind: Option<AuditKind>, email: String, address: String) -> AnyView {
    let options = AuditKind::ALL.iter().map(|one| {
        view! {
            <option value=one.as_str() selected=kind == Some(*one)>
                {one.words()}
            </option>
        }
    });
    view! {
        <form method="get" action="/web/audit" class="filter" role="search">
            <div class="field">
                <label for="audit-kind">"What"</label>
                <select id="audit-kind" name="kind">
                    <option value="">"All"</option>
                    {options.collect_view()}
                </select>
            </div>
            <div class="field">
                <label for="audit-email">"Account"</label>
                <input
                    id="audit-email"
                    type="search"
                    name="email"
                    value=email
                    maxlength="254"
                    placeholder="ada@example.com"
                    autocapitalize="none"
                    spellcheck="false"
                />
            </div>
            <div class="field">
                <label for="audit-address">"From"</label>
                <input
                    id="audit-address"
                    type="search"
                    name="address"
                    value=address
                    maxlength="45"
                    placeholder="192.0.2.1"
                    autocapitalize="none"
                    spellcheck="false"
                />
            </div>
            <button class="button">"Show"</button>
        </form>
    }
    .into_any()
}

fn table(events: &[AuditEvent]) -> AnyView {
    let rows = events.iter().map(row).collect_view();
    view! {
        <div class="card card-flush">
            <table class="table">
                <caption class="visually-hidden">"What happened, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"When"</th>
                        <th scope="col">"What"</th>
                        <th scope="col">"Account"</th>
                        <th scope="col">"By"</th>
                        <th scope="col">"From"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(event: &AuditEvent) -> AnyView {
    let times = (event.times > 1).then(|| {
        view! { <span class="badge badge-plain">{event.times} " times"</span> }
    });
    let detail = event.detail.clone().map(|detail| view! { <span class="muted">{detail}</span> });
    let account = match &event.account_email {
        Some(email) => view! { <span>{email.to_string()}</span> }.into_any(),
        None if event.kind == AuditKind::TelephoneRefused => {
            view! { <span class="muted">"not known"</span> }.into_any()
        }
        None => view! { <span class="muted">"none that exists"</span> }.into_any(),
    };
    let by = match &event.actor_email {
        Some(email) if Some(email) == event.account_email.as_ref() => {
            view! { <span class="muted">"themselves"</span> }.into_any()
        }
        Some(email) => view! { <span>{email.to_string()}</span> }.into_any(),
        None => view! { <span class="muted">"not signed in"</span> }.into_any(),
    };
    let from = event.address.map_or_else(|| "—".to_owned(), |address| address.to_string());
    view! {
        <tr>
            <td data-label="When">
                <TimeAgo at=event.last_at />
            </td>
            <td data-label="What" class="cell-title">
                <span>{event.kind.words()} " " {times} " " {detail}</span>
            </td>
            <td data-label="Account">{account}</td>
            <td data-label="By">{by}</td>
            <td data-label="From" class="mono">
                {from}
            </td>
        </tr>
    }
    .into_any()
}
