//! The preview of a switch: who would serve, and whether it may be.

use super::{service::Leads, services::live, visit::Visit};
use crate::{
    components::{choice::select, field::Field, form::FormState, notice, switching, words},
    format, messages,
};
use domain::{Backend, BackendLive, BackendState, HealthStatus, Service, Tag};
use leptos::prelude::*;
use server_core::CoreError;

/// The most backends that a table has; all of them are judged.
const SHOWN: usize = 100;

/// What would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Somebody serves.
    Fine,
    /// It serves already.
    Same,
    /// No backend carries the tag: not even force helps.
    Unknown,
    /// None of those that carry it runs.
    NoneRuns,
    /// None of those that run is healthy.
    Unhealthy,
}

/// The page before a switch.
///
/// # Errors
/// `NotFound` when the domain or route does not lead to this service, or not any more.
pub async fn preview(visit: &Visit, service: &Service, subject: &str) -> Result<AnyView, CoreError> {
    let rule = switching::named(subject).ok_or(CoreError::NotFound("domain"))?;
    let leads = Leads::of(visit, rule).await?.filter(|leads| leads.rule.service == service.id);
    let leads = &leads.ok_or(CoreError::NotFound("domain"))?;
    let text = visit.query.get_str("to").unwrap_or_default();
    let title = format!("Switch {}", leads.rule.name);
    let content = match text.parse::<Tag>() {
        Err(_) => notice::error(messages::refusal("invalid", Some("enabled_backends_tag"), Some(text), None)),
        Ok(tag) => judged(visit, service, leads, &tag).await?,
    };
    let back = format!("/web/services/{}", service.id);
    Ok(view! {
        <p class="crumbs">
            <a href="/web/services">"Services"</a> " › " <a href=back.clone()>{service.name.to_string()}</a>
        </p>
        <h1>{title}</h1>
        {content}
        <p>
            <a class="button" href=back>
                "Leave it as it is"
            </a>
        </p>
        {switching::history(&leads.rule, &leads.switches)}
    }
    .into_any())
}

async fn judged(visit: &Visit, service: &Service, leads: &Leads, tag: &Tag) -> Result<AnyView, CoreError> {
    let carriers = async |tag| visit.services.pools().carriers(&visit.viewer, service.id, tag).await;
    let next = carriers(Some(tag)).await?;
    let lives: Vec<_> = next.iter().map(|backend| live(visit, backend)).collect();
    let verdict = verdict(leads.rule.tag.as_ref(), tag, next.iter().zip(&lives));
    let now = carriers(leads.rule.tag.as_ref()).await?;
    let now_lives: Vec<_> = now.iter().map(|backend| live(visit, backend)).collect();
    let in_flight: u64 = now_lives.iter().map(|live| u64::from(live.in_flight)).sum();
    Ok(view! {
        <p class="switch-line">{switching::enabled(&leads.rule)} " → " {words::one_tag(tag)}</p>
        {said(verdict)}
        <section aria-labelledby="next-title">
            <h2 id="next-title">"Who would serve"</h2>
            {candidates(&next, &lives, "Backends that would serve")}
        </section>
        <section class="card" aria-labelledby="act-title">
            <h2 id="act-title">"Switch"</h2>
            <p>
                "New requests go to the new backends from then on. What is under way ("
                {format::count(in_flight)}
                " now), and open WebSockets and streams, end where they began."
            </p>
            {confirm(service, leads, tag, verdict, &FormState::of(&visit.query, Some("switch")))}
        </section>
        <section aria-labelledby="now-title">
            <h2 id="now-title">"Who serves now"</h2>
            {candidates(&now, &now_lives, "Backends that serve now")}
        </section>
    }
    .into_any())
}

fn verdict<'a>(
    now: Option<&Tag>,
    tag: &Tag,
    next: impl Iterator<Item = (&'a Backend, &'a BackendLive)> + Clone,
) -> Verdict {
    let running = next.clone().filter(|(backend, _)| backend.state == BackendState::Running);
    if next.clone().next().is_none() {
        Verdict::Unknown
    } else if now == Some(tag) {
        Verdict::Same
    } else if running.clone().next().is_none() {
        Verdict::NoneRuns
    } else if running.clone().all(|(_, live)| live.health == HealthStatus::Unhealthy) {
        Verdict::Unhealthy
    } else {
        Verdict::Fine
    }
}

fn said(verdict: Verdict) -> AnyView {
    let code = match verdict {
        Verdict::Fine => return ().into_any(),
        Verdict::Same => {
            return view! { <p class="notice" role="status">"This tag serves already."</p> }.into_any();
        }
        Verdict::Unknown => "unknown_tag",
        Verdict::NoneRuns => "no_backends",
        Verdict::Unhealthy => "unhealthy",
    };
    notice::error(messages::refusal(code, None, None, None))
}

const MODES: [(&str, &str); 3] = [
    ("at_once", "All traffic at once"),
    ("watched", "All traffic at once, watched"),
    ("gradual", "Step by step, watched"),
];

/// How it goes.
fn mode(form: &FormState) -> AnyView {
    view! {
        <div class="gradual fields">
            {select(("switch", form), "mode", "How", &MODES, "at_once")}
            <div class="limits fields">
                <div class="gradual-fields">
                    {Field::text("switch", "steps", "Steps")
                        .at_most(400)
                        .value("10% 60s, 25% 60s, 50% 60s")
                        .hint("The new tag's share, and for how long; then it gets everything.")
                        .state(form)
                        .view()}
                </div>
                <div class="watched-fields">
                    {Field::number("switch", "watch_seconds", "Watched for (s)", 1, 604_800)
                        .value("60")
                        .state(form)
                        .view()}
                </div>
                <div class="fields-row">
                    {Field::text("switch", "max_error_percent", "Back above so many percent errors")
                        .at_most(8)
                        .value("5")
                        .hint("Of the new tag's answers, 5xx. Empty: not looked at.")
                        .state(form)
                        .view()}
                    {Field::number("switch", "max_latency_ms", "Back above p95 (ms)", 1, 600_000)
                        .hint("Of the new tag. Empty: not looked at.")
                        .state(form)
                        .view()}
                </div>
            </div>
        </div>
    }
    .into_any()
}

/// The button; behind a box to tick where nobody would serve.
fn confirm(service: &Service, leads: &Leads, tag: &Tag, verdict: Verdict, form: &FormState) -> AnyView {
    let force = match verdict {
        Verdict::Fine => None,
        Verdict::Same | Verdict::Unknown => {
            return view! { <p class="muted">"There is nothing to switch to."</p> }.into_any();
        }
        Verdict::NoneRuns | Verdict::Unhealthy => Some(view! {
            <div class="field field-tick">
                <input type="checkbox" id="switch-force" name="force" value="on" required />
                <label for="switch-force">"Do it although requests would fail"</label>
            </div>
        }),
    };
    let class = if force.is_some() { "button button-danger" } else { "button button-primary" };
    view! {
        <form method="post" action="/web/action/switch_tag" class="form">
            <input type="hidden" name="service_id" value=service.id.to_string() />
            <input type="hidden" name="subject" value=leads.rule.subject() />
            <input type="hidden" name="to" value=tag.to_string() />
            {form.summary(&["steps", "watch_seconds", "max_error_percent", "max_latency_ms"])}
            {mode(form)}
            {force}
            <button class=class>"Switch to " {tag.to_string()}</button>
        </form>
    }
    .into_any()
}

fn candidates(backends: &[Backend], lives: &[BackendLive], caption: &'static str) -> AnyView {
    if backends.is_empty() {
        return view! { <p class="empty">"Nobody."</p> }.into_any();
    }
    let more = backends.len().saturating_sub(SHOWN);
    let more = (more > 0).then(|| view! { <p class="muted">"And " {format::count(more as u64)} " more."</p> });
    let rows = backends.iter().zip(lives).take(SHOWN).map(|(backend, live)| {
        let (class, would) = if backend.state != BackendState::Running {
            ("badge", "no: it does not run")
        } else if live.health == HealthStatus::Unhealthy {
            ("badge badge-deleted", "no: it is unhealthy")
        } else if live.ejected {
            ("badge badge-waiting", "not now: it failed too often")
        } else {
            ("badge badge-online", "yes")
        };
        view! {
            <tr>
                <td data-label="Backend" class="cell-title">
                    <span class="strong">{backend.id.to_string()}</span>
                    <div class="field-hint">{words::origin_beside_name(backend)}</div>
                </td>
                <td data-label="Tags">{words::tags(&backend.tags)}</td>
                <td data-label="State">{words::state(backend.state)}</td>
                <td data-label="Health">
                    <div>{words::health_in_full(live)}</div>
                </td>
                <td data-label="Serves">
                    <span class=class>{would}</span>
                </td>
            </tr>
        }
    });
    view! {
        <div class="card card-flush">
            <table class="table">
                <caption class="visually-hidden">{caption}</caption>
                <thead>
                    <tr>
                        <th scope="col">"Backend"</th>
                        <th scope="col">"Tags"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Health"</th>
                        <th scope="col">"Serves"</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
        {more}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backend(state: &str) -> Backend {
        let json = serde_json::json!({
            "id": "a", "key": "0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00", "owner_id": "0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00",
            "service_id": "0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00", "service": "shop", "address": "127.0.0.1:1",
            "tls_verify": true, "tags": ["v2"], "weight": 1, "state": state,
            "created_at": "2026-11-21T00:00:00Z", "updated_at": "2026-11-21T00:00:00Z"
        });
        serde_json::from_value(json).unwrap_or_else(|error| panic!("{error}"))
    }

    fn judged(now: &str, next: &[(&str, HealthStatus)]) -> Verdict {
        let tag = |text: &str| text.parse::<Tag>().unwrap_or_else(|error| panic!("{error}"));
        let next: Vec<_> = next
            .iter()
            .map(|(state, health)| (backend(state), BackendLive { health: *health, ..BackendLive::default() }))
            .collect();
        verdict(Some(&tag(now)), &tag("v2"), next.iter().map(|(backend, live)| (backend, live)))
    }

    #[test]
    fn nobody_is_switched_to() {
        use HealthStatus::{Healthy, Unhealthy, Unknown};
        assert_eq!(judged("v1", &[]), Verdict::Unknown);
        assert_eq!(judged("v2", &[("running", Healthy)]), Verdict::Same);
        assert_eq!(judged("v1", &[("stopped", Healthy), ("draining", Healthy)]), Verdict::NoneRuns);
        assert_eq!(judged("v1", &[("running", Unhealthy), ("stopped", Healthy)]), Verdict::Unhealthy);
        assert_eq!(judged("v1", &[("running", Unhealthy), ("running", Unknown)]), Verdict::Fine);
    }
}
