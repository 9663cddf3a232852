//! The viewer's own account.

use super::{
    browsers, identities, personal_tokens, programs,
    users::role,
    visit::{Visit, signed_in},
};
use crate::components::{
    field::Field,
    form::FormState,
    layout::{Section, layout},
    theme_switch::theme_switch,
};
use domain::{SecondFactor, User};
use leptos::prelude::*;
use server_core::CoreError;

/// Address, password, signed-in browsers, colours.
#[component]
pub fn Settings() -> impl IntoView {
    signed_in(page)
}

async fn page(visit: Visit) -> Result<AnyView, CoreError> {
    let sessions = visit.services.web_sessions().list(&visit.viewer, visit.request.session_key).await?;
    let has_password = visit.services.accounts().has_password(&visit.viewer).await?;
    let factor = visit.services.accounts().second_factor(&visit.viewer).await?;
    let content = view! {
        <h1>"Settings"</h1>
        {personal_tokens::revealed(&visit)}
        {profile(visit.viewer.user(), has_password, &FormState::of(&visit.query, Some("email")))}
        {password(visit.viewer.user(), has_password, &FormState::of(&visit.query, Some("password")))}
        {identities::section(&visit, has_password).await?}
        {second_factor(&factor)}
        {browsers::section(&sessions)}
        {programs::section(&visit).await?}
        {personal_tokens::section(&visit).await?}
        <section class="card" aria-labelledby="theme-title">
            <h2 id="theme-title">"Colours"</h2>
            <p>"“System” follows what your system is set to. The choice is kept in this browser."</p>
            {theme_switch(visit.request.theme, "/web/settings?done=theme_set")}
        </section>
        <section class="card" aria-labelledby="about-title">
            <h2 id="about-title">"About"</h2>
            <dl class="facts">
                <dt>"Version"</dt>
                <dd>"Switchboard " {env!("CARGO_PKG_VERSION")}</dd>
                <dt>"Server"</dt>
                <dd class="mono">{visit.request.server_url.clone()}</dd>
                <dt>"Licence"</dt>
                <dd>"MIT"</dd>
            </dl>
        </section>
    };
    Ok(layout(&visit, Section::Settings, "Settings", content))
}

fn profile(user: &User, has_password: bool, form: &FormState) -> AnyView {
    let change = if has_password {
        view! {
            <form method="post" action="/web/action/change_email" class="form">
                {form.summary(&["email", "current_password"])}
                {Field::email("profile").value(user.email.to_string()).state(form).view()}
                {Field::current_password("profile", "current_password", "Current password")
                    .hint("To make sure that it is you.")
                    .state(form)
                    .view()}
                <button class="button">"Change the address"</button>
            </form>
        }
        .into_any()
    } else {
        view! { <p class="muted">"Set a password to change the address."</p> }.into_any()
    };
    view! {
        <section class="card" aria-labelledby="profile-title">
            <h2 id="profile-title">"Profile"</h2>
            <dl class="facts">
                <dt>"Role"</dt>
                <dd>{role(user.role)}</dd>
                <dt>"Since"</dt>
                <dd>{user.created_at.format("%-d %B %Y").to_string()}</dd>
            </dl>
            {change}
        </section>
    }
    .into_any()
}

/// The hidden address tells password managers whose password it is.
fn password(user: &User, has_password: bool, form: &FormState) -> AnyView {
    let current = has_password
        .then(|| Field::current_password("password", "current_password", "Current password").state(form).view());
    let (words, verb) = if has_password {
        (
            "A new password signs you out of all other browsers and programs. Personal tokens stay until you revoke them.",
            "Change the password",
        )
    } else {
        ("Your account has none: you sign in with a provider. Set one to have a second way in.", "Set a password")
    };
    view! {
        <section class="card" aria-labelledby="password-title">
            <h2 id="password-title">"Password"</h2>
            <p>{words}</p>
            <form method="post" action="/web/action/change_password" class="form">
                {form.summary(&["current_password", "new_password", "repeated_password"])}
                <input type="text" value=user.email.to_string() autocomplete="username" readonly hidden />
                {current}
                {Field::new_password("password", "new_password", "New password")
                    .hint("8 to 128 characters; not one that is easily guessed, and not your e-mail address.")
                    .state(form)
                    .view()}
                {Field::new_password("password", "repeated_password", "New password again").state(form).view()}
                <button class="button">{verb}</button>
            </form>
        </section>
    }
    .into_any()
}

fn second_factor(factor: &SecondFactor) -> AnyView {
    let (state, verb) = match factor.since {
        Some(_) => (view! { <span class="badge badge-online">"On"</span> }.into_any(), "Manage it"),
        None => (view! { <span class="badge badge-offline">"Off"</span> }.into_any(), "Set it up"),
    };
    view! {
        <section class="card" aria-labelledby="factor-title">
            <h2 id="factor-title">"Second factor"</h2>
            <p>{state} " A code of an app beside the password, so that a stolen password is not enough."</p>
            <p>
                <a class="button" href="/web/settings/second-factor">
                    {verb}
                </a>
            </p>
        </section>
    }
    .into_any()
}
