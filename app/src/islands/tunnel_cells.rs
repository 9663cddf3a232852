//! The cells of a tunnel list that change while one looks at them.

use super::live_feed::Feed;
use crate::{format, live::SPARK_POINTS};
use domain::{TunnelId, TunnelNow, TunnelStatus};
use leptos::prelude::*;

/// What the feed knows about a tunnel, or else what the server rendered.
fn tunnel(initial: TunnelNow) -> impl Fn() -> TunnelNow + Copy + Send + Sync {
    let feed = Feed::around();
    move || feed.state.with(|state| state.tunnels.get(&initial.id).map_or(initial, |trace| trace.now))
}

/// What a tunnel is doing, as a word with a shape.
#[island]
pub fn TunnelBadge(
    /// The tunnel when the page was rendered.
    initial: TunnelNow,
) -> impl IntoView {
    let now = tunnel(initial);
    let state = Memo::new(move |_| {
        let now = now();
        (now.status, now.held)
    });
    let class = move || {
        let (status, held) = state.get();
        let waiting = status == TunnelStatus::Offline && held > 0;
        format!("badge badge-{}", if waiting { "waiting" } else { status.as_str() })
    };
    view! { <span class=class>{move || words(state.get())}</span> }
}

fn words((status, held): (TunnelStatus, u64)) -> String {
    let word = match status {
        TunnelStatus::Online => "Online",
        TunnelStatus::Offline if held > 0 => return format!("{} waiting for telephone", format::count(held)),
        TunnelStatus::Offline => "Offline",
        TunnelStatus::Paused => "Paused",
        TunnelStatus::Deleted => "Deleted",
    };
    word.to_owned()
}

/// How many telephones serve a tunnel.
#[island]
pub fn TunnelSessions(
    /// The tunnel when the page was rendered.
    initial: TunnelNow,
) -> impl IntoView {
    let now = tunnel(initial);
    view! { <span class="number">{move || format::count(now().sessions.into())}</span> }
}

/// Requests answered in the last second.
#[island]
pub fn TunnelRate(
    /// The tunnel when the page was rendered.
    initial: TunnelNow,
) -> impl IntoView {
    let now = tunnel(initial);
    view! { <span class="number">{move || format::count(now().requests)}</span> }
}

/// Requests a second in the last minute. It says nothing that the numbers beside it do not say, so it is hidden from
/// screen readers.
#[island]
pub fn Sparkline(
    /// Whose.
    id: TunnelId,
) -> impl IntoView {
    let feed = Feed::around();
    let points = Memo::new(move |_| {
        feed.state.with(|state| {
            state.tunnels.get(&id).map(|trace| polyline(trace.requests.iter().copied())).unwrap_or_default()
        })
    });
    view! {
        <svg class="sparkline" viewBox="0 0 60 16" preserveAspectRatio="none" aria-hidden="true" focusable="false">
            <polyline points=move || points.get()></polyline>
        </svg>
    }
}

/// The newest point at the right edge, the highest at the top.
fn polyline(requests: impl ExactSizeIterator<Item = u64> + Clone) -> String {
    let highest = requests.clone().max().unwrap_or(0).max(1) as f64;
    let first = SPARK_POINTS.saturating_sub(requests.len());
    let point = |(index, count): (usize, u64)| format!("{},{:.1}", first + index, 15.0 - 14.0 * count as f64 / highest);
    requests.enumerate().map(point).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_sparkline_grows_from_the_right() {
        assert_eq!(super::polyline([0, 4, 2].into_iter()), "57,15.0 58,1.0 59,8.0");
        assert_eq!(super::polyline([0].into_iter()), "59,15.0");
    }
}
