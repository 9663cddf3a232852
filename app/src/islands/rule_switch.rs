//! The enabled tag of a domain or route, and how far a switch has come, while one looks at them.

use super::live_feed::Feed;
use crate::format;
use domain::{RuleNow, SwitchNow, SwitchState, Tag};
use leptos::prelude::*;

/// The tag that serves now.
pub fn enabled(tag: Option<&Tag>) -> AnyView {
    match tag {
        Some(tag) => view! { <span class="tag">{tag.to_string()}</span> }.into_any(),
        None => view! { <span class="muted">"any tag"</span> }.into_any(),
    }
}

/// How far it has come, in words.
fn said(switch: &SwitchNow) -> AnyView {
    let to = view! { <span class="tag">{switch.to_tag.to_string()}</span> };
    let why = switch.reason.as_ref().map(|reason| format!(": {reason}"));
    let left = i64::try_from(switch.seconds.saturating_sub(switch.passed)).unwrap_or(i64::MAX);
    match switch.state {
        SwitchState::Running if switch.percent == 100 => {
            view! { "All go to " {to} " now, and it is watched for " {format::span(left)} ". " }.into_any()
        }
        SwitchState::Running => {
            view! { {switch.percent} " % go to " {to} " now, all in " {format::span(left)} ". " }.into_any()
        }
        SwitchState::Done => view! { "All go to " {to} " now." }.into_any(),
        SwitchState::Returned => view! { "The switch to " {to} " went back by itself" {why} "." }.into_any(),
        SwitchState::Cancelled => view! { "The switch to " {to} " was ended before it was done" {why} "." }.into_any(),
    }
}

/// The tag that serves and the switch that is under way. Inside is what can be done about it; what makes sense only while
/// it goes has the class `while-running`.
#[island]
pub fn RuleSwitch(
    /// How it was when the page was rendered.
    initial: RuleNow,
    children: Children,
) -> impl IntoView {
    let feed = Feed::around();
    let rule = initial.rule;
    let now =
        Memo::new(move |_| feed.state.with(|state| state.rules.get(&rule).cloned()).unwrap_or_else(|| initial.clone()));
    let tag = move || now.with(|now| enabled(now.tag.as_ref()));
    let switch = Memo::new(move |_| now.with(|now| now.switch.clone()));
    let state = move || switch.with(|switch| switch.as_ref().map(|switch| switch.state.as_str()));
    let is_running = move || state() == Some(SwitchState::Running.as_str());
    let text = move || switch.with(|switch| switch.as_ref().map(said));
    let all = move || switch.with(|switch| switch.as_ref().map_or(0, |switch| switch.seconds));
    let passed = move || switch.with(|switch| switch.as_ref().map_or(0, |switch| switch.passed));
    let label = move || switch.with(|switch| switch.as_ref().map(|switch| format!("Switch to {}", switch.to_tag)));
    view! {
        <div class="switching" data-state=state data-live=move || feed.state.with(|state| state.known).to_string()>
            <p>{tag}</p>
            <p>{text}</p>
            <progress hidden=move || !is_running() max=all value=passed aria-label=label></progress>
            {children()}
        </div>
    }
}
