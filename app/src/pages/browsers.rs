//! The browsers that somebody is signed in with, on the settings page and on that of an account.

use crate::islands::TimeAgo;
use domain::{UserId, WebSession};
use leptos::prelude::*;

/// The viewer's own, with a button that ends all others.
pub(super) fn section(sessions: &[WebSession]) -> AnyView {
    let has_others = sessions.iter().any(|session| !session.current);
    let others = has_others.then(|| {
        view! {
            <form method="post" action="/web/action/end_other_sessions">
                <button class="button">"Sign out all others"</button>
            </form>
        }
    });
    view! {
        <section class="card" aria-labelledby="browsers-title">
            <h2 id="browsers-title">"Signed-in browsers"</h2>
            {list(sessions, None)}
            {others}
        </section>
    }
    .into_any()
}

/// Browsers with a button each; `of`: somebody's whom the viewer administers.
pub(super) fn list(sessions: &[WebSession], of: Option<UserId>) -> AnyView {
    if sessions.is_empty() {
        return view! { <p class="muted">"None."</p> }.into_any();
    }
    let rows = sessions.iter().map(|session| browser(session, of)).collect_view();
    view! { <ul class="sessions">{rows}</ul> }.into_any()
}

fn browser(session: &WebSession, of: Option<UserId>) -> AnyView {
    let agent = session.user_agent.clone().unwrap_or_else(|| "unknown browser".into());
    let address = session.address.map_or_else(|| "unknown address".into(), |address| address.to_string());
    let end = if session.current {
        view! { <span class="badge badge-online">"This browser"</span> }.into_any()
    } else {
        view! {
            <form method="post" action="/web/action/end_session">
                <input type="hidden" name="id" value=session.id.to_string() />
                {of.map(|user| view! { <input type="hidden" name="user" value=user.to_string() /> })}
                <button class="button button-quiet button-small">
                    "Sign out" <span class="visually-hidden">" " {address.clone()}</span>
                </button>
            </form>
        }
        .into_any()
    };
    view! {
        <li>
            <div>
                <p class="sessions-agent">{agent}</p>
                <p class="muted">
                    <span class="mono">{address}</span> " · signed in " <TimeAgo at=session.created_at /> " · seen "
                    <TimeAgo at=session.last_seen_at />
                </p>
            </div>
            {end}
        </li>
    }
    .into_any()
}
