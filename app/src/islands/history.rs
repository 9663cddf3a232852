//! Measurements of longer ranges: loaded once, and again when a step has passed.

use super::{browser, live_feed::Feed};
use domain::Series;
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;

/// Milliseconds between two loads at least.
const PAUSE: i64 = 30_000;

/// Keeps `feed` up to date with the measurements at `address`. What was shown stays when they cannot be had.
pub async fn follow(address: String, feed: Feed) {
    loop {
        let mut step = 0;
        let text = browser::load(address.clone()).await;
        if let Some(series) = text.and_then(|text| serde_json::from_str::<Series>(&text).ok()) {
            step = series.step;
            feed.history.set(Some(series));
        }
        let pause = (step * 1_000).clamp(PAUSE, 10 * PAUSE);
        TimeoutFuture::new(pause as u32).await;
        if document().hidden() {
            browser::event(&document(), "visibilitychange").await;
        }
    }
}
