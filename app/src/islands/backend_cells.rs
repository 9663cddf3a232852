//! The cells of a pool that change while one looks at them.

use super::{
    live_feed::Feed,
    time::{moment, now},
};
use crate::format;
use domain::{BackendId, BackendLive, HealthStatus};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// The class and the word for how a backend is doing. An ejected one is left out whatever its checks say.
pub fn health_words(status: HealthStatus, ejected: bool) -> (&'static str, &'static str) {
    match (ejected, status) {
        (true, _) => ("badge badge-waiting", "Left out"),
        (false, HealthStatus::Healthy) => ("badge badge-online", "Healthy"),
        (false, HealthStatus::Unhealthy) => ("badge badge-deleted", "Unhealthy"),
        (false, HealthStatus::Unknown) => ("badge", "Unknown"),
    }
}

/// How a backend is doing, since when, and what its last check found.
#[island]
pub fn BackendHealth(
    /// Which.
    id: BackendId,
    /// How it was when the page was rendered.
    initial: BackendLive,
) -> impl IntoView {
    let feed = Feed::around();
    let live = Memo::new(move |_| {
        let BackendLive { health, ejected, since, detail, .. } =
            feed.state.with(|state| state.backends.get(&id).cloned()).unwrap_or_else(|| initial.clone());
        (health_words(health, ejected), since, detail)
    });
    let class = move || live.with(|((class, _), ..)| *class);
    let word = move || live.with(|((_, word), ..)| *word);
    let since = move || {
        live.with(|(_, since, _)| since.map(|at| view! { <span class="muted">" changed " {moment(at, now())}</span> }))
    };
    let detail = move || live.with(|(.., detail)| detail.clone());
    view! {
        <span class=class>{word}</span>
        {since}
        <div class="field-hint">{detail}</div>
    }
}

/// What is counted of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackendFigure {
    /// Requests that it works on.
    InFlight,
    /// Requests that it has answered.
    Answered,
    /// Requests in which it failed.
    Failed,
}

/// A number about a backend.
#[island]
pub fn BackendCount(
    /// Which.
    id: BackendId,
    /// What is counted.
    figure: BackendFigure,
    /// The number when the page was rendered.
    initial: u64,
) -> impl IntoView {
    let feed = Feed::around();
    let number = Memo::new(move |_| {
        feed.state.with(|state| match (state.backends.get(&id), figure) {
            (None, _) => initial,
            (Some(live), BackendFigure::InFlight) => live.in_flight.into(),
            (Some(live), BackendFigure::Answered) => live.answered,
            (Some(live), BackendFigure::Failed) => live.failed,
        })
    });
    view! { <span class="number">{move || format::count(number.get())}</span> }
}
