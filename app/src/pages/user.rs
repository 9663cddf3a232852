//! One account, for administrators.

use super::{
    identities, programs,
    users::{role, seen, state},
    visit::{Visit, signed_in},
};
use crate::{
    components::{
        confirm::{confirm, confirm_asking},
        field::Field,
        form::{FormState, version},
        handed::handed,
        layout::{Section, layout},
        signed_in::signed_in_list,
    },
    islands::TimeAgo,
};
use domain::{Account, Holdings, Role, UserId};
use leptos::prelude::*;
use server_core::CoreError;

/// What it is, what it has, and what can be done about it.
#[component]
pub fn UserDetail() -> impl IntoView {
    signed_in(page)
}

async fn page(visit: Visit) -> Result<AnyView, CoreError> {
    if !visit.viewer.is_admin() {
        return Err(CoreError::NotFound("page"));
    }
    let id = visit.params.get_str("id").and_then(|id| id.parse::<UserId>().ok());
    let id = id.ok_or(CoreError::NotFound("account"))?;
    let account = visit.services.accounts().get(&visit.viewer, id).await?;
    let has = visit.services.accounts().holdings(&visit.viewer, id).await?;
    let identities = visit.services.accounts().identities_of(&visit.viewer, id).await?;
    let email = account.email.to_string();
    let you = (id == visit.viewer.id()).then(|| view! { <span class="badge badge-plain">"You"</span> });
    let content = view! {
        <p class="crumbs">
            <a href="/web/users">"Users"</a>
        </p>
        <header class="page-head">
            <h1>{email.clone()}</h1>
            {state(&account)}
            {you}
        </header>
        {handed(&visit)}
        <section class="card" aria-label="About the account">{facts(&account, &has)}</section>
        {identities::of_somebody(&identities)}
        {places(&visit, id).await?}
        <section class="card" aria-labelledby="acts-title">
            <h2 id="acts-title">"Access"</h2>
            <div class="actions">{acts(&account, &has)}</div>
        </section>
        {limit(&visit, &account)}
    };
    Ok(layout(&visit, Section::Users, &email, content))
}

fn facts(account: &Account, has: &Holdings) -> AnyView {
    let ended = account.deactivated_at.map(|at| {
        view! {
            <dt>"Deactivated"</dt>
            <dd>
                <TimeAgo at />
            </dd>
        }
    });
    view! {
        <dl class="facts">
            <dt>"Role"</dt>
            <dd>{role(account.role)}</dd>
            <dt>"Second factor"</dt>
            <dd>{if account.second_factor { "on" } else { "off" }}</dd>
            <dt>"Created"</dt>
            <dd>
                <TimeAgo at=account.created_at />
            </dd>
            <dt>"Last seen"</dt>
            <dd>{seen(account)}</dd>
            {ended}
            <dt>"Has"</dt>
            <dd>{counted(has)}</dd>
        </dl>
    }
    .into_any()
}

/// Where it is signed in.
async fn places(visit: &Visit, id: UserId) -> Result<AnyView, CoreError> {
    let admin = visit.viewer.as_admin()?;
    let sessions = visit.services.web_sessions().list_of(&admin, id, visit.request.session_key).await?;
    let programs = visit.services.api_sessions().list_of(&admin, id, programs::ALL).await?.items;
    Ok(view! {
        <section class="card" aria-labelledby="browsers-title">
            <h2 id="browsers-title">"Signed-in browsers"</h2>
            {signed_in_list(&sessions, Some(id))}
        </section>
        <section class="card" aria-labelledby="programs-title">
            <h2 id="programs-title">"Signed-in programs"</h2>
            {signed_in_list(&programs, Some(id))}
        </section>
    }
    .into_any())
}

/// How many requests may come to what it has.
fn limit(visit: &Visit, account: &Account) -> AnyView {
    let form = FormState::of(&visit.query, Some("limit"));
    let now = account.rate_limit.map(|limit| limit.to_string()).unwrap_or_default();
    view! {
        <section class="card" aria-labelledby="limit-title">
            <h2 id="limit-title">"How much"</h2>
            <form method="post" action="/web/action/set_user_limit" class="form">
                {form.summary(&["rate_limit"])}
                <input type="hidden" name="id" value=account.id.to_string() />
                {version(account.updated_at)}
                {Field::rate("limit")
                    .value(now)
                    .hint(
                        "Requests/seconds, to all that this account has together, on each node; burst is how many may come at once. More get 429. Empty: as many as come.",
                    )
                    .state(&form)
                    .view()}
                <button class="button">"Save the limit"</button>
            </form>
        </section>
    }
    .into_any()
}

/// What an account has, in words.
fn counted(has: &Holdings) -> String {
    let Holdings { tunnels, services, domains, routes, tokens } = *has;
    let all = [(tunnels, "tunnel"), (services, "service"), (domains, "domain"), (routes, "route"), (tokens, "token")];
    let some = all.into_iter().filter(|(number, _)| *number > 0);
    let words: Vec<_> =
        some.map(|(number, word)| format!("{number} {word}{}", if number == 1 { "" } else { "s" })).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

fn acts(account: &Account, has: &Holdings) -> AnyView {
    let (id, email) = (account.id.to_string(), account.email.to_string());
    if account.deactivated_at.is_some() {
        let delete = has.is_empty().then(|| {
            let consequence = "Its tokens and alerts end with it. This cannot be undone.";
            confirm("delete_user", id.clone(), "Delete", email.clone(), consequence)
        });
        let consequence = "It can sign in with its password, and its telephones with their tokens, as before.";
        return view! {
            {confirm("reactivate_user", id.clone(), "Reactivate", email.clone(), consequence)}
            {delete}
        }
        .into_any();
    }
    let (verb, to, consequence) = match account.role {
        Role::Member => ("Make an administrator", Role::Admin, "Administrators see and change what everybody has."),
        Role::Admin => {
            ("Make a member", Role::Member, "Members see and change what is theirs. What it has stays its own.")
        }
    };
    let question = format!("Make {email} {}?", if to == Role::Admin { "an administrator" } else { "a member" });
    let factor = account.second_factor.then(|| {
        let consequence = "For somebody who has lost it: the account then signs in with the password alone.";
        let question = format!("Reset the second factor of {email}?");
        let fields = vec![("id", id.clone())];
        confirm_asking("reset_second_factor", fields, "Reset the second factor", email.clone(), question, consequence)
    });
    let fields = vec![("id", id.clone()), ("role", to.as_str().to_owned())];
    view! {
        {confirm_asking(
            "offer_reset",
            vec![("id", id.clone())],
            "New password by link",
            email.clone(),
            format!("Let {email} choose a new password?"),
            "Makes a link, shown once, by which its owner chooses a new password within a day. The present one stays good until then.",
        )}
        {factor}
        {confirm_asking("set_user_role", fields, verb, email.clone(), question, consequence)}
        {confirm(
            "deactivate_user",
            id,
            "Deactivate",
            email,
            "It is signed out everywhere, and its telephones are disconnected, at once. What it has stays, and can be used again when you reactivate it.",
        )}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_account_has_is_counted_in_words() {
        let has = Holdings { tunnels: 1, services: 0, domains: 2, routes: 0, tokens: 1 };
        assert_eq!(counted(&has), "1 tunnel, 2 domains, 1 token");
        assert_eq!(counted(&Holdings { tunnels: 0, domains: 0, tokens: 0, ..has }), "nothing");
    }
}
