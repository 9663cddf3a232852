//! Everybody's accounts, for administrators.

use super::{
    identities,
    visit::{Visit, signed_in},
};
use crate::{
    actions::INVITATION_HOURS,
    components::{
        confirm::{act, confirm_with},
        field::Field,
        form::FormState,
        handed::handed,
        layout::{Section, layout},
        pager::{Asked, filter, more},
    },
    islands::TimeAgo,
};
use domain::{Account, Invitation, Role};
use leptos::prelude::*;
use server_core::{AccountQuery, CoreError, Page};

const STATES: [(&str, &str); 4] =
    [("", "All"), ("admin", "Administrators"), ("active", "Active"), ("deactivated", "Deactivated")];

/// Who there is, who is invited, and the form to invite more.
#[component]
pub fn Users() -> impl IntoView {
    signed_in(page)
}

async fn page(visit: Visit) -> Result<AnyView, CoreError> {
    if !visit.viewer.is_admin() {
        return Err(CoreError::NotFound("page"));
    }
    let asked = Asked::of(&visit.query, &STATES);
    let query = AccountQuery {
        search: asked.search(),
        role: (asked.state == "admin").then_some(Role::Admin),
        active: match asked.state {
            "active" => Some(true),
            "deactivated" => Some(false),
            _ => None,
        },
    };
    let page = Page { cursor: visit.query.get("cursor"), ..Page::default() };
    let is_first = page.cursor.is_none();
    let accounts = visit.services.accounts().list(&visit.viewer, query, page).await?;
    let invitations = visit.services.accounts().invitations(&visit.viewer, Page { limit: 100, cursor: None }).await?;
    let required = visit.services.accounts().requires_second_factor().await?;
    let form = invite_state(&visit);
    let list = if accounts.items.is_empty() {
        view! { <p class="empty">"There is no such account."</p> }.into_any()
    } else {
        table(&accounts.items)
    };
    let invited = (is_first && !invitations.items.is_empty()).then(|| invited(&invitations.items));
    let content = view! {
        <h1>"Users"</h1>
        <p class="lead">"Who can sign in to this server. Administrators see and manage everything, members what is theirs."</p>
        {handed(&visit)}
        {is_first.then(|| invite(&form))}
        {invited}
        {filter("/web/users", &asked.search, "ada@example.com", &STATES, asked.state)}
        {list}
        {more(&asked.address("/web/users"), accounts.next_cursor)}
        {is_first.then(|| policy(required))}
        {is_first.then(|| identities::in_force(visit.services.accounts().provider(), &visit.request.server_url))}
    };
    Ok(layout(&visit, Section::Users, "Users", content))
}

/// Whether everybody needs a second factor, and the way to change that.
fn policy(required: bool) -> AnyView {
    let (words, verb, consequence) = if required {
        (
            "Everybody needs a second factor to sign in.",
            "No longer require",
            "Whoever wants to can then turn it off for the own account.",
        )
    } else {
        (
            "A second factor is everybody's own choice.",
            "Require",
            "Who has none is signed out now, browsers and programs, and sets one up with the next sign-in. Telephones go on.",
        )
    };
    let fields = vec![("required", (!required).to_string())];
    view! {
        <section class="card" aria-labelledby="policy-title">
            <h2 id="policy-title">"Second factor"</h2>
            <p>{words}</p>
            <div class="actions">
                {confirm_with("require_second_factor", fields, verb, "a second factor".to_owned(), consequence)}
            </div>
        </section>
    }
    .into_any()
}

/// How the form comes back. Whoever invites is told otherwise of an account that exists than whoever signs up.
fn invite_state(visit: &Visit) -> FormState {
    let form = FormState::of(&visit.query, Some("invite"));
    if form.is_refused() && visit.query.get_str("error") == Some("email_taken") {
        return form.because("There is an account with this address already. Find it in the list below.".to_owned());
    }
    form
}

fn invite(form: &FormState) -> AnyView {
    let chosen = form.value("expires_in_hours").unwrap_or_else(|| "168".to_owned());
    let hours = INVITATION_HOURS.map(|(hours, words)| {
        let is_chosen = chosen == hours.to_string();
        view! {
            <option value=hours selected=is_chosen>
                {words}
            </option>
        }
    });
    let is_admin = form.value("role").as_deref() == Some("admin");
    view! {
        <details class="card disclosure" open=form.is_refused()>
            <summary>
                <h2>"Invite somebody"</h2>
            </summary>
            <form method="post" action="/web/action/invite_user" class="form">
                {form.summary(&["email"])}
                {Field::email("invite")
                    .hint("What they will sign in with. They choose the password themselves, by a link that works once.")
                    .state(form)
                    .view()}
                <div class="field">
                    <label for="invite-role">"As"</label>
                    <select id="invite-role" name="role">
                        <option value="member">"member: has what is theirs"</option>
                        <option value="admin" selected=is_admin>
                            "administrator: manages everything"
                        </option>
                    </select>
                </div>
                <div class="field">
                    <label for="invite-expires">"The link works for"</label>
                    <select id="invite-expires" name="expires_in_hours">
                        {hours.into_iter().collect_view()}
                    </select>
                </div>
                <button class="button button-primary">"Make the link"</button>
            </form>
        </details>
    }
    .into_any()
}

fn invited(invitations: &[Invitation]) -> AnyView {
    let rows = invitations.iter().map(|invitation| {
        let email = invitation.email.to_string();
        view! {
            <tr>
                <td data-label="Address" class="cell-title">
                    {email.clone()}
                </td>
                <td data-label="As">{role(invitation.role)}</td>
                <td data-label="Invited">
                    <TimeAgo at=invitation.created_at />
                </td>
                <td data-label="Ends">
                    <TimeAgo at=invitation.expires_at />
                </td>
                <td class="actions">
                    {act("withdraw_invitation", vec![("id", invitation.id.to_string())], "Withdraw", &email)}
                </td>
            </tr>
        }
    });
    view! {
        <section aria-labelledby="invited-title">
            <h2 id="invited-title">"Invited"</h2>
            <div class="card card-flush">
                <table class="table">
                    <caption class="visually-hidden">"Invitations that wait, newest first"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Address"</th>
                            <th scope="col">"As"</th>
                            <th scope="col">"Invited"</th>
                            <th scope="col">"Ends"</th>
                            <th scope="col">
                                <span class="visually-hidden">"Actions"</span>
                            </th>
                        </tr>
                    </thead>
                    <tbody>{rows.collect_view()}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn table(accounts: &[Account]) -> AnyView {
    let rows = accounts.iter().map(row).collect_view();
    view! {
        <div class="card card-flush">
            <table class="table">
                <caption class="visually-hidden">"Accounts, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Address"</th>
                        <th scope="col">"Role"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Second factor"</th>
                        <th scope="col">"Last seen"</th>
                        <th scope="col">"Created"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(account: &Account) -> AnyView {
    view! {
        <tr>
            <td data-label="Address" class="cell-title">
                <a class="strong" href=format!("/web/users/{}", account.id)>
                    {account.email.to_string()}
                </a>
            </td>
            <td data-label="Role">{role(account.role)}</td>
            <td data-label="State">{state(account)}</td>
            <td data-label="Second factor">{if account.second_factor { "on" } else { "off" }}</td>
            <td data-label="Last seen">{seen(account)}</td>
            <td data-label="Created">
                <TimeAgo at=account.created_at />
            </td>
        </tr>
    }
    .into_any()
}

/// What an account may do, in a word.
pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::Admin => "administrator",
        Role::Member => "member",
    }
}

/// Whether an account can be used.
pub(super) fn state(account: &Account) -> AnyView {
    match account.deactivated_at {
        None => view! { <span class="badge badge-online">"Active"</span> }.into_any(),
        Some(_) => view! { <span class="badge badge-deleted">"Deactivated"</span> }.into_any(),
    }
}

/// When an account was used last.
pub(super) fn seen(account: &Account) -> AnyView {
    match account.last_seen_at {
        None => view! { <span class="muted nowrap">"signed out"</span> }.into_any(),
        Some(at) => view! { <TimeAgo at /> }.into_any(),
    }
}
