//! The enabled tag of a domain or a route: what it is, what it was, and the way to another.

use crate::{
    components::confirm::act,
    islands::{self, LiveFeed, RuleSwitch, TimeAgo},
    ssr,
};
use domain::{RuleId, RuleNow, ServiceId, Switch, SwitchMode, SwitchState, Tag, Target};
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

    /// What addresses and forms call it, see [`named`].
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

/// What addresses and forms name: `domain:` or `route:` and the id.
pub fn named(subject: &str) -> Option<RuleId> {
    let (kind, id) = subject.split_once(':')?;
    match kind {
        "domain" => id.parse().ok().map(RuleId::Domain),
        "route" => id.parse().ok().map(RuleId::Route),
        _ => None,
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
    islands::enabled(rule.tag.as_ref())
}

/// The tag that serves, and what can be done about the latest switch: to an end of it when it is on its way, else one click
/// back to what served before. `here` is the page it stands on.
pub fn current(rule: &Rule, switches: &[Switch], here: &str) -> AnyView {
    let running = switches.first().filter(|latest| latest.state == SwitchState::Running);
    let initial =
        RuleNow { rule: rule.id, tag: rule.tag.clone(), switch: running.and_then(|switch| switch.at(ssr::now())) };
    let acts = match running {
        Some(switch) => ends(rule, switch, here),
        None => back(rule, switches).into_any(),
    };
    view! { <RuleSwitch initial>{acts}</RuleSwitch> }.into_any()
}

/// A click to either end of a switch that is on its way.
fn ends(rule: &Rule, switch: &Switch, here: &str) -> AnyView {
    let verb = match switch.mode {
        SwitchMode::AtOnce => "Keep it",
        SwitchMode::Gradual => "All at once",
    };
    view! {
        <p class="when-not-live">
            <a href=here.to_owned()>"Look again"</a>
        </p>
        {(switch.from_tag.is_none()).then_some(view! { <p class="muted">{WITHOUT_TAG}</p> })}
        <div class="actions">
            {to(rule, switch.from_tag.as_ref(), "Go back")}
            <span class="while-running">{to(rule, switch.to_tag.as_ref(), verb)}</span>
        </div>
    }
    .into_any()
}

/// What a return to no tag means.
const WITHOUT_TAG: &str = "Before, no tag was enabled: going back lets all backends serve, whatever their tags.";

/// The button that lets other backends serve, at once.
fn to(rule: &Rule, tag: Option<&Tag>, verb: &'static str) -> AnyView {
    let mut fields = vec![("service_id", rule.service.to_string()), ("subject", rule.subject())];
    let name = match tag {
        Some(tag) => {
            fields.push(("to", tag.to_string()));
            format!("to {tag} for {}", rule.name)
        }
        None => {
            fields.push(("any", "on".to_owned()));
            format!("to any tag for {}", rule.name)
        }
    };
    act("switch_tag", fields, verb, &name)
}

/// The tag that was enabled before the latest switch. What has gone back already has nowhere to go back to.
fn before<'a>(rule: &Rule, switches: &'a [Switch]) -> Option<Option<&'a Tag>> {
    let latest = switches.first().filter(|latest| rule.tag == latest.to_tag)?;
    Some(latest.from_tag.as_ref())
}

fn back(rule: &Rule, switches: &[Switch]) -> Option<AnyView> {
    let before = before(rule, switches)?;
    let meaning = before.is_none().then_some(view! { <p class="muted">{WITHOUT_TAG}</p> });
    Some(
        view! {
            {meaning}
            <div class="back">
                <span class="muted">"Before: "</span>
                {islands::enabled(before)}
                {to(rule, before, "Go back")}
            </div>
        }
        .into_any(),
    )
}

/// All of it, on the page of the domain or route itself.
pub fn card(rule: &Rule, switches: &[Switch]) -> AnyView {
    let current = current(rule, switches, &rule.page());
    view! {
        <section class="card" aria-labelledby="switch-title">
            <h2 id="switch-title">"Enabled tag"</h2>
            <LiveFeed path=format!("/ws/services/{}", rule.service) history=None>
                <p class="muted">"Serves now:"</p>
                {current}
            </LiveFeed>
            {choose(rule)}
            {history(rule, switches)}
        </section>
    }
    .into_any()
}

/// The switches so far, newest first, with a way back to each tag that was enabled before one of them.
pub fn history(rule: &Rule, switches: &[Switch]) -> Option<AnyView> {
    if switches.is_empty() {
        return None;
    }
    let mut offered = vec![rule.tag.as_ref()];
    offered.extend(before(rule, switches));
    let entries = switches.iter().map(|switch| {
        let is_new = !offered.contains(&switch.from_tag.as_ref());
        let back = is_new.then(|| {
            offered.push(switch.from_tag.as_ref());
            to(rule, switch.from_tag.as_ref(), "Go back")
        });
        let [from, to] = [&switch.from_tag, &switch.to_tag]
            .map(|tag| tag.as_ref().map_or_else(|| "any tag".to_owned(), ToString::to_string));
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
                <span>{from} " → " {to}</span>
                <span class="muted">{state} {reason}</span>
                {back}
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_domains_and_routes() {
        let id = "0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00";
        assert!(matches!(named(&format!("domain:{id}")), Some(RuleId::Domain(_))));
        assert!(matches!(named(&format!("route:{id}")), Some(RuleId::Route(_))));
        for text in ["", id, "tunnel:x", "domain:", &format!("tunnel:{id}")] {
            assert_eq!(named(text), None, "{text}");
        }
    }
}
