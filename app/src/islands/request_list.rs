//! The list of the inspector: live, and drawn only where it is in sight.

use super::{
    desk::Inspected,
    live_feed::{Feed, Link},
    time,
};
use crate::{format, request_log::RequestLog};
use domain::{ExchangeEnd, ExchangeFilter, ExchangeKind, ExchangeSummary, RequestId};
use leptos::{html, prelude::*};

/// The requests that were captured, newest first.
#[island]
pub fn RequestList(
    /// Those of the moment when the page was rendered.
    initial: Vec<ExchangeSummary>,
    /// Where older ones begin.
    cursor: Option<String>,
    /// The address of the list, to which `selected` is added.
    base: String,
    /// Where more of them are to be had.
    data: String,
    /// What the list is narrowed to.
    filter: ExchangeFilter,
    /// Whether the list begins with the newest one.
    is_newest: bool,
    /// The one that is looked at.
    selected: Option<RequestId>,
) -> impl IntoView {
    let inspected = Inspected::around();
    let feed = Feed::around();
    let range = RwSignal::new((0, initial.len()));
    let clock = RwSignal::new(time::now());
    inspected.log.set(RequestLog::new(initial));
    let filter_is_empty = filter.is_empty();
    inspected.selected.set(selected);
    inspected.base.set(base);
    let scroller = NodeRef::<html::Div>::new();
    let (above, below) = (NodeRef::<html::Div>::new(), NodeRef::<html::Div>::new());
    #[cfg(feature = "hydrate")]
    super::request_feed::Follower { inspected, feed, range, clock, scroller, above, below }
        .start(super::request_feed::Source { data, filter, cursor, is_newest });
    #[cfg(not(feature = "hydrate"))]
    let _ = (data, filter, cursor);
    let visible = move || {
        let (from, until) = range.get();
        inspected.log.with(|log| log.rows().get(from..until.min(log.rows().len())).unwrap_or_default().to_vec())
    };
    let words = if filter_is_empty { "None yet." } else { "No request is like that." };
    let is_empty = Memo::new(move |_| inspected.log.with(|log| log.rows().is_empty()));
    let nothing = move || is_empty.get().then(|| view! { <p class="inspector-note muted">{words}</p> });
    view! {
        {bar(inspected, feed, is_newest)}
        <div class="request-list" node_ref=scroller>
            <div node_ref=above></div>
            <ol class="requests" id="requests" aria-label="Requests, newest first">
                <For each=visible key=shown let:row>
                    {row_view(row, inspected, clock)}
                </For>
            </ol>
            <div node_ref=below></div>
            {nothing}
        </div>
    }
}

/// A row is drawn again when something that it shows has changed.
fn shown(row: &ExchangeSummary) -> (RequestId, Option<u16>, ExchangeEnd, bool, bool, u64, u64) {
    (
        row.id,
        row.status,
        row.end,
        row.pinned,
        row.note.is_some(),
        row.duration_ms.to_bits(),
        row.bytes_in ^ row.bytes_out,
    )
}

/// Whether the list is live, and the button that lets it stand still.
fn bar(inspected: Inspected, feed: Feed, is_newest: bool) -> impl IntoView {
    let paused = Memo::new(move |_| inspected.log.with(RequestLog::is_paused));
    let waiting = Memo::new(move |_| inspected.log.with(RequestLog::waiting));
    let toggle = move |_| {
        inspected.log.update(|log| {
            if log.is_paused() {
                log.resume();
            } else {
                log.pause();
            }
        });
    };
    let state = move || match (feed.link.get(), paused.get()) {
        _ if !is_newest => ("badge badge-paused", "Older ones"),
        (Link::Lost, _) => ("badge badge-waiting", "Connection lost"),
        (Link::Ended | Link::Out, _) => ("badge badge-deleted", "Ended"),
        (_, true) => ("badge badge-paused", "Paused"),
        (Link::Opening, _) => ("badge", "Connecting"),
        (Link::Live, false) => ("badge badge-online", "Live"),
    };
    let new = move || match waiting.get() {
        0 => String::new(),
        count => format!("{} new", format::count(count as u64)),
    };
    let verb = move || if paused.get() { "Resume" } else { "Pause" };
    view! {
        <div class="request-bar needs-scripts">
            <span class=move || state().0>{move || state().1}</span>
            <span class="request-new" role="status" aria-live="polite">
                {new}
            </span>
            <button type="button" class="button button-quiet button-small" disabled=!is_newest on:click=toggle>
                {verb}
            </button>
        </div>
    }
}

fn row_view(row: ExchangeSummary, inspected: Inspected, clock: RwSignal<i64>) -> impl IntoView {
    let id = row.id;
    let href = move || inspected.address(id);
    let current = move || (inspected.selected.get() == Some(id)).then_some("true");
    let (class, status) = status(&row);
    let at = row.at.timestamp();
    let iso = time::iso(row.at);
    let marks = marks(&row);
    view! {
        <li class="request">
            <a href=href data-desk="" aria-current=current>
                <span class="request-method">{row.method}</span>
                <span class="request-path" title=row.path.clone()>{row.path.clone()}</span>
                <span class=class>{status}</span>
                <span class="request-about">
                    <time datetime=iso.clone() title=iso>{move || format::ago(at, clock.get())}</time>
                    <span>{format::milliseconds(row.duration_ms)}</span>
                    <span>{format::bytes(row.bytes_out)}</span>
                    {marks}
                </span>
            </a>
        </li>
    }
}

fn status(row: &ExchangeSummary) -> (String, String) {
    match (row.status, row.end) {
        (Some(status), _) => (format!("status status-{}xx", status / 100), status.to_string()),
        (None, ExchangeEnd::Open) => ("status".into(), "…".into()),
        (None, _) => ("status status-5xx".into(), "none".into()),
    }
}

/// What is special about it, as words.
fn marks(row: &ExchangeSummary) -> impl IntoView + use<> {
    let kind = match row.kind {
        ExchangeKind::Http => None,
        ExchangeKind::EventStream => Some("events"),
        ExchangeKind::WebSocket => Some("WebSocket"),
        ExchangeKind::Upgrade => Some("upgrade"),
    };
    let end = match row.end {
        ExchangeEnd::Open => Some("open"),
        ExchangeEnd::Complete => None,
        ExchangeEnd::ClientLeft => Some("client left"),
        ExchangeEnd::BrokenOff => Some("broken off"),
    };
    let marks = [
        kind,
        end,
        row.replay_of.is_some().then_some("replay"),
        row.pinned.then_some("pinned"),
        row.note.is_some().then_some("note"),
    ];
    marks.into_iter().flatten().map(|mark| view! { <span class="request-mark">{mark}</span> }).collect_view()
}
