//! Switching the enabled tag of a domain or a route.

use super::{entered::Entered, finish, invalid, refuse, signed_in};
use crate::{components::switching, destination::Destination};
use domain::{Backend, BackendId, HealthStatus, RuleId, ServiceId, SwitchPlan, SwitchStep, SwitchWatch, Tag};
use leptos::prelude::*;
use server_core::{CoreError, DomainRef, Services, SwitchHow, SwitchRequest, Viewer};
use std::collections::HashSet;

/// Steps as people write them: `10% 60s, 50% 60s`.
fn steps(text: &str) -> Option<Vec<SwitchStep>> {
    let steps = text.split([',', '\n']).map(str::trim).filter(|step| !step.is_empty()).map(|step| {
        let (percent, seconds) = step.split_once(char::is_whitespace)?;
        let percent = percent.trim_end_matches('%').parse().ok()?;
        let seconds = seconds.trim().trim_end_matches('s').trim_end().parse().ok()?;
        Some(SwitchStep { percent, seconds })
    });
    steps.collect()
}

/// How the switch goes.
fn how(form: &Entered) -> Result<SwitchHow, CoreError> {
    let is_gradual = match form.text("mode") {
        "gradual" => true,
        "watched" => false,
        _ => return Ok(SwitchHow::AtOnce),
    };
    let max_error_rate = form.optional::<f64>("max_error_percent")?.map(|percent| percent / 100.0);
    let max_latency_ms = form.optional("max_latency_ms")?;
    let (field, how, plan) = if is_gradual {
        let wrong = || invalid("steps", "write steps such as 10% 60s, 50% 60s");
        let steps = steps(form.text("steps")).ok_or_else(wrong)?;
        let plan = SwitchPlan { steps, max_error_rate, max_latency_ms };
        ("steps", SwitchHow::Gradual(plan.clone()), plan)
    } else {
        let watch = SwitchWatch { seconds: form.value("watch_seconds")?, max_error_rate, max_latency_ms };
        ("watch_seconds", SwitchHow::Watched(watch.clone()), watch.into())
    };
    plan.check().map_err(|error| match error {
        domain::SwitchPlanError::ErrorRate => invalid("max_error_percent", error),
        _ => invalid(field, error),
    })?;
    Ok(how)
}

/// The backends with a tag that cannot be expected to serve.
async fn unhealthy(
    services: &Services,
    viewer: &Viewer,
    service: ServiceId,
    tag: &Tag,
) -> Result<HashSet<BackendId>, CoreError> {
    let carriers = services.pools().carriers(viewer, service, Some(tag)).await?;
    let bad = |backend: &&Backend| services.backend_live(backend).health == HealthStatus::Unhealthy;
    Ok(carriers.iter().filter(bad).map(|backend| backend.key).collect())
}

async fn switch(
    services: &Services,
    viewer: &Viewer,
    service: ServiceId,
    rule: RuleId,
    form: &Entered,
) -> Result<(), CoreError> {
    if form.ticked("any") {
        return match rule {
            RuleId::Domain(id) => services.hosts().untag(viewer, &DomainRef::Id(id)).await.map(drop),
            RuleId::Route(id) => services.routes().untag(viewer, id).await.map(drop),
        };
    }
    let new_tag: Tag = form.value("to")?;
    let unhealthy = unhealthy(services, viewer, service, &new_tag).await?;
    let healthy = move |id: BackendId| !unhealthy.contains(&id);
    let request = SwitchRequest { new_tag, how: how(form)?, force: form.ticked("force"), healthy: &healthy };
    match rule {
        RuleId::Domain(id) => services.hosts().switch(viewer, &DomainRef::Id(id), request).await.map(drop),
        RuleId::Route(id) => services.routes().switch(viewer, id, request).await.map(drop),
    }
}

/// Lets the backends with another tag serve: all at once, or step by step.
#[server(name = SwitchTag, prefix = "/web/action", endpoint = "switch_tag")]
pub async fn switch_tag(
    #[server(default)] service_id: String,
    #[server(default)] subject: String,
    #[server(flatten)] form: Entered,
) -> Result<(), ServerFnError> {
    let Ok(service) = service_id.parse::<ServiceId>() else {
        refuse(Destination::page("/web/services"), &CoreError::NotFound("service"));
        return Ok(());
    };
    let page = Destination::page(format!("/web/services/{service}"));
    let Some((services, _, viewer)) = signed_in(&page) else { return Ok(()) };
    let Some(rule) = switching::named(&subject) else {
        refuse(page, &CoreError::NotFound("domain"));
        return Ok(());
    };
    let result = switch(&services, &viewer, service, rule, &form).await;
    let done = match form.text("mode") {
        "gradual" => "switch_started",
        "watched" => "switch_watched",
        _ => "tag_switched",
    };
    // Refused: back to the preview, which says who would have served.
    let preview = form.back(page.clone().with("switch", &subject), "switch", &result).await;
    finish(result, |()| page.with("done", done), preview);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_as_they_are_written() {
        let read = |text| steps(text).map(|steps| steps.iter().map(|s| (s.percent, s.seconds)).collect::<Vec<_>>());
        assert_eq!(read("10% 60s, 50 30\n100% 5 s"), Some(vec![(10, 60), (50, 30), (100, 5)]));
        for text in ["10%", "ten 60s", "10% soon", "300% 1s", "10% -1s"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
