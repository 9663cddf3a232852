//! The viewer's own second factor.

use super::visit::{Visit, signed_in};
use crate::{
    components::{
        field::Field,
        form::FormState,
        layout::{Section, layout},
        second_factor,
    },
    islands::TimeAgo,
};
use domain::{SecondFactor, Timestamp};
use leptos::prelude::*;
use server_core::CoreError;

/// How it stands, and what can be done about it.
#[component]
pub fn SecondFactorPage() -> impl IntoView {
    signed_in(page)
}

async fn page(visit: Visit) -> Result<AnyView, CoreError> {
    let accounts = visit.services.accounts();
    let state = accounts.second_factor(&visit.viewer).await?;
    let codes = visit.query.get_str("codes").map(|id| {
        let codes = id.parse().ok().and_then(|id| accounts.reveal_codes(&visit.viewer, id));
        codes.map_or_else(second_factor::codes_gone, |codes| second_factor::codes(&codes))
    });
    let body = match state.since {
        Some(since) => on(&visit, since, &state),
        None => off(&visit).await?,
    };
    let content = view! {
        <p class="crumbs">
            <a href="/web/settings">"Settings"</a>
        </p>
        <h1>"Second factor"</h1>
        <p class="lead">"A code of an app on your phone beside the password, so that a stolen password is not enough."</p>
        {codes}
        {body}
    };
    Ok(layout(&visit, Section::Settings, "Second factor", content))
}

async fn off(visit: &Visit) -> Result<AnyView, CoreError> {
    if !visit.services.accounts().has_password(&visit.viewer).await? {
        return Ok(view! {
            <p>
                "Your account has no password. "
                <a href="/web/settings">"Set one"</a>
                " to have a second factor beside it."
            </p>
        }
        .into_any());
    }
    let form = FormState::of(&visit.query, Some("confirm"));
    let ticket = visit.query.get_str("enrolment");
    let enrolment = visit.services.accounts().begin_second_factor(&visit.viewer, ticket).await?;
    Ok(view! {
        <section class="card" aria-labelledby="setup-title">
            <h2 id="setup-title">"Set it up"</h2>
            {second_factor::seed(&enrolment)}
            <form method="post" action="/web/action/confirm_second_factor" class="form">
                {form.summary(&["code", "current_password"])}
                <input type="hidden" name="enrolment" value=enrolment.ticket />
                {second_factor::code("confirm", "Code that the app shows now", &form).view()}
                {password("confirm", &form)}
                <button class="button button-primary">"Turn it on"</button>
            </form>
        </section>
    }
    .into_any())
}

fn on(visit: &Visit, since: Timestamp, state: &SecondFactor) -> AnyView {
    let (renew, end) = (FormState::of(&visit.query, Some("renew")), FormState::of(&visit.query, Some("end")));
    let turn_off = if state.required {
        view! { <p class="muted">"Everybody needs a second factor on this server. An administrator can reset yours."</p> }
            .into_any()
    } else {
        view! {
            <form method="post" action="/web/action/end_second_factor" class="form">
                {end.summary(&["current_password"])}
                {password("end", &end)}
                <button class="button button-danger">"Turn it off"</button>
            </form>
        }
        .into_any()
    };
    view! {
        <section class="card" aria-label="How it stands">
            <dl class="facts">
                <dt>"State"</dt>
                <dd>
                    <span class="badge badge-online">"On"</span>
                    " since "
                    <TimeAgo at=since />
                </dd>
                <dt>"Recovery codes"</dt>
                <dd>{state.recovery_codes} " of 10 left"</dd>
            </dl>
        </section>
        <section class="card" aria-labelledby="codes-new-title">
            <h2 id="codes-new-title">"New recovery codes"</h2>
            <p>"The old ones no longer work then."</p>
            <form method="post" action="/web/action/renew_recovery_codes" class="form">
                {renew.summary(&["current_password"])}
                {password("renew", &renew)}
                <button class="button">"Make new ones"</button>
            </form>
        </section>
        <section class="card" aria-labelledby="end-title">
            <h2 id="end-title">"Turn it off"</h2>
            {turn_off}
        </section>
    }
    .into_any()
}

fn password(form: &str, state: &FormState) -> AnyView {
    Field::current_password(form, "current_password", "Current password")
        .hint("To make sure that it is you.")
        .state(state)
        .view()
}
