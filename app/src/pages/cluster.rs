//! Where switchboards run: nodes and regions; and how much they carry.

use super::visit::{Visit, signed_in};
use crate::{
    components::{
        confirm::{confirm, undo},
        field::Field,
        form::{FormState, version},
        layout::{Section, layout},
        pager::more,
    },
    destination::Destination,
    islands::TimeAgo,
    ssr,
};
use domain::{Node, Region, RegionId, RequestRate, Timestamp};
use leptos::prelude::*;
use server_core::{CoreError, Nodes, Page};

/// Nodes and regions, and how much they carry.
#[component]
pub fn Cluster() -> impl IntoView {
    signed_in(page)
}

async fn page(visit: Visit) -> Result<AnyView, CoreError> {
    let page = Page { cursor: visit.query.get("nodes"), limit: 100 };
    let nodes = visit.services.nodes().list(&visit.viewer, page).await?;
    let page = Page { cursor: visit.query.get("cursor"), ..Page::default() };
    let regions = visit.services.regions().list(&visit.viewer, page).await?;
    let is_admin = visit.viewer.is_admin();
    let edited = match visit.query.get_str("edit").and_then(|id| id.parse::<RegionId>().ok()) {
        Some(id) if is_admin => Some(visit.services.regions().get(&visit.viewer, id).await?),
        _ => None,
    };
    let form = |name| FormState::of(&visit.query, Some(name));
    let limit = match visit.viewer.as_admin() {
        Ok(admin) => Some(limit_form(visit.services.server_limits().rate(&admin).await?, &form("limit"))),
        Err(_) => None,
    };
    let edit = edited.map(|region| edit_form(&region, &form("edit")));
    let create = is_admin.then(|| create_form(&form("create")));
    let deleted = visit.query.get_str("undo").and_then(|id| id.parse::<RegionId>().ok());
    let undo = deleted.map(|id| undo("restore_region", vec![("id", id.to_string())], "Restore the deleted region"));
    let content = view! {
        <h1>"Cluster"</h1>
        {undo}
        {nodes_section(&nodes.items)}
        {further(nodes.next_cursor)}
        <section aria-labelledby="regions-title">
            <h2 id="regions-title">"Regions"</h2>
            {regions_table(&regions.items, is_admin)}
            {more(&Destination::page("/web/cluster"), regions.next_cursor)}
        </section>
        {edit}
        {create}
        {limit}
    };
    Ok(layout(&visit, Section::Cluster, "Cluster", content))
}

/// How many requests may come to all there is.
fn limit_form((now, updated_at): (Option<RequestRate>, Timestamp), state: &FormState) -> AnyView {
    view! {
        <section class="card" aria-labelledby="limit-title">
            <h2 id="limit-title">"How much"</h2>
            <form method="post" action="/web/action/set_server_limit" class="form">
                {state.summary(&["rate_limit"])}
                {version(updated_at)}
                {Field::rate("limit")
                    .value(now.map(|limit| limit.to_string()).unwrap_or_default())
                    .hint(
                        "Requests/seconds to all tunnels, domains and routes together, on each node; burst is how many may come at once. More get 429. Empty: as many as come.",
                    )
                    .state(state)
                    .view()}
                <button class="button">"Save the limit"</button>
            </form>
        </section>
    }
    .into_any()
}

/// The way to nodes that are not shown.
fn further(cursor: Option<String>) -> Option<AnyView> {
    let href = Destination::page("/web/cluster").with("nodes", &cursor?).as_str().to_owned();
    let link = view! {
        <p>
            <a class="button button-small" href=href>
                "More nodes"
            </a>
        </p>
    };
    Some(link.into_any())
}

fn nodes_section(nodes: &[Node]) -> AnyView {
    let content = if nodes.is_empty() {
        view! { <p class="empty">"No node has told of itself yet. This one does within seconds, while it reaches the database."</p> }.into_any()
    } else {
        let rows = nodes.iter().map(node).collect_view();
        view! {
            <div class="card card-flush">
                <table class="table">
                    <caption class="visually-hidden">"Nodes by name"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Node"</th>
                            <th scope="col">"State"</th>
                            <th scope="col">"Region"</th>
                            <th scope="col">"Version"</th>
                            <th scope="col">"Started"</th>
                            <th scope="col">"Seen"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
        .into_any()
    };
    view! {
        <section aria-labelledby="nodes-title">
            <h2 id="nodes-title">"Nodes"</h2>
            {content}
        </section>
    }
    .into_any()
}

fn node(node: &Node) -> AnyView {
    let silent = ssr::now() - node.seen_at > Nodes::SILENT_AFTER;
    let (class, state) = if silent { ("badge badge-offline", "Silent") } else { ("badge badge-online", "Running") };
    let region = node.region.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    view! {
        <tr>
            <td data-label="Node" class="cell-title">
                <span class="strong">{node.name.clone()}</span>
                <div class="field-hint mono">{node.public_url.clone()}</div>
            </td>
            <td data-label="State">
                <span class=class>{state}</span>
            </td>
            <td data-label="Region">{region}</td>
            <td data-label="Version">{node.version.clone()}</td>
            <td data-label="Started">
                <TimeAgo at=node.started_at />
            </td>
            <td data-label="Seen">
                <TimeAgo at=node.seen_at />
            </td>
        </tr>
    }
    .into_any()
}

fn regions_table(regions: &[Region], is_admin: bool) -> AnyView {
    if regions.is_empty() {
        let next = if is_admin { "Add one below when a second place has switchboards." } else { "" };
        return view! {
            <p class="empty">"There are no regions: all backends are reached directly. " {next}</p>
        }
        .into_any();
    }
    let rows = regions.iter().map(|region| row(region, is_admin)).collect_view();
    view! {
        <div class="card card-flush">
            <table class="table">
                <caption class="visually-hidden">"Regions, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Region"</th>
                        <th scope="col">"Public address"</th>
                        <th scope="col">"Last changed"</th>
                        <th scope="col">
                            <span class="visually-hidden">"Actions"</span>
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(region: &Region, is_admin: bool) -> AnyView {
    let (id, name) = (region.id, region.name.to_string());
    let acts = is_admin.then(|| {
        view! {
            <a class="button button-quiet button-small" href=format!("/web/cluster?edit={id}#edit")>
                "Edit"
                <span class="visually-hidden">" " {name.clone()}</span>
            </a>
            {confirm(
                "delete_region",
                id.to_string(),
                "Delete",
                name.clone(),
                "Backends in it are no longer reached through its address. You can restore it as long as its name is free.",
            )}
        }
    });
    view! {
        <tr>
            <td data-label="Region" class="cell-title">
                <span class="strong">{name.clone()}</span>
            </td>
            <td data-label="Public address" class="mono">
                {region.public_url.clone()}
            </td>
            <td data-label="Last changed">
                <span>
                    <TimeAgo at=region.updated_at /> ", "
                    <a href=format!("/web/revisions?object={id}")>"history"</a>
                </span>
            </td>
            <td class="actions">{acts}</td>
        </tr>
    }
    .into_any()
}

fn fields(form: &'static str, state: &FormState, region: Option<&Region>) -> AnyView {
    view! {
        {state.summary(&["region_name", "public_url"])}
        {Field::text(form, "region_name", "Name")
            .required()
            .at_most(63)
            .placeholder("eu-west")
            .value(region.map(|region| region.name.to_string()).unwrap_or_default())
            .hint("What backends and nodes call it.")
            .state(state)
            .view()}
        {Field::text(form, "public_url", "Public address")
            .required()
            .at_most(300)
            .placeholder("https://eu.example.com")
            .value(region.map(|region| region.public_url.clone()).unwrap_or_default())
            .hint("Where other regions reach it: http or https, host and port, no path.")
            .state(state)
            .view()}
    }
    .into_any()
}

fn create_form(state: &FormState) -> AnyView {
    view! {
        <details class="card disclosure" open=state.is_refused()>
            <summary>
                <h2>"Add a region"</h2>
            </summary>
            <form method="post" action="/web/action/create_region" class="form">
                {fields("create", state, None)}
                <button class="button button-primary">"Add the region"</button>
            </form>
        </details>
    }
    .into_any()
}

fn edit_form(region: &Region, state: &FormState) -> AnyView {
    view! {
        <section class="card" id="edit" aria-labelledby="edit-title">
            <h2 id="edit-title">"Edit " {region.name.to_string()}</h2>
            <form method="post" action="/web/action/update_region" class="form">
                <input type="hidden" name="id" value=region.id.to_string() />
                {version(region.updated_at)}
                {fields("edit", state, Some(region))}
                <button class="button button-primary">"Save"</button>
            </form>
        </section>
    }
    .into_any()
}
