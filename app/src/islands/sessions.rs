//! The telephones of a tunnel.

use super::{live_feed::Feed, time};
use crate::format;
use domain::{LineQuality, TelephoneSession};
use leptos::prelude::*;

/// The telephones that serve the tunnel of the page.
#[island]
pub fn Sessions(
    /// Those of the moment when the page was rendered.
    initial: Vec<TelephoneSession>,
) -> impl IntoView {
    let feed = Feed::around();
    let sessions = move || feed.state.with(|state| if state.known { state.sessions.clone() } else { initial.clone() });
    view! {
        <table class="table">
            <caption class="visually-hidden">"Telephones that serve this tunnel"</caption>
            <thead>
                <tr>
                    <th scope="col">"Machine"</th>
                    <th scope="col">"Agent"</th>
                    <th scope="col">"Address"</th>
                    <th scope="col" class="number">"Connections"</th>
                    <th scope="col" class="number">"Round trip"</th>
                    <th scope="col">"Local server"</th>
                    <th scope="col">"Connected"</th>
                </tr>
            </thead>
            <tbody>{move || rows(sessions())}</tbody>
        </table>
    }
}

fn rows(sessions: Vec<TelephoneSession>) -> AnyView {
    if sessions.is_empty() {
        return view! {
            <tr class="row-empty">
                <td colspan="7">"No telephone is connected."</td>
            </tr>
        }
        .into_any();
    }
    let now = time::now();
    sessions.into_iter().map(|session| row(session, now)).collect_view().into_any()
}

fn row(session: TelephoneSession, now: i64) -> impl IntoView {
    let round_trip = session.round_trip_ms.map_or_else(|| format::NOTHING.into(), format::milliseconds);
    let LineQuality { starved, queued_bytes, local_failures, last_local_failure, .. } = session.quality;
    let waiting = (starved > 0).then(|| {
        let words = format!(" {} waiting to be sent", format::bytes(queued_bytes));
        view! { <small class="muted">{words}</small> }
    });
    let local = match last_local_failure {
        None => view! { "no failures" }.into_any(),
        Some(failure) => {
            let words = format!("{} × no answer; {} ", format::count(local_failures), local_words(&failure.code));
            view! { <span>{words} {time::moment(failure.at, now)}</span> }.into_any()
        }
    };
    view! {
        <tr>
            <td data-label="Machine">{session.machine.unwrap_or_else(|| "unknown".into())}</td>
            <td data-label="Agent">
                {session.agent} " " <small class="muted">"line " {session.protocol}</small>
            </td>
            <td data-label="Address" class="mono">
                {session.address.to_string()}
            </td>
            <td data-label="Connections" class="number">
                <span>{format::count(session.lines.into())} {waiting}</span>
            </td>
            <td data-label="Round trip" class="number">
                {round_trip}
            </td>
            <td data-label="Local server">{local}</td>
            <td data-label="Connected">{time::moment(session.connected_at, now)}</td>
        </tr>
    }
}

/// What a telephone says of its local server, in words.
pub fn local_words(code: &str) -> &'static str {
    match code {
        "local_unreachable" => "not reached",
        "local_not_http2" => "no HTTP/2",
        _ => "broke off",
    }
}
