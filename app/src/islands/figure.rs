//! One number that keeps itself up to date.

use super::live_feed::Feed;
use crate::{
    format,
    summary::{Metric, Summary},
};
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
    let text = Memo::new(move |_| {
        feed.state.with(|state| {
            if !state.known {
                return initial.clone();
            }
            match metric {
                Metric::Online => {
                    let (online, all) = state.online();
                    format!("{online} of {all}")
                }
                Metric::Telephones => format::count(state.sessions.len() as u64),
                _ => Summary::of(&state.samples).text(metric).unwrap_or_default(),
            }
        })
    });
    view! { <span class="figure-value">{move || text.get()}</span> }
}
