//! The island around a live page: owns its socket and hands what arrives to the islands inside.

use crate::live::LiveState;
#[cfg(feature = "hydrate")]
use domain::LiveRequests;
use domain::{ExchangeSummary, Series};
use leptos::prelude::*;

/// How the socket is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Link {
    /// Not connected yet: the page is as fresh as its HTML.
    #[default]
    Opening,
    /// Connected.
    Live,
    /// Lost; connecting again.
    Lost,
    /// The tunnel or service was deleted.
    Ended,
    /// The visitor was signed out, or has other rights now.
    Out,
}

/// What islands inside a [`LiveFeed`] read. Copies are the same feed.
#[derive(Clone, Copy)]
pub struct Feed {
    /// What is known.
    pub state: RwSignal<LiveState>,
    /// How the socket is doing.
    pub link: RwSignal<Link>,
    /// The measurements of a range other than the live one, once loaded.
    pub history: RwSignal<Option<Series>>,
    /// Exchanges that were recorded and that no island has taken yet.
    pub arrived: RwSignal<Vec<ExchangeSummary>>,
    /// How many were recorded that did not arrive.
    pub missed: RwSignal<u64>,
}

/// The most that is held for an island that takes nothing.
#[cfg(feature = "hydrate")]
const MOST_ARRIVED: usize = 1_000;

impl Feed {
    fn new() -> Self {
        Self {
            state: RwSignal::new(LiveState::default()),
            link: RwSignal::new(Link::default()),
            history: RwSignal::new(None),
            arrived: RwSignal::new(Vec::new()),
            missed: RwSignal::new(0),
        }
    }

    /// Takes in what was recorded.
    #[cfg(feature = "hydrate")]
    pub fn take(&self, news: LiveRequests) {
        let LiveRequests { requests, mut missed } = news;
        if !requests.is_empty() {
            self.arrived.update(|arrived| {
                arrived.extend(requests);
                let over = arrived.len().saturating_sub(MOST_ARRIVED);
                arrived.drain(..over);
                missed += over as u64;
            });
        }
        if missed > 0 {
            self.missed.update(|all| *all += missed);
        }
    }

    /// The feed around this island; one that stays silent where there is none.
    pub fn around() -> Self {
        use_context().unwrap_or_else(Self::new)
    }
}

/// Connects to the live WebSocket at `path`; with `history`, loads the measurements of a longer range from there.
#[island]
pub fn LiveFeed(
    /// The path of the WebSocket.
    path: String,
    /// The path of the measurements, when the page shows another range than the live one.
    history: Option<String>,
    children: Children,
) -> impl IntoView {
    let feed = Feed::new();
    provide_context(feed);
    #[cfg(feature = "hydrate")]
    {
        leptos::task::spawn_local(super::socket::follow(path, feed));
        leptos::task::spawn_local(super::followed::follow());
        if let Some(address) = history {
            leptos::task::spawn_local(super::history::follow(address, feed));
        }
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (path, history);
    let class = move || match feed.link.get() {
        Link::Opening | Link::Live => "feed-state feed-state-silent",
        Link::Lost | Link::Ended | Link::Out => "feed-state",
    };
    let text = move || match feed.link.get() {
        Link::Opening | Link::Live => "",
        Link::Lost => "Live updates paused — reconnecting",
        Link::Ended => "This was deleted. What you see no longer changes.",
        Link::Out => "You were signed out. Load the page again to sign in.",
    };
    view! {
        {children()}
        <p class=class role="status" aria-live="polite">
            {text}
        </p>
    }
}
