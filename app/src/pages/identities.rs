//! Sign-ins with a provider: the viewer's own among the settings, somebody's for administrators, and what is set.

use crate::{
    components::{confirm::confirm, field::Field, form::FormState},
    destination::Destination,
    islands::TimeAgo,
    pages::Visit,
};
use domain::Identity;
use leptos::prelude::*;
use server_core::{CoreError, OidcSettings, OidcSignUp};

/// The viewer's own; nothing where there are none and no provider.
pub(super) async fn section(visit: &Visit, has_password: bool) -> Result<Option<AnyView>, CoreError> {
    let accounts = visit.services.accounts();
    let identities = accounts.identities(&visit.viewer).await?;
    let provider = accounts.provider();
    if provider.is_none() && identities.is_empty() {
        return Ok(None);
    }
    let name = provider.map_or_else(|| "a provider".to_owned(), |provider| provider.name.clone());
    let form = FormState::of(&visit.query, Some("identity"));
    let is_linked =
        provider.is_some_and(|provider| identities.iter().any(|identity| identity.issuer == provider.issuer));
    let link = (provider.is_some() && !is_linked).then(|| link(visit, &name, has_password, &form));
    let list = (!identities.is_empty()).then(|| {
        let rows = identities.iter().map(|identity| row(identity, has_password)).collect_view();
        view! { <ul class="sessions">{rows}</ul> }
    });
    let alone = (!has_password).then(|| {
        view! { <p class="muted">"Your account has no password, so this is the only way in. Set a password to disconnect it."</p> }
    });
    Ok(Some(
        view! {
            <section class="card" aria-labelledby="identity-title">
                <h2 id="identity-title">"Sign-in with " {name}</h2>
                {form.summary(&["current_password"])}
                {list}
                {link}
                {alone}
            </section>
        }
        .into_any(),
    ))
}

fn link(visit: &Visit, name: &str, has_password: bool, form: &FormState) -> AnyView {
    let ticket = visit.query.get_str("linking");
    if let Some(ticket) = ticket.filter(|ticket| visit.services.accounts().linking(&visit.viewer, ticket)) {
        let to = Destination::page("/web/login/oidc").with("link", ticket).as_str().to_owned();
        return view! {
            <p>"Sign in there with the account that is to get into this one. The way is open for five minutes."</p>
            <p>
                <a class="button button-primary" href=to>
                    "Continue to "
                    {name.to_owned()}
                </a>
            </p>
        }
        .into_any();
    }
    let password = has_password.then(|| {
        Field::current_password("identity", "current_password", "Current password")
            .hint("To make sure that it is you.")
            .state(form)
            .view()
    });
    view! {
        <p>"Connect it, and you can sign in there instead of with your password here."</p>
        <form method="post" action="/web/action/link_identity" class="form">
            {password}
            <button class="button">"Connect"</button>
        </form>
    }
    .into_any()
}

fn row(identity: &Identity, has_password: bool) -> AnyView {
    let end = has_password.then(|| {
        let consequence = "Whoever signs in there does not get into your account any more. You can connect it again.";
        confirm("unlink_identity", identity.id.to_string(), "Disconnect", who(identity), consequence)
    });
    view! {
        <li>
            {described(identity)}
            {end}
        </li>
    }
    .into_any()
}

fn who(identity: &Identity) -> String {
    identity.email.as_ref().map_or_else(|| identity.subject.clone(), ToString::to_string)
}

fn described(identity: &Identity) -> AnyView {
    let used = match identity.last_used_at {
        None => view! { "not used yet" }.into_any(),
        Some(at) => view! { "used " <TimeAgo at /> }.into_any(),
    };
    view! {
        <div>
            <p class="sessions-agent">{who(identity)}</p>
            <p class="muted">
                <span class="mono">{identity.issuer.clone()}</span> " · connected "
                <TimeAgo at=identity.created_at /> " · " {used}
            </p>
        </div>
    }
    .into_any()
}

/// Somebody's, for administrators; nothing where there are none.
pub(super) fn of_somebody(identities: &[Identity]) -> Option<AnyView> {
    let rows = identities.iter().map(|identity| view! { <li>{described(identity)}</li> }).collect_view();
    (!identities.is_empty()).then(|| {
        view! {
            <section class="card" aria-labelledby="identity-title">
                <h2 id="identity-title">"Signs in with"</h2>
                <ul class="sessions">{rows}</ul>
            </section>
        }
        .into_any()
    })
}

/// What is set of it, and how it is set: never the secret.
pub(super) fn in_force(provider: Option<&OidcSettings>, server_url: &str) -> AnyView {
    let body = match provider {
        Some(OidcSettings { name, issuer, sign_up }) => {
            let new = match sign_up {
                OidcSignUp::Off => "nobody; invite people, or let them connect it with their accounts".to_owned(),
                OidcSignUp::Anyone => "everybody whose e-mail address is verified there".to_owned(),
                OidcSignUp::Domains(domains) => {
                    let domains: Vec<_> = domains.iter().map(ToString::to_string).collect();
                    format!("everybody with a verified address of {}", domains.join(", "))
                }
            };
            view! {
                <dl class="facts">
                    <dt>"Provider"</dt>
                    <dd>{name.clone()}</dd>
                    <dt>"Issuer"</dt>
                    <dd class="mono">{issuer.clone()}</dd>
                    <dt>"Redirect URI"</dt>
                    <dd class="mono">{format!("{server_url}/web/login/oidc/callback")}</dd>
                    <dt>"Get an account by it"</dt>
                    <dd>{new}</dd>
                </dl>
            }
            .into_any()
        }
        None => view! {
            <p>
                "Nobody does. Set " <code>"oidc_issuer"</code> ", " <code>"oidc_client_id"</code> " and "
                <code>"oidc_client_secret"</code> ", and register "
                <span class="mono">{format!("{server_url}/web/login/oidc/callback")}</span>
                " as redirect URI at the provider."
            </p>
        }
        .into_any(),
    };
    view! {
        <details class="card disclosure">
            <summary>
                <h2>"Sign-in with OpenID Connect"</h2>
            </summary>
            {body}
            <p class="muted">
                "This is set with the server's settings (oidc_…), and holds after a restart; docs/oidc.md tells how for
                Keycloak, Authentik and Google."
            </p>
        </details>
    }
    .into_any()
}
