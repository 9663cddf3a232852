//! The latest requests.

use super::{live_feed::Feed, time};
use crate::format;
use domain::{RecentRequest, TunnelId};
use leptos::prelude::*;

/// Rows on a page.
const ROWS: usize = 15;

/// The latest requests, newest first.
#[island]
pub fn RecentRequests(
    /// Those of the moment when the page was rendered.
    initial: Vec<RecentRequest>,
    /// The tunnels among what they were for: their inspectors have more.
    tunnels: Vec<TunnelId>,
    /// Whether they were for several hosts, so that each tells which.
    hosts: bool,
) -> impl IntoView {
    let feed = Feed::around();
    let requests = move || {
        feed.state.with(|state| {
            let recent = |request: &RecentRequest| {
                let tunnel = TunnelId(request.subject);
                (request.clone(), (tunnels.contains(&tunnel) || state.tunnels.contains_key(&tunnel)).then_some(tunnel))
            };
            if state.known {
                state.recent.iter().take(ROWS).map(recent).collect()
            } else {
                initial.iter().take(ROWS).map(recent).collect::<Vec<_>>()
            }
        })
    };
    view! {
        <table class="table table-requests">
            <caption class="visually-hidden">"The latest requests, newest first"</caption>
            <thead>
                <tr>
                    <th scope="col">"Method"</th>
                    <th scope="col">{if hosts { "Host and path" } else { "Path" }}</th>
                    <th scope="col">"Status"</th>
                    <th scope="col" class="number">"Duration"</th>
                    <th scope="col">"Client"</th>
                    <th scope="col">"When"</th>
                </tr>
            </thead>
            <tbody>{move || rows(requests(), hosts)}</tbody>
        </table>
    }
}

/// Each with the tunnel that it was for, if it was one.
fn rows(requests: Vec<(RecentRequest, Option<TunnelId>)>, hosts: bool) -> AnyView {
    if requests.is_empty() {
        return view! {
            <tr class="row-empty">
                <td colspan="6">"No requests yet."</td>
            </tr>
        }
        .into_any();
    }
    let now = time::now();
    requests.into_iter().map(|(request, tunnel)| row(request, tunnel, hosts, now)).collect_view().into_any()
}

fn row(request: RecentRequest, tunnel: Option<TunnelId>, hosts: bool, now: i64) -> impl IntoView {
    let class = format!("status status-{}xx", request.status / 100);
    let host = hosts.then(|| request.host.clone());
    let whole = format!("{}{}", host.as_deref().unwrap_or_default(), request.path);
    let host = host.map(|host| view! { <span class="path-host">{host}</span> });
    let path = match tunnel {
        Some(tunnel) => {
            let href = format!("/web/tunnels/{tunnel}/inspector?selected={}", request.id);
            view! { <a href=href>{host} {request.path}</a> }.into_any()
        }
        None => view! { {host} {request.path} }.into_any(),
    };
    view! {
        <tr>
            <td data-label="Method" class="mono">
                {request.method}
            </td>
            <td data-label="Path" class="mono path" title=whole>
                {path}
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
