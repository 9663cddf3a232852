//! The programs that are signed in, on the settings page.

use super::visit::Visit;
use crate::islands::TimeAgo;
use domain::ProgramSession;
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
    let list = if programs.is_empty() {
        view! { <p class="muted">"None."</p> }.into_any()
    } else {
        view! { <ul class="sessions">{programs.iter().map(program).collect_view()}</ul> }.into_any()
    };
    Ok(view! {
        <section class="card" aria-labelledby="programs-title">
            <h2 id="programs-title">"Signed-in programs"</h2>
            <p>"What has signed in to the API with your password. Programs with a personal token are not among them."</p>
            {list}
            {all}
        </section>
    }
    .into_any())
}

fn program(session: &ProgramSession) -> AnyView {
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
                <button class="button button-quiet button-small">
                    "Sign out" <span class="visually-hidden">" the program at " {address}</span>
                </button>
            </form>
        </li>
    }
    .into_any()
}
