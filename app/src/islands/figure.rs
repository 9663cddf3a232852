//! One number that keeps itself up to date.

use super::live_feed::Feed;
use crate::summary::Metric;
use leptos::prelude::*;

/// A figure: what the server rendered, then what the feed says.
#[island]
pub fn Figure(
    /// What it counts.
    metric: Metric,
    /// The text until the feed knows better.
    initial: String,
) -> impl IntoView {
    let feed = Feed::around();
    let text =
        Memo::new(move |_| feed.state.with(|state| if state.known { state.text(metric) } else { initial.clone() }));
    view! { <span class="figure-value">{move || text.get()}</span> }
}
