//! The latest requests.

use super::{live_feed::Feed, time};
use crate::format;
use domain::RecentRequest;
use leptos::prelude::*;

/// Rows on a page.
const ROWS: usize = 15;

/// The latest requests, newest first.
#[island]
pub fn RecentRequests(
    /// Those of the moment when the page was rendered.
    initial: Vec<RecentRequest>,
) -> impl IntoView {
    let feed = Feed::around();
    let requests = move || {
        feed.state.with(|state| {
            if state.known {
                state.recent.iter().take(ROWS).cloned().collect()
            } else {
                initial.iter().take(ROWS).cloned().collect::<Vec<_>>()
            }
        })
    };
    view! {
        <table class="table table-requests">
            <caption class="visually-hidden">"The latest requests, newest first"</caption>
            <thead>
                <tr>
                    <th scope="col">"Method"</th>
                    <th scope="col">"Path"</th>
                    <th scope="col">"Status"</th>
                    <th scope="col" class="number">"Duration"</th>
                    <th scope="col">"Client"</th>
                    <th scope="col">"When"</th>
                </tr>
            </thead>
            <tbody>{move || rows(requests())}</tbody>
        </table>
    }
}

fn rows(requests: Vec<RecentRequest>) -> AnyView {
    if requests.is_empty() {
        return view! {
            <tr class="row-empty">
                <td colspan="6">"No requests yet."</td>
            </tr>
        }
        .into_any();
    }
    let now = time::now();
    requests.into_iter().map(|request| row(request, now)).collect_view().into_any()
}

fn row(request: RecentRequest, now: i64) -> impl IntoView {
    let class = format!("status status-{}xx", request.status / 100);
    view! {
        <tr>
            <td data-label="Method" class="mono">
                {request.method}
            </td>
            <td data-label="Path" class="mono path" title=request.path.clone()>
                {request.path.clone()}
            </td>
            <td data-label="Status">
                <span class=class>{request.status}</span>
            </td>
            <td data-label="Duration" class="number">
                {format::milliseconds(request.duration_ms)}
            </td>
            <td data-label="Client" class="mono">
                {request.client.to_string()}
            </td>
            <td data-label="When">{time::moment(request.at, now)}</td>
        </tr>
    }
}
