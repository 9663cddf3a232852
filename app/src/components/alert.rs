//! Alerts: the fields of their form, their history, and what they are called.

use crate::{
    actions::LONGEST_SECONDS,
    components::{
        choice::{select, tick_box},
        field::Field,
        form::FormState,
        target::Offers,
    },
    islands::TimeAgo,
};
use domain::{Alert, AlertDelivery, AlertEvent, AlertKind, AlertState};
use leptos::prelude::*;

/// The names of the form's fields, for [`FormState::summary`].
pub const FIELDS: [&str; 8] =
    ["alert_name", "tunnel", "service", "error_percent", "latency_ms", "for_seconds", "webhook", "email"];

/// The kinds, in words.
const KINDS: [(&str, &str); 4] = [
    ("tunnel_offline", "A tunnel is offline"),
    ("backend_unhealthy", "A backend is unhealthy"),
    ("error_share", "Too many errors"),
    ("latency", "Answers take too long"),
];

/// What a kind is called.
pub fn kind(kind: AlertKind) -> &'static str {
    KINDS.iter().find(|(name, _)| *name == kind.as_str()).map_or("", |(_, words)| *words)
}

/// What an alert is about, with its limit.
pub fn condition(alert: &Alert) -> String {
    let limit = match (alert.kind, alert.limit) {
        (AlertKind::ErrorShare, Some(limit)) => format!(": more than {} %", round(limit * 100.0)),
        (AlertKind::Latency, Some(limit)) => format!(": p95 above {} ms", round(limit)),
        _ => String::new(),
    };
    format!("{}{limit}", kind(alert.kind))
}

/// Three decimals at most, and none that are zero.
fn round(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// How an alert is now.
pub fn state(alert: &Alert) -> AnyView {
    let (class, text) = match (alert.enabled, alert.firing) {
        (false, _) => ("badge badge-paused", "Off".to_owned()),
        (true, 0) => ("badge badge-online", "Quiet".to_owned()),
        (true, 1) => ("badge badge-deleted", "Firing".to_owned()),
        (true, count) => ("badge badge-deleted", format!("Firing: {count}")),
    };
    view! { <span class=class>{text}</span> }.into_any()
}

/// What the form holds at first.
pub struct Present<'a> {
    /// The alert, if there is one.
    pub alert: Option<&'a Alert>,
    /// What it is about: the name of a tunnel, or of a service.
    pub tunnel: Option<String>,
    /// See `tunnel`.
    pub service: Option<String>,
    /// The address that mail goes to where nothing else is said.
    pub email: String,
    /// Whether any address may be entered.
    pub any_email: bool,
    /// Whether the server sends mail.
    pub can_mail: bool,
}

/// The form's fields.
pub fn fields(form: &'static str, state: &FormState, present: &Present<'_>, offers: &Offers) -> AnyView {
    let alert = present.alert;
    let name = alert.map(|alert| alert.name.to_string()).unwrap_or_default();
    let seconds = alert.map_or(60, |alert| alert.for_seconds);
    view! {
        {Field::text(form, "alert_name", "Name")
            .required()
            .at_most(64)
            .placeholder("shop is down")
            .hint("Stands in the subject of mails.")
            .value(name)
            .state(state)
            .view()}
        {condition_fields(form, state, alert)}
        {subject_fields(form, state, present)}
        {Field::number(form, "for_seconds", "For so many seconds", 0, LONGEST_SECONDS)
            .required()
            .value(seconds.to_string())
            .hint("How long it has to last before it is told, and to be over before that is told.")
            .state(state)
            .view()}
        {delivery_fields(form, state, present)}
        {tick_box((form, state), "enabled", "Look after it", None, alert.is_none_or(|alert| alert.enabled))}
        {offers.view()}
    }
    .into_any()
}

/// The kind stays what it is once there is an alert.
fn condition_fields(form: &'static str, state: &FormState, alert: Option<&Alert>) -> AnyView {
    let choice = match alert {
        None => select((form, state), "kind", "What", &KINDS, "tunnel_offline"),
        Some(alert) => {
            let class = format!("kind-is-{}", alert.kind.as_str());
            view! { <p class=class>{kind(alert.kind)}</p> }.into_any()
        }
    };
    let limit = alert.and_then(|alert| alert.limit.map(|limit| (alert.kind, limit)));
    let percent = match limit {
        Some((AlertKind::ErrorShare, limit)) => round(limit * 100.0).to_string(),
        _ => "5".into(),
    };
    let latency = match limit {
        Some((AlertKind::Latency, limit)) => round(limit).to_string(),
        _ => "1000".into(),
    };
    view! {
        <fieldset class="fields kind">
            <legend>"Tell me when"</legend>
            {choice}
            <div class="kind-error_share">
                {Field::text(form, "error_percent", "More than so many percent")
                    .needed()
                    .value(percent)
                    .hint("Of the last minute's answers, those with a status of 500 or above.")
                    .state(state)
                    .view()}
            </div>
            <div class="kind-latency">
                {Field::text(form, "latency_ms", "Longer than so many milliseconds")
                    .needed()
                    .value(latency)
                    .hint("95 of 100 answers begin within that time when all is well.")
                    .state(state)
                    .view()}
            </div>
        </fieldset>
    }
    .into_any()
}

fn subject_fields(form: &'static str, state: &FormState, present: &Present<'_>) -> AnyView {
    let all = ("all", "All that I have");
    let tunnel = ("tunnel", "One tunnel");
    let service = ("service", "One service");
    let choices = match present.alert.map(|alert| alert.kind) {
        Some(AlertKind::TunnelOffline) => vec![all, tunnel],
        Some(AlertKind::BackendUnhealthy) => vec![all, service],
        _ => vec![all, tunnel, service],
    };
    let chosen = match (&present.tunnel, &present.service) {
        (Some(_), _) => "tunnel",
        (None, Some(_)) => "service",
        (None, None) => "all",
    };
    let error = state.error_of("about").map(|_| {
        view! { <p class="field-error">"Tunnels go offline, and backends belong to services: choose what fits."</p> }
    });
    view! {
        <fieldset class="fields target">
            <legend>"About"</legend>
            {error}
            {select((form, state), "about", "Of what", &choices, chosen)}
            <div class="target-tunnel">
                {Field::text(form, "tunnel", "Tunnel")
                    .needed()
                    .offering("offer-tunnels")
                    .value(present.tunnel.clone().unwrap_or_default())
                    .placeholder("my-app")
                    .at_most(63)
                    .hint("Its subdomain.")
                    .state(state)
                    .view()}
            </div>
            <div class="target-service">
                {Field::text(form, "service", "Service")
                    .needed()
                    .offering("offer-services")
                    .value(present.service.clone().unwrap_or_default())
                    .placeholder("shop")
                    .at_most(63)
                    .state(state)
                    .view()}
            </div>
        </fieldset>
    }
    .into_any()
}

fn delivery_fields(form: &'static str, state: &FormState, present: &Present<'_>) -> AnyView {
    let alert = present.alert;
    let by_email = alert.is_some_and(|alert| alert.email.is_some());
    let mut choices = vec![("webhook", "A webhook")];
    if present.can_mail || by_email {
        choices.push(("email", "E-mail"));
    }
    let webhook = alert.and_then(|alert| alert.webhook.as_ref()).map(ToString::to_string).unwrap_or_default();
    let email = alert.and_then(|alert| alert.email.as_ref()).map_or(present.email.clone(), ToString::to_string);
    let address = match present.any_email {
        true => Field::text(form, "email", "Address").needed().at_most(254).value(email).state(state).view(),
        false => view! { <p>"Notices are mailed to " <strong>{present.email.clone()}</strong> "."</p> }.into_any(),
    };
    let no_mail = (!present.can_mail).then(|| {
        view! { <p class="field-hint">"E-mail is offered once the server's administrator has set smtp_url and smtp_from."</p> }
    });
    view! {
        <fieldset class="fields delivery">
            <legend>"By"</legend>
            {select((form, state), "delivery", "Way", &choices, if by_email { "email" } else { "webhook" })}
            <div class="delivery-webhook">
                {Field::text(form, "webhook", "Address of the webhook")
                    .needed()
                    .at_most(1_000)
                    .placeholder("https://hooks.example.com/switchboard")
                    .hint("Notices are posted there as JSON, signed with a secret that is shown once.")
                    .value(webhook)
                    .state(state)
                    .view()}
            </div>
            <div class="delivery-email">{address}</div>
            {no_mail}
        </fieldset>
    }
    .into_any()
}

/// What was told, newest first.
pub fn history(events: &[AlertEvent], with_alert: bool) -> AnyView {
    let rows = events.iter().map(|event| row(event, with_alert)).collect_view();
    let of = with_alert.then(|| view! { <th scope="col">"Alert"</th> });
    view! {
        <div class="card card-flush">
            <table class="table">
                <caption class="visually-hidden">"Notices, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"When"</th>
                        {of}
                        <th scope="col">"What"</th>
                        <th scope="col">"Told"</th>
                        <th scope="col">"Delivery"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(event: &AlertEvent, with_alert: bool) -> AnyView {
    let (class, word) = match event.state {
        AlertState::Firing => ("badge badge-deleted", "Firing"),
        AlertState::Recovered => ("badge badge-online", "Recovered"),
        AlertState::Test => ("badge", "Test"),
    };
    let of = with_alert.then(|| {
        let href = format!("/web/alerts/{}", event.alert_id);
        view! {
            <td data-label="Alert">
                <a href=href>{event.alert_name.clone()}</a>
            </td>
        }
    });
    view! {
        <tr>
            <td data-label="When">
                <TimeAgo at=event.at />
            </td>
            {of}
            <td data-label="What">
                <span class=class>{word}</span>
            </td>
            <td data-label="Told">{event.message.clone()}</td>
            <td data-label="Delivery">{delivery(event)}</td>
        </tr>
    }
    .into_any()
}

fn delivery(event: &AlertEvent) -> AnyView {
    let (class, word) = match event.delivery {
        AlertDelivery::Pending => ("badge badge-waiting", "On its way"),
        AlertDelivery::Delivered => ("badge badge-online", "Delivered"),
        AlertDelivery::Failed => ("badge badge-deleted", "Given up"),
        AlertDelivery::Suppressed => ("badge badge-paused", "Not sent: too many"),
    };
    let attempts = (event.attempts > 1).then(|| format!(", attempt {}", event.attempts));
    let error = event.last_error.clone().map(|error| view! { <div class="field-hint">{error}</div> });
    let next = event
        .next_attempt_at
        .filter(|_| event.delivery == AlertDelivery::Pending && event.attempts > 0)
        .map(|at| view! { <div class="field-hint">"tried again " <TimeAgo at /></div> });
    view! {
        <div>
            <span class=class>{word}</span>
            <span class="muted">" to " {event.target.clone()} {attempts}</span>
            {error}
            {next}
        </div>
    }
    .into_any()
}
