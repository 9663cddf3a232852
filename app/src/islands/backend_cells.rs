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

/// The worst of what several backends are, for a line about all of them: unhealthy before left out before unknown.
pub fn worst<'a>(lives: impl IntoIterator<Item = &'a BackendLive>) -> Option<(HealthStatus, bool)> {
    let rank = |(status, ejected): &(HealthStatus, bool)| match (status, ejected) {
        (HealthStatus::Unhealthy, _) => 0,
        (_, true) => 1,
        (HealthStatus::Unknown, false) => 2,
        (HealthStatus::Healthy, false) => 3,
    };
    lives.into_iter().map(|live| (live.health, live.ejected)).min_by_key(rank)
}

/// How a whole pool is doing.
#[island]
pub fn PoolHealth(
    /// Those of its backends that may serve, and how they were when the page was rendered.
    initial: Vec<(BackendId, BackendLive)>,
) -> impl IntoView {
    let feed = Feed::around();
    let words = Memo::new(move |_| {
        let worst =
            feed.state.with(|state| worst(initial.iter().map(|(id, live)| state.backends.get(id).unwrap_or(live))));
        worst.map(|(health, ejected)| health_words(health, ejected))
    });
    move || words.get().map(|(class, word)| view! { <span class=class>{word}</span> })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_comes_first() {
        let live = |health, ejected| BackendLive { health, ejected, ..BackendLive::default() };
        let all = [live(HealthStatus::Healthy, false), live(HealthStatus::Healthy, true)];
        assert_eq!(worst(&all), Some((HealthStatus::Healthy, true)));
        let all = [live(HealthStatus::Unknown, true), live(HealthStatus::Unhealthy, false)];
        assert_eq!(worst(&all), Some((HealthStatus::Unhealthy, false)));
        assert_eq!(worst(&[]), None);
    }
}
