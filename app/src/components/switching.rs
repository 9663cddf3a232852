//! The enabled tag of a domain or a route: what it is, what it was, and the way to another.

use crate::{
    components::{confirm::act, words},
    format,
    islands::TimeAgo,
    ssr,
};
use domain::{RuleId, ServiceId, Switch, SwitchState, Tag, Target};
use leptos::prelude::*;

/// Something whose tag can be switched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What it is.
    pub id: RuleId,
    /// What it is called.
    pub name: String,
    /// The service that it leads to.
    pub service: ServiceId,
    /// The tag that serves now; `None`: all do.
    pub tag: Option<Tag>,
}

impl Rule {
    /// A domain or route, if it leads to a service.
    pub fn of(id: RuleId, name: String, target: &Target) -> Option<Self> {
        let Target::Service { id: service, tag, .. } = target else { return None };
        Some(Self { id, name, service: *service, tag: tag.clone() })
    }

    /// What addresses and forms call it, see `actions::switch`.
    pub fn subject(&self) -> String {
        match self.id {
            RuleId::Domain(id) => format!("domain:{id}"),
            RuleId::Route(id) => format!("route:{id}"),
        }
    }

    /// Its page.
    pub fn page(&self) -> String {
        rule_page(self.id)
    }
}

/// The page of a domain or route.
pub fn rule_page(id: RuleId) -> String {
    match id {
        RuleId::Domain(id) => format!("/web/domains/{id}"),
        RuleId::Route(id) => format!("/web/routes/{id}"),
    }
}

/// Asks for another tag; leads to the preview. The page offers the tags, see [`offers`](super::choice::offers).
pub fn choose(rule: &Rule) -> AnyView {
    let id = format!("to-{}", rule.subject());
    view! {
        <form method="get" action=format!("/web/services/{}", rule.service) class="inline-form">
            <input type="hidden" name="switch" value=rule.subject() />
            <label class="visually-hidden" for=id.clone()>
                "New tag for "
                {rule.name.clone()}
            </label>
            <input
                type="text"
                id=id
                name="to"
                required
                maxlength="64"
                list="offer-tags"
                placeholder="new tag"
                autocapitalize="none"
                spellcheck="false"
            />
            <button class="button button-small">"Preview the switch"</button>
        </form>
    }
    .into_any()
}

/// The tag that serves now.
pub fn enabled(rule: &Rule) -> AnyView {
    match &rule.tag {
        Some(tag) => words::one_tag(tag),
        None => view! { <span class="muted">"any tag"</span> }.into_any(),
    }
}

/// A switch that is on its way: how far it has come, with a click to either end of it. `here` is the page it stands on.
fn progress(rule: &Rule, switch: &Switch, here: &str) -> AnyView {
    let plan = switch.plan.clone().unwrap_or_default();
    let passed = u64::try_from((ssr::now() - switch.started_at).num_seconds()).unwrap_or(0);
    let (percent, all) = (plan.percent_after(passed).unwrap_or(100), plan.seconds());
    let left = i64::try_from(all.saturating_sub(passed)).unwrap_or(i64::MAX);
    let to = |tag: &Tag, verb: &'static str| {
        let fields =
            vec![("service_id", rule.service.to_string()), ("subject", rule.subject()), ("to", tag.to_string())];
        act("switch_tag", fields, verb, &format!("to {tag} for {}", rule.name))
    };
    let back = switch.from_tag.as_ref().map(|tag| to(tag, "Go back"));
    view! {
        <div class="switching">
            <p>
                {percent}
                " % go to "
                {words::one_tag(&switch.to_tag)}
                " now, all in "
                {format::span(left)}
                ". "
                <a href=here.to_owned()>"Look again"</a>
            </p>
            <progress max=all value=passed.min(all) aria-label=format!("Switch to {}", switch.to_tag)></progress>
            <div class="actions">{back} {to(&switch.to_tag, "All at once")}</div>
        </div>
    }
    .into_any()
}

/// What can be done about the latest switch: to an end of it when it is on its way, else one click back to what served
/// before, if that was a tag.
pub fn latest(rule: &Rule, switches: &[Switch], here: &str) -> Option<AnyView> {
    let latest = switches.first()?;
    if latest.state == SwitchState::Running {
        return Some(progress(rule, latest, here));
    }
    back(rule, switches)
}

fn back(rule: &Rule, switches: &[Switch]) -> Option<AnyView> {
    let before = switches.first()?.from_tag.clone().filter(|tag| Some(tag) != rule.tag.as_ref())?;
    let fields =
        vec![("service_id", rule.service.to_string()), ("subject", rule.subject()), ("to", before.to_string())];
    Some(
        view! {
            <div class="back">
                <span class="muted">"Before: "</span>
                {words::one_tag(&before)}
                {act("switch_tag", fields, "Go back", &format!("to {before} for {}", rule.name))}
            </div>
        }
        .into_any(),
    )
}

/// All of it, on the page of the domain or route itself.
pub fn card(rule: &Rule, switches: &[Switch]) -> AnyView {
    view! {
        <section class="card" aria-labelledby="switch-title">
            <h2 id="switch-title">"Enabled tag"</h2>
            <p>"Serves now: " {enabled(rule)} "."</p>
            {choose(rule)}
            {latest(rule, switches, &rule.page())}
            {history(switches)}
        </section>
    }
    .into_any()
}

/// The switches so far, newest first.
pub fn history(switches: &[Switch]) -> Option<AnyView> {
    if switches.is_empty() {
        return None;
    }
    let entries = switches.iter().map(|switch| {
        let from = switch.from_tag.as_ref().map_or_else(|| "any tag".to_owned(), ToString::to_string);
        let state = match switch.state {
            SwitchState::Running => "under way",
            SwitchState::Done => "done",
            SwitchState::Returned => "went back by itself",
            SwitchState::Cancelled => "ended before it was done",
        };
        let reason = switch.reason.clone().map(|reason| format!(": {reason}"));
        view! {
            <li>
                <TimeAgo at=switch.started_at />
                <span>{from} " → " {switch.to_tag.to_string()}</span>
                <span class="muted">{state} {reason}</span>
            </li>
        }
    });
    Some(
        view! {
            <details>
                <summary>"Switches so far"</summary>
                <ul class="log">{entries.collect_view()}</ul>
            </details>
        }
        .into_any(),
    )
}
