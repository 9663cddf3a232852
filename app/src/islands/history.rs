//! Measurements of longer ranges: loaded once, and again when a step has passed.

use super::{browser, live_feed::Feed};
use domain::Series;
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

/// Milliseconds between two loads at least.
const PAUSE: i64 = 30_000;

/// Keeps `feed` up to date with the measurements at `address`. What was shown stays when they cannot be had.
pub async fn follow(address: String, feed: Feed) {
    loop {
        let mut step = 0;
        if let Some(series) = load(&address).await {
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

async fn load(address: &str) -> Option<Series> {
    let response = JsFuture::from(window().fetch_with_str(address)).await.ok()?.dyn_into::<Response>().ok()?;
    if !response.ok() {
        return None;
    }
    let text = JsFuture::from(response.text().ok()?).await.ok()?.as_string()?;
    serde_json::from_str(&text).ok()
}
