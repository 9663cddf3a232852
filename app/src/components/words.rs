//! Things of the routing model in words and badges.

use crate::islands::{TimeAgo, health_words};
use domain::{Backend, BackendLive, BackendState, HealthStatus, Redirect, Tag, Tags, Target};
use leptos::prelude::*;

/// Where something leads.
pub fn target(target: &Target) -> AnyView {
    match target {
        Target::None => view! { <span class="muted">"nothing: 404"</span> }.into_any(),
        Target::Service { id, name, tag } => view! {
            <span>
                <a href=format!("/web/services/{id}")>{name.to_string()}</a>
                " "
                {tag.as_ref().map_or_else(|| view! { <span class="muted">"any tag"</span> }.into_any(), one_tag)}
            </span>
        }
        .into_any(),
        Target::Tunnel { id, subdomain } => view! {
            <span>
                "tunnel "
                <a href=format!("/web/tunnels/{id}")>{subdomain.to_string()}</a>
            </span>
        }
        .into_any(),
        Target::Redirect(Redirect { to, status, .. }) => view! {
            <span>
                <span class="muted">{status.as_u16()} " to "</span>
                <span class="mono">{to.to_string()}</span>
            </span>
        }
        .into_any(),
    }
}

/// A tag.
pub fn one_tag(tag: &Tag) -> AnyView {
    view! { <span class="tag">{tag.to_string()}</span> }.into_any()
}

/// All tags of a backend.
pub fn tags(tags: &Tags) -> AnyView {
    if tags.is_empty() {
        return view! { <span class="muted">"none"</span> }.into_any();
    }
    view! { <span class="tags">{tags.iter().map(one_tag).collect_view()}</span> }.into_any()
}

/// The address of a backend, or the tunnel that it is.
pub fn origin(backend: &Backend) -> AnyView {
    match (&backend.address, backend.tunnel_id) {
        (Some(address), _) => {
            let note = (address.is_secure() && !backend.tls_verify)
                .then(|| view! { <span class="muted">" certificate not checked"</span> });
            view! { <span class="mono">{address.to_string()}</span> {note} }.into_any()
        }
        (None, Some(id)) => {
            let name = backend.tunnel.as_ref().map_or_else(|| id.to_string(), ToString::to_string);
            let note = backend.announced.then(|| view! { <span class="muted">", announced by its telephones"</span> });
            view! { "tunnel " <a href=format!("/web/tunnels/{id}")>{name}</a> {note} }.into_any()
        }
        (None, None) => ().into_any(),
    }
}

/// The same beside the name of the backend, where that does not say it already.
pub fn origin_beside_name(backend: &Backend) -> Option<AnyView> {
    let is_said = backend.address.as_ref().is_some_and(|address| address.to_string() == backend.id.as_str());
    (!is_said).then(|| origin(backend))
}

/// What its owner has decided about a backend.
pub fn state(state: BackendState) -> AnyView {
    let (class, text) = match state {
        BackendState::Running => ("badge badge-online", "Running"),
        BackendState::Draining => ("badge badge-waiting", "Draining"),
        BackendState::Stopped => ("badge badge-paused", "Stopped"),
    };
    view! { <span class=class>{text}</span> }.into_any()
}

/// How a backend is doing. An ejected one is left out whatever its checks say.
pub fn health(status: HealthStatus, ejected: bool) -> AnyView {
    let (class, text) = health_words(status, ejected);
    view! { <span class=class>{text}</span> }.into_any()
}

/// The same with since when, and what the last check found.
pub fn health_in_full(live: &BackendLive) -> AnyView {
    let since = live.since.map(|at| view! { <span class="muted">" changed " <TimeAgo at /></span> });
    let detail = live.detail.clone().map(|detail| view! { <div class="field-hint">{detail}</div> });
    view! { {health(live.health, live.ejected)} {since} {detail} }.into_any()
}
