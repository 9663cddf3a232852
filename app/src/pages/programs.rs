//! The programs that are signed in, on the settings page.

use super::visit::Visit;
use crate::islands::TimeAgo;
use domain::{ProgramSession, UserId};
use leptos::prelude::*;
use server_core::{CoreError, Page};

/// Each with a button that ends it, and one that ends all.
pub(super) async fn section(visit: &Visit) -> Result<AnyView, CoreError> {
    // As many as anybody may have.
    let page = Page { limit: 100, cursor: None };
    let programs = visit.services.api_sessions().list(&visit.viewer, page).await?.items;
    let all = (programs.len() > 1).then(|| {
        view! {
            <form method="post" action="/web/action/end_programs">
                <button class="button">"Sign out all programs"</button>
            </form>
        }
    });
    Ok(view! {
        <section class="card" aria-labelledby="programs-title">
            <h2 id="programs-title">"Signed-in programs"</h2>
            <p>"What has signed in to the API with your password. Programs with a personal token are not among them."</p>
            {list(&programs, None)}
            {all}
        </section>
    }
    .into_any())
}

/// Programs with a button each; `of`: somebody's whom the viewer administers.
pub(super) fn list(programs: &[ProgramSession], of: Option<UserId>) -> AnyView {
    if programs.is_empty() {
        return view! { <p class="muted">"None."</p> }.into_any();
    }
    let rows = programs.iter().map(|session| program(session, of)).collect_view();
    view! { <ul class="sessions">{rows}</ul> }.into_any()
}

fn program(session: &ProgramSession, of: Option<UserId>) -> AnyView {
    let agent = session.user_agent.clone().unwrap_or_else(|| "unknown program".into());
    let address = session.address.map_or_else(|| "unknown address".into(), |address| address.to_string());
    view! {
        <li>
            <div>
                <p class="sessions-agent">{agent}</p>
                <p class="muted">
                    <span class="mono">{address.clone()}</span> " · signed in " <TimeAgo at=session.created_at />
                    " · seen " <TimeAgo at=session.last_seen_at />
                </p>
            </div>
            <form method="post" action="/web/action/end_program">
                <input type="hidden" name="id" value=session.id.to_string() />
                {of.map(|user| view! { <input type="hidden" name="user" value=user.to_string() /> })}
                <button class="button button-quiet button-small">
                    "Sign out" <span class="visually-hidden">" the program at " {address}</span>
                </button>
            </form>
        </li>
    }
    .into_any()
}
