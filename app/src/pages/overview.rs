//! What is happening now.

use super::visit::{Visit, signed_in};
use crate::{
    components::{
        breakdown::{Shown, breakdown},
        charts::{Charts, charts},
        command::command,
        figure::figure,
        followed, icon,
        layout::{Section, layout},
    },
    islands::{LiveFeed, RecentRequests},
    live::LiveState,
    summary::Metric,
};
use domain::{Tunnel, TunnelId, TunnelStatus};
use leptos::prelude::*;
use server_core::{CoreError, Page, Subject, TunnelQuery};

/// The figures at the top, in this order.
const FIGURES: [Metric; 9] = [
    Metric::Online,
    Metric::PerSecond,
    Metric::InFlight,
    Metric::P50,
    Metric::P95,
    Metric::P99,
    Metric::ErrorShare,
    Metric::BytesIn,
    Metric::BytesOut,
];

/// Figures, charts and the latest requests of all the viewer's tunnels; what is unhealthy, first.
#[component]
pub fn Overview() -> impl IntoView {
    signed_in(page)
}

async fn page(visit: Visit) -> Result<AnyView, CoreError> {
    let (window, refused) = visit.window();
    let told = visit.services.traffic().breakdown(&visit.viewer, Subject::All, window).await?;
    let told = breakdown(&Shown { breakdown: &told, subject: "all", window, tunnel: None });
    let told = followed::followed("told-apart", window, told);
    if followed::is_asked(&visit) {
        return Ok(told);
    }
    let mut state = LiveState::default();
    state.apply(visit.services.watch(visit.viewer.clone(), Subject::All).next().await?);
    let series = visit.services.traffic().history(&visit.viewer, Subject::All, window).await?;
    let offline = TunnelQuery { status: Some(TunnelStatus::Offline), ..TunnelQuery::default() };
    let offline = visit.services.tunnels().list(&visit.viewer, offline, Page { limit: 5, cursor: None }).await?;
    let steps = first_steps(&visit, &state).await?;
    let recent: Vec<_> = state.recent.iter().take(15).cloned().collect();
    let mut tunnels: Vec<_> = recent.iter().map(|request| TunnelId(request.subject)).collect();
    tunnels.retain(|id| state.tunnels.contains_key(id));
    tunnels.sort();
    tunnels.dedup();
    let history = (!window.is_live()).then(|| format!("/web/data/history?subject=all&{}", window.query()));
    let figures = FIGURES.map(|metric| figure(metric, &state)).into_iter().collect_view();
    let unserved = unserved(&offline.items, offline.next_cursor.is_some());
    let script = visit.request.assets.echarts.clone();
    let charts = charts(Charts { page: "/web", subject: "all", window, refused, series: &series, script });
    let content = view! {
        <LiveFeed path="/ws/user".to_owned() history>
            <h1>"Overview"</h1>
            {steps}
            {unserved}
            <dl class="figures">{figures}</dl>
            {charts}
            {told}
            <section aria-labelledby="recent-title">
                <h2 id="recent-title">"Latest requests"</h2>
                <div class="card card-flush">
                    <RecentRequests initial=recent tunnels hosts=true />
                </div>
            </section>
        </LiveFeed>
    };
    Ok(layout(&visit, Section::Overview, "Overview", content))
}

/// Tunnels that nobody serves.
fn unserved(tunnels: &[Tunnel], more: bool) -> Option<AnyView> {
    if tunnels.is_empty() {
        return None;
    }
    let links = tunnels.iter().map(|tunnel| {
        let (href, name) = (format!("/web/tunnels/{}", tunnel.id), tunnel.name.to_string());
        view! {
            <li>
                <a href=href>{name}</a>
            </li>
        }
    });
    let more = more.then(|| view! { <li><a href="/web/tunnels?status=offline">"and more"</a></li> });
    Some(
        view! {
            <section class="notice notice-warning" aria-label="Unhealthy">
                <p>
                    <strong>"No telephone is connected"</strong>
                    " for these tunnels, so requests to them are answered with 503:"
                </p>
                <ul class="inline-list">{links.collect_view()} {more}</ul>
            </section>
        }
        .into_any(),
    )
}

/// The way to the first request, as long as it has not been gone.
async fn first_steps(visit: &Visit, state: &LiveState) -> Result<Option<AnyView>, CoreError> {
    let first = Page { limit: 1, cursor: None };
    let has_requests = !state.recent.is_empty();
    if has_requests {
        return Ok(None);
    }
    let tunnels = visit.services.tunnels().list(&visit.viewer, TunnelQuery::default(), Page::default()).await?.items;
    if tunnels.iter().any(|tunnel| tunnel.request_count > 0) {
        return Ok(None);
    }
    let has_token = !visit.services.tokens().list(&visit.viewer, first).await?.items.is_empty();
    let is_online = state.online().0 > 0;
    let run = command(format!("telephone http 3000 --server {}", visit.request.server_url));
    let served = tunnels.iter().find(|tunnel| tunnel.status == TunnelStatus::Online);
    let open = served.or(tunnels.first()).map(|tunnel| {
        let url = tunnel.public_url.clone();
        view! { <a href=url.clone() rel="noreferrer" target="_blank">{url.clone()}</a> }
    });
    Ok(Some(
        view! {
            <section class="card" aria-labelledby="steps-title">
                <h2 id="steps-title">"Three steps to your first request"</h2>
                <ol class="steps">
                    {step(
                        has_token,
                        "Create a token",
                        view! { <p><a class="button" href="/web/tokens">"Create a token"</a></p> },
                    )}
                    {step(
                        is_online,
                        "Run a telephone beside your web server",
                        view! {
                            <p>
                                "This serves what listens on port 3000. Add " <code>"--token"</code>
                                " with your token, or keep it with " <code>"telephone login"</code> "."
                            </p>
                            {run}
                        },
                    )}
                    {step(false, "Open the public address", view! { <p>{open.map_or_else(
                        || view! { "The telephone prints it, and it appears under Tunnels." }.into_any(),
                        IntoAny::into_any,
                    )}</p> })}
                </ol>
            </section>
        }
        .into_any(),
    ))
}

fn step(done: bool, title: &'static str, content: impl IntoView + 'static) -> AnyView {
    let state =
        if done { view! { <span class="step-done">{icon::tick()} "done"</span> }.into_any() } else { ().into_any() };
    let content = (!done).then(|| content.into_any());
    view! {
        <li>
            <h3>{title} " " {state}</h3>
            {content}
        </li>
    }
    .into_any()
}
