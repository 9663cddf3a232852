//! Who changed what, and putting it back.

use super::visit::{Visit, signed_in};
use crate::{
    components::{
        confirm::confirm_with,
        layout::{Section, layout},
        pager::more,
    },
    destination::Destination,
    difference::{Difference, differences},
    islands::TimeAgo,
};
use domain::{Revision, RevisionAction, RevisionKind};
use leptos::prelude::*;
use server_core::{CoreError, Page, RevisionQuery};

/// What the list can be narrowed to: the name in the address, and that on the page.
const KINDS: [(&str, &str); 7] = [
    ("", "All"),
    ("service", "Services"),
    ("backend", "Backends"),
    ("domain", "Domains"),
    ("route", "Routes"),
    ("region", "Regions"),
    ("tunnel", "Tunnels"),
];

/// Revisions on a page: each shows what it changed.
const REVISIONS: u32 = 25;

/// The changes, newest first.
#[component]
pub fn Revisions() -> impl IntoView {
    signed_in(page)
}

async fn page(visit: Visit) -> Result<AnyView, CoreError> {
    let object = visit.query.get_str("object").filter(|text| text.len() <= 40);
    let query = RevisionQuery {
        kind: visit.query.get_str("kind").and_then(|kind| kind.parse().ok()),
        object: object.map(|id| id.parse().map_err(|_| CoreError::NotFound("object"))).transpose()?,
    };
    let page = Page { limit: REVISIONS, cursor: visit.query.get("cursor") };
    let is_first = page.cursor.is_none();
    let revisions = visit.services.revisions().list(&visit.viewer, query.clone(), page).await?;
    let here = Destination::page("/web/revisions")
        .with_some("object", object)
        .with_some("kind", query.kind.map(RevisionKind::as_str));
    let list = if revisions.items.is_empty() {
        view! { <p class="empty">"Nothing has been changed yet."</p> }.into_any()
    } else {
        let mut entries = Vec::with_capacity(revisions.items.len());
        for (place, revision) in revisions.items.iter().enumerate() {
            // The newest state of an object is what it is now: there is nothing to put back.
            let is_present = is_first && object.is_some() && place == 0;
            entries.push(entry(revision, object, is_present));
        }
        view! { <ol class="revisions">{entries}</ol> }.into_any()
    };
    let of = object.and(revisions.items.first()).map(|revision| revision.object_name.clone());
    let title = of.map_or_else(|| "Changes".to_owned(), |name| format!("Changes of {name}"));
    let all = object.map(|_| view! { <p class="crumbs"><a href="/web/revisions">"All changes"</a></p> });
    let content = view! {
        {all}
        <h1>{title}</h1>
        <p class="lead">"The newest 200 changes of each thing. Those of routing can be taken back; what was changed about tunnels is only told."</p>
        {object.is_none().then(|| kinds(query.kind))}
        {list}
        {more(&here, revisions.next_cursor)}
    };
    Ok(layout(&visit, Section::Changes, "Changes", content))
}

fn kinds(chosen: Option<RevisionKind>) -> AnyView {
    let chosen = chosen.map_or("", RevisionKind::as_str);
    let links = KINDS.map(|(kind, name)| {
        let href = Destination::page("/web/revisions").with_some("kind", Some(kind));
        view! {
            <a href=href.as_str().to_owned() aria-current=(kind == chosen).then_some("true")>
                {name}
            </a>
        }
    });
    view! {
        <nav class="tabs" aria-label="Kind">
            {links.into_iter().collect_view()}
        </nav>
    }
    .into_any()
}

fn entry(revision: &Revision, object: Option<&str>, is_present: bool) -> AnyView {
    let actor = revision.actor_email.as_ref().map_or_else(|| "the server".to_owned(), ToString::to_string);
    let changes = differences(revision.before.as_ref(), revision.after.as_ref());
    let name = revision.object_name.clone();
    let history = object.is_none().then(|| {
        let href = format!("/web/revisions?object={}", revision.object_id);
        view! { <a href=href>"history"</a> }
    });
    view! {
        <li class="card">
            <div class="section-head">
                <h2 class="revision-title">
                    {kind(revision.kind)} " " <span class="mono">{name}</span> " " {action(revision.action)}
                </h2>
                <div class="actions">{restore(revision, object, is_present)}</div>
            </div>
            <p class="muted">
                <TimeAgo at=revision.at />
                " by "
                {actor}
                {history.map(|link| view! { ", " {link} })}
            </p>
            {what(revision, &changes)}
        </li>
    }
    .into_any()
}

/// What was changed; folded away where it is all that something was.
fn what(revision: &Revision, changes: &[Difference]) -> Option<AnyView> {
    if changes.is_empty() {
        let both = revision.before.is_some() && revision.after.is_some() && !is_of_ownership(revision.action);
        let secret = "Only what is not shown was changed: the value of a secret header.";
        return both.then(|| view! { <p class="muted">{secret}</p> }.into_any());
    }
    let rows = changes.iter().map(difference).collect_view();
    let table = view! {
        <div class="table-frame">
            <table class="table table-dense difference">
                <caption class="visually-hidden">"What was changed"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Field"</th>
                        <th scope="col">"Before"</th>
                        <th scope="col">"After"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    };
    if revision.before.is_some() && revision.after.is_some() {
        return Some(table.into_any());
    }
    Some(
        view! {
            <details class="more">
                <summary>"Its settings"</summary>
                {table}
            </details>
        }
        .into_any(),
    )
}

fn difference(difference: &Difference) -> AnyView {
    let side = |text: &Option<String>, class: &'static str| match text {
        Some(text) => view! { <span class=class>{text.clone()}</span> }.into_any(),
        None => view! { <span class="muted">"not set"</span> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row">{difference.field.clone()}</th>
            <td>{side(&difference.before, "mono before")}</td>
            <td>{side(&difference.after, "mono after")}</td>
        </tr>
    }
    .into_any()
}

/// The ways back. What only tells about a tunnel has none.
fn restore(revision: &Revision, object: Option<&str>, is_present: bool) -> Option<AnyView> {
    if revision.kind == RevisionKind::Tunnel || is_of_ownership(revision.action) {
        return None;
    }
    let way = |side: &'static str, verb: &'static str, consequence: &'static str| {
        let fields = vec![
            ("id", revision.id.to_string()),
            ("side", side.to_owned()),
            ("object", object.unwrap_or_default().to_owned()),
        ];
        confirm_with("restore_revision", fields, verb, revision.object_name.clone(), consequence)
    };
    let undo = match (&revision.before, &revision.after) {
        (None, _) => "It is deleted again, as before it was made. That can be taken back here, too.",
        (Some(_), None) => "It is brought back as it was before it was deleted.",
        (Some(_), Some(_)) => {
            "It becomes what it was before this change, whatever was changed since. That can be taken back here, too."
        }
    };
    let undo = way("before", "Undo", undo);
    let again = (!is_present && revision.after.is_some()).then(|| {
        way("after", "Restore", "It becomes what it was right after this change. That can be taken back here, too.")
    });
    Some(view! { {again} {undo} }.into_any())
}

/// A check, or one that was skipped, changes nothing of what the owner decides.
fn is_of_ownership(action: RevisionAction) -> bool {
    matches!(action, RevisionAction::Verified | RevisionAction::Trusted)
}

fn kind(kind: RevisionKind) -> &'static str {
    match kind {
        RevisionKind::Service => "Service",
        RevisionKind::Backend => "Backend",
        RevisionKind::Domain => "Domain",
        RevisionKind::Route => "Route",
        RevisionKind::Region => "Region",
        RevisionKind::Tunnel => "Tunnel",
    }
}

fn action(action: RevisionAction) -> &'static str {
    match action {
        RevisionAction::Created => "created",
        RevisionAction::Changed => "changed",
        RevisionAction::Deleted => "deleted",
        RevisionAction::Restored => "put back",
        RevisionAction::Switched => "switched",
        RevisionAction::Verified => "verified by a check",
        RevisionAction::Trusted => "counted as verified",
        RevisionAction::Applied => "changed by a file",
    }
}
