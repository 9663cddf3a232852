//! Where somebody is signed in: a list with a button each.

use crate::islands::TimeAgo;
use domain::{ProgramSession, Timestamp, UserId, WebSession};
use leptos::prelude::*;
use std::net::IpAddr;

/// One of the places.
pub struct SignedIn {
    id: String,
    agent: String,
    address: Option<IpAddr>,
    created_at: Timestamp,
    last_seen_at: Timestamp,
    expires_at: Timestamp,
    /// It is the browser that asks.
    current: bool,
    /// Where its form goes.
    end: &'static str,
    /// What its button says before the address, for who cannot see what it stands beside.
    what: &'static str,
}

impl From<&WebSession> for SignedIn {
    fn from(session: &WebSession) -> Self {
        Self {
            id: session.id.to_string(),
            agent: session.user_agent.clone().unwrap_or_else(|| "unknown browser".into()),
            address: session.address,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at,
            current: session.current,
            end: "/web/action/end_session",
            what: " ",
        }
    }
}

impl From<&ProgramSession> for SignedIn {
    fn from(session: &ProgramSession) -> Self {
        Self {
            id: session.id.to_string(),
            agent: session.user_agent.clone().unwrap_or_else(|| "unknown program".into()),
            address: session.address,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at,
            current: false,
            end: "/web/action/end_program",
            what: " the program at ",
        }
    }
}

/// All of them; `of`: those of somebody whom the viewer administers.
pub fn signed_in_list<'s, S>(sessions: &'s [S], of: Option<UserId>) -> AnyView
where
    SignedIn: From<&'s S>,
{
    if sessions.is_empty() {
        return view! { <p class="muted">"None."</p> }.into_any();
    }
    let rows = sessions.iter().map(|session| row(session.into(), of)).collect_view();
    view! { <ul class="sessions">{rows}</ul> }.into_any()
}

fn row(session: SignedIn, of: Option<UserId>) -> AnyView {
    let address = session.address.map_or_else(|| "unknown address".into(), |address| address.to_string());
    let end = if session.current {
        view! { <span class="badge badge-online">"This browser"</span> }.into_any()
    } else {
        view! {
            <form method="post" action=session.end>
                <input type="hidden" name="id" value=session.id />
                {of.map(|user| view! { <input type="hidden" name="user" value=user.to_string() /> })}
                <button class="button button-quiet button-small">
                    "Sign out" <span class="visually-hidden">{session.what} {address.clone()}</span>
                </button>
            </form>
        }
        .into_any()
    };
    view! {
        <li>
            <div>
                <p class="sessions-agent">{session.agent}</p>
                <p class="muted">
                    <span class="mono">{address}</span> " · signed in " <TimeAgo at=session.created_at /> " · seen "
                    <TimeAgo at=session.last_seen_at /> " · ends " <TimeAgo at=session.expires_at />
                </p>
            </div>
            {end}
        </li>
    }
    .into_any()
}
