//! The settings of a service: how it balances, whom it checks, how it deals with failures.

use crate::components::{
    choice::{select, tick_box},
    field::Field,
    form::{FormState, version},
};
use domain::{Affinity, HealthCheck, Resilience, Service};
use leptos::prelude::*;

const BALANCES: [(&str, &str); 4] = [
    ("two_choices", "The less busy of two at random"),
    ("least_connections", "The least busy"),
    ("round_robin", "One after the other"),
    ("weighted", "At random, by weight"),
];

const AFFINITIES: [(&str, &str); 4] = [
    ("none", "Nothing: any backend serves any request"),
    ("cookie", "A cookie"),
    ("client_address", "The client's address"),
    ("header", "A request header"),
];

const FIELDS: [&str; 15] = [
    "service_name",
    "balance",
    "affinity",
    "affinity_name",
    "check_path",
    "interval_seconds",
    "timeout_ms",
    "healthy_after",
    "unhealthy_after",
    "statuses",
    "retries",
    "slow_start_seconds",
    "eject_after",
    "eject_seconds",
    "max_in_flight",
];

/// The form.
pub fn settings(service: &Service, form: &FormState) -> AnyView {
    view! {
        <details class="card disclosure" open=form.is_refused()>
            <summary>
                <h2>"Settings"</h2>
            </summary>
            <form method="post" action="/web/action/update_service" class="form form-wide">
                {form.summary(&FIELDS)}
                <input type="hidden" name="id" value=service.id.to_string() />
                {version(service.updated_at)}
                {Field::text("settings", "service_name", "Name")
                    .required()
                    .at_most(63)
                    .value(service.name.to_string())
                    .hint("Letters, digits, dots, underscores and hyphens, at most 63.")
                    .state(form)
                    .view()}
                {balance(service, form)}
                {health_check(&service.health_check, form)}
                {resilience(&service.resilience, form)}
                <button class="button button-primary">"Save"</button>
            </form>
        </details>
    }
    .into_any()
}

fn balance(service: &Service, form: &FormState) -> AnyView {
    let (affinity, name) = match &service.affinity {
        Affinity::None => ("none", None),
        Affinity::Cookie { name } => ("cookie", name.as_ref()),
        Affinity::ClientAddress => ("client_address", None),
        Affinity::Header { name } => ("header", Some(name)),
    };
    view! {
        <fieldset class="fields">
            <legend>"Balancing"</legend>
            {select(("settings", form), "balance", "A request goes to", &BALANCES, service.balance.as_str())}
            {select(("settings", form), "affinity", "What keeps a client at one backend", &AFFINITIES, affinity)}
            {Field::text("settings", "affinity_name", "Name of the cookie or header")
                .at_most(128)
                .value(name.map(ToString::to_string).unwrap_or_default())
                .hint("A header needs one; a cookie gets one by itself.")
                .state(form)
                .view()}
        </fieldset>
    }
    .into_any()
}

fn health_check(check: &HealthCheck, form: &FormState) -> AnyView {
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    view! {
            <fieldset class="fields">
                <legend>"Health check"</legend>
                {tick_box(
                    ("settings", form),
                    "check",
                    "Check the backends",
                    Some("Without checks a backend counts as healthy until requests to it fail."),
                    check.enabled,
                )}
                <div class="fields-row">
                    {Field::text("settings", "check_path", "Path")
    .needed()
                        .at_most(1_024)
                        .value(check.path.to_string())
                        .placeholder("/health")
                        .state(form)
                        .view()}
                    {Field::text("settings", "statuses", "Good answers")
    .needed()
                        .at_most(200)
                        .value(check.statuses.to_string())
                        .placeholder("200-399")
                        .state(form)
                        .view()}
                </div>
                <div class="fields-row">
                    {Field::number("settings", "interval_seconds", "Every so many seconds", 1, 3_600)
                        .value(number(check.interval_seconds))
                        .hint("Empty: as the server is set.")
                        .state(form)
                        .view()}
                    {Field::number("settings", "timeout_ms", "Given up after (ms)", 50, 60_000)
                        .value(number(check.timeout_ms))
                        .hint("Empty: as the server is set.")
                        .state(form)
                        .view()}
                </div>
                <div class="fields-row">
                    {Field::number("settings", "healthy_after", "Healthy after so many good ones", 1, 100)
    .needed()
                        .value(check.healthy_after.to_string())
                        .state(form)
                        .view()}
                    {Field::number("settings", "unhealthy_after", "Unhealthy after so many bad ones", 1, 100)
    .needed()
                        .value(check.unhealthy_after.to_string())
                        .state(form)
                        .view()}
                </div>
            </fieldset>
        }
    .into_any()
}

fn resilience(resilience: &Resilience, form: &FormState) -> AnyView {
    view! {
        <fieldset class="fields">
            <legend>"Failures"</legend>
            <div class="fields-row">
                {Field::number("settings", "retries", "Tries on another backend", 0, 10)
.needed()
                    .value(resilience.retries.to_string())
                    .hint("Only for requests that are safe to repeat.")
                    .state(form)
                    .view()}
                {Field::number("settings", "max_in_flight", "Most requests at once on one backend", 0, 1_000_000)
.needed()
                    .value(resilience.max_in_flight.to_string())
                    .hint("0: as many as come.")
                    .state(form)
                    .view()}
            </div>
            <div class="fields-row">
                {Field::number("settings", "eject_after", "Left out after so many failures in a row", 0, 1_000)
.needed()
                    .value(resilience.eject_after.to_string())
                    .hint("0: never.")
                    .state(form)
                    .view()}
                {Field::number("settings", "eject_seconds", "Left out for so many seconds", 1, 3_600)
.needed()
                    .value(resilience.eject_seconds.to_string())
                    .state(form)
                    .view()}
            </div>
            {Field::number("settings", "slow_start_seconds", "Seconds until one that came back has its full share", 0, 3_600)
.needed()
                .value(resilience.slow_start_seconds.to_string())
                .hint("0: at once.")
                .state(form)
                .view()}
        </fieldset>
    }
    .into_any()
}
