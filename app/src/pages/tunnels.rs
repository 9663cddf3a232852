//! The list of tunnels.

use super::visit::{Visit, signed_in};
use crate::{
    components::{
        command::command,
        field::Field,
        form::FormState,
        layout::{Section, layout},
    },
    destination::Destination,
    islands::{CopyButton, LiveFeed, Sparkline, TimeAgo, TunnelBadge, TunnelRate, TunnelSessions},
    live::LiveState,
    query::Query,
};
use domain::{Tunnel, TunnelId, TunnelNow, TunnelStatus};
use leptos::prelude::*;
use server_core::{CoreError, Page, Subject, TunnelQuery, TunnelSort};

/// What the list can be narrowed to: the name in the address, and that on the page.
const STATUSES: [(&str, &str); 5] =
    [("", "All"), ("online", "Online"), ("offline", "Offline"), ("paused", "Paused"), ("deleted", "Deleted")];
/// The orders of the list.
const SORTS: [(&str, &str); 3] = [("created", "Newest first"), ("name", "Name"), ("last_active", "Last active")];

/// The viewer's tunnels, live.
#[component]
pub fn Tunnels() -> impl IntoView {
    signed_in(page)
}

async fn page(visit: Visit) -> Result<AnyView, CoreError> {
    let asked = Asked::of(&visit.query);
    let page = Page { cursor: visit.query.get("cursor"), ..Page::default() };
    let is_first_page = page.cursor.is_none();
    let tunnels = visit.services.tunnels().list(&visit.viewer, asked.query(), page).await?;
    let mut state = LiveState::default();
    state.apply(visit.services.watch(visit.viewer.clone(), Subject::All).next().await?);
    let form = FormState::of(&visit.query, Some("create"));
    let is_empty = tunnels.items.is_empty();
    let list = match (is_empty, asked.is_narrowed() || !is_first_page) {
        (false, _) => table(&tunnels.items, &state).into_any(),
        (true, true) => nothing_found().into_any(),
        (true, false) => nothing_yet(&visit.request.server_url).into_any(),
    };
    let more = tunnels.next_cursor.map(|cursor| {
        let href = asked.address().with("cursor", &cursor);
        view! { <p><a class="button" href=href.as_str().to_owned()>"Show more"</a></p> }
    });
    let filter = (!is_empty || asked.is_narrowed()).then(|| asked.form());
    let undo = visit.query.get_str("undo").and_then(|id| id.parse::<TunnelId>().ok()).map(undo);
    let content = view! {
        <LiveFeed path="/ws/user".to_owned() history=None>
            <h1>"Tunnels"</h1>
            {undo}
            {create_form(&form)}
            {filter}
            {list}
            {more}
        </LiveFeed>
    };
    Ok(layout(&visit, Section::Tunnels, "Tunnels", content))
}

/// What the address asks for.
struct Asked {
    search: String,
    status: String,
    sort: String,
}

impl Asked {
    /// What is unknown counts as not asked for.
    fn of(query: &Query) -> Self {
        let known = |name: &str, values: &[(&str, &str)]| {
            let value = query.get_str(name).unwrap_or_default();
            values.iter().find(|(known, _)| *known == value).map(|(known, _)| (*known).to_owned())
        };
        Self {
            search: query.get_str("q").unwrap_or_default().chars().take(100).collect(),
            status: known("status", &STATUSES).unwrap_or_default(),
            sort: known("sort", &SORTS).unwrap_or_else(|| "created".into()),
        }
    }

    fn query(&self) -> TunnelQuery {
        TunnelQuery {
            search: Some(self.search.trim()).filter(|search| !search.is_empty()).map(str::to_owned),
            status: match self.status.as_str() {
                "online" => Some(TunnelStatus::Online),
                "offline" => Some(TunnelStatus::Offline),
                "paused" => Some(TunnelStatus::Paused),
                _ => None,
            },
            sort: match self.sort.as_str() {
                "name" => TunnelSort::Name,
                "last_active" => TunnelSort::LastActive,
                _ => TunnelSort::Created,
            },
            deleted: self.status == "deleted",
        }
    }

    fn is_narrowed(&self) -> bool {
        !self.search.is_empty() || !self.status.is_empty()
    }

    fn address(&self) -> Destination {
        Destination::page("/web/tunnels")
            .with_some("q", Some(&self.search))
            .with_some("status", Some(&self.status))
            .with_some("sort", Some(&self.sort))
    }

    fn form(&self) -> AnyView {
        view! {
            <form method="get" action="/web/tunnels" class="filter" role="search">
                <div class="field">
                    <label for="filter-q">"Search"</label>
                    <input
                        id="filter-q"
                        type="search"
                        name="q"
                        value=self.search.clone()
                        maxlength="100"
                        placeholder="name, subdomain or domain"
                    />
                </div>
                {select("status", "State", &STATUSES, &self.status)}
                {select("sort", "Order", &SORTS, &self.sort)}
                <button class="button">"Show"</button>
            </form>
        }
        .into_any()
    }
}

fn select(name: &'static str, label: &'static str, values: &[(&'static str, &'static str)], chosen: &str) -> AnyView {
    let options = values.iter().map(|(value, text)| {
        view! {
            <option value=*value selected=*value == chosen>
                {*text}
            </option>
        }
    });
    let id = format!("filter-{name}");
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <select id=id name=name>
                {options.collect_view()}
            </select>
        </div>
    }
    .into_any()
}

fn create_form(form: &FormState) -> AnyView {
    view! {
        <details class="card disclosure" open=form.is_refused()>
            <summary>
                <h2>"Reserve a tunnel"</h2>
            </summary>
            <form method="post" action="/web/action/create_tunnel" class="form">
                {form.summary(&["name", "subdomain"])}
                <p class="muted">
                    "A telephone makes its tunnel by itself. Reserve one to choose its address beforehand."
                </p>
                {Field::text("create", "subdomain", "Subdomain")
                    .at_most(63)
                    .placeholder("my-app")
                    .hint("Letters, digits and inner hyphens, at most 63. Empty: a random one.")
                    .state(form)
                    .view()}
                {Field::text("create", "name", "Name")
                    .at_most(64)
                    .hint("What you call it. Empty: the subdomain.")
                    .state(form)
                    .view()}
                <button class="button button-primary">"Reserve the tunnel"</button>
            </form>
        </details>
    }
    .into_any()
}

fn table(tunnels: &[Tunnel], state: &LiveState) -> AnyView {
    let rows = tunnels.iter().map(|tunnel| row(tunnel, now(tunnel, state))).collect_view();
    view! {
        <div class="card card-flush">
            <table class="table">
                <caption class="visually-hidden">"Tunnels"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Tunnel"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" class="number">"Telephones"</th>
                        <th scope="col" class="number">"Requests/s"</th>
                        <th scope="col">"Last minute"</th>
                        <th scope="col">"Last seen"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// What the live data says about a tunnel; it does not hold deleted ones.
pub fn now(tunnel: &Tunnel, state: &LiveState) -> TunnelNow {
    let known = state.tunnels.get(&tunnel.id).map(|trace| trace.now);
    let sessions = u32::try_from(tunnel.sessions.len()).unwrap_or(u32::MAX);
    let unknown = TunnelNow { id: tunnel.id, status: tunnel.status, sessions, requests: 0, in_flight: 0, held: 0 };
    known.unwrap_or(unknown)
}

fn row(tunnel: &Tunnel, now: TunnelNow) -> AnyView {
    let (id, url) = (tunnel.id, tunnel.public_url.clone());
    let seen = match tunnel.last_active_at {
        None => view! { "never" }.into_any(),
        Some(at) => view! { <TimeAgo at /> }.into_any(),
    };
    view! {
        <tr>
            <td data-label="Tunnel">
                <a class="strong" href=format!("/web/tunnels/{id}")>
                    {tunnel.name.to_string()}
                </a>
                <div class="url">
                    <a class="mono" href=url.clone() target="_blank" rel="noreferrer">
                        {url.clone()}
                    </a>
                    <CopyButton text=url.clone() what=url />
                </div>
            </td>
            <td data-label="State">
                <TunnelBadge initial=now />
            </td>
            <td data-label="Telephones" class="number">
                <TunnelSessions initial=now />
            </td>
            <td data-label="Requests/s" class="number">
                <TunnelRate initial=now />
            </td>
            <td data-label="Last minute">
                <Sparkline id />
            </td>
            <td data-label="Last seen">{seen}</td>
        </tr>
    }
    .into_any()
}

fn nothing_found() -> AnyView {
    view! {
        <p class="empty">
            "No tunnel is like that. " <a href="/web/tunnels">"Show all tunnels"</a> "."
        </p>
    }
    .into_any()
}

fn nothing_yet(server_url: &str) -> AnyView {
    view! {
        <section class="empty">
            <h2>"No tunnels yet"</h2>
            <p>
                "Run this beside a web server that listens on port 3000; its tunnel appears here. It needs a "
                <a href="/web/tokens">"token"</a> "."
            </p>
            {command(format!("telephone http 3000 --server {server_url}"))}
        </section>
    }
    .into_any()
}

/// Offers to take a deletion back.
fn undo(id: TunnelId) -> AnyView {
    view! {
        <form method="post" action="/web/action/restore_tunnel" class="notice notice-action">
            <input type="hidden" name="id" value=id.to_string() />
            <button class="button button-small">"Restore the deleted tunnel"</button>
        </form>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&'static str, &str)]) -> Asked {
        Asked::of(&pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
    }

    #[test]
    fn addresses_are_places() {
        let asked = asked(&[("q", " a&b "), ("status", "deleted"), ("sort", "name")]);
        assert_eq!(asked.address().as_str(), "/web/tunnels?q=+a%26b+&status=deleted&sort=name");
        let query = asked.query();
        assert_eq!((query.search.as_deref(), query.deleted, query.status), (Some("a&b"), true, None));
        assert_eq!(query.sort, TunnelSort::Name);
    }

    #[test]
    fn what_is_unknown_counts_as_not_asked_for() {
        let asked = asked(&[("status", "<b>"), ("sort", "x")]);
        assert!(!asked.is_narrowed());
        assert_eq!(asked.query(), TunnelQuery::default());
    }
}
