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
    /// Requests under way, and those of them that wait.
    InFlight,
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
    /// What it is called when it is saved as an image.
    file: String,
    /// What else can be done with it.
    children: Children,
) -> impl IntoView {
    let canvas = NodeRef::<html::Div>::new();
    let save = NodeRef::<html::Button>::new();
    #[cfg(feature = "hydrate")]
    {
        let feed = super::live_feed::Feed::around();
        canvas.on_load(move |element| {
            let save = super::draw::Save { button: save.get_untracked().map(Into::into), file };
            leptos::task::spawn_local(super::draw::draw(element.into(), kind, option, live, feed, save));
        });
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (kind, option, live, file);
    view! {
        <div class="chart-canvas" role="img" aria-label=label node_ref=canvas></div>
        <p class="chart-tools">
            <button type="button" class="button button-small chart-save" node_ref=save>
                "PNG"
            </button>
            {children()}
        </p>
    }
}
