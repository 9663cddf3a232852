//! One tunnel.

use super::{
    tunnel_sessions,
    tunnels::now,
    visit::{Visit, signed_in},
};
use crate::{
    components::{
        breakdown::{Shown, breakdown, sessions as sessions_given},
        charts::{Charts, charts},
        command::command,
        confirm::confirm,
        field::Field,
        figure::figure,
        followed,
        form::{FormState, version},
        layout::{Section, layout},
    },
    format,
    islands::{CopyButton, LiveFeed, RecentRequests, Sessions, TimeAgo, TunnelBadge},
    live::LiveState,
    summary::Metric,
};
use domain::{Tunnel, TunnelId, TunnelStatus};
use leptos::prelude::*;
use server_core::{CoreError, Subject};

/// The figures at the top, in this order.
const FIGURES: [Metric; 10] = [
    Metric::Telephones,
    Metric::PerSecond,
    Metric::InFlight,
    Metric::Retried,
    Metric::P50,
    Metric::P95,
    Metric::P99,
    Metric::ErrorShare,
    Metric::BytesIn,
    Metric::BytesOut,
];

/// Its traffic, its telephones, its settings, and what can be done with it.
#[component]
pub fn TunnelDetail() -> impl IntoView {
    signed_in(page)
}

async fn page(visit: Visit) -> Result<AnyView, CoreError> {
    let id = visit.params.get_str("id").and_then(|id| id.parse::<TunnelId>().ok());
    let id = id.ok_or(CoreError::NotFound("tunnel"))?;
    let tunnel = visit.services.tunnels().get(&visit.viewer, id).await?;
    let title = tunnel.name.to_string();
    let content = if tunnel.status == TunnelStatus::Deleted {
        deleted(&tunnel).into_any()
    } else if followed::is_asked(&visit) {
        let (told, given) = told_apart(&visit, id).await?;
        return Ok(view! { {told} {given} }.into_any());
    } else {
        present(&visit, &tunnel).await?
    };
    Ok(layout(&visit, Section::Tunnels, &title, content))
}

async fn present(visit: &Visit, tunnel: &Tunnel) -> Result<AnyView, CoreError> {
    let (id, of, (window, refused)) = (tunnel.id, Subject::Tunnel(tunnel.id), visit.window());
    let mut state = LiveState::default();
    state.apply(visit.services.watch(visit.viewer.clone(), of).next().await?);
    let series = visit.services.traffic().history(&visit.viewer, of, window).await?;
    let (told, given) = told_apart(visit, id).await?;
    let recent: Vec<_> = state.recent.iter().take(15).cloned().collect();
    let history = (!window.is_live()).then(|| format!("/web/data/history?subject={id}&{}", window.query()));
    let figures = FIGURES.map(|metric| figure(metric, &state)).into_iter().collect_view();
    let (page, subject, script) = (format!("/web/tunnels/{id}"), id.to_string(), visit.request.assets.echarts.clone());
    let charts = charts(Charts { page: &page, subject: &subject, window, refused, series: &series, script });
    let form = FormState::of(&visit.query, Some("settings"));
    let past = tunnel_sessions::section(visit, id).await?;
    let (head, waiting) = (head(tunnel, &state), waiting(tunnel, &visit.request.server_url));
    let (sessions, settings, acts) = (tunnel.sessions.clone(), settings(tunnel, &form), acts(tunnel));
    Ok(view! {
        <LiveFeed path=format!("/ws/tunnels/{id}?requests=false") history>
            {head}
            {waiting}
            <dl class="figures">{figures}</dl>
            {charts}
            {told}
            <section aria-labelledby="sessions-title">
                <h2 id="sessions-title">"Telephones"</h2>
                <div class="card card-flush">
                    <Sessions initial=sessions />
                </div>
                {given}
            </section>
            {past}
            <section aria-labelledby="recent-title">
                <header class="section-head">
                    <h2 id="recent-title">"Latest requests"</h2>
                    <a class="button button-small" href=format!("/web/tunnels/{id}/inspector")>
                        "All of them"
                    </a>
                </header>
                <div class="card card-flush">
                    <RecentRequests initial=recent tunnels=vec![id] hosts=false />
                </div>
            </section>
            {settings}
            {acts}
        </LiveFeed>
    }
    .into_any())
}

/// Its traffic by error, path and client, and by telephone.
async fn told_apart(visit: &Visit, id: TunnelId) -> Result<(AnyView, AnyView), CoreError> {
    let (traffic, (window, _)) = (visit.services.traffic(), visit.window());
    let told = traffic.breakdown(&visit.viewer, Subject::Tunnel(id), window).await?;
    let told = breakdown(&Shown { breakdown: &told, subject: &id.to_string(), window, tunnel: Some(id) });
    let given = sessions_given(&traffic.sessions(id));
    Ok((followed::followed("told-apart", window, told), followed::followed("given", window, given)))
}

fn head(tunnel: &Tunnel, state: &LiveState) -> AnyView {
    let url = tunnel.public_url.clone();
    let domains = tunnel.custom_domains.iter().map(|domain| view! { <li class="mono">{domain.to_string()}</li> });
    view! {
        <p class="crumbs">
            <a href="/web/tunnels">"Tunnels"</a>
        </p>
        <header class="page-head">
            <h1>{tunnel.name.to_string()}</h1>
            <TunnelBadge initial=now(tunnel, state) />
        </header>
        <div class="url url-large">
            <a class="mono" href=url.clone() target="_blank" rel="noreferrer">
                {url.clone()}
            </a>
            <CopyButton text=url what="public address".to_owned() />
        </div>
        <ul class="inline-list">{domains.collect_view()}</ul>
        <p>
            <a class="button button-small" href=format!("/web/tunnels/{}/inspector", tunnel.id)>
                "Inspect requests"
            </a>
            " "
            <a class="button button-small" href=format!("/web/tunnels/{}/front", tunnel.id)>
                "In front"
            </a>
        </p>
    }
    .into_any()
}

/// For a tunnel that nobody serves: how to.
fn waiting(tunnel: &Tunnel, server_url: &str) -> Option<AnyView> {
    if tunnel.status != TunnelStatus::Offline {
        return None;
    }
    let target = tunnel.local_url.clone().filter(|url| is_plain(url)).unwrap_or_else(|| "3000".into());
    let line = format!("telephone http {target} --server {server_url} --subdomain {}", tunnel.subdomain);
    Some(
        view! {
            <section class="notice notice-warning" aria-label="No telephone">
                <p>"No telephone is connected, so requests are answered with 503. Start one:"</p>
                {command(line)}
            </section>
        }
        .into_any(),
    )
}

/// Whether a text that a telephone once sent can stand in a line to be pasted into a shell.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/.-_[]".contains(&byte)) && !text.starts_with('-')
}

fn settings(tunnel: &Tunnel, form: &FormState) -> AnyView {
    let domains: Vec<_> = tunnel.custom_domains.iter().map(ToString::to_string).collect();
    let local_url = tunnel.local_url.clone().unwrap_or_else(|| "unknown until a telephone connects".into());
    view! {
        <section class="card" aria-labelledby="settings-title">
            <h2 id="settings-title">"Settings"</h2>
            <dl class="facts">
                <dt>"Forwards to"</dt>
                <dd class="mono">{local_url}</dd>
                <dt>"Region"</dt>
                <dd>{tunnel.region.clone().unwrap_or_else(|| format::NOTHING.into())}</dd>
                <dt>"Requests until this page was opened"</dt>
                <dd>{format::count(tunnel.request_count)}</dd>
                <dt>"Created"</dt>
                <dd>
                    <TimeAgo at=tunnel.created_at />
                </dd>
            </dl>
            <form method="post" action="/web/action/update_tunnel" class="form">
                {form.summary(&["name", "subdomain", "custom_domains"])}
                <input type="hidden" name="id" value=tunnel.id.to_string() />
                {version(tunnel.updated_at)}
                {Field::text("settings", "name", "Name")
                    .required()
                    .at_most(64)
                    .value(tunnel.name.to_string())
                    .hint("What you call it. At most 64 characters.")
                    .state(form)
                    .view()}
                {Field::text("settings", "subdomain", "Subdomain")
                    .required()
                    .at_most(63)
                    .value(tunnel.subdomain.to_string())
                    .hint("Letters, digits and inner hyphens, at most 63. The old address stops working when you change it.")
                    .state(form)
                    .view()}
                {Field::text("settings", "custom_domains", "Custom domains")
                    .lines(3)
                    .value(domains.join("\n"))
                    .hint("One a line, at most 10. Point each at this server in DNS.")
                    .state(form)
                    .view()}
                <button class="button button-primary">"Save"</button>
            </form>
        </section>
    }
    .into_any()
}

fn acts(tunnel: &Tunnel) -> AnyView {
    let (id, name) = (tunnel.id.to_string(), tunnel.name.to_string());
    let pause = if tunnel.status == TunnelStatus::Paused {
        view! {
            <form method="post" action="/web/action/resume_tunnel">
                <input type="hidden" name="id" value=id.clone() />
                <button class="button button-small">"Resume"</button>
            </form>
        }
        .into_any()
    } else {
        confirm(
            "pause_tunnel",
            id.clone(),
            "Pause",
            name.clone(),
            "Its telephones are disconnected and requests are refused until you resume it here. Name and address stay yours.",
        )
        .into_any()
    };
    view! {
        <section class="card" aria-labelledby="acts-title">
            <h2 id="acts-title">"Pause or delete"</h2>
            <div class="actions">
                {pause}
                {confirm(
                    "delete_tunnel",
                    id,
                    "Delete",
                    name,
                    "Its telephones are disconnected and its addresses stop working. You can restore it as long as nobody else has taken its subdomain.",
                )}
            </div>
        </section>
    }
    .into_any()
}

fn deleted(tunnel: &Tunnel) -> AnyView {
    view! {
        <h1>{tunnel.name.to_string()}</h1>
        <section class="empty">
            <h2>"This tunnel was deleted"</h2>
            <p>
                "Its address was " <span class="mono">{tunnel.public_url.clone()}</span>
                ". It can be restored as long as nobody else has taken its subdomain."
            </p>
            <form method="post" action="/web/action/restore_tunnel">
                <input type="hidden" name="id" value=tunnel.id.to_string() />
                <button class="button button-primary">"Restore"</button>
            </form>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn only_plain_targets_stand_in_a_command() {
        assert!(["http://localhost:3000", "https://[::1]:8443/app", "8080"].into_iter().all(is_plain));
        assert!(!["http://x/$(reboot)", "a b", "--token", "x;y", "a'b"].into_iter().any(is_plain));
    }
}
