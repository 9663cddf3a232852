//! A chart of measured traffic: the server built its option, this fills in what was measured.

use leptos::{html, prelude::*};
use serde::{Deserialize, Serialize};

/// What a chart shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChartKind {
    /// Requests by the class of their status, stacked.
    Requests,
    /// Percentiles of the latency.
    Latency,
    /// Bytes, answers above and requests below the axis.
    Bytes,
}

/// A chart that follows the feed: the live window, or the longer range that the feed loads.
#[island]
pub fn TrafficChart(
    /// What it shows.
    kind: ChartKind,
    /// The ECharts option, as JSON.
    option: String,
    /// Whether it shows the live window.
    live: bool,
    /// What it shows, for those who do not see it.
    label: String,
) -> impl IntoView {
    let canvas = NodeRef::<html::Div>::new();
    #[cfg(feature = "hydrate")]
    {
        let feed = super::live_feed::Feed::around();
        canvas.on_load(move |element| {
            leptos::task::spawn_local(super::draw::draw(element.into(), kind, option, live, feed));
        });
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (kind, option, live);
    view! { <div class="chart-canvas" role="img" aria-label=label node_ref=canvas></div> }
}
